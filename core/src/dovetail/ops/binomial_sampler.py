"""Binomial counts: sequential search for small means, transformed rejection for others."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import int64
from dovetail.ops.counting_formulas import (
    MOST_COUNT,
    TWO_PI,
    deviance,
    log_complement,
    stirling_error,
)
from dovetail.ops.philox import Stream
from dovetail.ops.portable_formulas import NUMPY, exp, log, log_positive
from dovetail.ops.sampling import BINOMIAL, open_unit, rejected, sampler

__all__ = ["random_binomial"]

Floats = np.ndarray[Any, Any]

MOST = 256
"""Proposals of an element; each is accepted with a chance above 0.7."""


def _search(u: Floats, n: Floats, p: Floats) -> Floats:
    odds = p / (1.0 - p)
    u, k, r = u.copy(), np.zeros_like(u), exp(NUMPY, n * log_complement(p))
    for number in range(1, MOST_COUNT + 1):
        more = u > r
        if not more.any():
            break
        u[more] = u[more] - r[more]
        k[more] = number
        ratio = (n[more] + 1.0 - float(number)) / float(number)
        r[more] = r[more] * odds[more] * ratio
    return k


def _log_chance(k: Floats, n: Floats, p: Floats) -> Floats:
    inner = (k > 0) & (k < n)
    some = np.where(inner, k, 1.0)
    rest = np.where(inner, n - k, 1.0)
    errors = stirling_error(n) - stirling_error(some) - stirling_error(rest)
    far = deviance(some, n * p) + deviance(rest, n * (1.0 - p))
    chance = errors - far + 0.5 * log_positive(NUMPY, n / (TWO_PI * some * rest))
    ends = np.where(k == 0, n * log_complement(p), n * log(NUMPY, p))
    return np.where(inner, chance, ends)


def _draw(stream: Stream, count: Floats, chance: Floats) -> np.ndarray[Any, Any]:
    n = np.floor(count)
    valid = (n >= 0) & (n <= 2.0**53) & (chance >= 0) & (chance <= 1)
    turned = chance > 0.5
    p = np.where(turned, 1.0 - chance, chance)
    result = np.full(n.shape, -1.0)
    few = np.flatnonzero(valid & (n * p < 10))
    result[few] = _search(open_unit(stream.pair(few, 1)[0]), n[few], p[few])

    many = np.flatnonzero(valid & (n * p >= 10))
    spread = np.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    top = np.zeros_like(n)
    top[many] = _log_chance(np.floor((n + 1.0) * p)[many], n[many], p[many])

    def propose(at: Any, first: Any, second: Any) -> tuple[Any, Any]:
        size, less, wide = n[at], p[at], b[at]
        slope = -0.0873 + 0.0248 * wide + 0.01 * less
        alpha = (2.83 + 5.1 / wide) * spread[at]
        u, v = open_unit(first) - 0.5, open_unit(second)
        edge = 0.5 - np.abs(u)
        k = np.floor((2.0 * slope / edge + wide) * u + (size * less + 0.5))
        sure = (edge >= 0.07) & (v <= 0.92 - 4.2 / wide)
        possible = (k >= 0) & (k <= size)
        hat = v * alpha / (slope / (edge * edge) + wide)
        bound = _log_chance(np.where(possible, k, 0.0), size, less) - top[at]
        return sure | (possible & (log_positive(NUMPY, hat) <= bound)), k

    rejected(stream, many, result, MOST, propose)
    return np.where(turned & (result >= 0), n - result, result).astype(np.int64)


random_binomial: Any = sampler(
    name="random_binomial",
    doc="""Numbers of successes in ``count`` trials of probability ``p``, int64.

    The keys are uint32[..., 2]; counts and probabilities have the same shape, which begins with the
    keys' axes before the 2, and which the result has. Counts are floats that hold whole numbers up
    to 2**53; others are rounded down. -1 where count or p is out of range or NaN.

    Below a mean of 10 by sequential search with the one uniform number of block 1. From there on W.
    Hormann, "The generation of binomial random variates", Journal of Statistical Computation and
    Simulation 46 (1993), algorithm BTRS, with probabilities after C. Loader, "Fast and accurate
    computation of binomial probabilities", 2000. For p > 1/2 failures are counted. Proposal n of
    element i is block n of its stream (tag 3). Computed in float64 by portable operations.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_binomial(key, dt.asarray([7.0, 7.0]), dt.asarray([0.0, 1.0])).tolist()
    [0, 7]
    """,
    parameters=("count", "p"),
    tag=BINOMIAL,
    draw=_draw,
    values=(
        (20.0, 0.3),
        (0.0, 0.5),
        (7.0, 0.0),
        (7.0, 1.0),
        (9.5, 0.9),
        (1000.0, 0.4),
        (1000.0, 0.99),
        (2.0**40, 1e-12),
        (2.0**53, 0.5),
        (2.0**54, 0.5),
        (-1.0, 0.5),
        (5.0, 1.5),
        (5.0, -0.5),
        (float("nan"), 0.5),
        (5.0, float("nan")),
        (float("inf"), 0.5),
    ),
    result=int64,
)
