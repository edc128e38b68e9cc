"""The rectifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["relu"]


def _samples() -> Iterator[Sample]:
    yield from unary(-9, 9)()
    yield Sample(inputs=([-1.0, 0.0, -0.0, 1.0],), differentiable=False)


RELU = Op(
    name="relu",
    doc="""The larger of x and zero, element by element; NaN stays NaN.

    The result has x's shape and dtype. The derivative at zero is zero.

    >>> import dovetail as dt
    >>> dt.nn.relu(dt.asarray([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    infer=elementwise("relu"),
    batching=batching.elementwise,
    gradient=(lambda g, y, x: ops.where(x > 0, g, 0),),
    decomposition=lambda x: ops.maximum(x, 0),
    reference=lambda x: np.maximum(x, 0),
    samples=_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),
    claim="composite",
)
relu: Any = define(RELU)
