"""Thousands of kernels and runs later the process holds no more than before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.drive.pick import one_of_each_dtype
from dovetail.check_backend.drive.process import descriptors, resident_bytes, tasks
from dovetail.check_backend.drive.queue import Event, Stream
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import Op

__all__ = ["STAGE"]

_CYCLES, _QUICK_CYCLES = 2000, 200
_LEAST_GROWTH = 4 << 20  # less than this is Python's, numpy's and the C library's own


@dataclass(frozen=True, slots=True)
class _Held:
    """What the process and the library hold at one moment."""

    blocks: int
    resident: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls, driver: Driver) -> _Held:
        blocks = len(driver.host.live)
        return cls(blocks, resident_bytes() or 0, descriptors() or 0, tasks())


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    cycles = _QUICK_CYCLES if subject.quick else _CYCLES
    subject.fact("growth_cycles", cycles)
    if not resident_bytes():
        subject.skip("growth of memory: this system does not tell how much is in use")
    if descriptors() is None:
        subject.skip("open files: this system does not tell")
    for op, row in driver.each_row(subject, f"{{}}, {cycles} times"):
        try:
            yield from _row(driver, op, row, cycles)
        except CallFailed as failure:
            yield Finding(failure.code("ops"), STAGE.name, str(failure), op.name)
    for label in subject.each(["memory", "streams and events"], f"{{}}, {cycles} times"):
        yield from _device(driver, label, cycles)


def _row(driver: Driver, op: Op, row: KernelRow, cycles: int) -> Iterator[Finding]:
    problem = min(one_of_each_dtype(op, row), key=lambda p: p.elements, default=None)
    kernel = None if problem is None else driver.prepare(row, problem)
    if problem is None or not isinstance(kernel, Kernel):
        return
    launch = driver.launch(kernel)

    def prepare() -> None:
        made = driver.prepare(row, problem)
        if isinstance(made, Kernel):
            made.destroy()

    yield from _cycle(
        driver, prepare, cycles, what="prepare and destroy", where=str(problem), kind="kernels"
    )
    yield from _cycle(
        driver, lambda: driver.run(launch), cycles, what="runs", where=str(problem), kind="runs"
    )
    driver.finish(launch)
    kernel.destroy()


def _device(driver: Driver, label: str, cycles: int) -> Iterator[Finding]:
    def memory() -> None:
        driver.release(driver.alloc(4096), 4096)

    def queues() -> None:
        stream, event = Stream(driver), Event(driver)
        event.record(stream)
        event.sync()
        event.destroy()
        stream.destroy()

    api = driver.api
    if not api or (label == "memory" and not api.alloc):
        return
    if label != "memory" and not (driver.has_streams and api.event_create and api.stream_destroy):
        return
    action = memory if label == "memory" else queues
    try:
        yield from _cycle(driver, action, cycles // 4, what=label, where=label, kind="handles")
    except CallFailed as failure:
        yield Finding("growth/handles", STAGE.name, f"{label}: {failure}", label)


def _cycle(
    driver: Driver, action: Callable[[], None], cycles: int, *, what: str, where: str, kind: str
) -> Iterator[Finding]:
    """Growth counts when both halves of the cycles show it: a cache that fills up does not."""
    for _ in range(max(cycles // 10, 8)):  # caches fill, lazy parts are made
        action()
    seen = [_Held.now(driver)]
    for _ in range(2):
        for _ in range(cycles // 2):
            action()
        seen.append(_Held.now(driver))
    start, middle, end = seen

    def grew(name: str, least: float) -> int:
        first, second = (
            getattr(b, name) - getattr(a, name) for a, b in ((start, middle), (middle, end))
        )
        return int(first + second) if min(first, second) >= least / 2 else 0

    told = f"after {cycles} times ({what}) "
    if blocks := grew("blocks", cycles / 2):
        text = f"{told}{blocks} blocks of host_alloc were not given back"
        yield Finding(f"growth/{kind}", STAGE.name, text, where)
    elif more := grew("resident", max(_LEAST_GROWTH, 64 * cycles)):
        text = f"{told}the process uses {more >> 10} KiB more, in both halves of them"
        yield Finding("growth/memory", STAGE.name, text, where)
    if files := grew("descriptors", cycles / 4):
        text = f"{told}{files} more files are open"
        yield Finding("growth/files", STAGE.name, text, where)
    if threads := grew("threads", cycles / 4):
        text = f"{told}{threads} more threads are running"
        yield Finding("growth/threads", STAGE.name, text, where)


STAGE = Stage("growth", "Thousands of calls later nothing more is held", _run)
