"""The angle of a point."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["atan2"]

atan2: Any = define(
    Op(
        name="atan2",
        doc="""The angle whose sine goes like x and whose cosine like y, as C's atan2(x, y).

    The first operand is the ordinate, the second the abscissa; the result lies in [-pi, pi] in the
    quadrant their signs say, signed zeros and infinities included. Shapes broadcast, dtypes
    promote; integers and bools are converted to float32 first.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.atan2(dt.asarray(1.0), dt.asarray(-1.0)).item(), 5)
    2.35619
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("atan2"),
        gradient=(
            lambda g, z, x, y: g * y / (x * x + y * y),
            lambda g, z, x, y: -g * x / (x * x + y * y),
        ),
        reference=np.arctan2,
        samples=binary((-3, 3), special=True),
        # A quotient and a polynomial, then an angle added for the quadrant.
        tolerance={"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1},
    )
)
