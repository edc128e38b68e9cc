"""The Gaussian error linear unit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.sigmoid import sigmoid
from dovetail.precision import widened
from dovetail.samples import SPECIAL
from dovetail.shapes import elementwise

__all__ = ["gelu"]

SLOPE = math.sqrt(2 / math.pi)
CUBIC = 0.044715


def _canonical(x: Spec, approximate: Any) -> dict[str, Any]:
    if approximate not in ("none", "tanh"):
        raise GELU.fail(f'approximate={approximate!r} is not known; use "none" or "tanh"')
    return {"approximate": approximate}


def _mass(x: Any) -> Any:
    # (1 + tanh(u)) / 2 is sigmoid(2 u), which does not cancel where tanh is near -1.
    return sigmoid(2 * SLOPE * (x + CUBIC * x * x * x))


@widened
def _decomposition(x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        return x * _mass(x)
    return 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5)))


@widened
def _derivative(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        mass = _mass(x)
        slope = 2 * SLOPE * (1 + 3 * CUBIC * x * x)
        return g * (mass + x * mass * (1 - mass) * slope)
    density = ops.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return g * (0.5 * (1 + ops.erf(x * math.sqrt(0.5))) + x * density)


def _reference(x: np.ndarray, approximate: str) -> np.ndarray:
    wide = x.astype(np.float64)
    if approximate == "tanh":
        return np.asarray(0.5 * wide * (1 + np.tanh(SLOPE * (wide + CUBIC * wide**3))))
    # x times the normal distribution's mass below x; erfc keeps the digits of the lower tail.
    mass = np.vectorize(lambda v: 0.5 * math.erfc(-v * math.sqrt(0.5)), otypes=[np.float64])
    return np.asarray(wide * mass(wide))


def _samples() -> Iterator[Sample]:
    for approximate in ("none", "tanh"):
        attributes = {"approximate": approximate}
        yield Sample(inputs=(((), 0.5, 6),), attributes=attributes)
        for shape in ((0,), (17,), (3, 5, 7), (1030,)):
            yield Sample(inputs=((shape, -6, 6),), attributes=attributes)
        finite = [v for v in SPECIAL if abs(v) < 1e30]
        yield Sample(inputs=(finite,), attributes=attributes, dtypes=FLOATING, differentiable=False)


GELU = Op(
    name="gelu",
    doc="""x times the probability that a standard normal variable is below x.

    D. Hendrycks and K. Gimpel, "Gaussian error linear units", 2016. ``approximate="tanh"`` is their
    formula with a hyperbolic tangent, "none" the exact one with the error function. The result has
    x's shape and dtype; float16 and bfloat16 compute in float32.

    Raises OpError for another value of ``approximate``.

    >>> import dovetail as dt
    >>> dt.nn.gelu(dt.asarray([0.0, 10.0])).tolist()
    [0.0, 10.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    attributes={"approximate": "none"},
    canonical=_canonical,
    infer=elementwise("gelu"),
    batching=batching.elementwise,
    gradient=(lambda g, y, x, approximate: _derivative(g, x, approximate=approximate),),
    decomposition=_decomposition,
    reference=_reference,
    samples=_samples,
    # For negative x the sum 1 + erf cancels: the error is a few units of x, not of the result.
    tolerance={"norm": True},
    claim="composite",
)
gelu: Any = define(GELU)
