"""Where elements are not zero."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.array import numpy_of
from dovetail.creation import asarray
from dovetail.dtypes import int64
from dovetail.errors import OpError, TraceError
from dovetail.manipulation import stack

__all__ = ["argwhere", "flatnonzero", "nonzero"]


def _places(name: str, x: Any, size: int | None) -> Any:
    """Flat positions of the elements that are not zero; -1 where there are no more."""
    if size is None:
        if x._tracer is not None:
            raise TraceError(
                f"{name}: how many elements of a traced {x.dtype}{list(x.shape)} are not zero is "
                "not known yet; say with size= how many positions there are to be, use dt.where, "
                "which keeps the shape, or call it outside jit"
            )
        return asarray(np.flatnonzero(numpy_of(x)), device=x.device)
    (count,) = shapes.integers(name, "size", (size,))
    if count < 0:
        raise OpError(f"{name}: size={size} must not be negative")
    flat = ops.reshape(x, (math.prod(x.shape),))
    there = ops.not_equal(flat, ops.filled_like(flat, 0, shape=()))
    number = ops.cumulative_sum(there) - 1
    # One place more takes what is not there or too much.
    slot = ops.where(there, ops.minimum(number, count), count)
    blank = ops.filled_like(flat, -1, shape=(count + 1,), dtype=int64)
    return ops.scatter(blank, slot, ops.iota_like(slot, 0), axis=0)[:count]


def _unraveled(
    flat: Any, shape: tuple[int, ...], size: int | None, fill_value: int
) -> tuple[Any, ...]:
    found = []
    there = None if size is None else flat >= 0
    for d in reversed(range(len(shape))):
        extent = max(shape[d], 1)  # no position is on an axis without elements
        at = flat if d == 0 else flat % extent
        found.append(at if there is None else ops.where(there, at, fill_value))
        flat = flat // extent if d else flat
    return tuple(reversed(found))


def nonzero(x: Any, /, *, size: int | None = None, fill_value: int = 0) -> tuple[Any, ...]:
    """Positions of the elements that are not zero: one int64 array for each axis.

    Their number depends on the data. With ``size``, which jit needs, there are that many: the first
    ones if there are more, and if there are fewer, ``fill_value`` behind them.

    Raises OpError for an array without axes, and TraceError under jit without ``size``.

    >>> import dovetail as dt
    >>> [a.tolist() for a in dt.nonzero(dt.asarray([[0, 5], [7, 0]]))]
    [[0, 1], [1, 0]]
    >>> dt.jit(lambda x: dt.nonzero(x, size=3, fill_value=-1)[0])(dt.asarray([0, 5, 7])).tolist()
    [1, 2, -1]
    """
    if x.ndim == 0:
        raise OpError("nonzero: a 0-d array has no positions; reshape it to (1,) first")
    if size is None and x._tracer is None and x.ndim > 1:
        return tuple(asarray(a, device=x.device) for a in np.nonzero(numpy_of(x)))
    places = _places("nonzero", x, size)
    return _unraveled(places, x.shape, size, fill_value)


def argwhere(x: Any, /, *, size: int | None = None, fill_value: int = 0) -> Any:
    """Positions of the elements that are not zero: one row for each, one column for each axis.

    ``size`` and ``fill_value`` are those of `nonzero`.

    >>> import dovetail as dt
    >>> dt.argwhere(dt.asarray([[0, 5], [7, 0]])).tolist()
    [[0, 1], [1, 0]]
    """
    if x.ndim == 0:
        count = _places("argwhere", x, size).shape[0]
        return ops.filled_like(x, 0, shape=(count, 0), dtype=int64)
    return stack(nonzero(x, size=size, fill_value=fill_value), axis=1)


def flatnonzero(x: Any, /, *, size: int | None = None, fill_value: int = 0) -> Any:
    """Positions in the flattened array of the elements that are not zero.

    ``size`` and ``fill_value`` are those of `nonzero`.

    >>> import dovetail as dt
    >>> dt.flatnonzero(dt.asarray([[0, 5], [7, 0]])).tolist()
    [1, 2]
    """
    places = _places("flatnonzero", x, size)
    return places if size is None else ops.where(places >= 0, places, fill_value)
