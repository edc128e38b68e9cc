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
        reference=np.tanh,
        samples=unary(-4, 4),
        # Two divisions on top of an exponential: 2 ulp, and 1 of the reference.
        tolerance={"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1},
    )
)
