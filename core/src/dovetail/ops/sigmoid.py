"""The logistic function."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["logistic", "sigmoid"]


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) in float64 numpy, by the half that cannot overflow."""
    wide = x.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide < 0, small, 1.0) / (1.0 + small)


SIGMOID = Op(
    name="sigmoid",
    doc="""1 / (1 + exp(-x)), element by element, without overflow at either end.

    The result has x's shape and dtype and lies in [0, 1]; integers and bools are converted to
    float32 first.

    >>> import dovetail as dt
    >>> dt.nn.sigmoid(dt.asarray([0.0, 200.0, -200.0])).tolist()
    [0.5, 1.0, 0.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    infer=elementwise("sigmoid"),
    batching=batching.elementwise,
    gradient=(lambda g, y, x: g * (y * (1 - y)),),
    reference=logistic,
    samples=unary(-9, 9),
    # An exponential, a sum and a quotient, each within one unit.
    tolerance={"float32": 4, "float64": 4, "float16": 1, "bfloat16": 1},
)
sigmoid: Any = define(SIGMOID)
