"""The logarithm of the sum of two exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.ops.classification import isinf
from dovetail.ops.logical import logical_and
from dovetail.ops.sigmoid import sigmoid
from dovetail.ops.where import where
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["logaddexp"]


def _share(g: Any, x: Any, y: Any) -> Any:
    # Two equal infinities share alike; their difference would be NaN.
    return g * sigmoid(where(logical_and(isinf(x), x == y), 0, x - y))


logaddexp: Any = define(
    Op(
        name="logaddexp",
        doc="""log(exp(x) + exp(y)), element by element, without overflow on the way.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.logaddexp(dt.asarray(1000.0), dt.asarray(1000.0)).item(), 3)
    1000.693
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("logaddexp"),
        gradient=(
            lambda g, z, x, y: _share(g, x, y),
            lambda g, z, x, y: _share(g, y, x),
        ),
        reference=np.logaddexp,
        samples=binary(
            (0, 5), (0, 5), special=True, extra=(([1e4, -1e4, 700.0], [1e4, -1e4, 701.5]),)
        ),
        # The larger operand and log1p(exp(-difference)): 2 ulp of the kernel and 2 of the reference
        # where both are positive. Where they cancel nobody has more than the absolute accuracy.
        tolerance={"float32": 3, "float64": 4, "float16": 1, "bfloat16": 1},
    )
)
