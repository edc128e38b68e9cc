"""Where the largest and the smallest element are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import FLOATING, NUMERIC, int64
from dovetail.errors import OpError
from dovetail.op import Op, Sample, Spec, define
from dovetail.samples import SPECIAL
from dovetail.shapes import axis as one_axis
from dovetail.shapes import reduced

__all__ = ["argmax", "argmin"]


def _canonical(name: str) -> Callable[..., dict[str, Any]]:
    def canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
        number = None if axis is None else one_axis(name, axis, x.ndim)
        return {"axis": number, "keepdims": bool(keepdims)}

    return canonical


def _infer(name: str) -> Callable[..., Spec]:
    def infer(x: Spec, *, axis: int | None, keepdims: bool) -> Spec:
        over = tuple(range(x.ndim)) if axis is None else (axis,)
        result = Spec(reduced(x.shape, over, keepdims), int64)
        if x.size == 0 and result.size > 0:
            raise OpError(
                f"{name}: {x} has no elements {'' if axis is None else f'along axis {axis} '}to "
                f"choose from; give it at least one"
            )
        return result

    return infer


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], x: Any, *, axis: int | None, keepdims: bool
) -> Any:
    if axis is not None:
        return op(x, axis=axis + 1, keepdims=keepdims)
    count = math.prod(x.shape[1:])
    found = op(ops.reshape(x, (size, count)), axis=1)
    return ops.reshape(found, (size, *(1,) * (x.ndim - 1))) if keepdims else found


def _samples() -> Iterator[Sample]:
    yield Sample(inputs=(((), -9, 9),))
    yield Sample(inputs=(((17,), -99, 99),), attributes={"axis": 0, "keepdims": True})
    yield Sample(inputs=(((3, 5, 7), -99, 99),))
    yield Sample(inputs=(((3, 5, 7), -99, 99),), attributes={"keepdims": True})
    yield Sample(inputs=(((3, 5, 7), -99, 99),), attributes={"axis": 1})
    yield Sample(inputs=(((3, 33), -99, 99),), attributes={"axis": -1})
    yield Sample(inputs=(((1030, 2), -99, 99),), attributes={"axis": 0})
    yield Sample(inputs=(((3, 0), -9, 9),), attributes={"axis": 0})
    ties = [[1, 2, 2], [3, 3, 3], [5, 4, 5]]
    yield Sample(inputs=(ties,), attributes={"axis": 1})
    nan = float("nan")
    rows = [
        SPECIAL[1:],
        SPECIAL[:0:-1],
        [nan] * (len(SPECIAL) - 1),
        [3.0, nan, 5.0, nan, *SPECIAL[5:]],
    ]
    yield Sample(inputs=(rows,), attributes={"axis": 1}, dtypes=FLOATING)


argmax: Any = define(
    Op(
        name="argmax",
        doc="""Position of the largest element along an axis, or in the flattened array.

    The first one wins among equals; the first NaN wins over everything. With ``keepdims`` the
    axis (without an axis, every axis) stays, with extent 1. The result is int64.

    Raises OpError when the axis is out of range and when there are no elements to choose from.

    >>> import dovetail as dt
    >>> dt.argmax(dt.asarray([[1, 5], [3, 3]]), axis=1).tolist()
    [1, 0]
    """,
        signature="x: T -> i64",
        types={"T": NUMERIC},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("argmax"),
        infer=_infer("argmax"),
        batching=_batching,
        reference=np.argmax,
        samples=_samples,
    )
)

argmin: Any = define(
    Op(
        name="argmin",
        doc="""Position of the smallest element along an axis, or in the flattened array.

    The first one wins among equals; the first NaN wins over everything. With ``keepdims`` the
    axis (without an axis, every axis) stays, with extent 1. The result is int64.

    Raises OpError when the axis is out of range and when there are no elements to choose from.

    >>> import dovetail as dt
    >>> dt.argmin(dt.asarray([[1, 5], [3, 3]]), axis=1).tolist()
    [0, 0]
    """,
        signature="x: T -> i64",
        types={"T": NUMERIC},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("argmin"),
        infer=_infer("argmin"),
        batching=_batching,
        reference=np.argmin,
        samples=_samples,
    )
)
