"""How a truncated normal number moves with the lower bound, at a fixed probability."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import float32, float64
from dovetail.op import Op, Sample, define
from dovetail.shapes import elementwise

__all__ = ["random_truncated_normal_gradient"]

Floats = np.ndarray[Any, Any]

_ROOT_HALF = math.sqrt(0.5)
_SCALE = math.sqrt(math.pi / 2)


def _mills_one(x: float) -> float:
    """The mass above x over the density at x >= 0, which is 1 / x - 1 / x**3 + ... for large x."""
    if x < 12:
        return _SCALE * math.erfc(x * _ROOT_HALF) * math.exp(0.5 * x * x)
    t = 0.0
    for n in range(30, 0, -1):  # Laplace's continued fraction
        t = n / (x + t)
    return 1 / (x + t)


_mills = np.vectorize(_mills_one, otypes=[np.float64])
_mass_below = np.vectorize(lambda x: 0.5 * math.erfc(-x * _ROOT_HALF), otypes=[np.float64])


def _relative(x: Floats, to: Floats) -> Floats:
    """The density at x over that at another place nearer to 0; infinite x have none."""
    return np.asarray(
        np.where(np.isinf(x), 0.0, np.exp(np.minimum(0.5 * (to - x) * (to + x), 0.0)))
    )


def _right(z: Floats, low: Floats, high: Floats) -> Floats:
    """0 <= low: ratios of the masses above z and above low to the densities there."""
    end = _mills(np.minimum(high, 1e150))
    return np.asarray(
        (_mills(z) - _relative(high, z) * end) / (_mills(low) - _relative(high, low) * end)
    )


def _left(z: Floats, low: Floats, high: Floats) -> Floats:
    """high <= 0: masses and densities over the density at high."""
    end = _mills(-high)
    whole = end - _relative(low, high) * _mills(-np.maximum(low, -1e150))
    return np.asarray(_relative(low, z) * (end - _relative(z, high) * _mills(-z)) / whole)


def _around(z: Floats, low: Floats, high: Floats) -> Floats:
    """low < 0 < high."""
    whole = _mass_below(high) - _mass_below(low)
    above = _mass_below(high) - _mass_below(z)
    exponent = np.where(np.isinf(low), -np.inf, 0.5 * (z - low) * (z + low))
    return np.asarray(np.exp(exponent) * (above / whole))


def _reference(draw: Floats, low: Floats, high: Floats) -> Floats:
    z, a, b = (x.astype(np.float64).reshape(-1) for x in (draw, low, high))
    result = np.full(z.shape, np.nan)
    inside = (a <= z) & (z <= b) & (a < b)
    right, left = a >= 0, b <= 0
    for method, which in ((_right, right), (_left, left & ~right), (_around, ~right & ~left)):
        at = np.flatnonzero(inside & which)
        if at.size:
            result[at] = method(z[at], a[at], b[at])
    return np.asarray(np.clip(result, 0.0, None).reshape(draw.shape))


def _samples() -> Iterator[Sample]:
    for shape in ((), (0,), (17,), (3, 40)):
        yield Sample(inputs=((shape, -0.5, 0.5), (shape, -2, -1), (shape, 1, 2)))
        yield Sample(inputs=((shape, 3, 4), (shape, 2, 3), (shape, 4, 5)))
    infinity = float("inf")
    rows = [
        (1.0, -infinity, infinity),
        (40.1, 40.0, infinity),
        (-40.1, -infinity, -40.0),
        (-40.1, -41.0, -40.0),
        (0.5, 0.5, 1.0),
        (1.0, 0.5, 1.0),
        (3.0, 1.0, 2.0),
        (float("nan"), 0.0, 1.0),
    ]
    yield Sample(inputs=tuple([row[i] for row in rows] for i in range(3)), differentiable=False)


RANDOM_TRUNCATED_NORMAL_GRADIENT = Op(
    name="random_truncated_normal_gradient",
    doc="""How a truncated normal number moves with the lower bound, at a fixed probability.

    The density at ``low`` over that at the draw, times the share of the mass that lies above the
    draw: M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients", NeurIPS
    2018. What `random_truncated_normal` differentiates with; for the upper bound all signs are
    turned. In tails by Mills' ratio, so accurate at any distance.

    The operands have one dtype, float32 or float64, and broadcast. NaN where the draw is not
    between the bounds. It has no derivative itself.

    >>> import dovetail as dt
    >>> draw, low, high = dt.asarray(0.0), dt.asarray(0.0), dt.asarray(1.0)
    >>> dt.ops.random_truncated_normal_gradient(draw, low, high).item()
    1.0
    """,
    signature="draw: T, low: T, high: T -> T",
    types={"T": frozenset({float32, float64})},
    broadcast=True,
    infer=elementwise("random_truncated_normal_gradient"),
    reference=_reference,
    samples=_samples,
    # Masses of narrow intervals are differences: float32 results are rounded from float64 ones.
    tolerance={"float32": 1, "float64": 0},
    batching=batching.elementwise,
)
random_truncated_normal_gradient: Any = define(RANDOM_TRUNCATED_NORMAL_GRADIENT)
