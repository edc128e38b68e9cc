"""The stages, in the order in which they run: what later ones rely on comes first."""

from __future__ import annotations

from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages import kernels, load, query

__all__ = ["STAGES"]

STAGES: tuple[Stage, ...] = (
    load.STAGE,
    query.STAGE,
    kernels.STAGE,
)
