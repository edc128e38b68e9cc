"""Exponentials and logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["exp", "expm1", "log", "log1p"]

# The kernels' polynomials are good to 1 ulp; one more for the rounding of the reference itself.
# A 16-bit result is the float32 one rounded once, so it can differ by one step at a tie.
TOLERANCE = {"float32": 2, "float64": 2, "float16": 1, "bfloat16": 1}


def _log1p(x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.log1p(x)
    # numpy adds 1 first. log|1 + x| is half the log of 1 + (a * (a + 2) + b * b), for small x.
    a, b = x.real, x.imag
    small = (np.abs(a) < 0.5) & (np.abs(b) < 0.5)
    near = np.where(small, a * (a + 2) + b * b, 0)
    result = np.empty_like(x)
    result.real = np.where(small, np.log1p(near) / 2, np.log(np.hypot(a + 1, b)))
    result.imag = np.arctan2(b, a + 1)
    return result


def _expm1(x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.expm1(x)
    # exp(a) * cos(b) - 1 is expm1(a) * cos(b) - 2 * sin(b / 2) ** 2, which cancels less; numpy's
    # has other values at infinities than the array standard.
    a, b = x.real, x.imag
    lost = (a == -np.inf) & ~np.isfinite(b)  # nothing times any direction
    result = np.empty_like(x)
    half = np.sin(b / 2)
    real = np.expm1(a) * np.cos(b) - 2 * half * half
    unturned = np.isinf(a) & ~np.isfinite(b) | (b == 0)
    result.real = np.where(unturned, np.expm1(a), real) + 0.0
    result.imag = np.where(lost, 0, np.where(b == 0, b, np.exp(a) * np.sin(b)))
    return result


exp: Any = define(
    Op(
        name="exp",
        doc="""e to the power x, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Values
    too large for the dtype give infinity.

    >>> import dovetail as dt
    >>> round(dt.exp(dt.asarray(1.0)).item(), 5)
    2.71828
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("exp"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * y,),
        reference=np.exp,
        samples=unary(-5, 5),
        tolerance=TOLERANCE,
    )
)

expm1: Any = define(
    Op(
        name="expm1",
        doc="""exp(x) - 1, accurate near x = 0 where the difference would cancel.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.expm1(dt.asarray(1e-10)).item() > 0.9e-10
    True
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("expm1"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g * (y + 1),),
        reference=_expm1,
        samples=unary(-3, 3),
        tolerance=TOLERANCE,
    )
)

log: Any = define(
    Op(
        name="log",
        doc="""Natural logarithm, element by element.

    The result has x's shape and dtype; integers and bools are converted to float32 first. log(0) is
    minus infinity, the logarithm of a negative number is NaN, that of a complex one has its angle
    in (-pi, pi] as imaginary part.

    >>> import dovetail as dt
    >>> dt.log(dt.asarray([1.0, 0.0])).tolist()
    [0.0, -inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("log"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g / x,),
        reference=np.log,
        samples=unary(0.1, 9),
        tolerance=TOLERANCE,
    )
)

log1p: Any = define(
    Op(
        name="log1p",
        doc="""log(1 + x), accurate near x = 0 where the sum would lose x.

    The result has x's shape and dtype; integers and bools are converted to float32 first. NaN below
    -1, minus infinity at -1.

    >>> import dovetail as dt
    >>> dt.log1p(dt.asarray([0.0, -1.0])).tolist()
    [0.0, -inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("log1p"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: g / (x + 1),),
        reference=_log1p,
        samples=unary(-0.9, 4),
        tolerance=TOLERANCE,
    )
)
