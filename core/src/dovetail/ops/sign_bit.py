"""The bit that holds the sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, bool_
from dovetail.op import Op, define
from dovetail.ops.where import where
from dovetail.samples import binary, unary
from dovetail.shapes import elementwise

__all__ = ["copysign", "signbit"]

signbit: Any = define(
    Op(
        name="signbit",
        doc="""Whether the sign bit of x is set, element by element: true for -0.0 and below.

    The result is bool; integers and bools are converted to float32 first. A NaN has a sign bit,
    too.

    >>> import dovetail as dt
    >>> dt.signbit(dt.asarray([1.0, 0.0, -0.0, -2.0])).tolist()
    [False, False, True, True]
    """,
        signature="x: T -> bool",
        types={"T": FLOATING},
        infer=elementwise("signbit", bool_),
        batching=batched,
        reference=np.signbit,
        samples=unary(-9, 9),
    )
)


def _turned(g: Any, z: Any, x: Any, y: Any) -> Any:
    return where(signbit(x), -1, 1) * where(signbit(y), -g, g)


copysign: Any = define(
    Op(
        name="copysign",
        doc="""The magnitude of x with the sign of y, element by element; -0.0 counts as negative.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.copysign(dt.asarray([1.0, -2.0]), dt.asarray([-0.0, 3.0])).tolist()
    [-1.0, 2.0]
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("copysign"),
        gradient=(_turned, None),
        reference=np.copysign,
        samples=binary((-4, 4), special=True),
        # Setting a bit rounds nothing.
        tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
    )
)
