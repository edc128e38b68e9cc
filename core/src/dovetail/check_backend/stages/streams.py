"""Order on streams and between them; events; what is sticky; what is done when a call returns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail._abi import ffi
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver
from dovetail.check_backend.drive.queue import Event, Stream
from dovetail.check_backend.drive.traffic import Traffic
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages import late_errors, stream_kernels
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]

Found = Iterator[tuple[str, str]]

_TIMES, _QUICK_TIMES = 10, 2
_POLLS = 10_000_000
_WORTH_TIMING_NS = 2_000_000
_LATE, _LATE_OF = 5, 8


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    if driver.api == ffi.NULL or not driver.api.copy or not driver.api.alloc:
        subject.skip("streams: the library has no memory of its own with a copy")
        return
    parts: dict[str, Callable[[Driver], Found]] = {"without a stream": _null_stream}
    if driver.has_streams and driver.api.stream_sync:
        parts |= _PARTS
    else:
        subject.skip("streams: the device table has none; all work is done on return")
    if not driver.api.event_create:
        subject.skip("events: the device table has none; the host syncs streams")
        parts = {name: part for name, part in parts.items() if part not in _WITH_EVENTS}
    failed: set[str] = set()
    for name in subject.each(parts, "{}"):
        first = next((one for one in _FIRST.get(name, _BASIS) if one in failed), None)
        if first is not None:
            subject.skip(f"{name}: it rests on '{first}'")
            continue
        seen: set[str] = set()
        for _ in range(_QUICK_TIMES if subject.quick else _TIMES):
            subject.doing(name)  # each time has the patience of a step
            try:
                for code, what in parts[name](driver):
                    if code == "skip":
                        subject.skip(f"{name}: {what}")
                    elif code not in seen:
                        yield Finding(code, STAGE.name, what, name)
                    seen.add(code)
            except CallFailed as failure:
                code = failure.code("streams")
                yield Finding(code, STAGE.name, str(failure), name)
                seen.add(code)
                _settle(driver)  # what was queued still uses memory that the failure keeps alive
                break
            if seen:
                break
        if seen - {"skip"}:
            failed.add(name)


def _null_stream(driver: Driver) -> Found:
    traffic = Traffic(driver)
    traffic.chain(None)
    how = traffic.arrived()
    if not how and driver.api.fill:
        traffic.fill(0, 77, None)
        traffic.home(0, None)
        how = traffic.arrived(77)
    if how:
        yield "streams/null-not-done", f"copies without a stream had returned, and {how}"
        _settle(driver)
    traffic.release()


def _settle(driver: Driver) -> None:
    """Wait by the wall: what should have been done may still be going on and use our memory."""
    if driver.api.device_sync:
        driver.answer(driver.api.device_sync, driver.handle)
    time.sleep(0.1)


def _in_order(driver: Driver) -> Found:
    traffic, stream = Traffic(driver), Stream(driver)
    traffic.chain(stream)
    stream.sync()
    if how := traffic.arrived():
        yield "streams/order", f"after a chain of copies and stream_sync {how}"
    if driver.api.fill:
        traffic.reset()
        for byte in (101, 102, 103):
            traffic.fill(0, byte, stream)
        traffic.step(0, 1, stream)
        traffic.fill(0, 104, stream)
        traffic.home(1, stream)
        stream.sync()
        if how := traffic.arrived(103):
            yield "streams/order", f"after fills, a copy, a fill and a copy {how}"
    stream.destroy()
    traffic.release()


def _device_sync(driver: Driver) -> Found:
    if not driver.api.device_sync:
        return
    traffic, streams = Traffic(driver), [Stream(driver), Stream(driver)]
    traffic.chain(streams[1])
    driver.checked("device_sync", driver.api.device_sync, driver.handle)
    if how := traffic.arrived():
        yield "streams/sync-not-done", f"device_sync had returned, and {how}"
    for stream in streams:
        stream.sync()
        stream.destroy()
    traffic.release()


def _destroyed(driver: Driver) -> Found:
    if not driver.api.stream_destroy:
        return
    traffic, stream = Traffic(driver), Stream(driver)
    traffic.chain(stream)
    stream.destroy()
    if driver.api.device_sync:  # "destroy after its work ends" may end later than the call
        driver.checked("device_sync", driver.api.device_sync, driver.handle)
        if how := traffic.arrived():
            yield "streams/work-dropped", f"a stream was destroyed with work on it, and {how}"
            _settle(driver)
    else:
        time.sleep(0.5)
    traffic.release()


def _event(driver: Driver) -> Found:
    """When an event has passed, what was queued before it is done: by query and by sync."""
    for way in ("event_query", "event_sync"):
        traffic, stream, event = Traffic(driver), Stream(driver), Event(driver)
        traffic.chain(stream)
        event.record(stream)
        if way == "event_sync":
            event.sync()
        else:
            for _ in range(_POLLS):
                if event.query() or _done(stream, traffic):
                    break
        if how := traffic.arrived():
            yield "events/early", f"{way} said that the event has passed, and {how}"
        stream.sync()
        if not event.query():
            yield "events/never", "the stream was synchronised, and event_query says PENDING"
        event.destroy()
        stream.destroy()
        traffic.release()


def _done(stream: Stream, traffic: Traffic) -> bool:
    """Whether all has arrived although the event does not say so: then polling may stop."""
    if traffic.arrived():
        return False
    stream.sync()
    return True


def _timeout(driver: Driver) -> Found:
    """The time given is kept: told from the time that the same work takes, again and again."""
    if not driver.api.event_sync:
        return
    late = sum(_waits_too_long(driver) for _ in range(_LATE_OF))
    if late >= _LATE:
        yield (
            "events/timeout-ignored",
            f"event_sync with a time of 1 ns waited until it passed, {late} times of {_LATE_OF}",
        )


def _waits_too_long(driver: Driver) -> bool:
    """Whether it came back late with the event passed: once may be a busy machine's doing."""
    traffic, stream, event = Traffic(driver), Stream(driver), Event(driver)
    begin = time.perf_counter_ns()
    traffic.chain(stream)
    event.record(stream)
    queued = time.perf_counter_ns()
    passed = event.sync(1)
    returned = time.perf_counter_ns()
    stream.sync()
    whole = time.perf_counter_ns() - begin
    event.destroy()
    stream.destroy()
    traffic.release()
    waited = returned - queued
    return passed and waited > _WORTH_TIMING_NS and waited > whole // 2


