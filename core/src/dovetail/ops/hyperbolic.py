"""Hyperbolic sine and cosine and the inverses of the hyperbolic functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import COMPLEX, FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh"]

# 2 ulp of the kernels and 1 of the reference.
TOLERANCE = {"float32": 3, "float64": 4, "float16": 1, "bfloat16": 1}


def _growing() -> Iterator[Sample]:
    yield from unary(-4, 4)()
    # Around the largest results of the dtypes: half of e^x has a number where e^x has none.
    ends = [88.7, 89.2, -89.4, 89.5, 709.5, 710.2, -710.4, 710.5, 1e-5, -1e-20]
    yield Sample(inputs=(ends,), dtypes=frozenset({float32, float64}), differentiable=False)


def _any_size() -> Iterator[Sample]:
    yield from unary(-4, 4)()
    sizes = [1e-5, -1e-20, 1e5, -1e19, 3e20, 1e38, -(2.0**-14), 0.25]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


def _above_one() -> Iterator[Sample]:
    yield from unary(1.2, 9)()
    sizes = [1.0, 1.0000001, 1.0009765625, 1e5, 1e19, 3e20, 1e38]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


def _unit() -> Iterator[Sample]:
    yield from unary(-0.9, 0.9)()
    ends = [1.0, -1.0, 0.9999, -0.9999999, 1.0000001, 1e-5, -1e-20, 0.5, -0.5]
    yield Sample(inputs=(ends,), dtypes=FLOATING, differentiable=False)


sinh: Any = define(
    Op(
        name="sinh",
        doc="""Hyperbolic sine, (e^x - e^-x) / 2, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Values
    too large for the dtype give infinity.

    >>> import dovetail as dt
    >>> round(dt.sinh(dt.asarray(1.0)).item(), 5)
    1.1752
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("sinh"),
        gradient=(lambda g, y, x: g * cosh(x),),
        batching=batched,
        reference=np.sinh,
        samples=_growing,
        tolerance=TOLERANCE,
    )
)

cosh: Any = define(
    Op(
        name="cosh",
        doc="""Hyperbolic cosine, (e^x + e^-x) / 2, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Values
    too large for the dtype give infinity.

    >>> import dovetail as dt
    >>> round(dt.cosh(dt.asarray(1.0)).item(), 5)
    1.54308
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("cosh"),
        gradient=(lambda g, y, x: g * sinh(x),),
        batching=batched,
        reference=np.cosh,
        samples=_growing,
        tolerance=TOLERANCE,
    )
)

# The slopes of the first two are written with the result: x * x overflows long before x does.
asinh: Any = define(
    Op(
        name="asinh",
        doc="""Inverse of the hyperbolic sine, log(x + sqrt(x * x + 1)), element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> round(dt.asinh(dt.asarray(1.0)).item(), 5)
    0.88137
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("asinh"),
        gradient=(lambda g, y, x: g / cosh(y),),
        batching=batched,
        reference=np.arcsinh,
        samples=_any_size,
        tolerance=TOLERANCE,
    )
)

acosh: Any = define(
    Op(
        name="acosh",
        doc="""Inverse of the hyperbolic cosine: the y >= 0 with cosh(y) = x, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. NaN
    where x is less than 1.

    >>> import dovetail as dt
    >>> round(dt.acosh(dt.asarray(2.0)).item(), 5)
    1.31696
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("acosh"),
        gradient=(lambda g, y, x: g / sinh(y),),
        batching=batched,
        reference=np.arccosh,
        samples=_above_one,
        tolerance=TOLERANCE,
    )
)

atanh: Any = define(
    Op(
        name="atanh",
        doc="""Inverse of the hyperbolic tangent, log((1 + x) / (1 - x)) / 2, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Plus and
    minus infinity at 1 and -1, NaN beyond.

    >>> import dovetail as dt
    >>> dt.atanh(dt.asarray([0.0, 1.0])).tolist()
    [0.0, inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("atanh"),
        gradient=(lambda g, y, x: g / ((1 - x) * (1 + x)),),
        batching=batched,
        reference=np.arctanh,
        samples=_unit,
        tolerance=TOLERANCE,
    )
)
