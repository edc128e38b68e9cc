"""The length of the hypotenuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.ops.where import where
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["hypot"]


def _slope(g: Any, z: Any, x: Any) -> Any:
    # At the origin, the tip of a cone, the slope is taken as 0.
    return g * x / where(z == 0, 1, z)


hypot: Any = define(
    Op(
        name="hypot",
        doc="""sqrt(x * x + y * y), element by element, without overflow on the way.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. Infinity if
    either operand is infinite, whatever the other. At the origin the derivative is taken as 0.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.hypot(dt.asarray([3.0, 1e30]), dt.asarray([4.0, 0.0])).tolist()
    [5.0, 1.0000000150474662e+30]
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("hypot"),
        gradient=(
            lambda g, z, x, y: _slope(g, z, x),
            lambda g, z, x, y: _slope(g, z, y),
        ),
        reference=np.hypot,
        samples=binary(
            (0.3, 4),
            (-4, -0.2),
            special=True,
            extra=(([0.0, 3e38, 2e-38, 1e20], [0.0, 1e38, 1e-38, 1e-20]),),
        ),
        # 1 ulp of the kernel and 1 of the reference.
        tolerance={"float32": 2, "float64": 2, "float16": 1, "bfloat16": 1},
    )
)
