"""The larger and the smaller of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import NUMERIC
from dovetail.op import Op, define
from dovetail.ops.where import where
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["maximum", "minimum"]

# A choice rounds nothing.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}
SAMPLES = binary((-9, 9), special=True, extra=(([1, 2, 2], [2, 2, 1]),))


def _share(g: Any, wins: Any, x: Any, y: Any) -> Any:
    """The winner takes the gradient; at a tie each gets half, so that the two add up to g."""
    return where(wins, g, where(x == y, 0.5 * g, 0))


maximum: Any = define(
    Op(
        name="maximum",
        doc="""The larger of x and y, element by element; NaN if either is.

    Shapes broadcast, dtypes promote. At a tie the derivative is half for each operand.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.maximum(dt.asarray([1, 5]), dt.asarray([3, 2])).tolist()
    [3, 5]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC},
        broadcast=True,
        infer=elementwise("maximum"),
        gradient=(
            lambda g, z, x, y: _share(g, x > y, x, y),
            lambda g, z, x, y: _share(g, y > x, x, y),
        ),
        reference=np.maximum,
        samples=SAMPLES,
        tolerance=EXACT,
    )
)

minimum: Any = define(
    Op(
        name="minimum",
        doc="""The smaller of x and y, element by element; NaN if either is.

    Shapes broadcast, dtypes promote. At a tie the derivative is half for each operand.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.minimum(dt.asarray([1, 5]), dt.asarray([3, 2])).tolist()
    [1, 2]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC},
        broadcast=True,
        infer=elementwise("minimum"),
        gradient=(
            lambda g, z, x, y: _share(g, x < y, x, y),
            lambda g, z, x, y: _share(g, y < x, x, y),
        ),
        reference=np.minimum,
        samples=SAMPLES,
        tolerance=EXACT,
    )
)
