"""Modified Bessel functions of the first kind, of the orders 0 and 1, plain and scaled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import exp
from dovetail.ops.sign import abs, sign
from dovetail.ops.where import where
from dovetail.samples import unary
from dovetail.shapes import elementwise
from dovetail.special_reference import PI, wide

__all__ = ["i0", "i0e", "i1", "i1e"]

TOLERANCE = {"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1}


def _scaled(order: int, x: Any) -> Any:
    """e^-|x| of the function: its power series, or from 40 on the asymptotic one (DLMF 10.40.1)."""
    x = wide(x)
    size = np.abs(x)
    near, far = np.where(size < 40, size, 1), np.where(size < 40, 40, size)
    term = (near / 2) ** order
    total = term
    for k in range(1, 120):
        term = term * (near / 2) ** 2 / (k * (k + order))
        total = total + term
    factor = np.ones_like(far)
    series = factor
    for k in range(1, 25):
        factor = factor * -(4 * order**2 - (2 * k - 1) ** 2) / (k * 8 * far)
        series = series + factor
    value = np.where(size < 40, total * np.exp(-near), series / np.sqrt(2 * PI * far))
    return np.where(np.isnan(x), x, np.copysign(value, x) if order else value)


def _plain(order: int) -> Callable[[Any], Any]:
    def reference(x: Any) -> Any:
        size = np.abs(wide(x))
        value = np.exp(size) * _scaled(order, x)
        return np.where(np.isinf(size), np.copysign(size, x) if order else size, value)

    return reference


def _sizes() -> Iterator[Sample]:
    yield from unary(-9, 9)()
    sizes = [1e-20, -1e-5, 7.75, 7.7499, -24.0, 50.0, 700.0]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)
    yield Sample(inputs=([0.0],))


def _sizes_of_scaled() -> Iterator[Sample]:
    # e^-|x| has a corner at 0, so the second derivative has none there.
    for sample in _sizes():
        yield sample if sample.inputs != ([0.0],) else replace(sample, differentiable=False)


def _over_x(y: Any, x: Any, scale: Any = 1) -> Any:
    """i1(x) / x, by its series where x is small: 1/2 + x^2 / 16 + x^4 / 384; scaled, too."""
    small = abs(x) < 1e-2
    square = x * x
    series = 0.5 + square * (1 / 16 + square * (1 / 384 + square / 18432))
    return where(small, scale * series, y / where(small, 1, x))


i0: Any = define(
    Op(
        name="i0",
        doc="""The modified Bessel function of the first kind of order 0, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. It grows
    like e^|x|; see `i0e`. DLMF 10.25.

    >>> import dovetail as dt
    >>> round(dt.special.i0(dt.asarray(1.0)).item(), 5)
    1.26607
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("i0"),
        gradient=(lambda g, y, x: g * i1(x),),
        batching=batched,
        reference=_plain(0),
        samples=_sizes,
        tolerance=TOLERANCE,
    )
)

i0e: Any = define(
    Op(
        name="i0e",
        doc="""exp(-|x|) i0(x), element by element, which does not overflow.

    The result has x's shape and dtype; integers and bools are converted to float32 first.
    DLMF 10.25.

    >>> import dovetail as dt
    >>> round(dt.special.i0e(dt.asarray(1000.0)).item(), 6)
    0.012617
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("i0e"),
        gradient=(lambda g, y, x: g * (i1e(x) - sign(x) * y),),
        batching=batched,
        reference=lambda x: _scaled(0, x),
        samples=_sizes_of_scaled,
        tolerance=TOLERANCE,
    )
)

i1: Any = define(
    Op(
        name="i1",
        doc="""The modified Bessel function of the first kind of order 1, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. It grows
    like e^|x|; see `i1e`. DLMF 10.25.

    >>> import dovetail as dt
    >>> round(dt.special.i1(dt.asarray(1.0)).item(), 5)
    0.56516
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("i1"),
        gradient=(lambda g, y, x: g * (i0(x) - _over_x(y, x)),),
        batching=batched,
        reference=_plain(1),
        samples=_sizes,
        tolerance=TOLERANCE,
    )
)

i1e: Any = define(
    Op(
        name="i1e",
        doc="""exp(-|x|) i1(x), element by element, which does not overflow.

    The result has x's shape and dtype; integers and bools are converted to float32 first.
    DLMF 10.25.

    >>> import dovetail as dt
    >>> round(dt.special.i1e(dt.asarray(1000.0)).item(), 6)
    0.012611
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("i1e"),
        gradient=(lambda g, y, x: g * (i0e(x) - sign(x) * y - _over_x(y, x, exp(-abs(x)))),),
        batching=batched,
        reference=lambda x: _scaled(1, x),
        samples=_sizes_of_scaled,
        tolerance=TOLERANCE,
    )
)
