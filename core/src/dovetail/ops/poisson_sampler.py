"""Poisson counts: sequential search for small rates, transformed rejection for others."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import int64
from dovetail.ops.counting_formulas import MOST_COUNT, TWO_PI, deviance, stirling_error
from dovetail.ops.philox import Stream
from dovetail.ops.portable_formulas import NUMPY, exp, log_positive
from dovetail.ops.sampling import POISSON, open_unit, rejected, sampler

__all__ = ["random_poisson"]

Floats = np.ndarray[Any, Any]

MOST = 256
"""Proposals of an element; each is accepted with a chance above 0.75."""

LARGEST = float.fromhex("0x1.fffffffffffffp62")


def _search(u: Floats, rate: Floats) -> Floats:
    u, k, p = u.copy(), np.zeros_like(u), exp(NUMPY, -rate)
    for number in range(1, MOST_COUNT + 1):
        more = u > p
        if not more.any():
            break
        u[more] = u[more] - p[more]
        k[more] = number
        p[more] = p[more] * rate[more] / float(number)
    return k


def _log_chance(k: Floats, rate: Floats) -> Floats:
    some = np.where(k > 0, k, 1.0)
    there = -stirling_error(some) - deviance(some, rate) - 0.5 * log_positive(NUMPY, TWO_PI * some)
    return np.where(k == 0, -rate, there)


def _draw(stream: Stream, rate: Floats) -> np.ndarray[Any, Any]:
    result = np.full(rate.shape, -1.0)
    valid = (rate >= 0) & (rate < np.inf)
    few = np.flatnonzero(valid & (rate < 10))
    result[few] = _search(open_unit(stream.pair(few, 1)[0]), rate[few])
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b

    def propose(at: Any, first: Any, second: Any) -> tuple[Any, Any]:
        here, wide, slope = rate[at], b[at], a[at]
        inverse = 1.1239 + 1.1328 / (wide - 3.4)
        u, v = open_unit(first) - 0.5, open_unit(second)
        edge = 0.5 - np.abs(u)
        k = np.floor((2.0 * slope / edge + wide) * u + here + 0.43)
        sure = (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (wide - 2.0))
        possible = (k >= 0) & ~((edge < 0.013) & (v > edge))
        hat = v * inverse / (slope / (edge * edge) + wide)
        chance = _log_chance(np.where(possible, k, 0.0), here)
        return sure | (possible & (log_positive(NUMPY, hat) <= chance)), k

    rejected(stream, np.flatnonzero(valid & (rate >= 10)), result, MOST, propose)
    return np.asarray(np.minimum(result, LARGEST).astype(np.int64))


random_poisson: Any = sampler(
    name="random_poisson",
    doc="""Poisson counts with given rates, int64.

    The keys are uint32[..., 2], the rates begin with the keys' axes before the 2; the result has
    their shape. -1 where the rate is negative, infinite or NaN; counts end below 2**63.

    Below a rate of 10 by sequential search with the one uniform number of block 1. From there on W.
    Hormann, "The transformed rejection method for generating Poisson random variables", Insurance:
    Mathematics and Economics 12 (1993), algorithm PTRS, with probabilities after C. Loader, "Fast
    and accurate computation of binomial probabilities", 2000. Proposal n of element i is block n of
    its stream (tag 2). Computed in float64 by portable operations.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_poisson(key, dt.asarray([0.0, -1.0])).tolist()
    [0, -1]
    """,
    parameters=("rate",),
    tag=POISSON,
    draw=_draw,
    values=(
        (3.5,),
        (0.0,),
        (0.01,),
        (9.99,),
        (10.0,),
        (150.0,),
        (1e6,),
        (1e17,),
        (1e30,),
        (-1.0,),
        (float("nan"),),
        (float("inf"),),
    ),
    result=int64,
)
