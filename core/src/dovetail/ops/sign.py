"""Negation, magnitude and sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import NUMERIC
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["abs", "negative", "sign"]

# Sign changes are exact.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}

negative: Any = define(
    Op(
        name="negative",
        doc="""-x, element by element; unsigned integers wrap around.

    The result has x's shape and dtype; bools are converted to int64 first.

    >>> import dovetail as dt
    >>> dt.negative(dt.asarray([1.0, -2.0])).tolist()
    [-1.0, 2.0]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        infer=elementwise("negative"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -g,),
        reference=np.negative,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)

abs: Any = define(
    Op(
        name="abs",
        doc="""Magnitude of x, element by element; the smallest signed integer stays itself.

    The result has x's shape and dtype; bools are converted to int64 first. The derivative at zero
    is 0.

    >>> import dovetail as dt
    >>> dt.abs(dt.asarray([1.0, -2.0])).tolist()
    [1.0, 2.0]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        infer=elementwise("abs"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * sign(x),),
        reference=np.abs,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)

sign: Any = define(
    Op(
        name="sign",
        doc="""-1, 0 or 1 by the sign of x, element by element; NaN stays NaN.

    The result has x's shape and dtype; bools are converted to int64 first.

    >>> import dovetail as dt
    >>> dt.sign(dt.asarray([1.5, 0.0, -2.0])).tolist()
    [1.0, 0.0, -1.0]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        infer=elementwise("sign"),
        batching=batching.elementwise,
        reference=np.sign,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)
