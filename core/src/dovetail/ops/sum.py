"""Sums over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import COMPLEX, NUMERIC, int64, uint64
from dovetail.op import Op, Spec, define
from dovetail.ops.astype import astype
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["SUM", "accumulator", "spread", "sum", "sum_op", "total"]


def _canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {"axis": axes("sum", axis, x.ndim), "keepdims": bool(keepdims)}


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    return Spec(reduced(x.shape, axis, keepdims), x.dtype)


def spread(value: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """A reduced value stretched back over the axes of x it was reduced from."""
    if not keepdims and len(axis) < x.ndim:  # a full reduction broadcasts as it is
        value = ops.reshape(value, reduced(x.shape, axis, True))
    return ops.broadcast_to(value, x.shape)


def _gradient(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return spread(g, x, axis, keepdims)


def accumulator(x: Any, dtype: Any) -> Any:
    """x in the dtype that the Array API standard sums and multiplies it in.

    Narrow integers and bools would overflow at once, so they become the default integer.
    """
    if dtype is not None:
        return astype(x, dtype=dtype)
    have = getattr(x, "dtype", None)  # a Python scalar has none and needs no conversion
    if have is None or have.itemsize == 8:
        return x
    # Arrays of numpy are taken too; its kinds are the initials of ours.
    kind = have.kind[0]
    wide = int64 if kind in "bi" else uint64 if kind == "u" else None
    return x if wide is None else astype(x, dtype=wide)


def total(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    """The sum in numpy, which adds along outer axes one by one: doubles need a wider sum."""
    wide = {"d": np.longdouble, "D": np.clongdouble}.get(x.dtype.char, x.dtype)
    return np.sum(x, axis=axis, dtype=wide, keepdims=keepdims).astype(x.dtype)


SUM = Op(
    name="sum",
    doc="""Sum over some axes, or over all of them.

    ``axis`` is an integer, a tuple of them or None for all; ``keepdims`` leaves the summed axes in
    place with extent 1. The record keeps the dtype; the function converts bools and narrow integers
    to 64 bits first, or to ``dtype`` where it is given. float16 and bfloat16 accumulate in float32;
    integers wrap around. The sum of nothing is 0.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.sum(dt.asarray([[1, 2], [3, 4]]), axis=0).tolist()
    [4, 6]
    """,
    signature="x: T -> T",
    types={"T": NUMERIC | COMPLEX},
    attributes={"axis": None, "keepdims": False},
    canonical=_canonical,
    infer=_infer,
    batching=batching.shift("axis"),
    gradient=(_gradient,),
    reference=total,
    samples=reduction(-3, 9, empty=True),
    # The order of the terms is the kernel's choice, so the error is measured against the largest
    # sum: with blocked accumulation it grows with the logarithm of their number.
    tolerance={"norm": True, "float32": 8, "float64": 8, "float16": 1, "bfloat16": 1},
)
sum_op: Any = define(SUM)


def sum(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Return the sum over axes; see the op sum."""
    return sum_op(accumulator(x, dtype), axis=axis, keepdims=keepdims)


sum.__doc__ = SUM.doc
