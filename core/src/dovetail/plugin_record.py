"""How one plugin fared: what `dovetail plugins` prints and a bug report quotes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["PluginRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginRecord:
    """How one plugin fared. ``dovetail plugins`` prints these; a bug report quotes them."""

    name: str
    kind: str = "device"
    """"device", or "python" for a plugin of hooks."""
    distribution: str | None = None
    version: str | None = None
    path: Path | None = None
    variant: str | None = None
    state: str = "not loaded"
    """"ready", "not usable", "broken", "disabled" or "not loaded"."""
    reason: str = ""
    abi: str | None = None
    """The device ABI it was built for."""
    abi_required: str | None = None
    """The least it needs."""
    devices: int | None = None
    ops: tuple[str, ...] = ()
    """The ops it brings kernels for, also those that this Dovetail does not know."""
