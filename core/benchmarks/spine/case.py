"""What a peer is asked to do, and how it is sampled."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SAMPLE = 0.002
"""Seconds that one sample lasts at least, so that the clock's grain does not matter."""
ENOUGH = 5
"""Samples without an involuntary context switch below which wall time is not trusted."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to warm up and to sample one case, in seconds, and how many samples will do."""

    warm: float = 0.25
    seconds: float = 1.0
    samples: int = 30


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Values of one case in one process. ``basis``: what they are, see `timed`."""

    values: list[float]
    basis: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table for one peer.

    ``value()`` is what the peer computes, which must be ``problems.expected(name)`` before it is
    worth a sample; None where ``samples`` itself checks or nothing is computed.
    """

    name: str
    how: str
    samples: Callable[[Budget], Samples]
    value: Callable[[], Any] | None = None


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def timed(run: Callable[[int], object], budget: Budget, *, pinned: bool) -> Samples:
    """Seconds per call of ``run(n)``, which makes n calls and returns when their work is done.

    A sample is clean when the process suffered no involuntary context switch during it. With
    enough of them the clean ones are the result (basis "wall"); with fewer, on a machine that
    others use, the CPU time of every sample if one thread is pinned ("cpu"), else the wall time of
    every sample ("noisy", an upper bound).
    """
    best, calls = float("inf"), 0
    until = time.perf_counter() + budget.warm
    while calls < 2 or (time.perf_counter() < until and best < budget.warm):
        start = time.perf_counter()
        run(1)
        best = min(best, time.perf_counter() - start)
        calls += 1
    # The single call above includes what surrounds the loop; a longer one tells the true cost.
    inner = max(1, int(SAMPLE / best))
    start = time.perf_counter()
    run(inner)
    each = max((time.perf_counter() - start) / inner, 1e-10)
    inner = max(inner, int(SAMPLE / each))
    clean: list[float] = []
    wall: list[float] = []
    cpu: list[float] = []
    until = time.perf_counter() + budget.seconds
    while len(clean) < budget.samples and (time.perf_counter() < until or len(wall) < 3):
        before, used, start = _switches(), time.process_time(), time.perf_counter()
        run(inner)
        took = (time.perf_counter() - start) / inner
        wall.append(took)
        cpu.append((time.process_time() - used) / inner)
        if _switches() == before:
            clean.append(took)
    if len(clean) >= ENOUGH:
        return Samples(values=clean, basis="wall")
    return Samples(values=cpu, basis="cpu") if pinned else Samples(values=wall, basis="noisy")


def first(*calls: Callable[[], object], pinned: bool) -> Samples:
    """Seconds of calls that happen once in a process, each; the basis is as for `timed`."""
    wall: list[float] = []
    cpu: list[float] = []
    before = _switches()
    for call in calls:
        used, start = time.process_time(), time.perf_counter()
        call()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    if _switches() == before:
        return Samples(values=wall, basis="wall")
    return Samples(values=cpu, basis="cpu") if pinned else Samples(values=wall, basis="noisy")


def exact(values: float | list[float]) -> Samples:
    """Figures that the clock does not enter."""
    return Samples(values=values if isinstance(values, list) else [values], basis="exact")


BLOCKS, STEPS = 10, 20


def per_step(step: Callable[[], object], count: Callable[[], int]) -> list[float]:
    """How much a counter grows per step: one figure for each block of steps, after a warm-up."""
    for _ in range(STEPS):
        step()
    found = []
    for _ in range(BLOCKS):
        before = count()
        for _ in range(STEPS):
            step()
        found.append((count() - before) / STEPS)
    return found


def minor_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
