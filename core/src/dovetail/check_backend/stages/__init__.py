"""The stages, in the order in which they run: what later ones rely on comes first."""

from __future__ import annotations

from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages import (
    allocation,
    answers,
    copies,
    device,
    file,
    graphs,
    growth,
    kernels,
    layouts,
    load,
    memory,
    ops,
    query,
    repeat,
    saved_graphs,
    streams,
    structs,
    threads,
)

__all__ = ["STAGES"]

STAGES: tuple[Stage, ...] = (
    file.STAGE,
    load.STAGE,
    query.STAGE,
    structs.STAGE,
    device.STAGE,
    answers.STAGE,
    allocation.STAGE,
    kernels.STAGE,
    ops.STAGE,
    layouts.STAGE,
    repeat.STAGE,
    memory.STAGE,
    copies.STAGE,
    streams.STAGE,
    graphs.STAGE,
    saved_graphs.STAGE,
    threads.STAGE,
    growth.STAGE,
)
