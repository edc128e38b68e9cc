"""Memory that ends: each allocation of the host's memory fails once, at every place it is asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import CallFailed, RawDevice, status_word
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.drive.graph import Executable, RawGraph
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.question import sample_of
from dovetail.check_backend.raw import normalised
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages.graphs import some_group
from dovetail.check_backend.subject import Subject
from dovetail.op import REGISTRY

__all__ = ["STAGE"]

_CRASH = "alloc/crash-when-out-of-memory"
_MOST_PLACES = 40
_QUICK_PLACES = 6
_MOST_LOGGED = 3

Outcome = tuple[int, ErrorBuffer, Any]  # status, error, what to compare with an undisturbed call


def _run(subject: Subject) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for finding in _all(subject):
        counts[finding.code] = counts.get(finding.code, 0) + 1
        if counts[finding.code] <= _MOST_LOGGED:
            yield finding


def _all(subject: Subject) -> Iterator[Finding]:
    host = KitHost()
    places = 0
    for what, call, hot in _calls(subject, host):
        seen = yield from _every_place(subject, host, what, call)
        places += seen
        if hot and seen:
            asked = f"it asked host_alloc for memory {seen} times in one run"
            yield Finding("alloc/in-hot-path", STAGE.name, asked, what)
    host.check_live()
    for code, what in host.take_faults():
        yield Finding(code, STAGE.name, what)
    subject.fact("allocations_failed", places)
    if not places:
        subject.skip("failing memory: no call asks host_alloc for any")
    subject.skip("memory of malloc and of the device: only host_alloc can be made to fail")


# ---- the calls -----------------------------------------------------------------------------------

Call = tuple[str, Callable[[], Outcome], bool]  # what it is, how to make it, whether it is hot


def _calls(subject: Subject, host: KitHost) -> Iterator[Call]:
    yield "dvt_plugin_query", partial(_query, subject, host), False
    yield "device_open and device_close", partial(_open, subject, host), False
    subject.doing("opening the device")
    driver = Driver(subject, host)
    for op, row in driver.kernel_rows(REGISTRY):
        problem = sample_of(op, row)
        if problem is None:
            continue
        what = f"{problem} by row {row.index}"
        yield f"prepare of {what}", partial(_prepare, driver, row, problem), False
        try:
            kernel = driver.prepare(row, problem)
        except CallFailed:  # the stage `ops` says so
            continue
        if isinstance(kernel, Kernel):
            yield f"run of {what}", partial(_launch, driver, kernel), True
            kernel.destroy()
    yield from _graph_calls(subject, driver)
    driver.close()


def _graph_calls(subject: Subject, driver: Driver) -> Iterator[Call]:
    api = normalised(subject.plugin.graph, "dvt_graph_api")
    if api == ffi.NULL:
        return
    subject.doing("looking for a graph that it compiles")
    found = some_group(driver, api)
    if found is None:
        subject.skip("failing memory in graphs: none of those that are offered is wanted")
        return
    group, made = found
    raw = RawGraph(driver, group.graph)
    what = f"a graph of {len(group.graph.nodes)} nodes"
    if api.partition != ffi.NULL:
        yield f"partition of {what}", partial(_answered, partial(raw.partition, api)), False
    yield f"compile of {what}", partial(_answered, partial(_compile, raw, api)), False
    yield f"execute of {what}", partial(_answered, partial(_execute, made, group.arrays)), False
    if ffi.NULL not in (api.save, api.load):
        content = made.save()
        yield f"save of {what}", partial(_answered, made.save), False
        yield f"load of {what}", partial(_answered, partial(_load, made, content)), False
    made.destroy()


def _answered(call: Callable[[], Any]) -> Outcome:
    """The outcome of a call that raises when it fails."""
    try:
        return lib.DVT_OK, ErrorBuffer(), call()
    except CallFailed as failure:
        return _failed(failure)


def _compile(raw: RawGraph, api: Any) -> None:
    made = raw.compile(api)
    if isinstance(made, str):
        raise CallFailed("compile", lib.DVT_UNSUPPORTED, made)
    made.destroy()


def _execute(made: Executable, arrays: Any) -> list[bytes]:
    results, _ = made.run(arrays)
    return [one.tobytes() for one in results]


def _load(made: Executable, content: bytes) -> None:
    status, error, again = made.load(content)
    if again is None:
        raise CallFailed("load", status, error.text)
    again.destroy()


def _query(subject: Subject, host: KitHost) -> Outcome:
    error = ErrorBuffer()
    found = subject.library.query(host, error)
    return (error.code or lib.DVT_INTERNAL) if found == ffi.NULL else lib.DVT_OK, error, None


def _open(subject: Subject, host: KitHost) -> Outcome:
    try:
        RawDevice(subject, host).close()
    except CallFailed as failure:
        return _failed(failure)
    return lib.DVT_OK, ErrorBuffer(), None


def _prepare(driver: Driver, row: Any, problem: Any) -> Outcome:
    try:
        kernel = driver.prepare(row, problem)
    except CallFailed as failure:
        return _failed(failure)
    if isinstance(kernel, str):
        return lib.DVT_UNSUPPORTED, ErrorBuffer(), None
    kernel.destroy()
    return lib.DVT_OK, ErrorBuffer(), None


def _launch(driver: Driver, kernel: Kernel) -> Outcome:
    launch = driver.launch(kernel)
    driver.preset(launch, b"\x5a")
    status, error = driver.start(launch)
    results = driver.contents(launch) if status == lib.DVT_OK else None
    driver.finish(launch)
    return status, error, results


def _failed(failure: CallFailed) -> Outcome:
    error = ErrorBuffer()
    error.write(failure.status, failure.text)
    return failure.status, error, None


# ---- one call, failing at every place ------------------------------------------------------------


def _every_place(
    subject: Subject, host: KitHost, what: str, call: Callable[[], Outcome]
) -> Generator[Finding, None, int]:
    """What is found; returns how many allocations the undisturbed call makes."""
    usual: Outcome | None = None
    seen = 0
    for _ in subject.each([what]):
        kept = len(host.live)
        usual = _undisturbed(host, call)
        seen = host.allocations
        yield from _after(host, kept, what, "")
    if usual is None and not subject.ended_here:  # another child did that; this one needs to know
        subject.doing(what)
        usual = _undisturbed(host, call)
        seen = host.allocations
        host.take_faults()
    if usual is None or usual[0] != lib.DVT_OK:  # it does not work undisturbed
        return 0
    most = min(seen, _QUICK_PLACES if subject.quick else _MOST_PLACES)
    for place in range(1, most + 1):
        for once in (True, False):
            later = "" if once else " and all later ones"
            where = f"{what}, host_alloc {place} of {seen}{later} failing"
            for _ in subject.each([where], crash=_CRASH):
                kept = len(host.live)
                with host.failing(place, once=once):
                    outcome = call()
                if host.failed:
                    yield from _judged(outcome, usual, where)
                yield from _after(host, kept, where, " on a path out of an error")
    return seen


def _undisturbed(host: KitHost, call: Callable[[], Outcome]) -> Outcome:
    with host.failing(0):
        return call()


def _judged(outcome: Outcome, usual: Outcome, where: str) -> Iterator[Finding]:
    status, error, results = outcome
    if status == lib.DVT_OK:
        if results != usual[2]:
            what = "it answers DVT_OK, and its result is not that of an undisturbed run"
            yield Finding("alloc/ignores-null", STAGE.name, what, where)
        return
    for code, what in error.faults():
        yield Finding(code, STAGE.name, what, where)
    if status == lib.DVT_UNSUPPORTED:
        return
    if status != lib.DVT_OUT_OF_MEMORY:
        what = f"it answers {status_word(status)} instead of OUT_OF_MEMORY"
        yield Finding("alloc/wrong-code", STAGE.name, what, where)
    if not error.message:
        what = f"it answers {status_word(status)} without a sentence in error.message"
        yield Finding("error/empty", STAGE.name, what, where)


def _after(host: KitHost, kept: int, where: str, path: str) -> Iterator[Finding]:
    if len(host.live) > kept:
        blocks = list(host.live.values())[kept:]
        size = sum(size for size, _ in blocks)
        what = f"{len(blocks)} blocks of {size} bytes were not given back{path}"
        yield Finding("alloc/leak", STAGE.name, what, where)
    for code, what in host.take_faults():
        yield Finding(code, STAGE.name, what, where)


STAGE = Stage("allocation", "When host memory ends, it says so and keeps nothing", _run)
