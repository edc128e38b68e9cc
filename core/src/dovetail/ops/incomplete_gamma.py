"""The regularised incomplete gamma functions, their inverses and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING, float32, float64
from dovetail.errors import OpError
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.classification import isinf
from dovetail.ops.entropies import xlogy
from dovetail.ops.exponential import exp, log
from dovetail.ops.gamma_functions import digamma, gammaln, polygamma
from dovetail.ops.where import where
from dovetail.samples import binary
from dovetail.shapes import elementwise
from dovetail.special_reference import bisected, gamma_part, gamma_part_derivative, wide

__all__ = [
    "bell",
    "gammainc",
    "gammainc_derivative",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
]

TOLERANCE = {"float32": 1, "float64": 3, "float16": 1, "bfloat16": 1}
MOST = 4
"""Derivatives in a up to this order have a kernel."""


def bell(terms: Sequence[Any]) -> Any:
    """The complete Bell polynomial: the n-th derivative of e^f over e^f, of the n of f."""
    found: list[Any] = [1]
    for n in range(len(terms)):
        found.append(sum(math.comb(n, i) * found[n - i] * terms[i] for i in range(n + 1)))
    return found[-1]


def _density(a: Any, x: Any) -> Any:
    """The derivative of gammainc in x: x^(a-1) e^-x / gamma(a), 0 at infinity."""
    end = isinf(x)
    inner = where(end, 1, x)
    return where(end, 0, exp(xlogy(a - 1, inner) - inner - gammaln(a)))


def _density_derivative(a: Any, x: Any, order: int) -> Any:
    """Its derivative in a: of its logarithm they are log(x) - digamma(a), -polygamma(1, a), ..."""
    if order == 0:
        return _density(a, x)
    inside = where((x == 0) + isinf(x) > 0, 1, x)
    terms = [log(inside) - digamma(a), *(-polygamma(k, a) for k in range(1, order))]
    return _density(a, x) * bell(terms)


def _inverse(a: Any, p: Any, *, upper: bool) -> Any:
    a, p = np.broadcast_arrays(wide(a), wide(p))
    inside = (p > 0) & (p < 1) & (a > 0) & np.isfinite(a)
    sure_a, sure_p = np.where(inside, a, 1), np.where(inside, p, 0.5)
    u = bisected(
        lambda u: (-1 if upper else 1) * gamma_part(sure_a, np.exp(u), upper=upper),
        (-1 if upper else 1) * sure_p,
        -60,
        6,
    )
    ends = np.where(p == (1 if upper else 0), 0, np.where(p == (0 if upper else 1), np.inf, np.nan))
    return np.where(inside, np.exp(u), np.where((a >= 0) & np.isfinite(a), ends, np.nan))


def _values() -> Iterator[Sample]:
    yield from binary((0.3, 6), (0.05, 9))()
    yield Sample(inputs=([[0.5], [3.0], [40.0], [200.0]], [1e-3, 0.7, 12.0, 45.0, 190.0]))
    ends = ([0.0, 0.0, 1.0, 1.0, -1.0, 1.0, math.inf], [0.0, 1.0, 0.0, math.inf, 1.0, -1.0, 1.0])
    yield Sample(inputs=ends, differentiable=False)


def _probabilities() -> Iterator[Sample]:
    for left, right in [((), ()), ((17,), ()), ((2, 3), (3,)), ((0, 3), (3,))]:
        yield Sample(inputs=((left, 0.5, 6), (right, 0.1, 0.9)))
    ends = ([1.0, 1.0, 1.0, 2.0, -1.0], [0.0, 1.0, 1.5, 1e-3, 0.5])
    yield Sample(inputs=ends, differentiable=False)


gammainc: Any = define(
    Op(
        name="gammainc",
        doc="""The regularised lower incomplete gamma function P(a, x), element by element.

    It is the integral of t^(a-1) e^-t / gamma(a) from 0 to x, which grows from 0 to 1. Shapes
    broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where a or x
    is negative. The derivative flows to both operands. DLMF 8.2.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.gammainc(dt.asarray(1.0), dt.asarray(1.0)).item(), 5)  # 1 - 1 / e
    0.63212
    """,
        signature="a: T, x: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("gammainc"),
        gradient=(
            lambda g, y, a, x: g * gammainc_derivative(a, x, order=1),
            lambda g, y, a, x: g * _density(a, x),
        ),
        reference=lambda a, x: gamma_part(a, x, upper=False),
        samples=_values,
        tolerance=TOLERANCE,
    )
)

gammaincc: Any = define(
    Op(
        name="gammaincc",
        doc="""The regularised upper incomplete gamma function, Q(a, x) = 1 - `gammainc`.

    It keeps its digits where it is small. Shapes broadcast, dtypes promote; integers and bools are
    converted to float32 first. NaN where a or x is negative. The derivative flows to both operands.
    DLMF 8.2.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.gammaincc(dt.asarray(1.0), dt.asarray(1.0)).item(), 5)  # 1 / e
    0.36788
    """,
        signature="a: T, x: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("gammaincc"),
        gradient=(
            lambda g, y, a, x: -g * gammainc_derivative(a, x, order=1),
            lambda g, y, a, x: -g * _density(a, x),
        ),
        reference=lambda a, x: gamma_part(a, x, upper=True),
        samples=_values,
        # Where it is small and x < a + 3 the reference has the absolute accuracy of 64 bits.
        tolerance={**TOLERANCE, "float64": 16},
    )
)

gammaincinv: Any = define(
    Op(
        name="gammaincinv",
        doc="""The x with gammainc(a, x) = p, element by element.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. 0 at p = 0,
    infinity at 1, NaN outside and where a is negative. The derivative flows to both operands.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.gammaincinv(dt.asarray(1.0), dt.asarray(0.5)).item(), 5)  # log(2)
    0.69315
    """,
        signature="a: T, p: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("gammaincinv"),
        gradient=(
            lambda g, x, a, p: -g * gammainc_derivative(a, x, order=1) / _density(a, x),
            lambda g, x, a, p: g / _density(a, x),
        ),
        reference=lambda a, p: _inverse(a, p, upper=False),
        samples=_probabilities,
        tolerance=TOLERANCE,
    )
)

gammainccinv: Any = define(
    Op(
        name="gammainccinv",
        doc="""The x with gammaincc(a, x) = q, element by element.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. Infinity at
    q = 0, 0 at 1, NaN outside and where a is negative. The derivative flows to both operands.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.gammainccinv(dt.asarray(1.0), dt.asarray(1e-30)).item(), 5)
    69.07755
    """,
        signature="a: T, q: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("gammainccinv"),
        gradient=(
            lambda g, x, a, q: -g * gammainc_derivative(a, x, order=1) / _density(a, x),
            lambda g, x, a, q: -g / _density(a, x),
        ),
        reference=lambda a, q: _inverse(a, q, upper=True),
        samples=_probabilities,
        tolerance=TOLERANCE,
    )
)


def _canonical(a: Spec, x: Spec, *, order: Any) -> dict[str, Any]:
    if not isinstance(order, int) or isinstance(order, bool) or not 1 <= order <= MOST:
        raise OpError(
            f"gammainc_derivative: order={order!r} is not one of 1 to {MOST}; derivatives in a "
            f"beyond are not offered"
        )
    return {"order": order}


def _derivative_samples() -> Iterator[Sample]:
    for order in range(1, MOST + 1):
        for left, right in [((), ()), ((17,), (17,)), ((2, 1), (3,))]:
            yield Sample(
                inputs=((left, 0.4, 6), (right, 0.1, 9)),
                attributes={"order": order},
                dtypes=frozenset({float32, float64} if order == 1 else {float64}),
                differentiable=order + 2 <= MOST,
            )
    ends = ([1.0, 2.0], [0.0, math.inf])
    yield Sample(inputs=ends, attributes={"order": 1}, differentiable=False)


gammainc_derivative: Any = define(
    Op(
        name="gammainc_derivative",
        doc="""The derivative of gammainc(a, x) in a, of an ``order`` from 1 to 4.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where a
    is not positive or x is negative. Its own derivative in a is of the next order. Computed by the
    same series and continued fraction as gammainc, in truncated power series of a.

    Raises OpError when the shapes do not broadcast or the order is another.

    >>> import dovetail as dt
    >>> a, x = dt.asarray(1.0), dt.asarray(1.0)
    >>> round(dt.ops.gammainc_derivative(a, x, order=1).item(), 5)
    -0.43173
    """,
        signature="a: T, x: T -> T",
        types={"T": FLOATING},
        attributes={"order": REQUIRED},
        broadcast=True,
        canonical=_canonical,
        infer=elementwise("gammainc_derivative"),
        gradient=(
            lambda g, y, a, x, order: g * gammainc_derivative(a, x, order=order + 1),
            lambda g, y, a, x, order: g * _density_derivative(a, x, order),
        ),
        reference=gamma_part_derivative,
        samples=_derivative_samples,
        # Terms of both signs: 1e-12 of the largest value, where the derivative itself passes zero.
        tolerance={"norm": True, "float32": 2, "float64": 4096, "float16": 1, "bfloat16": 1},
    )
)
