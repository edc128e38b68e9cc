"""Square root and its reciprocal."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["rsqrt", "sqrt"]

sqrt: Any = define(
    Op(
        name="sqrt",
        doc="""Square root, element by element, correctly rounded; NaN for negative numbers.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Complex
    numbers have the root whose real part is not negative.

    >>> import dovetail as dt
    >>> dt.sqrt(dt.asarray([4.0, 2.25])).tolist()
    [2.0, 1.5]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("sqrt"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: 0.5 * g / y,),
        reference=np.sqrt,
        samples=unary(0.1, 9),
        # IEEE 754 asks for correct rounding and every target's instruction delivers it; a complex
        # root takes a magnitude and a quotient.
        tolerance={
            "float32": 0,
            "float64": 0,
            "float16": 0,
            "bfloat16": 0,
            "complex64": 4,
            "complex128": 4,
        },
    )
)

rsqrt: Any = define(
    Op(
        name="rsqrt",
        doc="""1 / sqrt(x), element by element; infinity at zero, NaN for negative numbers.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.rsqrt(dt.asarray([4.0, 0.25])).tolist()
    [0.5, 2.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("rsqrt"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -0.5 * g * y / x,),
        reference=lambda x: 1 / np.sqrt(x),
        samples=unary(0.1, 9),
        # Two correctly rounded steps, or an estimate with Newton steps.
        tolerance={"float32": 2, "float64": 2, "float16": 1, "bfloat16": 1},
    )
)
