"""Sine and cosine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["cos", "sin"]

# 1 ulp of the kernels' polynomials and 1 of the reference.
TOLERANCE = {"float32": 2, "float64": 2, "float16": 1, "bfloat16": 1}

# Multiples of pi/2 as near as the dtype can come: the reduced argument is all rounding error unless
# pi is carried to enough bits.
MULTIPLES = [1.5707963267948966, 3.141592653589793, -6.283185307179586, 355.0, 52174.0, 710.0]


def _samples() -> Iterator[Sample]:
    yield from unary(-20, 20)()
    yield Sample(inputs=(MULTIPLES,), dtypes=FLOATING)
    # At these a difference quotient would step over whole periods, or not at all.
    large = [1e5, -3.3e6, 1e15, -1e22, 3e38]
    yield Sample(inputs=(large,), dtypes=frozenset({float32, float64}), differentiable=False)


sin: Any = define(
    Op(
        name="sin",
        doc="""Sine of x in radians, element by element; NaN at the infinities.

    The result has x's shape and dtype; integers and bools are converted to float32 first. The
    argument is reduced exactly, so that large arguments keep full accuracy.

    >>> import dovetail as dt
    >>> round(dt.sin(dt.asarray(1.0)).item(), 5)
    0.84147
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("sin"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * cos(x),),
        reference=np.sin,
        samples=_samples,
        tolerance=TOLERANCE,
    )
)

cos: Any = define(
    Op(
        name="cos",
        doc="""Cosine of x in radians, element by element; NaN at the infinities.

    The result has x's shape and dtype; integers and bools are converted to float32 first. The
    argument is reduced exactly, so that large arguments keep full accuracy.

    >>> import dovetail as dt
    >>> round(dt.cos(dt.asarray(1.0)).item(), 5)
    0.5403
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("cos"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -g * sin(x),),
        reference=np.cos,
        samples=_samples,
        tolerance=TOLERANCE,
    )
)
