"""How many elements are not zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import int64
from dovetail.op import Op, Spec, define
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["count_nonzero"]


def _canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {"axis": axes("count_nonzero", axis, x.ndim), "keepdims": bool(keepdims)}


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    return Spec(reduced(x.shape, axis, keepdims), int64)


def _decomposition(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    there = ops.astype(ops.not_equal(x, ops.filled_like(x, 0, shape=())), dtype=int64)
    return ops.sum_op(there, axis=axis, keepdims=keepdims)


def _reference(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    there = x if x.dtype == np.bool_ else x != 0
    if len(axis) == x.ndim:  # numpy counts bits much faster than it adds them
        total = np.asarray(np.count_nonzero(there))
        return total.reshape(reduced(x.shape, axis, keepdims))
    return np.count_nonzero(there, axis=axis, keepdims=keepdims)


COUNT_NONZERO = Op(
    name="count_nonzero",
    doc="""How many elements are not zero along some axes, or in all.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The result is int64. NaN is not zero; a complex number is zero when both parts are.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.count_nonzero(dt.asarray([[0, 7, 1], [0, 0, 2]]), axis=1).tolist()
    [2, 1]
    """,
    signature="x: T -> i64",
    attributes={"axis": None, "keepdims": False},
    canonical=_canonical,
    infer=_infer,
    decomposition=_decomposition,
    reference=_reference,
    batching=batching.shift("axis"),
    samples=reduction(-2, 2, empty=True),
    differentiable=frozenset(),  # no number of its results follows small changes
    claim="composite",
    host=True,
)
count_nonzero: Any = define(COUNT_NONZERO)
