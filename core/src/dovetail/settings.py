"""Every environment variable Dovetail reads, in one place; core/docs/settings.md documents them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dovetail.errors import DovetailError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "backend_paths",
    "cache_folder",
    "checked_fallback",
    "cpu_variant",
    "default_device",
    "device_options",
    "disabled_plugins",
    "fallback",
    "fallback_as",
    "only_plugins",
    "probe_seconds",
    "record_data",
    "record_file",
    "record_limits",
    "thread_count",
    "validate",
    "validate_from_now_on",
]

FALLBACKS = ("cpu", "error")


def _words(name: str, separator: str = ",") -> tuple[str, ...]:
    return tuple(w.strip() for w in os.environ.get(name, "").split(separator) if w.strip())


def _number(name: str, least: float) -> float | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise DovetailError(f"{name} is {text!r}; it must be a number of at least {least:g}")
    return value


def cpu_variant() -> str | None:
    """``DOVETAIL_CPU``: force a variant of the CPU device ("baseline", "avx2", ...)."""
    return os.environ.get("DOVETAIL_CPU") or None


def device_options(device: str) -> dict[str, int]:
    """What a device is told when it compiles a graph; ``DOVETAIL_JIT`` is for the CPU device."""
    if device.partition(":")[0] != "cpu":
        return {}
    word = os.environ.get("DOVETAIL_JIT") or "1"
    if word not in ("0", "1"):
        raise DovetailError(
            f'DOVETAIL_JIT is {word!r}; it must be "1" (machine code is written for chains of '
            f'element-wise ops) or "0" (they are interpreted)'
        )
    return {} if word == "1" else {"jit": 0}


def disabled_plugins() -> frozenset[str]:
    """``DOVETAIL_DISABLE``: plugin names never loaded, separated by commas."""
    return frozenset(_words("DOVETAIL_DISABLE"))


def only_plugins() -> frozenset[str] | None:
    """``DOVETAIL_PLUGINS``: when set, the only plugin names considered besides cpu."""
    words = _words("DOVETAIL_PLUGINS")
    return frozenset(words) if words else None


def backend_paths() -> tuple[Path, ...]:
    """``DOVETAIL_BACKENDS``: extra device libraries by path, separated like PATH."""
    from pathlib import Path  # noqa: PLC0415  slow to load, and importing Dovetail needs no path

    return tuple(Path(p) for p in _words("DOVETAIL_BACKENDS", os.pathsep))


def fallback() -> str:
    """``DOVETAIL_FALLBACK``: "cpu" (default): it runs what a device lacks; "error": raise.

    What `dovetail.jit` or `dovetail.use_device` was told in this thread goes before.
    """
    from dovetail import _fast  # noqa: PLC0415  this file is read before the hot path is

    chosen = _fast.get_fallback()
    if chosen:
        return FALLBACKS[chosen - 1]
    return checked_fallback(os.environ.get("DOVETAIL_FALLBACK") or "cpu", "DOVETAIL_FALLBACK")


def checked_fallback(choice: str, where: str) -> str:
    """The choice, when it is one."""
    if choice not in FALLBACKS:
        raise DovetailError(
            f'{where} is {choice!r}; it must be "cpu" (what a device lacks runs there) or "error"'
        )
    return choice


@contextmanager
def fallback_as(choice: str | None) -> Iterator[None]:
    """A choice of `fallback` for this thread for a while; None changes nothing.

    What is compiled inside is compiled for that choice, and kept apart from what is not.
    """
    if choice is None:
        yield
        return
    from dovetail import _fast  # noqa: PLC0415  as above

    before = _fast.set_fallback(1 + FALLBACKS.index(checked_fallback(choice, "fallback")))
    try:
        yield
    finally:
        _fast.set_fallback(before)


def thread_count() -> int:
    """``DOVETAIL_NUM_THREADS``: threads of the pool; default: the CPUs this process may use."""
    count = _number("DOVETAIL_NUM_THREADS", 1)
    if count is not None:
        return int(count)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_device() -> str:
    """``DOVETAIL_DEVICE``: where new arrays are made; default: ``cpu:0``."""
    return os.environ.get("DOVETAIL_DEVICE") or "cpu:0"


def probe_seconds() -> float:
    """``DOVETAIL_PROBE_SECONDS``: how long an unknown library may take to answer; default: 10."""
    return _number("DOVETAIL_PROBE_SECONDS", 0.01) or 10.0


def record_file() -> str | None:
    """``DOVETAIL_RECORD``: where calls into device plugins are recorded; None: nowhere."""
    return os.environ.get("DOVETAIL_RECORD") or None


def record_data() -> str:
    """``DOVETAIL_RECORD_DATA``: "full" (default), "hash" or "none" of the data go into it."""
    choice = os.environ.get("DOVETAIL_RECORD_DATA") or "full"
    if choice not in ("full", "hash", "none"):
        raise DovetailError(f"DOVETAIL_RECORD_DATA is {choice!r}; it must be full, hash or none")
    return choice


def record_limits() -> tuple[int, int]:
    """``DOVETAIL_RECORD_LIMIT`` of a file, ``DOVETAIL_RECORD_OPERAND_LIMIT`` of data, in bytes."""
    whole = _number("DOVETAIL_RECORD_LIMIT", 4096)
    operand = _number("DOVETAIL_RECORD_OPERAND_LIMIT", 0)
    return (1 << 30 if whole is None else int(whole), 1 << 24 if operand is None else int(operand))


def validate() -> bool:
    """``DOVETAIL_VALIDATE``: 1 checks every call between Dovetail and its plugins; default: off."""
    text = os.environ.get("DOVETAIL_VALIDATE", "").strip()
    if text not in ("", "0", "1"):
        raise DovetailError(f"DOVETAIL_VALIDATE is {text!r}; it must be 0 or 1")
    return text == "1"


def validate_from_now_on() -> None:
    """Set ``DOVETAIL_VALIDATE``, for plugins that this process has not loaded yet."""
    os.environ["DOVETAIL_VALIDATE"] = "1"


def cache_folder() -> Path:
    """``XDG_CACHE_HOME``: its ``dovetail`` folder, by default in ``~/.cache``, keeps verdicts."""
    from pathlib import Path  # noqa: PLC0415  as above

    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "dovetail"
