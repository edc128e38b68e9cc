"""The smooth rectifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.ops.sigmoid import sigmoid
from dovetail.precision import widened
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["softplus"]


@widened
def _decomposition(x: Any) -> Any:
    # The exponential of a number that is not positive cannot overflow.
    return ops.maximum(x, 0) + ops.log1p(ops.exp(-ops.abs(x)))


def _reference(x: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    return np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))


SOFTPLUS = Op(
    name="softplus",
    doc="""log(1 + exp(x)), element by element, without overflow.

    The result has x's shape and dtype; float16 and bfloat16 compute in float32. The derivative is
    the sigmoid.

    >>> import dovetail as dt
    >>> dt.nn.softplus(dt.asarray([-200.0, 200.0])).tolist()
    [0.0, 200.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    infer=elementwise("softplus"),
    batching=batching.elementwise,
    gradient=(lambda g, y, x: g * sigmoid(x),),
    decomposition=_decomposition,
    reference=_reference,
    samples=unary(-9, 9),
    # An exponential and a logarithm of 1 + it, each within two units, and a sum.
    tolerance={"float32": 5, "float64": 5, "float16": 1, "bfloat16": 1},
    claim="composite",
)
softplus: Any = define(SOFTPLUS)
