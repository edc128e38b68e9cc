"""Loading: the library opens, quietly, and leaves the process as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dovetail._abi import ffi
from dovetail.check_backend.drive.process import Process, printed, resident_bytes, restore
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.raw import Library
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.check_backend.surroundings import Surroundings

__all__ = ["STAGE"]

_SLOW_WORK, _SLOW_WAIT = 0.5, 3.0  # seconds: of the processor, and of the clock
_MUCH = 256 << 20


def _run(subject: Subject) -> Iterator[Finding]:
    host = KitHost()  # before anything is measured
    watch = _Watch()
    subject.doing("dlopen", crash="load/crash", hang="load/hang")
    try:
        library = subject.library
    except OSError as fault:
        yield Finding("load/refused", STAGE.name, f"dlopen says: {fault}", "dlopen")
        raise subject.stop("the system does not load it") from fault
    except AttributeError as fault:
        yield Finding("symbols/no-entry", STAGE.name, f"it loads, but {fault}", "dvt_plugin_query")
        raise subject.stop("it has no dvt_plugin_query") from fault
    yield from watch.findings("dlopen", subject)
    subject.doing("dvt_plugin_query", crash="load/crash", hang="load/hang")
    answer = _ask(library, host)
    yield from watch.findings("dvt_plugin_query", subject)
    if answer == ffi.NULL:  # the stage `query` says what that means
        return
    if answer.shutdown != ffi.NULL:
        subject.doing("shutdown, with no device ever opened")
        answer.shutdown()
        yield from watch.findings("shutdown", subject)


def _ask(library: Library, host: KitHost) -> ffi.CData:
    return library.query(host, ErrorBuffer())


class _Watch:
    """The process before, to compare with."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._process, self._around = Process.now(), Surroundings.now()
        self._printed = printed()
        self._memory = resident_bytes()
        self._work, self._clock = time.process_time(), time.monotonic()

    def findings(self, call: str, subject: Subject) -> Iterator[Finding]:
        """What the call changed; afterwards the process is as it was before, as far as it goes."""
        work, clock = time.process_time() - self._work, time.monotonic() - self._clock
        memory = resident_bytes()
        process, around = Process.now(), Surroundings.now()
        changes = self._process.changes(process) + self._around.changes(around)
        restore(self._process)
        if written := printed() - self._printed:
            changes.append(("load/prints", f"it wrote {written} bytes to stdout or stderr"))
        if work > _SLOW_WORK or clock > _SLOW_WAIT:
            what = f"it took {clock:.2f} s, of which the processor worked {work:.2f} s"
            changes.append(("load/slow", what))
        if call == "dlopen":
            subject.fact("load_seconds", round(clock, 4))
        if memory is not None and self._memory is not None:
            grown = memory - self._memory
            if call == "dlopen":
                subject.fact("load_bytes", max(grown, 0))
            if grown > _MUCH:
                what = f"the process grew by {grown >> 20} MiB"
                changes.append(("load/memory", what))
        for code, what in changes:
            yield Finding(code, STAGE.name, what, call)
        self._begin()


STAGE = Stage(
    "load", "It loads, quietly, and leaves the process as it was", _run, ("file",), exits=True
)
