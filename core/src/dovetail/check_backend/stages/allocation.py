"""Memory that ends: each allocation of the host's memory fails once, at every place it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import CallFailed, RawDevice, status_word
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.question import sample_of
from dovetail.check_backend.stage import Stage
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
    places = 0
    host = KitHost()
    for what, call in (
        ("dvt_plugin_query", partial(_query, subject, host)),
        ("device_open and device_close", partial(_open, subject, host)),
    ):
        found, seen = _every_place(subject, host, what, call)
        places += seen
        yield from found
    subject.doing("opening the device")
    driver = Driver(subject, host)
    for op, row in driver.kernel_rows(REGISTRY):
        problem = sample_of(op, row)
        if problem is None:
            continue
        what = f"prepare of {problem} by row {row.index}"
        found, seen = _every_place(subject, host, what, partial(_prepare, driver, row, problem))
        places += seen
        yield from found
        try:
            kernel = driver.prepare(row, problem)
        except CallFailed:  # the stage `ops` says so
            continue
        if isinstance(kernel, Kernel):
            what = f"run of {problem} by row {row.index}"
            found, seen = _every_place(subject, host, what, partial(_launch, driver, kernel))
            places += seen
            yield from found
            if seen:
                asked = f"it asked host_alloc for memory {seen} times in one run"
                yield Finding("alloc/in-hot-path", STAGE.name, asked, what)
            kernel.destroy()
    driver.close()
    for code, what in host.take_faults():
        yield Finding(code, STAGE.name, what)
    subject.fact("allocations_failed", places)
    if not places:
        subject.skip("failing memory: no call asks host_alloc for any")
    subject.skip("memory of malloc and of the device: only host_alloc can be made to fail")


# ---- the calls -----------------------------------------------------------------------------------


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
) -> tuple[list[Finding], int]:
    """What was found, and how many allocations the undisturbed call makes."""
    found: list[Finding] = []
    usual: Outcome | None = None
    seen = 0
    for _ in subject.each([what]):
        kept = len(host.live)
        with host.failing(0):
            usual = call()
        seen = host.allocations
        found += _after(host, kept, what, "")
    if usual is None or usual[0] != lib.DVT_OK:  # it does not work undisturbed
        return found, 0
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
                    found += _judged(outcome, usual, where)
                found += _after(host, kept, where, " on a path out of an error")
    return found, seen


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
