"""Devices by name: found, loaded and opened when they are first asked for.

``"cpu"`` is ``"cpu:0"``. An explicit request raises what is wrong; a choice that Dovetail makes on
its own (`devices`) skips broken plugins with one warning each.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail import _fast, settings
from dovetail.errors import DeviceError, DovetailError

if TYPE_CHECKING:
    from dovetail._fast import Device
    from dovetail.backends import Backend
    from dovetail.kernel_row import KernelRow
else:
    Device = Any

__all__ = [
    "default_device",
    "device",
    "devices",
    "kernel_rows",
    "load",
    "use_device",
]

_NAME = re.compile(r"([a-z][a-z0-9_]{0,31})(?::(0|[1-9][0-9]{0,8}))?\Z")

_lock = threading.RLock()
_open: dict[str, Device] = {}


def device(name: str | Device) -> Device:
    """The device of that name, opened at its first use: ``"cpu"``, ``"cuda:1"``.

    A `DeviceError` says what is installed when there is none, a `PluginError` what is wrong with
    its plugin.

    >>> device("cpu").name
    'cpu:0'
    """
    if not isinstance(name, str):
        return name
    found = _open.get(name)
    if found is not None:
        found.check()
        return found
    match = _NAME.match(name)
    if match is None:
        raise DeviceError(
            f"{name!r} is no device name; write a device word and, where there are several, a "
            f"number, such as cpu or cuda:1"
        )
    word, ordinal = match[1], int(match[2] or 0)
    from dovetail import backends  # noqa: PLC0415  discovery stays out of the import time

    with _lock:
        return _opened(backends.load(word), ordinal)


def _opened(backend: Backend, ordinal: int) -> Device:
    from dovetail.backends import drain_log  # noqa: PLC0415  loaded already

    word, count = backend.record.name, backend.record.devices or 0
    full = f"{word}:{ordinal}"
    found = _open.get(full)
    if found is not None:
        found.check()
        return found
    if count == 0:
        raise DeviceError(f"{word} has no usable device here: {backend.record.reason}")
    if ordinal >= count:
        there = f"{word}:0" if count == 1 else f"{word}:0 to {word}:{count - 1}"
        raise DeviceError(f"there is no {full}; {word} has {there}")
    try:
        opened = _fast.open_device(backend.capsule, ordinal, full)
    finally:
        drain_log()
    opened.rows = backend.rows
    _open[full] = opened
    if ordinal == 0:
        _open[word] = opened
    return opened


def devices() -> list[Device]:
    """Every device that can be used here, opened, in the order of their names.

    Broken plugins and devices that do not open are skipped with one warning each;
    ``dovetail plugins`` tells more.
    """
    from dovetail import backends  # noqa: PLC0415  discovery stays out of the import time

    found: list[Device] = []
    with _lock:
        for backend in backends.usable():
            for ordinal in range(backend.record.devices or 0):
                try:
                    found.append(_opened(backend, ordinal))
                except DovetailError as error:
                    warnings.warn(f"{error}. It is skipped", RuntimeWarning, stacklevel=2)
    return found


def default_device() -> Device:
    """Where arrays are made when nothing else is said: ``DOVETAIL_DEVICE``, else ``cpu:0``."""
    return device(settings.default_device())


@contextlib.contextmanager
def use_device(name: str | Device, *, fallback: str | None = None) -> Iterator[Device]:
    """Make new arrays on another device, in this thread, for the length of a ``with`` block.

    ``fallback`` says what becomes of what a device lacks, in this thread and block: ``"cpu"`` runs
    it there, with a warning; ``"error"`` raises a `DeviceError`. It goes before DOVETAIL_FALLBACK.
    """
    chosen = device(name)
    before = _fast.set_device(chosen)
    try:
        with settings.fallback_as(fallback):
            yield chosen
    finally:
        _fast.set_device(before)


def load(path: str | os.PathLike[str]) -> Device:
    """Load a device library by its path and open its first device: for those who build one."""
    from pathlib import Path  # noqa: PLC0415  slow to load

    from dovetail import backends  # noqa: PLC0415  discovery stays out of the import time

    with _lock:
        return _opened(backends.load_path(Path(path)), 0)


def kernel_rows(chosen: Device) -> dict[str, list[KernelRow]]:
    """The kernel rows of a device's plugin by op, in the order they are to be asked."""
    rows: dict[str, list[KernelRow]] = chosen.rows
    return rows


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603  the parent's may be held by a thread that is not here
    _lock = threading.RLock()
    for name, one in _open.items():
        if ":" in name:  # the short forms name the same devices
            _fast.after_fork(one)


def _at_exit() -> None:
    """Close what this process opened; arrays and kernels that live on give nothing back then."""
    _fast.clear_cache()
    _fast.close_devices()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
