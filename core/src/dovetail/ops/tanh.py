"""Hyperbolic tangent."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["tanh"]


def _tanh(x: Any) -> Any:
    y = np.asarray(np.tanh(x))
    if x.dtype.kind == "c":
        # The array standard lets the zero at the end of the line have the sign of the imaginary
        # part; C and numpy have that of the sine of its double.
        end = np.isinf(x.real) & np.isfinite(x.imag)
        y.imag = np.where(end, np.copysign(0, x.imag), y.imag)
    return y


tanh: Any = define(
    Op(
        name="tanh",
        doc="""Hyperbolic tangent, element by element; the result lies in [-1, 1].

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.tanh(dt.asarray([0.0, 100.0])).tolist()
    [0.0, 1.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("tanh"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * (1 - y * y),),
        reference=_tanh,
        samples=unary(-4, 4),
        # Two divisions on top of an exponential: 2 ulp, and 1 of the reference.
        tolerance={"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1},
    )
)
