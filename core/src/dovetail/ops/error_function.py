"""The error function and its inverse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import exp
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["erf", "erfinv"]


def _erf(x: Any) -> Any:
    # numpy has no error function; the C library's, one element at a time, is the definition.
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _erfinv_one(y: float) -> float:
    if math.isnan(y) or abs(y) > 1:
        return math.nan
    if abs(y) == 1:
        return math.copysign(math.inf, y)
    # Start: S. Winitzki, "A handy approximation for the error function and its inverse" (2008).
    tail = 1 - abs(y)
    a = 0.147
    r = math.log(tail) + math.log1p(abs(y))
    b = 2 / (math.pi * a) + r / 2
    x = math.sqrt(max(math.sqrt(b * b - r / a) - b, 0.0))
    # Halley's method, on the complement where the function itself has flattened out.
    for _ in range(4):
        error = math.erfc(x) - tail if abs(y) > 0.5 else abs(y) - math.erf(x)
        slope = -2 / math.sqrt(math.pi) * math.exp(-x * x)
        step = error / slope
        x -= step / (1 + x * step)
    return math.copysign(x, y)


def _erfinv(x: Any) -> Any:
    return np.vectorize(_erfinv_one, otypes=[np.float64])(x)


def _erfinv_samples() -> Iterator[Sample]:
    yield from unary(-0.95, 0.95, dtypes=FLOATING)()
    yield Sample(
        inputs=([0.0, -0.0, 1.0, -1.0, 1.5, float("nan")],), dtypes=FLOATING, differentiable=False
    )
    # The tails, where the derivative is too steep for difference quotients.
    tails = [0.999, -0.9999, 0.999999, 1e-6, -1e-30]
    yield Sample(inputs=(tails,), dtypes=frozenset({float32, float64}), differentiable=False)


erf: Any = define(
    Op(
        name="erf",
        doc="""Error function, 2 / sqrt(pi) times the integral of exp(-t * t) from 0 to x.

    The result has x's shape and dtype and lies in [-1, 1]; integers and bools are converted to
    float32 first.

    >>> import dovetail as dt
    >>> dt.erf(dt.asarray([0.0, 10.0])).tolist()
    [0.0, 1.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("erf"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * (2 / math.sqrt(math.pi)) * exp(-x * x),),
        reference=_erf,
        samples=unary(-3.5, 3.5),
        # A rational function of two pieces in working precision.
        tolerance={"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1},
    )
)

erfinv: Any = define(
    Op(
        name="erfinv",
        doc="""Inverse of the error function: erf(erfinv(x)) = x for x in (-1, 1).

    The result has x's shape and dtype; plus and minus infinity at the ends, NaN outside. Integers
    and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.erfinv(dt.asarray([0.0, 1.0])).tolist()
    [0.0, inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("erfinv"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * (math.sqrt(math.pi) / 2) * exp(y * y),),
        reference=_erfinv,
        samples=_erfinv_samples,
        # M. Giles' polynomials in log(1 - x * x) carry the logarithm's error into the tails.
        tolerance={"float32": 6, "float64": 8, "float16": 1, "bfloat16": 1},
    )
)
