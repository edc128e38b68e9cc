"""Choice by a condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, define
from dovetail.samples import PAIRS, SPECIAL
from dovetail.shapes import elementwise

__all__ = ["where"]


def _samples() -> Iterator[Sample]:
    for x, y in PAIRS:
        yield Sample(inputs=((y, 0, 2), (x, -9, 9), (y, -9, 9)))
    yield Sample(inputs=(((3, 1), 0, 2), ((1, 4), -9, 9), ((2, 1, 1), -9, 9)))
    yield Sample(
        inputs=([True, False], [[v] for v in SPECIAL], 0.0), dtypes=FLOATING, differentiable=False
    )


where: Any = define(
    Op(
        name="where",
        doc="""x where the condition holds and y elsewhere, element by element.

    The condition is bool; x and y promote to a common dtype, which the result has; the three shapes
    broadcast. Nothing flows back through the element that was not chosen, whatever it is.

    Raises OpError when the shapes do not broadcast or the condition is not bool (compare with zero
    first, `x != 0`).

    >>> import dovetail as dt
    >>> dt.where(dt.asarray([True, False]), dt.asarray([1, 2]), 0).tolist()
    [1, 0]
    """,
        signature="condition: bool, x: T, y: T -> T",
        broadcast=True,
        infer=elementwise("where"),
        gradient=(
            None,
            lambda g, z, condition, x, y: where(condition, g, 0),
            lambda g, z, condition, x, y: where(condition, 0, g),
        ),
        reference=np.where,
        samples=_samples,
        # A choice rounds nothing.
        tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
    )
)
