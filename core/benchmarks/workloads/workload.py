"""What is asked of every peer, what it is held against, and one peer's way of doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Target:
    """dovetail's time over that of the best of ``peers`` (of all if there are none).

    At most ``gate`` is asked, ``stretch`` is aimed at.
    """

    gate: float
    stretch: float
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One row of the table.

    ``flops``: multiplications and additions that the definition needs, each counted as 1, and twice
    in double precision, since half as many fit a register. ``read`` and ``written``: bytes, each
    operand and the result once. ``tolerance``: the largest `deviation` of a right result.
    """

    name: str
    title: str
    tolerance: float
    flops: float = 0.0
    read: float = 0.0
    written: float = 0.0
    target: Target | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A peer's way: ``function()`` computes the workload ``name`` once, ``how`` says with what.

    ``answer()`` is what is compared before it is timed: the result itself if there is none.
    """

    name: str
    how: str
    function: Callable[[], Any]
    answer: Callable[[], Any] | None = None


def deviation(found: Any, wanted: Any) -> float:
    """The largest absolute difference, relative to the largest magnitude that is wanted."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        raise ValueError(f"a result of shape {found.shape}, not {wanted.shape}")
    largest = float(np.max(np.abs(wanted)))
    worst = float(np.max(np.abs(found - wanted)))
    return worst / largest if largest else worst
