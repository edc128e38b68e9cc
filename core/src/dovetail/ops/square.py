"""Square and reciprocal."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING, NUMERIC
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["reciprocal", "square"]

# One correctly rounded operation each.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}
# Complex products and quotients take several.
ROUNDED = EXACT | {"complex64": 8, "complex128": 8}

square: Any = define(
    Op(
        name="square",
        doc="""x * x, element by element; integers wrap around.

    The result has x's shape and dtype; bools are converted to int64 first.

    >>> import dovetail as dt
    >>> dt.square(dt.asarray([3, -2])).tolist()
    [9, 4]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC | COMPLEX},
        infer=elementwise("square"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: 2 * g * x,),
        reference=np.square,
        samples=unary(-9, 9),
        tolerance=ROUNDED,
    )
)

reciprocal: Any = define(
    Op(
        name="reciprocal",
        doc="""1 / x, element by element; infinite at zero.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.reciprocal(dt.asarray([4.0, -0.5])).tolist()
    [0.25, -2.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("reciprocal"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -g * y * y,),
        reference=np.reciprocal,
        samples=unary(0.2, 4),
        tolerance=ROUNDED,
    )
)
