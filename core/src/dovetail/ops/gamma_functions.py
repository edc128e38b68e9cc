"""The gamma function, its logarithm and the derivatives of that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.samples import SPECIAL, binary, unary
from dovetail.shapes import elementwise
from dovetail.special_reference import digamma as wide_digamma
from dovetail.special_reference import elementwise as each
from dovetail.special_reference import log_abs_gamma
from dovetail.special_reference import zeta as wide_zeta

__all__ = ["digamma", "gamma", "gammaln", "polygamma", "zeta"]

# 2 ulp of the kernels, 1 of the reference; float32 and less are rounded from float64.
TOLERANCE = {"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1}
WIDE = frozenset({float32, float64})


def _gamma_one(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    if x < 0 and (math.isinf(x) or x == math.floor(x)):
        return math.nan
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf


def _polygamma(n: Any, x: Any) -> Any:
    size = np.vectorize(math.gamma, otypes=[np.longdouble])(np.where(n > 0, n, 0) + 1)
    value = np.where(n % 2 == 1, 1, -1) * size * wide_zeta(n + 1, x)
    return np.where(n == 0, wide_digamma(x), value)


def _both_sides() -> Iterator[Sample]:
    yield from unary(0.2, 9)()
    yield Sample(inputs=(((7,), -2.9, -2.1),))
    sizes = [1e-5, -1e-5, 30.5, 100.0, 171.0, 172.0, 1e8, 1e30, -0.25, -10.75, 1.0, 2.0, 1.5]
    yield Sample(inputs=(sizes,), dtypes=WIDE, differentiable=False)


def _orders() -> Iterator[Sample]:
    for shape in [(), (17,), (2, 3), (0,)]:
        yield Sample(inputs=([2.0], (shape, 0.3, 9)))
    yield Sample(inputs=([[0.0], [1.0], [2.0], [5.0]], [0.5, 1.0, 3.25, 20.0, 1e3, 1e-2]))
    yield Sample(inputs=([1.0], SPECIAL[:2]), differentiable=False)


gammaln: Any = define(
    Op(
        name="gammaln",
        doc="""log |gamma(x)|, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Infinity
    at 0 and at the negative whole numbers. The derivative is `digamma`. DLMF 5.11.

    >>> import dovetail as dt
    >>> round(dt.special.gammaln(dt.asarray(10.0)).item(), 5)
    12.80183
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("gammaln"),
        gradient=(lambda g, y, x: g * digamma(x),),
        batching=batched,
        reference=log_abs_gamma,
        samples=_both_sides,
        # Beside its zeros on the left the C library has 5 ulp, the reference an absolute error.
        tolerance={**TOLERANCE, "float64": 64},
    )
)

gamma: Any = define(
    Op(
        name="gamma",
        doc="""The gamma function, of which gamma(n + 1) is n!, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Infinity
    with its sign at both zeros, NaN at the negative whole numbers. DLMF 5.2.

    >>> import dovetail as dt
    >>> dt.special.gamma(dt.asarray([1.0, 5.0])).tolist()
    [1.0, 24.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("gamma"),
        gradient=(lambda g, y, x: g * y * digamma(x),),
        batching=batched,
        reference=each(_gamma_one),
        samples=_both_sides,
        # 2 ulp of the kernel; the C library's, which the reference calls, is off by up to 5.
        tolerance={**TOLERANCE, "float64": 8},
    )
)

digamma: Any = define(
    Op(
        name="digamma",
        doc="""The derivative of log gamma, element by element; also called psi.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Infinity
    with the other sign at both zeros, NaN at the negative whole numbers. DLMF 5.4.

    >>> import dovetail as dt
    >>> round(-dt.special.digamma(dt.asarray(1.0)).item(), 5)  # Euler's constant
    0.57722
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("digamma"),
        gradient=(lambda g, y, x: g * polygamma(1, x),),
        batching=batched,
        reference=wide_digamma,
        samples=_both_sides,
        tolerance=TOLERANCE,
    )
)

zeta: Any = define(
    Op(
        name="zeta",
        doc="""Hurwitz' zeta function, the sum of (q + k) ** -x over k = 0, 1, 2, ...

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. Infinity at
    x = 1 and where q is a whole number not above 0; NaN for x < 1, and for q < 0 unless x is whole.
    The derivative flows to q. DLMF 25.11.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.zeta(dt.asarray(2.0)).item(), 5)  # pi ** 2 / 6
    1.64493
    """,
        signature="x: T, q: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("zeta"),
        gradient=(None, lambda g, z, x, q: -g * x * zeta(x + 1, q)),
        reference=wide_zeta,
        samples=binary(
            (1.5, 7), (0.3, 9), extra=(([1.0, 0.5, 1.001, 12.0], [2.0, 2.0, 100.0, 3.0]),)
        ),
        tolerance=TOLERANCE,
    )
)

polygamma: Any = define(
    Op(
        name="polygamma",
        doc="""The n-th derivative of `digamma` at x, n a whole number not below 0.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where n
    is anything else. The derivative flows to x. DLMF 5.15.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.polygamma(1, dt.asarray(1.0)).item(), 5)  # pi ** 2 / 6
    1.64493
    """,
        signature="n: T, x: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("polygamma"),
        gradient=(None, lambda g, y, n, x: g * polygamma(n + 1, x)),
        reference=_polygamma,
        samples=_orders,
        tolerance=TOLERANCE,
    )
)
