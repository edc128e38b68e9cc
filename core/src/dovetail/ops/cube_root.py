"""The cube root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["cbrt"]


def _samples() -> Iterator[Sample]:
    yield from unary(0.2, 9)()
    yield from unary(-9, -0.2)()
    sizes = [1e-30, -1e30, 8.0, -27.0, 1e38, 2.0**-140]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


cbrt: Any = define(
    Op(
        name="cbrt",
        doc="""Cube root, element by element; negative numbers have negative ones.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.cbrt(dt.asarray([8.0, -27.0])).tolist()
    [2.0, -3.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("cbrt"),
        gradient=(lambda g, y, x: g / (3 * y * y),),
        batching=batched,
        reference=np.cbrt,
        samples=_samples,
        # Of the C library, which the reference calls: up to 4 in glibc. The kernel has 1.
        tolerance={"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1},
    )
)
