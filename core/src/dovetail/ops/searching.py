"""Where values belong in sorted lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.batching import examples
from dovetail.dtypes import REAL, int64
from dovetail.op import Op, Sample, Spec, define, specs_text

__all__ = ["searchsorted", "searchsorted_op"]


def _canonical(x1: Spec, x2: Spec, side: Any) -> dict[str, Any]:
    if side not in ("left", "right"):
        raise SEARCHSORTED.fail(f'side={side!r} is not known; use "left" or "right"')
    return {"side": side}


def _infer(x1: Spec, x2: Spec, side: str) -> Spec:
    if x1.ndim == 0:
        raise SEARCHSORTED.fail(f"x1 is {x1}; it needs an axis along which it is sorted")
    if x1.ndim > 1 and (x2.ndim != x1.ndim or x2.shape[:-1] != x1.shape[:-1]):
        raise SEARCHSORTED.fail(
            f"x1 and x2 are {specs_text((x1, x2))}; where x1 holds several lines, x2 must have the "
            "same axes before the last"
        )
    return Spec(x2.shape, int64)


def _reference(x1: np.ndarray, x2: np.ndarray, side: Any) -> np.ndarray:
    if x1.ndim == 1:
        return np.asarray(np.searchsorted(x1, x2, side=side))
    found = np.empty(x2.shape, np.int64)
    for line in np.ndindex(*x1.shape[:-1]):
        found[line] = np.searchsorted(x1[line], x2[line], side=side)
    return found


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], /, x1: Any, x2: Any, *, side: str
) -> Any:
    if not batched[0] and x1.ndim == 1:
        return op(x1, x2, side=side)
    x1, x2 = examples(x1, size, batched[0]), examples(x2, size, batched[1])
    if x1.ndim > 2:
        return op(x1, x2, side=side)
    lines = ops.reshape(x2, (size, math.prod(x2.shape[1:])))
    return ops.reshape(op(x1, lines, side=side), x2.shape)


def _samples() -> Iterator[Sample]:
    line = [-3.0, -1.0, -1.0, 0.0, 2.0, 2.0, 2.0, 7.0]
    numbers = [[-4.0, -1.0, 2.0], [3.0, 7.0, 8.0]]
    signed = frozenset(t for t in REAL if t.kind in ("int", "float"))
    for side in ("left", "right"):
        attributes = {"side": side}
        yield Sample(inputs=(line, numbers), attributes=attributes, dtypes=signed)
        yield Sample(inputs=([0, 1, 1, 2, 5], 1), attributes=attributes)
        two = [[0, 1, 1, 3], [2, 2, 4, 9]]
        yield Sample(inputs=(two, [[1, 0, 9], [2, 3, 9]]), attributes=attributes)
    nan, inf = float("nan"), float("inf")
    floats = frozenset(t for t in REAL if t.kind == "float")
    yield Sample(inputs=([-inf, 0.0, inf, nan], [nan, inf, -inf, -0.0]), dtypes=floats)
    yield Sample(inputs=(((0,), 0, 1), ((3,), 0, 9)))
    yield Sample(inputs=([1, 2], ((0, 3), 0, 9)))
    yield Sample(inputs=(((2, 0, 4), 0, 9), ((2, 0, 3), 0, 9)))


SEARCHSORTED = Op(
    name="searchsorted",
    doc="""Where elements of ``x2`` would have to be put into the sorted ``x1`` to keep it sorted.

    ``x1`` has one axis; the result is int64 and has the shape of ``x2``, an array or a number.
    Position i has ``x1[i - 1] < v <= x1[i]``, and with ``side="right"`` ``x1[i - 1] <= v < x1[i]``.
    NaN is larger than every number, as `sort` has it. The function also takes ``sorter``,
    positions that sort ``x1``, as `argsort` gives them. Where ``x1`` has more axes than one, it
    holds lines that are sorted along the last axis, and ``x2`` has the same axes before its last.

    Raises OpError when the axes do not fit. Whether ``x1`` is sorted is not checked.

    >>> import dovetail as dt
    >>> dt.searchsorted(dt.asarray([1, 3, 3, 5]), dt.asarray([0, 3, 9])).tolist()
    [0, 1, 4]
    """,
    signature="x1: T, x2: T -> i64",
    types={"T": REAL},
    attributes={"side": "left"},
    canonical=_canonical,
    infer=_infer,
    reference=_reference,
    batching=_batching,
    samples=_samples,
)
searchsorted_op: Any = define(SEARCHSORTED)


def searchsorted(x1: Any, x2: Any, side: str = "left", sorter: Any = None) -> Any:
    """Return the positions; see the op searchsorted."""
    if sorter is not None:
        x1 = ops.take_along_axis(x1, sorter, axis=-1)
    return searchsorted_op(x1, x2, side=side)


searchsorted.__doc__ = SEARCHSORTED.doc
