"""The largest and the smallest element along axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import FLOATING, NUMERIC
from dovetail.errors import OpError
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.arithmetic import divide
from dovetail.ops.astype import astype
from dovetail.ops.extremum import maximum
from dovetail.ops.sum import spread, sum_op
from dovetail.ops.where import where
from dovetail.samples import SPECIAL, reduction
from dovetail.shapes import axes, reduced

__all__ = ["max", "min"]


def _canonical(name: str) -> Callable[..., dict[str, Any]]:
    def canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
        return {"axis": axes(name, axis, x.ndim), "keepdims": bool(keepdims)}

    return canonical


def _infer(name: str) -> Callable[..., Spec]:
    def infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
        result = Spec(reduced(x.shape, axis, keepdims), x.dtype)
        if x.size == 0 and result.size > 0:
            raise OpError(
                f"{name}: {x} has no elements along axis {axis}, and nothing has no {name}; "
                f"give it at least one"
            )
        return result

    return infer


def _gradient(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Ties share the gradient evenly, so that what flows in flows out."""
    wins = x == spread(y, x, axis, keepdims)
    ties = sum_op(astype(wins, dtype=x.dtype), axis=axis, keepdims=keepdims)
    # A row with a NaN has no winner; its count must not become a 0 below the line.
    return where(wins, spread(divide(g, maximum(ties, 1)), x, axis, keepdims), 0)


def _samples() -> Iterator[Sample]:
    yield from reduction(-99, 99, empty=False)()
    yield Sample(inputs=(((3, 0), -9, 9),), attributes={"axis": 0})
    ties = [[1, 2, 2], [3, 3, 3], [5, 4, 5]]
    yield Sample(inputs=(ties,), attributes={"axis": 1}, differentiable=False)
    special = [SPECIAL, SPECIAL[::-1], [2.0] * len(SPECIAL)]
    yield Sample(inputs=(special,), attributes={"axis": 0}, dtypes=FLOATING, differentiable=False)
    yield Sample(inputs=(special,), attributes={"axis": 1}, dtypes=FLOATING, differentiable=False)


# A choice rounds nothing.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}

max: Any = define(
    Op(
        name="max",
        doc="""The largest element along some axes, or of all; NaN if there is one.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The dtype stays, except that bools become int64. Ties share the derivative evenly.

    Raises OpError when an axis is out of range or named twice, and when there are no elements to
    choose from.

    >>> import dovetail as dt
    >>> dt.max(dt.asarray([[1, 5], [3, 4]]), axis=1).tolist()
    [5, 4]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("max"),
        infer=_infer("max"),
        batching=batching.shift("axis"),
        gradient=(_gradient,),
        reference=np.max,
        samples=_samples,
        tolerance=EXACT,
    )
)

min: Any = define(
    Op(
        name="min",
        doc="""The smallest element along some axes, or of all; NaN if there is one.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The dtype stays, except that bools become int64. Ties share the derivative evenly.

    Raises OpError when an axis is out of range or named twice, and when there are no elements to
    choose from.

    >>> import dovetail as dt
    >>> dt.min(dt.asarray([[1, 5], [3, 4]]), axis=1).tolist()
    [1, 3]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("min"),
        infer=_infer("min"),
        batching=batching.shift("axis"),
        gradient=(_gradient,),
        reference=np.min,
        samples=_samples,
        tolerance=EXACT,
    )
)
