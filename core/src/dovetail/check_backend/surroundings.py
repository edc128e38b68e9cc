"""What of a process loading a library may not change, beside what `drive.process` looks at."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass, fields
from pathlib import Path

from dovetail.check_backend.drive.process import signal_name

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One moment; `changes` compares two.

    >>> Surroundings.now().changes(Surroundings.now())
    []
    """

    environment: dict[str, str]
    limits: dict[str, tuple[int, int]]
    mask: frozenset[int]
    """Blocked signals."""
    threads: dict[str, str]
    """Number -> name."""
    descriptors: dict[str, str]
    """Number -> what is open."""

    @classmethod
    def now(cls) -> Surroundings:
        """Look."""
        return cls(_environment(), _limits(), _mask(), _threads(), _descriptors())

    def changes(self, after: Surroundings) -> list[tuple[str, str]]:
        """What is otherwise afterwards: (code of the catalogue, sentence)."""
        found = []
        for one in fields(self):
            old, new = getattr(self, one.name), getattr(after, one.name)
            if old == new:
                continue
            if one.name == "mask":
                names = ", ".join(signal_name(n) for n in sorted(old ^ new))
                found.append(("state/signals", f"{names}: blocked or unblocked for this thread"))
                continue
            changed = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))
            told = ", ".join(f"{k}: {old.get(k)!r} -> {new.get(k)!r}" for k in changed[:4])
            if one.name == "threads":
                started = [k for k in changed if k in new]
                names = ", ".join(sorted({new[k] for k in started}))
                if started:
                    what = f"{len(started)} threads were started ({names})"
                    found.append(("load/starts-threads", what))
            else:
                found.append((f"state/{one.name}", told))
        return found


def _environment() -> dict[str, str]:
    """As C sees it; os.environ is a copy from the start of Python."""
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found = {}
    for entry in iter(_Entries(block)):
        name, _, value = entry.decode("utf-8", "replace").partition("=")
        found[name] = value
    return found


class _Entries:
    """The strings of a block that ends with null."""

    def __init__(self, block: ctypes._Pointer[ctypes.c_char_p]) -> None:
        self._block, self._next = block, 0

    def __iter__(self) -> _Entries:
        return self

    def __next__(self) -> bytes:
        value = self._block[self._next] if self._block else None
        if value is None:
            raise StopIteration
        self._next += 1
        return bytes(value)


def _limits() -> dict[str, tuple[int, int]]:
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def _mask() -> frozenset[int]:
    return frozenset(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, []))


def _threads() -> dict[str, str]:
    found = {}
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                found[task.name] = (task / "comm").read_text(encoding="utf-8").strip()
    return found


def _descriptors() -> dict[str, str]:
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  an open folder would be among them
            with contextlib.suppress(OSError):
                found[name] = str(Path(f"/proc/self/fd/{name}").readlink())
    return {k: v for k, v in found.items() if not v.startswith("/proc/")}
