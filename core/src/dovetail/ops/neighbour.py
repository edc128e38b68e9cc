"""The neighbouring number of a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING, DType, bfloat16
from dovetail.op import Op, Spec, define
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["nextafter"]


def _canonical(x: Spec, y: Spec, *, dtype: Any) -> dict[str, Any]:
    return {"dtype": x.dtype}


def _next_bfloat16(x: Any, y: Any) -> Any:
    """One step in the upper half of float32's bits, which order numbers like signed magnitudes."""
    bits = np.ascontiguousarray(x).view(np.int32)
    up, step = x < y, np.int32(1 << 16)
    moved = np.where(up == (x > 0), bits + step, bits - step)
    least = np.where(up, step, np.int32(-(2**31)) + step)
    moved = np.where(x == y, np.ascontiguousarray(y).view(np.int32), np.where(x == 0, least, moved))
    result = np.ascontiguousarray(moved, np.int32).view(np.float32)
    return np.where(np.isnan(x) | np.isnan(y), np.float32(np.nan), result)


def _reference(x: Any, y: Any, *, dtype: DType) -> Any:
    if dtype is bfloat16:
        single = np.atleast_1d(x.astype(np.float32)), np.atleast_1d(y.astype(np.float32))
        return _next_bfloat16(*single).reshape(x.shape)
    return np.nextafter(x.astype(dtype.name), y.astype(dtype.name)).astype(x.dtype)


nextafter: Any = define(
    Op(
        name="nextafter",
        doc="""The number next to x on the way to y, element by element; y where they are equal.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. Numbers are
    those of the operands' common dtype, which ``dtype`` takes by itself. NaN if either is NaN. It
    has no derivative.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.nextafter(dt.asarray(1.0), dt.asarray(2.0)).item() - 1 == 2.0**-23
    True
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        attributes={"dtype": None},
        broadcast=True,
        canonical=_canonical,
        infer=elementwise("nextafter"),
        reference=_reference,
        samples=binary((-4, 4), special=True, extra=(([1.0, -1.0, 0.0], [1.0, -1.0, -0.0]),)),
        tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
    )
)
