"""Where temporaries live: offsets in one arena, laid out by liveness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Interval", "layout"]

_ALIGNMENT = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Memory needed from step ``first`` to step ``last``, both included."""

    size: int
    first: int
    last: int


def layout(intervals: Sequence[Interval]) -> tuple[list[int], int]:
    """An offset for each interval such that none that live together overlap, and the total size.

    Largest first, each at the lowest free offset ("greedy by size", Pisarchyk and Lee 2020).

    >>> layout([Interval(size=64, first=0, last=1), Interval(size=64, first=2, last=3)])
    ([0, 0], 64)
    """
    offsets = [0] * len(intervals)
    placed: list[int] = []
    total = 0
    for i in sorted(range(len(intervals)), key=lambda k: (-intervals[k].size, intervals[k].first)):
        mine = intervals[i]
        size = -(-mine.size // _ALIGNMENT) * _ALIGNMENT
        together = sorted(
            (offsets[k], offsets[k] + -(-intervals[k].size // _ALIGNMENT) * _ALIGNMENT)
            for k in placed
            if intervals[k].first <= mine.last and mine.first <= intervals[k].last
        )
        at = 0
        for start, end in together:
            if start - at >= size:
                break
            at = max(at, end)
        offsets[i] = at
        placed.append(i)
        total = max(total, at + size)
    return offsets, total
