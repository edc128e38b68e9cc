"""Tangent and the angles that sine, cosine and tangent come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import COMPLEX, FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.root import sqrt
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["acos", "asin", "atan", "tan"]

# 1 to 2 ulp of the kernels and 1 of the reference.
TOLERANCE = {"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1}


def _unit_samples() -> Iterator[Sample]:
    yield from unary(-0.95, 0.95)()
    # The ends, where the slope is infinite, and the range where the result is x itself.
    ends = [1.0, -1.0, 0.9999, -0.9999999, 1.0000001, 1e-5, -1e-20, 0.5, -0.5]
    yield Sample(inputs=(ends,), dtypes=FLOATING, differentiable=False)


def _tan_samples() -> Iterator[Sample]:
    yield from unary(-1.3, 1.3)()
    # Multiples of pi/2 as near as the dtype can come, and arguments of many periods.
    far = [1.5707963267948966, 3.141592653589793, -6.283185307179586, 355.0, 52174.0, 1e5, -3.3e6]
    yield Sample(inputs=(far,), dtypes=frozenset({float32, float64}), differentiable=False)
    huge = [1e15, -1e22, 3e38, 20.0, -17.5]
    yield Sample(inputs=(huge,), dtypes=frozenset({float32, float64}), differentiable=False)


tan: Any = define(
    Op(
        name="tan",
        doc="""Tangent of x in radians, element by element; NaN at the infinities.

    The result has x's shape and dtype; integers and bools are converted to float32 first. The
    argument is reduced exactly, so that large arguments keep full accuracy.

    >>> import dovetail as dt
    >>> round(dt.tan(dt.asarray(1.0)).item(), 5)
    1.55741
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("tan"),
        gradient=(lambda g, y, x: g * (y * y + 1),),
        batching=batched,
        reference=np.tan,
        samples=_tan_samples,
        tolerance=TOLERANCE,
    )
)

asin: Any = define(
    Op(
        name="asin",
        doc="""Arc sine: the angle in [-pi/2, pi/2] whose sine is x, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. NaN where
    x lies outside [-1, 1].

    >>> import dovetail as dt
    >>> round(dt.asin(dt.asarray(1.0)).item(), 5)
    1.5708
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("asin"),
        gradient=(lambda g, y, x: g / sqrt((1 - x) * (1 + x)),),
        batching=batched,
        reference=np.arcsin,
        samples=_unit_samples,
        tolerance=TOLERANCE,
    )
)

acos: Any = define(
    Op(
        name="acos",
        doc="""Arc cosine: the angle in [0, pi] whose cosine is x, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. NaN where
    x lies outside [-1, 1].

    >>> import dovetail as dt
    >>> round(dt.acos(dt.asarray(-1.0)).item(), 5)
    3.14159
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("acos"),
        gradient=(lambda g, y, x: -g / sqrt((1 - x) * (1 + x)),),
        batching=batched,
        reference=np.arccos,
        samples=_unit_samples,
        tolerance=TOLERANCE,
    )
)

atan: Any = define(
    Op(
        name="atan",
        doc="""Arc tangent: the angle in [-pi/2, pi/2] whose tangent is x, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. See
    `atan2` for the angle of a point, with its quadrant.

    >>> import dovetail as dt
    >>> round(dt.atan(dt.asarray(1.0)).item(), 5)
    0.7854
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("atan"),
        gradient=(lambda g, y, x: g / (x * x + 1),),
        batching=batched,
        reference=np.arctan,
        samples=unary(-3, 3),
        tolerance=TOLERANCE,
    )
)