def _across(driver: Driver) -> Found:
    if not driver.api.stream_wait:
        return
    traffic, first, second = Traffic(driver), Stream(driver), Stream(driver)
    event = Event(driver)
    traffic.chain(first, home=False)
    event.record(first)
    second.wait(event)
    traffic.home(len(traffic.data) - 1, second)
    second.sync()
    if how := traffic.arrived():
        yield "streams/wait-ignored", f"a stream that waits for an event of another went on: {how}"
    first.sync()
    event.destroy()
    first.destroy()
    second.destroy()
    traffic.release()


def _release(driver: Driver) -> Found:
    """Memory that is released on a stream serves the work queued before, whatever comes after."""
    traffic, stream = Traffic(driver), Stream(driver)
    for block in range(1, len(traffic.data) - 1):
        traffic.step(block, block + 1, stream)
    traffic.home(0, stream)
    driver.release(traffic.data.pop(0), traffic.size, stream.handle)
    others = Traffic(driver, blocks=3, first=140)  # it fills what it is given at once
    stream.sync()
    if how := traffic.arrived():
        yield "streams/released-early", f"memory was released on a stream after a copy of it: {how}"
    others.release()
    stream.destroy()
    traffic.release()


def _elapsed(driver: Driver) -> Found:
    if not driver.api.event_elapsed:
        return
    traffic, stream = Traffic(driver), Stream(driver)
    start, end = Event(driver), Event(driver)
    start.record(stream)
    traffic.chain(stream)
    end.record(stream)
    stream.sync()
    out = ffi.new("double *", math.nan)
    driver.checked("event_elapsed", driver.api.event_elapsed, start.handle, end.handle, out)
    if not 0 <= out[0] < 1e15:
        said = "writes no time" if math.isnan(out[0]) else f"says {out[0]} ns"
        yield "events/elapsed", f"between two passed events event_elapsed {said}"
    for event in (start, end):
        event.destroy()
    stream.destroy()
    traffic.release()


_PARTS: dict[str, Callable[[Driver], Found]] = {
    "order of copies on a stream": _in_order,
    "order of kernels and copies on a stream": stream_kernels.check,
    "device_sync": _device_sync,
    "a stream that is destroyed with work on it": _destroyed,
    "events": _event,
    "the time given to event_sync": _timeout,
    "a stream that waits for another": _across,
    "memory that is released on a stream": _release,
    "time between events": _elapsed,
    "a failure that comes late": late_errors.check,
}
# What fails when something else does would only say so again.
_BASIS = ("without a stream", "order of copies on a stream")
_FIRST = {
    "without a stream": (),
    "order of copies on a stream": ("without a stream",),
    "a stream that waits for another": (*_BASIS, "events"),
}
_WITH_EVENTS = (_event, _timeout, _across, _elapsed)

STAGE = Stage(
    "streams", "Streams keep order, events pass when work is done, failures are told", _run
)
