"""Functions that write at positions and that reduce by segments."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.at import MODES, Places, extremes
from dovetail.errors import OpError, TraceError

__all__ = [
    "put",
    "put_along_axis",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_sum",
]

HOW = ("set", "add", "subtract", "multiply", "divide", "min", "max")


def _update(name: str, x: Any, where: Any, values: Any, *, how: str, mode: str) -> Any:
    if how not in HOW:
        raise OpError(f"{name}: how={how!r} is not known; use one of {', '.join(HOW)}")
    return getattr(Places(x)[where], how)(values, mode=mode)


def put(
    x: Any,
    indices: Any,
    values: Any,
    /,
    *,
    axis: int | None = None,
    how: str = "set",
    mode: str = "error",
) -> Any:
    """A copy of ``x`` with values written at positions of one axis, or of all elements in a row.

    With ``axis`` the values broadcast to the slices at ``indices`` of that axis; without, they
    broadcast to ``indices``, which count the elements of ``x`` row by row. ``how`` is "set" or one
    of the other ways of `x.at <dovetail.at.Selection>`: "add", "subtract", "multiply", "divide",
    "min" and "max". ``mode`` says what happens beyond the ends: "error", "clip" (the nearest
    position) or "drop".

    >>> import dovetail as dt
    >>> dt.put(dt.zeros((2, 2)), dt.asarray([0, 3]), dt.asarray([5.0, 7.0])).tolist()
    [[5.0, 0.0], [0.0, 7.0]]
    """
    if axis is None:
        flat = ops.reshape(x, (x.size,))
        return ops.reshape(_update("put", flat, indices, values, how=how, mode=mode), x.shape)
    at = shapes.axis("put", axis, x.ndim)
    return _update("put", x, (slice(None),) * at + (indices,), values, how=how, mode=mode)


def put_along_axis(
    x: Any,
    indices: Any,
    values: Any,
    /,
    *,
    axis: int = -1,
    how: str = "set",
    mode: str = "error",
) -> Any:
    """A copy of ``x`` with elements written at positions of their own along an axis.

    The inverse of `take_along_axis`: ``indices`` has as many axes as ``x``, and its other axes
    broadcast with those of ``x``; ``values`` broadcast to that. ``how`` and ``mode`` are those of
    `put`.

    >>> import dovetail as dt
    >>> x = dt.zeros((2, 3))
    >>> dt.put_along_axis(x, dt.asarray([[2], [0]]), 1.0, axis=1).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if x.ndim != indices.ndim:
        raise OpError(
            f"put_along_axis: x has shape {x.shape} and indices {indices.shape}; they need the "
            "same number of axes"
        )
    at = shapes.axis("put_along_axis", axis, x.ndim)
    place: list[Any] = []
    for d, n in enumerate(x.shape):
        if d != at and indices.shape[d] not in (1, n):
            raise OpError(
                f"put_along_axis: x has shape {x.shape} and indices {indices.shape}; apart from "
                f"axis {at} they must broadcast"
            )
        place.append(np.arange(n).reshape(tuple(-1 if e == d else 1 for e in range(x.ndim))))
    place[at] = indices
    return _update("put_along_axis", x, tuple(place), values, how=how, mode=mode)


# ---- segments ------------------------------------------------------------------------------------


def _count(name: str, ids: Any, given: Any) -> int:
    if given is None:
        if ids._tracer is not None:
            raise TraceError(
                f"{name}: the number of segments decides a shape, and the ids of a traced array "
                "are not known yet; pass num_segments"
            )
        known = np.asarray(ids)
        return int(known.max()) + 1 if known.size else 0
    try:
        number = index(given)
    except TypeError:
        raise OpError(f"{name}: num_segments={given!r} must be an integer or None") from None
    if number < 0:
        raise OpError(f"{name}: num_segments={number} is negative")
    return number


def _prepared(name: str, data: Any, ids: Any, count: Any, mode: str) -> tuple[Any, Any, int]:
    """The data with one leading axis, ids that belong to it, and the number of segments."""
    if ids.dtype.kind not in ("int", "uint"):
        raise OpError(
            f"{name}: segment_ids are {ids.dtype}{list(ids.shape)}; they must be integers"
        )
    if ids.ndim < 1 or data.shape[: ids.ndim] != ids.shape:
        raise OpError(
            f"{name}: data is {data.dtype}{list(data.shape)} and segment_ids {ids.dtype}"
            f"{list(ids.shape)}; the ids' shape must be that of the first axes of the data"
        )
    if mode not in MODES:
        raise OpError(f"{name}: mode={mode!r} is not known; use one of {', '.join(MODES)}")
    number = _count(name, ids, count)
    if ids.ndim > 1:
        data = ops.reshape(data, (ids.size, *data.shape[ids.ndim :]))
        ids = ops.reshape(ids, (ids.size,))
    # A negative id is no segment: unlike an index, it does not count from the end.
    below = ids < 0
    return data, ops.where(below, number, ids) if mode != "clip" else ops.maximum(ids, 0), number


