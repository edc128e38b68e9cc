"""Powers of two, and logarithms to the bases two and ten."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import COMPLEX, FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["exp2", "log2", "log10"]

# 1 to 2 ulp of the kernels and 1 of the reference.
TOLERANCE = {"float32": 3, "float64": 3, "float16": 1, "bfloat16": 1}

LOG_2, LOG_10 = math.log(2), math.log(10)


def _exponents() -> Iterator[Sample]:
    yield from unary(-5, 5)()
    # Whole exponents have exact powers; and the ends of the normal and subnormal numbers.
    whole = [0.0, 1.0, -3.0, 10.0, 127.0, 127.9, 128.0, -126.0, -130.5, -149.0, -151.0]
    yield Sample(inputs=(whole,), dtypes=frozenset({float32, float64}), differentiable=False)
    wide = [1023.0, 1023.9, 1024.0, -1022.0, -1050.5, -1074.0, -1080.0]
    yield Sample(inputs=(wide,), dtypes=frozenset({float64}), differentiable=False)


def _magnitudes() -> Iterator[Sample]:
    yield from unary(0.1, 9)()
    powers = [2.0, 4.0, 1024.0, 0.125, 2.0**-126, 10.0, 100.0, 1e10, 0.1, 1.0000001, 0.9999999]
    yield Sample(inputs=(powers,), dtypes=frozenset({float32, float64}), differentiable=False)


exp2: Any = define(
    Op(
        name="exp2",
        doc="""2 to the power x, element by element; exact where x is whole.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Values
    too large for the dtype give infinity.

    >>> import dovetail as dt
    >>> dt.exp2(dt.asarray([3.0, -1.0])).tolist()
    [8.0, 0.5]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("exp2"),
        gradient=(lambda g, y, x: g * y * LOG_2,),
        batching=batched,
        reference=np.exp2,
        samples=_exponents,
        tolerance=TOLERANCE,
    )
)

log2: Any = define(
    Op(
        name="log2",
        doc="""Logarithm to the base two, element by element; exact for powers of two.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Minus
    infinity at 0, NaN for negative numbers.

    >>> import dovetail as dt
    >>> dt.log2(dt.asarray([8.0, 0.5])).tolist()
    [3.0, -1.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("log2"),
        gradient=(lambda g, y, x: g / (x * LOG_2),),
        batching=batched,
        reference=np.log2,
        samples=_magnitudes,
        tolerance=TOLERANCE,
    )
)

log10: Any = define(
    Op(
        name="log10",
        doc="""Logarithm to the base ten, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Minus
    infinity at 0, NaN for negative numbers.

    >>> import dovetail as dt
    >>> dt.log10(dt.asarray([1000.0, 0.0])).tolist()
    [3.0, -inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("log10"),
        gradient=(lambda g, y, x: g / (x * LOG_10),),
        batching=batched,
        reference=np.log10,
        samples=_magnitudes,
        tolerance=TOLERANCE,
    )
)
