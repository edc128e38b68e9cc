"""Counting by number and by interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import _fast, ops, shapes
from dovetail.array import numpy_of
from dovetail.creation import asarray
from dovetail.dtypes import float32, float64, int64
from dovetail.errors import OpError, TraceError
from dovetail.ops.sum import accumulator

__all__ = ["bincount", "histogram"]


def bincount(
    x: Any, /, weights: Any = None, *, minlength: int = 0, length: int | None = None
) -> Any:
    """How often each of the numbers 0, 1, 2, ... is in ``x``, or the sum of the weights there.

    ``x`` holds integers that are not negative; the result is as long as the largest needs, and at
    least ``minlength``. With ``length``, which jit needs, it has that length and numbers beyond it
    are not counted. Counts are int64; weighted sums have the dtype of the weights and hand
    gradients back to them.

    Raises OpError when a number is negative, and TraceError under jit without ``length``.

    >>> import dovetail as dt
    >>> dt.bincount(dt.asarray([0, 2, 2])).tolist()
    [1, 0, 2]
    """
    if x.dtype.kind not in ("int", "uint"):
        raise OpError(f"bincount: x is {x.dtype}{list(x.shape)}; it must hold integers")
    x = ops.reshape(x, (x.size,))
    if weights is not None:
        weights = weights if isinstance(weights, _fast.Array) else asarray(weights)
        if weights.size != x.size:
            raise OpError(
                f"bincount: there are {weights.size} weights for {x.size} elements; each needs one"
            )
        weights = accumulator(ops.reshape(weights, x.shape), None)
    if x._tracer is not None:
        if length is None:
            raise TraceError(
                "bincount: how long the result is depends on the values of a traced x; say it "
                "with length=, or call it outside jit"
            )
    else:
        values = numpy_of(x)
        if length is None and weights is None:
            return _counted(values, minlength, x.device)
        low = int(values.min(initial=0))
        if low < 0:
            raise OpError(f"bincount: {low} is negative; only 0 and above can be counted")
        if length is None:
            (least,) = shapes.integers("bincount", "minlength", (minlength,))
            length = max(int(values.max(initial=0)) + bool(values.size), least)
    (extent,) = shapes.integers("bincount", "length", (length,))
    at = ops.astype(x, int64)
    if x._tracer is not None or (values.size and values.max() >= extent):
        # One place more takes what is beyond; negative numbers are beyond, too.
        at = ops.where(ops.logical_or(x < 0, x >= extent), extent, at)
    ones = ops.filled_like(x, 1, dtype=int64) if weights is None else weights
    sums = ops.filled_like(ones, 0, shape=(extent + 1,))
    return ops.scatter_add(sums, at, ones, axis=0)[:extent]


def _counted(values: np.ndarray, minlength: int, device: Any) -> Any:
    (least,) = shapes.integers("bincount", "minlength", (minlength,))
    try:
        counts = np.bincount(values.astype(np.int64, copy=False), minlength=least)
    except ValueError:
        if not values.size or values.min() >= 0:
            raise
        raise OpError(
            f"bincount: {values.min()} is negative; only 0 and above can be counted"
        ) from None
    return asarray(counts.astype(np.int64, copy=False), device=device)


def histogram(
    x: Any,
    /,
    bins: Any = 10,
    *,
    range: tuple[float, float] | None = None,
    weights: Any = None,
    density: bool = False,
) -> tuple[Any, Any]:
    """How many elements lie in each of some intervals, and the edges of the intervals.

    ``bins`` is a number of equal intervals, from the smallest element to the largest or over
    ``range``, or a sorted array of edges. An interval contains its left edge, the last one its
    right edge, too; elements outside are not counted. With ``weights`` their sums are returned in
    place of the counts, with ``density`` shares divided by the widths, which integrate to 1. The
    edges have the dtype of ``x``, or float32 where that holds integers.

    Raises OpError when the edges, the range or the weights do not fit.

    >>> import dovetail as dt
    >>> counts, edges = dt.histogram(dt.asarray([1.0, 2.0, 2.5, 4.0]), bins=3)
    >>> counts.tolist(), edges.tolist()
    ([1, 2, 1], [1.0, 2.0, 3.0, 4.0])
    """
    x = ops.reshape(x, (x.size,))
    x = x if x.dtype.kind == "float" else ops.astype(x, float32)
    edges = _edges(x, bins, range)
    count = edges.shape[0] - 1
    inside = ops.logical_and(x >= edges[0], x <= edges[-1])
    place = _estimated(x, inside, edges) if isinstance(bins, int) else _searched(x, edges)
    # One place more takes what is outside, and NaN.
    place = ops.where(inside, place, count)
    if weights is None:
        ones = ops.filled_like(x, 1, dtype=int64)
    else:
        ones = weights if isinstance(weights, _fast.Array) else asarray(weights)
        if ones.size != x.size:
            raise OpError(
                f"histogram: there are {ones.size} weights for {x.size} elements; each needs one"
            )
        ones = accumulator(ops.reshape(ones, x.shape), None)
    blank = ops.filled_like(ones, 0, shape=(count + 1,))
    sums = ops.scatter_add(blank, place, ones, axis=0)[:count]
    if density:
        shares = sums if sums.dtype.differentiable else ops.astype(sums, edges.dtype)
        sums = shares / (edges[1:] - edges[:-1]) / ops.sum(shares)
    return sums, edges


def _searched(x: Any, edges: Any) -> Any:
    """The interval of each element by bisection; the last one has its right edge, too."""
    place = ops.searchsorted_op(edges, x, side="right") - 1
    return ops.where(x == edges[-1], edges.shape[0] - 2, place)


def _estimated(x: Any, inside: Any, edges: Any) -> Any:
    """The interval of each element by division, and by one look at its edges, which decide."""
    count = edges.shape[0] - 1
    low, high = edges[0], edges[-1]
    share = (ops.where(inside, x, low) - low) * (count / (high - low))
    place = ops.clip(ops.astype(share, int64), 0, count - 1)
    early = ops.logical_and(x < ops.take(edges, place, axis=0), place > 0)
    late = ops.logical_and(x >= ops.take(edges, place + 1, axis=0), place < count - 1)
    return place - ops.astype(early, int64) + ops.astype(late, int64)


def _edges(x: Any, bins: Any, span: tuple[float, float] | None) -> Any:
    if not isinstance(bins, int):
        edges = bins if isinstance(bins, _fast.Array) else asarray(bins)
        if edges.ndim != 1 or edges.shape[0] < 2:
            raise OpError(
                f"histogram: edges have shape {edges.shape}; give a number of intervals, or at "
                "least two edges along one axis"
            )
        return edges if edges.dtype is x.dtype else ops.astype(edges, x.dtype)
    if bins < 1:
        raise OpError(f"histogram: bins={bins} must be at least 1")
    if span is None and x.size:
        low, high = (ops.astype(f(x), float64) for f in (ops.min, ops.max))
    else:
        ends = span or (0.0, 1.0)
        if not ends[0] <= ends[1]:
            raise OpError(f"histogram: range={span!r} must rise")
        low, high = (ops.filled_like(x, end, shape=(), dtype=float64) for end in ends)
    single = low == high
    low, high = ops.where(single, low - 0.5, low), ops.where(single, high + 0.5, high)
    steps = ops.iota_like(ops.filled_like(low, 0, shape=(bins + 1,)), 0)
    edges = ops.where(steps == bins, high, low + (high - low) * (steps / bins))
    return ops.astype(edges, x.dtype)
