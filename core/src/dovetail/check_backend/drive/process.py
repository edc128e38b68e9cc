"""What of the process a call may not change: rounding, denormals, signals, locale, folder."""

from __future__ import annotations

import ctypes
import locale
import os
import signal
import threading
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

__all__ = ["Process", "descriptors", "printed", "resident_bytes", "restore", "signal_name", "tasks"]

_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Process:
    """The state at one moment, in words for a finding.

    >>> Process.now().changes(Process.now())
    []
    """

    rounding: int
    denormals: bool
    """Whether this thread computes with them."""
    signals: tuple[bytes, ...]
    locale: str
    folder: str
    mask: int

    @classmethod
    def now(cls) -> Process:
        """Look."""
        return cls(
            int(_LIBC.fegetround()),
            _denormals(),
            tuple(_action(n) for n in range(1, signal.NSIG)),
            locale.setlocale(locale.LC_ALL),
            str(Path.cwd()),
            _umask(),
        )

    def changes(self, after: Process) -> list[tuple[str, str]]:
        """What is otherwise afterwards: (code of the catalogue, sentence)."""
        found = []
        for one in fields(self):
            old, new = getattr(self, one.name), getattr(after, one.name)
            if old == new:
                continue
            if one.name == "signals":
                numbers = [i for i, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b]
                names = ", ".join(signal_name(n) for n in numbers)
                found.append(("state/signals", f"the handlers of {names} are others afterwards"))
            elif one.name == "denormals":
                found.append(
                    (
                        "state/denormals",
                        "afterwards 1e-40 * 1 is 0 in float32: denormals are flushed to zero"
                        if old
                        else "afterwards denormals are no longer flushed to zero",
                    )
                )
            else:
                word = oct if one.name == "mask" else repr
                what = f"{one.name} was {word(old)} before and is {word(new)} afterwards"
                found.append((f"state/{one.name}", what))
        return found


def _denormals() -> bool:
    tiny = np.full(4, 1e-40, np.float32)
    return bool((tiny * np.float32(1)).view(np.uint32)[0])


def _action(number: int) -> bytes:
    old = ctypes.create_string_buffer(256)  # larger than any struct sigaction
    if _LIBC.sigaction(number, None, old) != 0:
        return b""
    return old.raw[:8]


def signal_name(number: int) -> str:
    """Real-time signals have no names of their own.

    >>> signal_name(15), signal_name(40)
    ('SIGTERM', 'signal 40')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def restore(before: Process) -> None:
    """As it was, so that one finding does not become many."""
    _LIBC.fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV of glibc and musl
    if Path.cwd() != Path(before.folder):
        os.chdir(before.folder)
    locale.setlocale(locale.LC_ALL, before.locale)
    os.umask(before.mask)


def resident_bytes() -> int | None:
    """Memory of this process that is in use now; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def printed() -> int:
    """Bytes on stdout and stderr, which are one file here (runner.py); what C holds back, too."""
    _LIBC.fflush(None)
    try:
        return max(os.fstat(1).st_size, os.fstat(2).st_size)
    except OSError:  # closed, which `Surroundings` tells
        return 0


def descriptors() -> int | None:
    """Open file descriptors; None where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  no Path per entry is wanted
    except OSError:
        return None


def tasks() -> int:
    """Threads of this process, Python's and others."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  as above
    except OSError:
        return threading.active_count()
