"""The sigmoid-weighted linear unit, also called swish."""

from __future__ import annotations

from typing import Any

from dovetail import batching
from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.ops.sigmoid import logistic, sigmoid
from dovetail.precision import widened
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["silu"]


@widened
def _decomposition(x: Any) -> Any:
    return x * sigmoid(x)


@widened
def _derivative(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


SILU = Op(
    name="silu",
    doc="""x * sigmoid(x), element by element.

    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units", 2017. The result has x's
    shape and dtype; float16 and bfloat16 compute in float32. Minus infinity gives NaN.

    >>> import dovetail as dt
    >>> dt.nn.silu(dt.asarray([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    infer=elementwise("silu"),
    batching=batching.elementwise,
    gradient=(lambda g, y, x: _derivative(g, x),),
    decomposition=_decomposition,
    reference=lambda x: x * logistic(x),
    samples=unary(-9, 9),
    # A sigmoid within four units and a product.
    tolerance={"float32": 5, "float64": 5, "float16": 1, "bfloat16": 1},
    claim="composite",
)
silu: Any = define(SILU)
