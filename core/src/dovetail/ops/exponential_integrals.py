"""Integrals of e^t / t."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import exp
from dovetail.samples import unary
from dovetail.shapes import elementwise
from dovetail.special_reference import wide

__all__ = ["exp1", "expi"]

EULER = np.longdouble("0.57721566490153286060651209008240243104")


def _series(x: Any) -> Any:
    """The sum of x^k / (k k!)."""
    term, total = np.ones_like(x), np.zeros_like(x)
    for k in range(1, 160):
        term = term * x / k
        total = total + term / k
    return total


def _exp1(x: Any) -> Any:
    x = wide(x)
    near, far = np.where(x < 2, x, 1), np.where(x < 2, 2, x)
    rest = far + 161
    for k in range(80, 0, -1):
        rest = far + (2 * k - 1) - k * k / rest
    value = np.where(x < 2, -_series(-near) - np.log(near) - EULER, np.exp(-far) / rest)
    return np.where(x < 0, np.nan, np.where(x == np.inf, 0, value))


def _expi(x: Any) -> Any:
    x = wide(x)
    near, far = np.where((x > 0) & (x < 60), x, 1), np.where(x < 60, 60, x)
    term = total = np.ones_like(far)
    for k in range(1, 50):
        term = term * k / far
        total = total + term
    right = np.where(x < 60, _series(near) + np.log(near) + EULER, np.exp(far) / far * total)
    left = -_exp1(np.where(x < 0, -x, 1))
    value = np.where(x < 0, left, np.where(x == 0, -np.inf, right))
    return np.where(np.isnan(x), x, np.where(x == np.inf, x, value))


def _positive() -> Iterator[Sample]:
    yield from unary(0.2, 6)()
    sizes = [1e-5, 0.99, 1.0, 1.01, 40.0, 80.0]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


def _all_sides() -> Iterator[Sample]:
    yield from unary(0.5, 6)()
    yield Sample(inputs=(((17,), -6, -0.2),))
    sizes = [1e-5, 0.3725, -1e-5, 1.99, 2.01, 39.0, 49.9, 50.1, 80.0]
    yield Sample(inputs=(sizes,), dtypes=frozenset({float32, float64}), differentiable=False)


exp1: Any = define(
    Op(
        name="exp1",
        doc="""The exponential integral, of e^-t / t from x to infinity, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Infinity
    at 0, NaN for negative numbers. DLMF 6.2.

    >>> import dovetail as dt
    >>> round(dt.special.exp1(dt.asarray(1.0)).item(), 5)
    0.21938
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("exp1"),
        gradient=(lambda g, y, x: -g * exp(-x) / x,),
        batching=batched,
        reference=_exp1,
        samples=_positive,
        tolerance={"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1},
    )
)

expi: Any = define(
    Op(
        name="expi",
        doc="""The exponential integral, of e^t / t from minus infinity to x, element by element.

    Around t = 0 it is the principal value. The result has x's shape and dtype; integers and bools
    are converted to float32 first. Minus infinity at 0. DLMF 6.2.

    >>> import dovetail as dt
    >>> round(dt.special.expi(dt.asarray(1.0)).item(), 5)
    1.89512
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("expi"),
        gradient=(lambda g, y, x: g * exp(x) / x,),
        batching=batched,
        reference=_expi,
        samples=_all_sides,
        # The sample beside the zero at 0.3725 has the reference's absolute accuracy.
        tolerance={"float32": 1, "float64": 16, "float16": 1, "bfloat16": 1},
    )
)
