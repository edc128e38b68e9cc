"""The complement of the error function, the normal distribution, and their inverses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import exp
from dovetail.samples import unary
from dovetail.shapes import elementwise
from dovetail.special_reference import elementwise as each

__all__ = ["erfc", "erfcinv", "erfcx", "log_ndtr", "ndtr", "ndtri"]

TOLERANCE = {"float32": 1, "float64": 5, "float16": 1, "bfloat16": 1}
SQRT_PI = math.sqrt(math.pi)
SQRT_2 = math.sqrt(2)
WIDE = frozenset({float32, float64})


def _erfcx_one(x: float) -> float:
    if x < 5:
        return math.inf if x < -26.64 else math.exp(x * x) * math.erfc(x)
    rest = 0.0  # Laplace's continued fraction, DLMF 7.9.1
    for n in range(60, 0, -1):
        rest = n / 2 / (x + rest)
    return 1 / (x + rest) / SQRT_PI


def _ndtr_one(x: float) -> float:
    return math.erfc(-x / SQRT_2) / 2


def _log_ndtr_one(x: float) -> float:
    if x < -5:
        return x if math.isinf(x) else math.log(_erfcx_one(-x / SQRT_2) / 2) - x * x / 2
    return math.log1p(-_ndtr_one(-x)) if x > -1 else math.log(_ndtr_one(x))


def _quantile(p: float) -> float:
    """The x with ndtr(x) = p: halving [-40, 40], on the side where p has its digits."""
    if not 0 < p < 1:
        return -math.inf if p == 0 else math.inf if p == 1 else math.nan
    if p > 0.5:
        return -_quantile(1 - p)
    low, high = -40.0, 0.0
    for _ in range(80):
        middle = (low + high) / 2
        # beside 1/2 by erf, of which 2 p - 1 is exact
        below = math.erf(middle / SQRT_2) < 2 * p - 1 if p > 0.25 else _ndtr_one(middle) < p
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def _erfcinv_one(y: float) -> float:
    return -_quantile(y / 2) / SQRT_2 if y <= 1 else _quantile(1 - y / 2) / SQRT_2


def _inside(low: float, high: float, *more: float) -> Any:
    def samples() -> Iterator[Sample]:
        yield from unary(low, high)()
        yield Sample(inputs=(list(more),), dtypes=WIDE, differentiable=False)

    return samples


erfc: Any = define(
    Op(
        name="erfc",
        doc="""1 - erf(x), element by element, with its digits where it is small.

    The result has x's shape and dtype; integers and bools are converted to float32 first. DLMF 7.2.

    >>> import dovetail as dt
    >>> dt.special.erfc(dt.asarray([0.0, 30.0])).tolist()
    [1.0, 0.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("erfc"),
        gradient=(lambda g, y, x: g * (-2 / SQRT_PI) * exp(-x * x),),
        batching=batched,
        reference=each(math.erfc),
        samples=_inside(-3, 3, 5.0, 9.0, 1e-20),
        tolerance={**TOLERANCE, "float64": 8},  # 2 of the kernel, up to 5 of the C library
    )
)

erfcx: Any = define(
    Op(
        name="erfcx",
        doc="""exp(x ** 2) erfc(x), element by element: what is left when erfc is too small.

    The result has x's shape and dtype; integers and bools are converted to float32 first. DLMF 7.2.

    >>> import dovetail as dt
    >>> round(dt.special.erfcx(dt.asarray(100.0)).item(), 7)
    0.0056416
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("erfcx"),
        gradient=(lambda g, y, x: g * (2 * x * y - 2 / SQRT_PI),),
        batching=batched,
        reference=each(_erfcx_one),
        samples=_inside(-2, 6, 20.0, 60.0, 1e4, -9.0),
        # The square is rounded in the reference: that many units at 5, more on the left.
        tolerance={**TOLERANCE, "float64": 120},
    )
)

erfcinv: Any = define(
    Op(
        name="erfcinv",
        doc="""The x with erfc(x) = y, for y in (0, 2), element by element.

    The result has y's shape and dtype; integers and bools are converted to float32 first. Infinity
    at 0 and minus infinity at 2, NaN outside.

    >>> import dovetail as dt
    >>> round(dt.special.erfcinv(dt.asarray(1e-30)).item(), 5)
    8.14862
    """,
        signature="y: T -> T",
        types={"T": FLOATING},
        infer=elementwise("erfcinv"),
        gradient=(lambda g, x, y: g * (-SQRT_PI / 2) * exp(x * x),),
        batching=batched,
        reference=each(_erfcinv_one),
        samples=_inside(0.1, 1.9, 0.0, 2.0, -0.5, 1e-5, 1e-30, 1.999),
        # The reference rounds its argument: absolutely that is a unit of 1.
        tolerance={"norm": True, "float32": 2, "float64": 8, "float16": 1, "bfloat16": 1},
    )
)

ndtr: Any = define(
    Op(
        name="ndtr",
        doc="""The distribution function of the normal distribution, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. It keeps
    its digits far to the left, where it is small.

    >>> import dovetail as dt
    >>> round(dt.special.ndtr(dt.asarray(1.96)).item(), 5)
    0.975
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("ndtr"),
        gradient=(lambda g, y, x: g * exp(-0.5 * x * x) / math.sqrt(2 * math.pi),),
        batching=batched,
        reference=each(_ndtr_one),
        samples=_inside(-4, 4, -10.0, -12.5, 9.0),
        # x / sqrt(2) is rounded in the reference, and its square counts: x^2 units.
        tolerance={**TOLERANCE, "float64": 160},
    )
)

ndtri: Any = define(
    Op(
        name="ndtri",
        doc="""The inverse of `ndtr`: the quantiles of the normal distribution, element by element.

    The result has p's shape and dtype; integers and bools are converted to float32 first. Minus
    infinity at 0 and infinity at 1, NaN outside.

    >>> import dovetail as dt
    >>> round(dt.special.ndtri(dt.asarray(0.975)).item(), 5)
    1.95996
    """,
        signature="p: T -> T",
        types={"T": FLOATING},
        infer=elementwise("ndtri"),
        gradient=(lambda g, x, p: g * math.sqrt(2 * math.pi) * exp(0.5 * x * x),),
        batching=batched,
        reference=each(_quantile),
        samples=_inside(0.05, 0.95, 0.0, 1.0, 1e-5, 1e-30, 0.999, 1.5),
        tolerance={"norm": True, "float32": 2, "float64": 8, "float16": 1, "bfloat16": 1},
    )
)

log_ndtr: Any = define(
    Op(
        name="log_ndtr",
        doc="""The logarithm of `ndtr`, element by element, right also where ndtr itself is 0 or 1.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> round(dt.special.log_ndtr(dt.asarray(-100.0)).item(), 2)
    -5005.52
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("log_ndtr"),
        gradient=(lambda g, y, x: g * math.sqrt(2 / math.pi) / erfcx(x * (-1 / SQRT_2)),),
        batching=batched,
        reference=each(_log_ndtr_one),
        samples=_inside(-6, 4, -40.0, -1e4, 9.0),
        tolerance={**TOLERANCE, "float64": 80},  # as of ndtr
    )
)
