"""Means over axes."""

from __future__ import annotations

from typing import Any

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING
from dovetail.op import Op, Spec, define
from dovetail.ops.sum import sum_op, total
from dovetail.precision import widened
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["mean"]


def _canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {"axis": axes("mean", axis, x.ndim), "keepdims": bool(keepdims)}


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    return Spec(reduced(x.shape, axis, keepdims), x.dtype)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> float:
    count = 1
    for d in axis:
        count *= shape[d]
    return float(count)


@widened  # the sum of a few thousand float16 would overflow where their mean does not
def _decomposition(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return sum_op(x, axis=axis, keepdims=keepdims) / _count(x.shape, axis)


def _reference(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return total(x, axis=axis, keepdims=keepdims) / x.real.dtype.type(_count(x.shape, axis))


mean: Any = define(
    Op(
        name="mean",
        doc="""Arithmetic mean over some axes, or over all of them.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The dtype stays; integers and bools are converted to float32 first; float16 and
    bfloat16 accumulate in float32. The mean of nothing is NaN.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.mean(dt.asarray([[1.0, 2.0], [3.0, 5.0]]), axis=0).tolist()
    [2.0, 3.5]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical,
        infer=_infer,
        batching=batching.shift("axis"),
        decomposition=_decomposition,
        reference=_reference,
        samples=reduction(-3, 9, empty=True),
        # As sum's, and one division.
        tolerance={"norm": True, "float32": 8, "float64": 8, "float16": 1, "bfloat16": 1},
        claim="composite",
    )
)
