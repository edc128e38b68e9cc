"""How much memory a device's arrays take."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail import _fast
from dovetail._fast import Device
from dovetail.devices import default_device
from dovetail.devices import device as find_device

__all__ = ["MemoryStats", "memory_stats", "release_memory"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryStats:
    """What the caching allocator of one device holds; bytes, and numbers of calls since it opened.

    A block that is given back is kept and handed out again: a program that has run once asks the
    system for no more.
    """

    live_bytes: int
    """In use now: arrays, and the arenas of compiled functions. Blocks are rounded up, by 25 % at
    most beyond a kilobyte."""
    cached_bytes: int
    """Kept for what comes next; `release_memory` gives it back."""
    peak_bytes: int
    """The most that was in use at once, since the device was opened or the peak was reset."""
    allocations: int
    """Blocks that were handed out."""
    system_allocations: int
    """Those of them that had to be asked of the device or the system."""


def memory_stats(device: str | Device | None = None, *, reset_peak: bool = False) -> MemoryStats:
    """What the arrays of a device take; of the default device when none is named.

    With ``reset_peak`` the peak starts anew from what is in use, after it was read:

    >>> import dovetail as dt
    >>> before = dt.memory_stats(reset_peak=True)
    >>> x = dt.ones((1024, 1024), dtype=dt.float32)
    >>> dt.memory_stats().peak_bytes - before.live_bytes >= 4 * 1024 * 1024
    True
    """
    one = default_device() if device is None else find_device(device)
    found = MemoryStats(**_fast.memory_stats(one))
    if reset_peak:
        _fast.memory_reset_peak(one)
    return found


def release_memory(device: str | Device | None = None) -> None:
    """Give the blocks that are kept for later back to the device or the system.

    A next array of their size is then asked for anew, which takes longer.
    """
    _fast.memory_trim(default_device() if device is None else find_device(device))
