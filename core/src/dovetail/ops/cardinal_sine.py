"""The normalised cardinal sine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.sign import abs
from dovetail.ops.trigonometric import cos
from dovetail.ops.where import where
from dovetail.samples import unary
from dovetail.shapes import elementwise
from dovetail.special_reference import PI, wide

__all__ = ["sinc"]


def _reference(x: Any) -> Any:
    x = wide(x)
    nearest = np.round(np.where(np.isfinite(x), x, 0))
    sine = np.where(nearest % 2 == 0, 1, -1) * np.sin(PI * (x - nearest))
    value = np.where(x == 0, 1, sine / np.where(x == 0, 1, PI * x))
    return np.where(np.isinf(x), np.nan, value)


def _slope(y: Any, x: Any) -> Any:
    # (cos(pi x) - y) / x; near 0, where the two cancel, its power series.
    small = abs(x) < 0.15
    square = x * x
    series: Any = 0.0
    for k in range(9, 0, -1):
        series = series * square + (-1) ** k * math.pi ** (2 * k) * 2 * k / math.factorial(
            2 * k + 1
        )
    return where(small, x * series, (cos(math.pi * x) - y) / where(small, 1, x))


def _samples() -> Iterator[Sample]:
    yield from unary(-3, 3)()
    yield Sample(inputs=([0.0, 0.1499, 0.1501, -1e-3, 1.0, 2.0],))
    sizes = [1e-20, 1.5, 1000.25, -1e5, 12.5]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


sinc: Any = define(
    Op(
        name="sinc",
        doc="""sin(pi x) / (pi x), element by element, and 1 at 0.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Exactly 0
    at all other whole numbers, NaN at the infinities.

    >>> import dovetail as dt
    >>> dt.special.sinc(dt.asarray([0.0, 0.5])).tolist()
    [1.0, 0.6366197466850281]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("sinc"),
        gradient=(lambda g, y, x: g * _slope(y, x),),
        batching=batched,
        reference=_reference,
        samples=_samples,
        tolerance={"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1},
    )
)
