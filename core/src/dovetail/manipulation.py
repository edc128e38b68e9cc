"""Rearranging arrays: functions over the view ops and concat, all differentiable and traceable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.dtypes import int64
from dovetail.errors import OpError, TraceError
from dovetail.ops.reshape import RESHAPE

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "expand_dims",
    "flatten",
    "flip",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "unstack",
]


def _section(x: Any, axis: int, start: int, stop: int) -> Any:
    """x[..., start:stop, ...] on one axis."""
    return x[(*(slice(None),) * axis, slice(start, stop))]


def reshape(x: Any, /, shape: int | tuple[int, ...], *, copy: bool | None = None) -> Any:
    """The elements in another shape, in the same order; one extent may be -1 and is inferred.

    It moves data only where the strides of ``x`` ask for it; ``copy=False`` raises there, and
    ``copy=True`` copies in any case.

    Raises OpError when the shapes hold different numbers of elements.

    >>> import dovetail as dt
    >>> dt.reshape(dt.arange(6), (2, -1)).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    found = ops.reshape(x, shape)
    view = RESHAPE.view
    assert view is not None
    if copy is False and x._tracer is None and found.size:
        if view(x.shape, x._strides, shape=found.shape) is None:
            raise OpError(
                f"reshape: {x.dtype}{list(x.shape)} does not lie in memory so that the shape "
                f"{found.shape} needs no copy; leave out copy=False"
            )
    return ops.copy(found) if copy else found


def expand_dims(x: Any, /, axis: int | tuple[int, ...] = 0) -> Any:
    """A new axis of extent 1 at ``axis`` of the result; a tuple adds several.

    >>> import dovetail as dt
    >>> dt.expand_dims(dt.zeros((2, 3)), axis=-1).shape
    (2, 3, 1)
    """
    several = shapes.integers("expand_dims", "axis", axis)
    at = shapes.axes("expand_dims", several, x.ndim + len(several))
    extents = iter(x.shape)
    ndim = x.ndim + len(at)
    return ops.reshape(x, tuple(1 if d in at else next(extents) for d in range(ndim)))


