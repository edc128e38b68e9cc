"""The distinct elements of an array, how often and where they are.

Their number depends on the data. Outside jit it is whatever it is; inside, ``size`` says how many
there are to be.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from dovetail import _fast, ops, shapes
from dovetail.array import numpy_of
from dovetail.creation import asarray
from dovetail.dtypes import bool_, int64
from dovetail.errors import OpError, TraceError

__all__ = ["unique_all", "unique_counts", "unique_inverse", "unique_values"]


class UniqueAll(NamedTuple):
    """What `unique_all` gives."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """What `unique_counts` gives."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """What `unique_inverse` gives."""

    values: Any
    inverse_indices: Any


def _flat(x: Any) -> Any:
    return ops.reshape(x, (math.prod(x.shape),))


def _unique(name: str, x: Any, size: int | None, fill_value: Any) -> UniqueAll:
    if size is None:
        if fill_value is not None:
            raise OpError(f"{name}: fill_value fills up to a size; give size=, too")
        return _counted(name, x)
    (count,) = shapes.integers(name, "size", (size,))
    if count < 0:
        raise OpError(f"{name}: size={size} must not be negative")
    return _sized(x, count, fill_value)


def _counted(name: str, x: Any) -> UniqueAll:
    if x._tracer is not None:
        raise TraceError(
            f"{name}: how many distinct elements a traced {x.dtype}{list(x.shape)} has is not "
            "known yet; say with size= how many there are to be, or call it outside jit"
        )
    # NaN differs from NaN, so that each is a value of its own.
    _, indices, inverse, counts = np.unique(
        numpy_of(x), return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    at, back, times = (
        asarray(a.astype(np.int64), device=x.device) for a in (indices, inverse, counts)
    )
    # Taken from x, the values keep their dtype and hand gradients back.
    return UniqueAll(ops.take(_flat(x), at, axis=0), at, ops.reshape(back, x.shape), times)


def _sized(x: Any, size: int, fill_value: Any) -> UniqueAll:
    """The same in ops, whose shapes are known: sorted elements are numbered as they change."""
    flat = _flat(x)
    total = flat.shape[0]
    if total == 0:
        none = ops.filled_like(x, 0, shape=(size,), dtype=int64)
        values = ops.filled_like(x, fill_value or 0, shape=(size,))
        return UniqueAll(values, none, ops.filled_like(x, 0, dtype=int64), none)
    order = ops.argsort(flat)
    line = ops.take(flat, order, axis=0)
    first = ops.filled_like(line, 1, shape=(1,), dtype=bool_)
    new = ops.concat([first, line[1:] != line[:-1]], axis=0)
    number = ops.cumulative_sum(new) - 1
    # One place more than asked for takes what is beyond.
    slot = ops.minimum(number, size)
    blank = ops.filled_like(line, 0, shape=(size + 1,), dtype=int64)
    places = ops.iota_like(line, 0, int64)
    starts = ops.scatter(blank, ops.where(new, slot, size), places, axis=0)[:size]
    there = ops.iota_like(starts, 0) <= number[-1]
    starts = ops.where(there, starts, 0)
    values = ops.take(line, starts, axis=0)
    if fill_value is not None:
        values = ops.where(there, values, fill_value)
    counts = ops.scatter_add(blank, slot, ops.filled_like(slot, 1), axis=0)[:size]
    back = ops.minimum(number, max(size - 1, 0))
    inverse = ops.scatter(ops.filled_like(order, 0), order, back, axis=0)
    return UniqueAll(values, ops.take(order, starts, axis=0), ops.reshape(inverse, x.shape), counts)


def unique_all(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueAll:
    """The distinct elements in order, where each is first, which one each element is, and counts.

    ``indices`` are positions in the flattened array; ``values[inverse_indices]`` is ``x``. Every
    NaN is a value of its own; zeros of either sign are one. With ``size``, which jit needs, there
    are that many values: the smallest ones if there are more; if there are fewer, ``fill_value`` or
    else the smallest value follows, with the count 0. An element whose value is left out has the
    last position.

    Raises TraceError under jit without ``size``.

    >>> import dovetail as dt
    >>> found = dt.unique_all(dt.asarray([7, 3, 7]))
    >>> [a.tolist() for a in found]
    [[3, 7], [1, 0], [1, 0, 1], [1, 2]]
    """
    return _unique("unique_all", x, size, fill_value)


def unique_counts(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueCounts:
    """The distinct elements in order, and how often each is there; see `unique_all`.

    >>> import dovetail as dt
    >>> values, counts = dt.unique_counts(dt.asarray([7, 3, 7]))
    >>> values.tolist(), counts.tolist()
    ([3, 7], [1, 2])
    """
    found = _unique("unique_counts", x, size, fill_value)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> UniqueInverse:
    """The distinct elements in order, and which one each element is; see `unique_all`.

    >>> import dovetail as dt
    >>> values, inverse = dt.unique_inverse(dt.asarray([[7, 3], [7, 7]]))
    >>> inverse.tolist()
    [[1, 0], [1, 1]]
    """
    found = _unique("unique_inverse", x, size, fill_value)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The distinct elements in order; see `unique_all`.

    >>> import dovetail as dt
    >>> dt.unique_values(dt.asarray([7, 3, 7])).tolist()
    [3, 7]
    """
    plain = size is None and fill_value is None and x._tracer is None
    if plain and not _fast.tape_watching((x,)):  # no positions, which cost an argsort
        found = np.unique(numpy_of(x), equal_nan=False)
        return asarray(found, dtype=x.dtype, device=x.device)
    return _unique("unique_values", x, size, fill_value).values
