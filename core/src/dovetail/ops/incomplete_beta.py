"""The regularised incomplete beta function, its complement, inverse and derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING, float32, float64
from dovetail.errors import OpError
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.beta_functions import betaln
from dovetail.ops.entropies import xlog1py, xlogy
from dovetail.ops.exponential import exp, log, log1p
from dovetail.ops.gamma_functions import digamma, polygamma
from dovetail.ops.where import where
from dovetail.shapes import elementwise
from dovetail.special_reference import beta_part, beta_part_derivative, bisected, wide

__all__ = ["betainc", "betainc_derivative", "betaincc", "betaincinv"]

TOLERANCE = {"float32": 1, "float64": 3, "float16": 1, "bfloat16": 1}
MOST = 4
"""Derivatives in a and b up to this order in all have a kernel."""

SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((), (), ()),
    ((17,), (17,), (17,)),
    ((33,), (), (33,)),
    ((2, 1, 1), (3, 1), (4,)),
    ((0, 3), (3,), ()),
    ((1030,), (1030,), (1030,)),
)


def _density(a: Any, b: Any, x: Any) -> Any:
    """The derivative of betainc in x: x^(a-1) (1-x)^(b-1) / beta(a, b)."""
    return exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _density_derivative(a: Any, b: Any, x: Any, order: tuple[int, int]) -> Any:
    """Its derivatives in a and b, by those of its logarithm, as those of e^f go by those of f."""
    rows, columns = order
    inside = where(x * (1 - x) == 0, 0.5, x)

    def term(i: int, j: int) -> Any:
        n = i + j
        value = polygamma(n - 1, a + b) if n > 1 else digamma(a + b)
        if j == 0:
            value = value - (polygamma(n - 1, a) if n > 1 else digamma(a))
        if i == 0:
            value = value - (polygamma(n - 1, b) if n > 1 else digamma(b))
        if (i, j) == (1, 0):
            return value + log(inside)
        return value + log1p(-inside) if (i, j) == (0, 1) else value

    found: dict[tuple[int, int], Any] = {(0, 0): 1}
    for i in range(rows + 1):
        for j in range(columns + 1):
            if i + j == 0:
                continue
            p0, q0 = (i - 1, j) if i else (0, j - 1)
            di, dj = (1, 0) if i else (0, 1)
            found[i, j] = sum(
                math.comb(p0, p) * math.comb(q0, q) * found[p0 - p, q0 - q] * term(p + di, q + dj)
                for p in range(p0 + 1)
                for q in range(q0 + 1)
            )
    return _density(a, b, x) * found[rows, columns]


def _values() -> Iterator[Sample]:
    for a, b, x in SHAPES:
        yield Sample(inputs=((a, 0.4, 6), (b, 0.4, 6), (x, 0.03, 0.97)))
    corners = [[[0.5]], [[3.0]], [[60.0]]], [[0.5], [2.0], [80.0]], [1e-3, 0.2, 0.43, 0.9]
    yield Sample(inputs=corners, differentiable=False)
    ends = ([0.0, 1.0, 1.0, 2.0, -1.0, 1.0], [1.0, 0.0, 1.0, 3.0, 1.0, 1.0])
    yield Sample(inputs=(*ends, [0.5, 0.5, 0.0, 1.0, 0.5, 1.5]), differentiable=False)


def _probabilities() -> Iterator[Sample]:
    for a, b, p in (SHAPES[0], SHAPES[3], SHAPES[4]):
        yield Sample(inputs=((a, 0.5, 6), (b, 0.5, 6), (p, 0.1, 0.9)))
    ends = ([1.0, 1.0, 2.0, 2.0, -1.0], [1.0, 2.0, 3.0, 1.0, 1.0], [0.0, 1.0, 1e-3, 1.5, 0.5])
    yield Sample(inputs=ends, differentiable=False)


def _inverse(a: Any, b: Any, p: Any) -> Any:
    a, b, p = np.broadcast_arrays(wide(a), wide(b), wide(p))
    inside = (p > 0) & (p < 1) & (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    a1, b1, p1 = np.where(inside, a, 1), np.where(inside, b, 1), np.where(inside, p, 0.5)
    x = bisected(lambda x: beta_part(a1, b1, x), p1, 0, 1)
    ends = np.where((p == 0) | (p == 1), p, np.nan)
    return np.where(inside, x, np.where((a > 0) & (b > 0), ends, np.nan))


betainc: Any = define(
    Op(
        name="betainc",
        doc="""The regularised incomplete beta function I_x(a, b), element by element.

    It is the integral of t^(a-1) (1-t)^(b-1) / beta(a, b) from 0 to x, which grows from 0 to 1.
    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where a
    or b is negative or x outside [0, 1]. The derivative flows to all operands. DLMF 8.17.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.betainc(2.0, 3.0, dt.asarray(0.5)).item(), 5)
    0.6875
    """,
        signature="a: T, b: T, x: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("betainc"),
        gradient=(
            lambda g, y, a, b, x: g * betainc_derivative(a, b, x, order=(1, 0)),
            lambda g, y, a, b, x: g * betainc_derivative(a, b, x, order=(0, 1)),
            lambda g, y, a, b, x: g * _density(a, b, x),
        ),
        reference=beta_part,
        samples=_values,
        tolerance=TOLERANCE,
    )
)

betaincc: Any = define(
    Op(
        name="betaincc",
        doc="""1 - `betainc`, element by element, with its digits where it is small.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where a
    or b is negative or x outside [0, 1]. The derivative flows to all operands. DLMF 8.17.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.betaincc(2.0, 3.0, dt.asarray(0.5)).item(), 5)
    0.3125
    """,
        signature="a: T, b: T, x: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("betaincc"),
        gradient=(
            lambda g, y, a, b, x: -g * betainc_derivative(a, b, x, order=(1, 0)),
            lambda g, y, a, b, x: -g * betainc_derivative(a, b, x, order=(0, 1)),
            lambda g, y, a, b, x: -g * _density(a, b, x),
        ),
        reference=lambda a, b, x: beta_part(a, b, x, upper=True),
        samples=_values,
        tolerance=TOLERANCE,
    )
)

betaincinv: Any = define(
    Op(
        name="betaincinv",
        doc="""The x with betainc(a, b, x) = p, element by element.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where p
    is outside [0, 1] or a or b is not positive. The derivative flows to all operands.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.betaincinv(2.0, 3.0, dt.asarray(0.6875)).item(), 5)
    0.5
    """,
        signature="a: T, b: T, p: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("betaincinv"),
        gradient=(
            lambda g, x, a, b, p: (
                -g * betainc_derivative(a, b, x, order=(1, 0)) / _density(a, b, x)
            ),
            lambda g, x, a, b, p: (
                -g * betainc_derivative(a, b, x, order=(0, 1)) / _density(a, b, x)
            ),
            lambda g, x, a, b, p: g / _density(a, b, x),
        ),
        reference=_inverse,
        samples=_probabilities,
        tolerance=TOLERANCE,
    )
)


def _canonical(a: Spec, b: Spec, x: Spec, *, order: Any) -> dict[str, Any]:
    whole = isinstance(order, tuple | list) and len(order) == 2
    whole = whole and all(isinstance(n, int) and n >= 0 for n in order)
    if not whole or not 1 <= sum(order) <= MOST:
        raise OpError(
            f"betainc_derivative: order={order!r} is not two whole numbers with a sum of 1 to "
            f"{MOST}, the orders in a and in b; derivatives beyond are not offered"
        )
    return {"order": tuple(order)}


def _derivative_samples() -> Iterator[Sample]:
    for order in [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (1, 3)]:
        for a, b, x in SHAPES[:2]:
            yield Sample(
                inputs=((a, 0.4, 6), (b, 0.4, 6), (x, 0.03, 0.97)),
                attributes={"order": order},
                dtypes=frozenset({float32, float64} if order == (1, 0) else {float64}),
                differentiable=sum(order) + 2 <= MOST,
            )
    ends = ([1.0, 2.0], [1.5, 0.5], [0.0, 1.0])
    yield Sample(inputs=ends, attributes={"order": (1, 0)}, differentiable=False)


betainc_derivative: Any = define(
    Op(
        name="betainc_derivative",
        doc="""The derivative of betainc(a, b, x) of ``order`` (i, j): i times in a, j times in b.

    i + j is from 1 to 4. Shapes broadcast, dtypes promote; integers and bools are converted to
    float32 first. NaN where a or b is not positive or x outside [0, 1]. Computed by the same
    continued fraction as betainc, in truncated power series of a and b.

    Raises OpError when the shapes do not broadcast or the order is another.

    >>> import dovetail as dt
    >>> x = dt.asarray(0.5)
    >>> round(dt.ops.betainc_derivative(1.0, 1.0, x, order=(1, 0)).item(), 5)  # log(1/2) / 2
    -0.34657
    """,
        signature="a: T, b: T, x: T -> T",
        types={"T": FLOATING},
        attributes={"order": REQUIRED},
        broadcast=True,
        canonical=_canonical,
        infer=elementwise("betainc_derivative"),
        gradient=(
            lambda g, y, a, b, x, order: (
                g * betainc_derivative(a, b, x, order=(order[0] + 1, order[1]))
            ),
            lambda g, y, a, b, x, order: (
                g * betainc_derivative(a, b, x, order=(order[0], order[1] + 1))
            ),
            lambda g, y, a, b, x, order: g * _density_derivative(a, b, x, order),
        ),
        reference=beta_part_derivative,
        samples=_derivative_samples,
        # Terms of both signs: 1e-12 of the largest value, where the derivative itself passes zero.
        tolerance={"norm": True, "float32": 2, "float64": 4096, "float16": 1, "bfloat16": 1},
    )
)