def squeeze(x: Any, /, axis: int | tuple[int, ...] | None = None) -> Any:
    """Without the given axes, whose extent must be 1; None removes all such axes.

    >>> import dovetail as dt
    >>> dt.squeeze(dt.zeros((1, 3, 1)), axis=0).shape
    (3, 1)
    """
    if axis is None:
        gone = tuple(d for d, n in enumerate(x.shape) if n == 1)
    else:
        gone = shapes.axes("squeeze", axis, x.ndim)
    for d in gone:
        if x.shape[d] != 1:
            raise OpError(f"squeeze: axis {d} of shape {x.shape} has extent {x.shape[d]}, not 1")
    return ops.reshape(x, tuple(n for d, n in enumerate(x.shape) if d not in gone))


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis.

    >>> import dovetail as dt
    >>> dt.stack([dt.asarray([1, 2]), dt.asarray([3, 4])], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    arrays = list(arrays)
    if not arrays:
        raise OpError("stack: needs at least one array")
    first = arrays[0].shape
    for i, a in enumerate(arrays):
        if a.shape != first:
            raise OpError(
                f"stack: array {i} has shape {a.shape} and array 0 has shape {first}; all must "
                "have one shape (concat joins along an axis they have)"
            )
    at = shapes.axis("stack", axis, len(first) + 1)
    return ops.concat([expand_dims(a, axis=at) for a in arrays], axis=at)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis as a tuple, without that axis: the inverse of `stack`.

    >>> import dovetail as dt
    >>> a, b = dt.unstack(dt.asarray([[1, 2], [3, 4]]))
    >>> b.tolist()
    [3, 4]
    """
    at = shapes.axis("unstack", axis, x.ndim)
    before = (slice(None),) * at
    return tuple(x[(*before, i)] for i in range(x.shape[at]))


def split(x: Any, parts: int | Sequence[int], /, *, axis: int = 0) -> tuple[Any, ...]:
    """Pieces along an axis: that many equal ones, or cut at the given positions.

    >>> import dovetail as dt
    >>> [p.tolist() for p in dt.split(dt.arange(6), 3)]
    [[0, 1], [2, 3], [4, 5]]
    >>> [p.tolist() for p in dt.split(dt.arange(6), (1, 4))]
    [[0], [1, 2, 3], [4, 5]]
    """
    at = shapes.axis("split", axis, x.ndim)
    extent = x.shape[at]
    if isinstance(parts, int):
        if parts < 1 or extent % parts:
            raise OpError(
                f"split: axis {at} of extent {extent} does not divide into {parts} equal parts; "
                "give the positions of the cuts instead"
            )
        cuts = tuple(range(0, extent + 1, extent // parts)) if extent else (0,) * (parts + 1)
    else:
        given = shapes.integers("split", "parts", parts)
        cuts = (0, *given, extent)
        if any(a > b for a, b in pairwise(cuts)):
            raise OpError(
                f"split: the positions {given} must rise from 0 to the extent {extent} of axis {at}"
            )
    return tuple(_section(x, at, a, b) for a, b in pairwise(cuts))


def flip(x: Any, /, *, axis: int | tuple[int, ...] | None = None) -> Any:
    """The elements in reverse order along the axes; None reverses all.

    >>> import dovetail as dt
    >>> dt.flip(dt.asarray([1, 2, 3])).tolist()
    [3, 2, 1]
    """
    over = shapes.axes("flip", axis, x.ndim)
    return x[tuple(slice(None, None, -1 if d in over else 1) for d in range(x.ndim))]


def roll(
    x: Any, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None
) -> Any:
    """Elements moved by ``shift`` places; those pushed off one end come in at the other.

    Without an axis the array is rolled as if it were flat.

    >>> import dovetail as dt
    >>> dt.roll(dt.arange(5), 2).tolist()
    [3, 4, 0, 1, 2]
    """
    shifts = shapes.integers("roll", "shift", shift)
    if axis is None:
        if len(shifts) != 1:
            raise OpError(f"roll: shift={shift!r} needs as many axes; give axis=")
        return ops.reshape(roll(ravel(x), shifts[0], axis=0), x.shape)
    over = tuple(shapes.axis("roll", a, x.ndim) for a in shapes.integers("roll", "axis", axis))
    if len(shifts) == 1:
        shifts *= len(over)
    if len(shifts) != len(over):
        raise OpError(f"roll: shift={shift!r} and axis={axis!r} differ in length")
    x = ops.identity(x)  # a new object, even where nothing moves
    for by, at in zip(shifts, over, strict=True):
        extent = x.shape[at]
        cut = -by % extent if extent else 0
        if cut:
            x = ops.concat([_section(x, at, cut, extent), _section(x, at, 0, cut)], axis=at)
    return x


def moveaxis(x: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Any:
    """The axes of ``source`` at the places of ``destination``; the others keep their order.

    >>> import dovetail as dt
    >>> dt.moveaxis(dt.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    sources = tuple(
        shapes.axis("moveaxis", a, x.ndim) for a in shapes.integers("moveaxis", "source", source)
    )
    places = tuple(
        shapes.axis("moveaxis", a, x.ndim)
        for a in shapes.integers("moveaxis", "destination", destination)
    )
    if len(sources) != len(places) or len(set(sources)) < len(sources):
        raise OpError(
            f"moveaxis: source={source!r} and destination={destination!r} must be as many "
            "different axes"
        )
    if len(set(places)) < len(places):
        raise OpError(f"moveaxis: destination={destination!r} names a place twice")
    order = [d for d in range(x.ndim) if d not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return ops.permute_dims(x, tuple(order))


def swapaxes(x: Any, axis1: int, axis2: int, /) -> Any:
    """The array with two axes exchanged.

    >>> import dovetail as dt
    >>> dt.swapaxes(dt.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    a = shapes.axis("swapaxes", axis1, x.ndim)
    b = shapes.axis("swapaxes", axis2, x.ndim)
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return ops.permute_dims(x, tuple(order))


def matrix_transpose(x: Any, /) -> Any:
    """The matrices of the last two axes transposed.

    >>> import dovetail as dt
    >>> dt.matrix_transpose(dt.zeros((2, 3, 4))).shape
    (2, 4, 3)
    """
    if x.ndim < 2:
        raise OpError(f"matrix_transpose: shape {x.shape} has no matrix; it needs two axes or more")
    return swapaxes(x, -1, -2)


def ravel(x: Any, /) -> Any:
    """All elements along one axis, row by row.

    >>> import dovetail as dt
    >>> dt.ravel(dt.asarray([[1, 2], [3, 4]])).tolist()
    [1, 2, 3, 4]
    """
    return ops.reshape(x, (math.prod(x.shape),))


flatten = ravel


def tile(x: Any, repetitions: int | tuple[int, ...], /) -> Any:
    """The whole array repeated along each axis; missing axes are added in front.

    >>> import dovetail as dt
    >>> dt.tile(dt.asarray([1, 2]), 2).tolist()
    [1, 2, 1, 2]
    """
    times = shapes.integers("tile", "repetitions", repetitions)
    if any(n < 0 for n in times):
        raise OpError(f"tile: repetitions={repetitions!r} must not be negative")
    ndim = max(x.ndim, len(times))
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - x.ndim) + x.shape
    # (a, b) -> (1, a, 1, b) -> (r, a, s, b) -> (r * a, s * b): views and one copy.
    apart = ops.reshape(x, tuple(n for extent in shape for n in (1, extent)))
    pairs = zip(times, shape, strict=True)
    spread = ops.broadcast_to(apart, tuple(n for pair in pairs for n in pair))
    return ops.reshape(spread, tuple(r * n for r, n in zip(times, shape, strict=True)))


def repeat(x: Any, repeats: int | Sequence[int], /, *, axis: int | None = None) -> Any:
    """Each element (without an axis) or slice repeated; one number for all, or one for each.

    >>> import dovetail as dt
    >>> dt.repeat(dt.asarray([1, 2]), 2).tolist()
    [1, 1, 2, 2]
    >>> dt.repeat(dt.asarray([1, 2]), (3, 1)).tolist()
    [1, 1, 1, 2]
    """
    if axis is None:
        x, axis = ravel(x), 0
    at = shapes.axis("repeat", axis, x.ndim)
    extent = x.shape[at]
    times = _times(repeats)
    if len(times) == 1:
        each = int(times[0])
        if 1 <= each <= FEW:
            beside = stack([x] * each, axis=at + 1)
            return ops.reshape(beside, (*x.shape[:at], extent * each, *x.shape[at + 1 :]))
        wide = expand_dims(x, axis=at + 1)
        shape = (*x.shape[: at + 1], each, *x.shape[at + 1 :])
        flat = (*x.shape[:at], extent * each, *x.shape[at + 1 :])
        return ops.reshape(ops.broadcast_to(wide, shape), flat)
    if len(times) != extent:
        raise OpError(
            f"repeat: {len(times)} numbers of repeats for axis {at} of extent {extent}; give one "
            "number, or one for each slice"
        )
    from dovetail.creation import asarray  # noqa: PLC0415  creation needs the ops, not this module

    rows = np.repeat(np.arange(extent), times)
    return ops.take(x, asarray(rows, dtype=int64, device=x.device), axis=at)


FEW = 6
"""Up to so many repeats several copies are joined: a copy with so short a run is slower."""


def _times(repeats: Any) -> Any:
    """Numbers of repeats as an array of numpy."""
    if getattr(repeats, "_tracer", None) is not None:
        raise TraceError(
            "repeat: traced repeats decide a shape; pass Python integers, or take with positions"
        )
    times = np.atleast_1d(np.asarray(repeats))
    if times.ndim > 1 or (times.size and times.dtype.kind not in "iu"):
        raise OpError(f"repeat: repeats={repeats!r} must be an integer or one axis of integers")
    if (times < 0).any():
        raise OpError(f"repeat: repeats={repeats!r} must not be negative")
    return times.astype(np.int64)


def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    """The arrays brought to their common shape.

    >>> import dovetail as dt
    >>> a, b = dt.broadcast_arrays(dt.zeros((3, 1)), dt.zeros(2))
    >>> a.shape, b.shape
    ((3, 2), (3, 2))
    """
    shape = common_shape("broadcast_arrays", *(a.shape for a in arrays))
    return tuple(ops.broadcast_to(a, shape) for a in arrays)


def broadcast_shapes(*given: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes have together.

    >>> import dovetail as dt
    >>> dt.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    return common_shape(
        "broadcast_shapes", *(shapes.integers("broadcast_shapes", "shape", s) for s in given)
    )


def common_shape(name: str, *given: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that several shapes broadcast to."""
    ndim = max((len(s) for s in given), default=0)
    result = []
    for d in range(ndim):
        extents = {s[d - ndim + len(s)] for s in given if d >= ndim - len(s)} - {1}
        if len(extents) > 1:
            raise OpError(
                f"{name}: the shapes {' and '.join(map(str, given))} do not broadcast; axis "
                f"{d - ndim} has the extents {sorted(extents)}"
            )
        result.append(extents.pop() if extents else 1)
    return tuple(result)


def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Any, ...]:
    """Coordinates of a grid from the coordinates along each axis.

    ``indexing="ij"`` keeps the order of the arrays as axes; "xy" exchanges the first two.

    >>> import dovetail as dt
    >>> x, y = dt.meshgrid(dt.arange(3), dt.arange(2))
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [0, 1, 2]], [[0, 0, 0], [1, 1, 1]])
    """
    if indexing not in ("xy", "ij"):
        raise OpError(f'meshgrid: indexing={indexing!r} is not known; use "xy" or "ij"')
    for i, a in enumerate(arrays):
        if a.ndim != 1:
            raise OpError(f"meshgrid: array {i} has shape {a.shape}; each needs one axis")
    n = len(arrays)
    grid = [
        ops.reshape(a, tuple(a.size if d == i else 1 for d in range(n)))
        for i, a in enumerate(arrays)
    ]
    result = broadcast_arrays(*grid)
    if indexing == "xy" and n > 1:
        result = tuple(swapaxes(a, 0, 1) for a in result)
    return result