def _segments(
    name: str, data: Any, ids: Any, count: Any, mode: str, *, how: str, start: Any
) -> Any:
    data, ids, number = _prepared(name, data, ids, count, mode)
    empty = ops.filled_like(data, start, shape=(number, *data.shape[1:]))
    if number == 0 and mode == "drop":
        return empty
    return getattr(Places(empty)[ids], how)(data, mode=mode)


def segment_sum(
    data: Any, segment_ids: Any, /, num_segments: int | None = None, *, mode: str = "error"
) -> Any:
    """The sum of the slices of each segment: (num_segments, ...); 0 where there is none.

    ``segment_ids`` has the shape of the first axes of ``data`` and says to which segment each slice
    belongs, in any order. ``num_segments`` is one more than the largest id unless given; under jit
    it must be. An id that is no segment is an error; with the ``mode`` "drop" its slice is left out
    and with "clip" it goes to the nearest segment.

    >>> import dovetail as dt
    >>> dt.segment_sum(dt.asarray([1.0, 2.0, 4.0]), dt.asarray([0, 1, 0])).tolist()
    [5.0, 2.0]
    """
    return _segments("segment_sum", data, segment_ids, num_segments, mode, how="add", start=0)


def segment_prod(
    data: Any, segment_ids: Any, /, num_segments: int | None = None, *, mode: str = "error"
) -> Any:
    """The product of the slices of each segment, 1 where there is none; see `segment_sum`.

    >>> import dovetail as dt
    >>> dt.segment_prod(dt.asarray([1.0, 2.0, 4.0]), dt.asarray([0, 1, 0])).tolist()
    [4.0, 2.0]
    """
    return _segments("segment_prod", data, segment_ids, num_segments, mode, how="multiply", start=1)


def segment_max(
    data: Any, segment_ids: Any, /, num_segments: int | None = None, *, mode: str = "error"
) -> Any:
    """The largest element of each segment; see `segment_sum`.

    Where there is none: minus infinity, or the smallest integer. Ties share the gradient evenly.

    >>> import dovetail as dt
    >>> dt.segment_max(dt.asarray([1.0, 2.0, 4.0]), dt.asarray([0, 1, 0])).tolist()
    [4.0, 2.0]
    """
    start = extremes(data.dtype)[0]
    return _segments("segment_max", data, segment_ids, num_segments, mode, how="max", start=start)


def segment_min(
    data: Any, segment_ids: Any, /, num_segments: int | None = None, *, mode: str = "error"
) -> Any:
    """The smallest element of each segment; see `segment_sum`.

    Where there is none: infinity, or the largest integer. Ties share the gradient evenly.

    >>> import dovetail as dt
    >>> dt.segment_min(dt.asarray([1.0, 2.0, 4.0]), dt.asarray([0, 1, 0])).tolist()
    [1.0, 2.0]
    """
    start = extremes(data.dtype)[1]
    return _segments("segment_min", data, segment_ids, num_segments, mode, how="min", start=start)


def segment_mean(
    data: Any, segment_ids: Any, /, num_segments: int | None = None, *, mode: str = "error"
) -> Any:
    """The mean of the slices of each segment, 0 where there is none; see `segment_sum`.

    >>> import dovetail as dt
    >>> dt.segment_mean(dt.asarray([1.0, 2.0, 4.0]), dt.asarray([0, 1, 0])).tolist()
    [2.5, 2.0]
    """
    if data.dtype.kind not in ("float", "complex"):
        raise OpError(f"segment_mean: data is {data.dtype}; convert it to floats with astype")
    total = segment_sum(data, segment_ids, num_segments, mode=mode)
    ones = ops.filled_like(data, 1, shape=segment_ids.shape)
    count = segment_sum(ones, segment_ids, num_segments, mode=mode)
    count = ops.maximum(count, 1)
    return total / ops.reshape(count, (total.shape[0], *(1,) * (total.ndim - 1)))
