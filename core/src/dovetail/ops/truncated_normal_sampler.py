"""Standard normal numbers between two bounds, by rejection."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import ops
from dovetail.ops.gamma_sampler import normal_of
from dovetail.ops.philox import Stream
from dovetail.ops.portable_formulas import NUMPY, log_positive
from dovetail.ops.sampling import TRUNCATED_NORMAL, open_unit, rejected, sampler

__all__ = ["random_truncated_normal"]

Floats = np.ndarray[Any, Any]

MOST = 256
"""Proposals of an element; each is accepted with a chance above 0.3."""


def _proposals(low: Floats, high: Floats, first: Any, second: Any) -> tuple[Floats, Floats]:
    """For 0 < high: which proposals are accepted, and all of them."""
    width, v, below = high - low, open_unit(second), low <= 0
    u = open_unit(first)
    narrow = width * (high + low) < 2.0
    from_normal = np.where(below, width > 2.5, ~narrow & (low < 0.5))
    from_uniform = ~from_normal & (below | narrow)

    drawn = normal_of(first)
    drawn = np.where(below, drawn, np.abs(drawn))
    even = low + width * u
    even = np.where(even < high, even, high)
    nearest = np.where(below, 0.0, low)
    under = log_positive(NUMPY, v) <= 0.5 * ((nearest - even) * (nearest + even))
    twice = -2.0 * log_positive(NUMPY, u)
    tail = low + twice / (low + np.sqrt(low * low + twice))

    x = np.where(from_normal, drawn, np.where(from_uniform, even, tail))
    inside = (x >= low) & (x <= high)
    good = np.where(from_uniform, under, from_normal | (v * x <= low))
    return inside & good, x


def _draw(stream: Stream, low: Floats, high: Floats) -> Floats:
    turned = high <= 0
    a, b = np.where(turned, -high, low), np.where(turned, -low, high)
    result = np.full(a.shape, np.nan)
    given = low == high
    far = (low < high) & (a > 1e100)
    result[far] = a[far]

    def propose(at: Any, first: Any, second: Any) -> tuple[Any, Any]:
        return _proposals(a[at], b[at], first, second)

    rejected(stream, np.flatnonzero((low < high) & ~far), result, MOST, propose)
    result = np.where(turned, -result, result)
    result[given] = low[given]
    return result


def _by_low(g: Any, y: Any, key: Any, low: Any, high: Any) -> Any:
    return g * ops.random_truncated_normal_gradient(y, low, high)


def _by_high(g: Any, y: Any, key: Any, low: Any, high: Any) -> Any:
    return g * ops.random_truncated_normal_gradient(-y, -high, -low)


random_truncated_normal: Any = sampler(
    name="random_truncated_normal",
    doc="""Standard normal numbers between two bounds, which may be infinite.

    The keys are uint32[..., 2]; both bounds have the same shape, which begins with the keys' axes
    before the 2, and which the result has. It lies in the closed interval; NaN where a bound is NaN
    or low exceeds high.

    After C. Robert, "Simulation of truncated normal variables", Statistics and Computing 5 (1995):
    proposals are normal where the interval is wide, uniform where it is narrow, and for a far tail
    those of G. Marsaglia, "Generating a variable from the tail of the normal distribution",
    Technometrics 6 (1964). So tails are as exact as the middle, at any distance. Proposal n of
    element i is block n of its stream (tag 4). Computed in float64 by portable operations and
    rounded once. The derivatives by the bounds are the implicit ones, at a fixed probability.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> x = dt.ops.random_truncated_normal(key, dt.full((9,), 40.0), dt.full((9,), dt.inf))
    >>> bool(dt.all((x >= 40) & (x < 42)))
    True
    """,
    parameters=("low", "high"),
    tag=TRUNCATED_NORMAL,
    draw=_draw,
    values=(
        (-1.0, 2.0),
        (-2.0, 2.0),
        (0.1, 9.0),
        (-9.0, -0.4),
        (2.0, float("inf")),
        (float("-inf"), -30.0),
        (float("-inf"), float("inf")),
        (0.0, float("inf")),
        (5.0, 5.01),
        (1e3, 1e4),
        (1.5, 1.5),
        (2.0, 1.0),
        (float("nan"), 1.0),
        (1e30, float("inf")),
    ),
    gradient=(None, _by_low, _by_high),
    differentiable=frozenset(),  # differences of draws jump where another proposal is accepted
)
