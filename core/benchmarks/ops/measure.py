"""Two calls, turn by turn, in processor time of one thread: the machine may be busy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SLOWEST = 4.0
"""Seconds of a single call above which it is not repeated."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds of a call: medians, and the ratio of ours to numpy's round by round."""

    ours: float
    theirs: float
    ratio: float
    low: float
    high: float


def _each(call: Callable[[], Any], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def _repeats(call: Callable[[], Any], seconds: float) -> int:
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-7)
    if once > seconds / 50:
        return max(1, round(seconds / once))
    start = time.perf_counter()
    for _ in range(20):
        call()
    return max(1, round(seconds / max((time.perf_counter() - start) / 20, 1e-7)))


def compare(
    ours: Callable[[], Any], theirs: Callable[[], Any], *, rounds: int, seconds: float
) -> Times:
    """A B A B ...: the median of the rounds' ratios, since a machine drifts."""
    ours(), theirs()
    counts = _repeats(ours, seconds), _repeats(theirs, seconds)
    a, b = [], []
    for _ in range(rounds):
        a.append(_each(ours, counts[0]))
        b.append(max(_each(theirs, counts[1]), 1e-9))
        if a[-1] + b[-1] > SLOWEST:
            break
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return Times(
        ours=statistics.median(a),
        theirs=statistics.median(b),
        ratio=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
    )
