"""Real threads that prepare, run and destroy kernels at the same time get what one thread gets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail.check_backend.drive.compare import difference
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver, Kernel, Launch
from dovetail.check_backend.drive.pick import large_problem, one_of_each_dtype
from dovetail.check_backend.drive.problem import Problem
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import REGISTRY, Op

__all__ = ["STAGE"]

THREADS = 4
_SIZES = (1 << 8, 1 << 12, 1 << 16, 1 << 18)  # larger ones where runs are too short to meet
_SHORT_SECONDS = 0.001
_SECONDS, _QUICK_SECONDS = 4.0, 0.3  # for the rounds of one row, about
_ROUNDS, _QUICK_ROUNDS, _LEAST_ROUNDS = 40, 20, 10
_RUNS = 3  # of each thread in a round
_QUICK_MIXED = 16  # ops that are run beside others


@dataclass(slots=True)
class _Part:
    """What one thread does: runs of one launch, whose serial result is known."""

    kernel: Kernel
    launch: Launch
    want: list[np.ndarray[Any, Any]]
    bits: list[bytes]
    stream: Stream | None = None


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    rows = list(driver.kernel_rows(REGISTRY))
    if not rows:
        subject.skip("threads: the library has no kernel rows that this Dovetail knows")
    rounds = _QUICK_ROUNDS if subject.quick else _ROUNDS
    budget = _QUICK_SECONDS if subject.quick else _SECONDS
    codes = {"crash": "threads/crash", "hang": "threads/hang"}
    for op, row in driver.each_row(subject, "{} on several threads", **codes):
        try:
            what = _row(driver, op, row, rounds, budget)
        except CallFailed as failure:
            yield Finding(failure.code("ops"), STAGE.name, str(failure), op.name)
            continue
        if what:
            yield Finding("threads/race", STAGE.name, what, op.name)
    names = dict.fromkeys(op.name for op, _ in rows)
    firsts = [next(pair for pair in rows if pair[0].name == name) for name in names]
    if subject.quick:
        firsts = firsts[:: max(1, len(firsts) // _QUICK_MIXED)]
    groups = [firsts[at : at + THREADS] for at in range(0, len(firsts), THREADS)]
    together = {", ".join(op.name for op, _ in group): group for group in groups if len(group) > 1}
    for label in subject.each(together, "{} together", **codes):
        try:
            what = _mixed(driver, together[label], rounds, budget)
        except CallFailed as failure:
            what = str(failure)
        if what:
            yield Finding("threads/race", STAGE.name, what, label)
    subject.fact("threads", THREADS)


def _row(driver: Driver, op: Op, row: KernelRow, rounds: int, budget: float) -> str:
    """What went otherwise than on one thread, in words."""
    problem, seconds = _problem(driver, op, row)
    parts = [] if problem is None else _parts(driver, row, problem)
    if not parts:
        return ""
    return _together(driver, parts, _rounds(seconds, rounds, budget))


def _mixed(driver: Driver, pairs: list[tuple[Op, KernelRow]], rounds: int, budget: float) -> str:
    """Each thread runs another op."""
    parts, longest = [], 1e-6
    for op, row in pairs:
        problem, seconds = _problem(driver, op, row)
        if problem is not None:
            parts += _parts(driver, row, problem, count=1)
            longest = max(longest, seconds)
    return _together(driver, parts, _rounds(longest, rounds, budget))


def _rounds(seconds: float, most: int, budget: float) -> int:
    """As many as are worth it; slow runs meet in any case."""
    least = _LEAST_ROUNDS if seconds < 10 * _SHORT_SECONDS else 2
    return max(least, min(most, int(budget / (seconds * THREADS * _RUNS))))


def _together(driver: Driver, parts: list[_Part], rounds: int) -> str:
    """Run the parts at the same time, give all back; what was found."""
    told: list[str] = []
    barrier = threading.Barrier(len(parts))
    work = [
        threading.Thread(target=_work, args=(driver, part, barrier, rounds, told)) for part in parts
    ]
    for one in work:
        one.start()
    for one in work:
        one.join()
    for part in parts:
        driver.finish(part.launch)
        if part.stream is not None:
            part.stream.destroy()
    for kernel in {id(p.kernel): p.kernel for p in parts}.values():
        kernel.destroy()
    return told[0] if told else ""


def _problem(driver: Driver, op: Op, row: KernelRow) -> tuple[Problem | None, float]:
    """A problem, and how many seconds one run of it takes: only to choose how many are worth it."""
    chosen, seconds = next(iter(one_of_each_dtype(op, row)), None), 1e-6
    # On a device with memory of its own the copies to look at results would take longest.
    for size in _SIZES[:-1] if driver.separate else _SIZES:
        problem = large_problem(op, row, size)
        kernel = "none" if problem is None else driver.prepare(row, problem)
        if problem is None or not isinstance(kernel, Kernel):
            continue
        launch = driver.launch(kernel)
        times = []
        for _ in range(2):
            begin = time.perf_counter()
            driver.run(launch)
            times.append(time.perf_counter() - begin)
        chosen, seconds = problem, max(min(times), 1e-6)
        driver.finish(launch)
        kernel.destroy()
        if seconds > _SHORT_SECONDS:
            break
    return chosen, seconds


def _parts(driver: Driver, row: KernelRow, problem: Problem, count: int = THREADS) -> list[_Part]:
    """Each thread has values of its own; the first two share a kernel, as run is for any thread."""
    parts: list[_Part] = []
    for number in range(count):
        own = problem.with_values([_turned(x, number) for x in problem.values])
        kernel = parts[0].kernel if number == 1 else driver.prepare(row, own)
        if not isinstance(kernel, Kernel):
            return []
        launch = driver.launch(Kernel(row, own, kernel.info, None, kernel.attributes))
        driver.run(launch)
        stream = None
        if number >= THREADS // 2 and driver.has_streams and not driver.on_host(row):
            stream = Stream(driver)
            launch.call.stream = stream.handle
        parts.append(_Part(kernel, launch, driver.results(launch), driver.contents(launch), stream))
    return parts


def _turned(values: np.ndarray[Any, Any], by: int) -> np.ndarray[Any, Any]:
    """The values in another order along the first axis: still ones that the op takes."""
    if values.ndim == 0 or by == 0:
        return values
    return np.roll(values, by * max(1, values.shape[0] // THREADS), axis=0)


def _work(
    driver: Driver, part: _Part, barrier: threading.Barrier, rounds: int, told: list[str]
) -> None:
    problem = part.launch.kernel.problem
    for number in range(rounds):
        try:
            barrier.wait(timeout=60)
        except threading.BrokenBarrierError:
            return
        try:
            if number % 4 == 3:  # kernels come and go while others run
                other = driver.prepare(part.kernel.row, problem)
                if isinstance(other, Kernel):
                    other.destroy()
            how = next(filter(None, (_once(driver, part) for _ in range(_RUNS))), "")
        except CallFailed as failure:
            how = str(failure)
        if how:
            told.append(f"in round {number + 1} of {THREADS} threads, against one alone: {how}")
            barrier.abort()
            return


def _once(driver: Driver, part: _Part) -> str:
    """One run; how its results differ from the serial ones."""
    driver.preset(part.launch, b"\xc3")
    driver.run(part.launch)
    if part.stream is not None:
        part.stream.sync()
    if driver.contents(part.launch) == part.bits:
        return ""
    return difference(part.launch.kernel.problem, driver.results(part.launch), part.want)


STAGE = Stage("threads", "Several threads at once get what one thread gets", _run)
