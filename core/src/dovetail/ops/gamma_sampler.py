"""Gamma variables by rejection, and their derivative by their concentration."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import ops
from dovetail.op import Spec
from dovetail.ops.philox import Stream
from dovetail.ops.portable_formulas import NUMPY, exp, log_positive, quantile
from dovetail.ops.sampling import GAMMA, open_unit, rejected, sampler

__all__ = ["normal_of", "random_gamma"]

Floats = np.ndarray[Any, Any]

MOST = 128
"""Proposals of an element; each is accepted with a chance above 0.95."""


def normal_of(word: np.ndarray[Any, Any]) -> Floats:
    """The standard normal number of a uint64, as `random_normal` makes it in float64."""
    odd = (word >> np.uint64(11)).astype(np.int64) * 2 + (1 - 2**53)
    q = odd.astype(np.float64) * 2.0**-54
    return np.asarray(quantile(NUMPY, q, 0.5 - np.abs(q)))


def _draw(stream: Stream, a: Floats, log: bool) -> Floats:
    result = np.full(a.shape, np.nan)
    endless = a == np.inf
    result[endless] = np.inf
    usual = np.flatnonzero((a >= 0) & ~endless)
    d = np.where(a < 1, a + 1.0, a) - 1.0 / 3

    def propose(at: Any, first: Any, second: Any) -> tuple[Any, Any]:
        here, x, u = d[at], normal_of(first), open_unit(second)
        root = 1.0 + 1.0 / np.sqrt(9.0 * here) * x
        v = root * root * root
        square = x * x
        inside = u < 1.0 - 0.0331 * square * square
        log_v = log_positive(NUMPY, np.where(root > 0, v, 1.0))
        bound = 0.5 * square + here * ((1.0 - v) + log_v)
        return (root > 0) & (inside | (log_positive(NUMPY, u) < bound)), here * v

    rejected(stream, usual, result, MOST, propose)
    less = usual[a[usual] < 1]
    power = log_positive(NUMPY, open_unit(stream.pair(less, 0)[0])) / a[less]
    if log:
        result[usual] = log_positive(NUMPY, result[usual])
        result[less] = result[less] + power
    else:
        result[less] = result[less] * exp(NUMPY, power)
    return result


def _canonical(key: Spec, concentration: Spec, log: Any) -> dict[str, Any]:
    return {"log": bool(log)}


def _gradient(g: Any, y: Any, key: Any, concentration: Any, log: bool) -> Any:
    if log:
        slope = ops.random_gamma_gradient(concentration, y)
        return g * slope
    # The logarithm may be minus infinity where a draw underflows to 0, whose slope is 0 as well.
    positive = y > 0
    slope = ops.random_gamma_gradient(concentration, ops.log(ops.where(positive, y, 1)))
    return g * ops.where(positive, y * slope, 0)


random_gamma: Any = sampler(
    name="random_gamma",
    doc="""Gamma variables with given concentrations and rate 1, or their logarithms.

    The keys are uint32[..., 2], the concentrations begin with the keys' axes before the 2; the
    result has their shape and dtype. With ``log`` it holds logarithms, which do not underflow where
    the concentration is small.

    G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM Transactions on
    Mathematical Software 26 (2000): d v for d = a - 1/3 and v = (1 + x / sqrt(9 d))**3, x normal.
    For a < 1 the draw for a + 1 times u**(1/a). Proposal n of element i is block n of its stream
    (tag 1), u is in block 0. Computed in float64 by portable operations and rounded once.

    NaN where the concentration is negative or NaN. The derivative by the concentration is the
    implicit one, at a fixed probability (M. Figurnov, S. Mohamed and A. Mnih, "Implicit
    reparameterization gradients", NeurIPS 2018).

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_gamma(key, dt.full((3,), 2.0)).shape
    (3,)
    """,
    parameters=("concentration",),
    tag=GAMMA,
    draw=_draw,
    values=(
        (2.5,),
        (0.0,),
        (1.0,),
        (0.3,),
        (1e-3,),
        (1e5,),
        (3e9,),
        (-1.0,),
        (float("nan"),),
        (float("inf"),),
    ),
    attributes={"log": False},
    canonical=_canonical,
    gradient=(None, _gradient),
    differentiable=frozenset(),  # differences of draws jump where another proposal is accepted
)
