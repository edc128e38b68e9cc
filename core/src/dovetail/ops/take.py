"""Reading and writing whole slices at integer positions of one axis: take, scatter_add, scatter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.batching import examples, loop
from dovetail.dtypes import COMPLEX, NUMERIC, int32, int64
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.full import on_device_of

__all__ = [
    "check_updates",
    "one_axis",
    "positions",
    "scatter",
    "scatter_add",
    "scatter_samples",
    "take",
    "update_rows",
    "writing",
]

INDEX = frozenset({int32, int64})


def one_axis(op: Op, x: Spec, axis: Any) -> int:
    """A non-negative axis of ``x``; None means the only axis of a one-dimensional operand."""
    if axis is None:
        if x.ndim != 1:
            raise op.fail(f"{x} has {x.ndim} axes; say which one with axis=")
        return 0
    return shapes.axis(op.name, axis, x.ndim)


def _taken(x: Spec, indices: Spec, axis: int) -> tuple[int, ...]:
    return (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def positions(op: str, indices: np.ndarray, extent: int, axis: int) -> np.ndarray:
    """Non-negative positions, or the error kernels give for one that is out of range."""
    wrong = (indices < -extent) | (indices >= extent)
    if wrong.any():
        index = indices[wrong].flat[0]
        raise ValueError(f"{op}: index {index} is out of range for axis {axis} with size {extent}")
    return np.where(indices < 0, indices + extent, indices)


# ---- batching ------------------------------------------------------------------------------------
#
# With the same positions for all examples, the axis counts one more. With positions of their own,
# the examples' lines are put behind each other along the axis and the positions count from there.


def _moved(x: Any, axis: int, to: int) -> Any:
    order = [d for d in range(x.ndim) if d != axis]
    order.insert(to, axis)
    return ops.permute_dims(x, tuple(order)) if order != sorted(order) else x


def _joined_positions(indices: Any, extent: int) -> Any:
    """Positions on the lines of all examples behind each other. One that is out of range must not
    land in a neighbour's line: it goes behind the last, where the op refuses it."""
    size = indices.shape[0]
    at = ops.astype(indices, int64)
    wrong = ops.logical_or(at < -extent, at >= extent)
    line = on_device_of(at, ops.iota, (size,), 0, int64)
    first = ops.reshape(line * extent, (size, *(1,) * (at.ndim - 1)))
    joined = ops.where(at < 0, at + extent, at) + first
    return ops.where(wrong, size * extent, joined)


def reading(
    op: Any, size: int, batched: tuple[bool, ...], /, x: Any, indices: Any, *, axis: int
) -> Any:
    """take."""
    if size == 0:
        return loop(op, size, batched, x, indices, axis=axis)
    if not batched[1]:
        return op(x, indices, axis=axis + 1)
    if not batched[0]:
        return _moved(op(x, indices, axis=axis), axis, 0)
    lines = _moved(x, axis + 1, 1)
    extent = lines.shape[1]
    flat = ops.reshape(lines, (size * extent, *lines.shape[2:]))
    y = op(flat, _joined_positions(indices, extent), axis=0)
    n = indices.ndim - 1
    order = (0, *range(n + 1, n + 1 + axis), *range(1, n + 1), *range(n + 1 + axis, y.ndim))
    return ops.permute_dims(y, order)


def writing(
    op: Any,
    size: int,
    batched: tuple[bool, ...],
    /,
    *operands: Any,
    axis: int,
) -> Any:
    """scatter and its kin."""
    x, indices, updates = operands
    if size == 0:
        return loop(op, size, batched, *operands, axis=axis)
    x, updates = examples(x, size, batched[0]), examples(updates, size, batched[2])
    if not batched[1]:
        return op(x, indices, updates, axis=axis + 1)
    lines = _moved(x, axis + 1, 1)
    extent, n = lines.shape[1], indices.ndim - 1
    flat = ops.reshape(lines, (size * extent, *lines.shape[2:]))
    behind = range(1 + axis + n, updates.ndim)
    front = ops.permute_dims(
        updates, (0, *range(1 + axis, 1 + axis + n), *range(1, 1 + axis), *behind)
    )
    y = op(flat, _joined_positions(indices, extent), front, axis=0)
    return _moved(ops.reshape(y, lines.shape), 1, axis + 1)


# ---- take ---------------------------------------------------------------------------------------


def _take_canonical(x: Spec, indices: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": one_axis(TAKE, x, axis)}


def _take_infer(x: Spec, indices: Spec, axis: int) -> Spec:
    return shapes.sized("take", Spec(_taken(x, indices, axis), x.dtype))


def _take_gradient(g: Any, y: Any, x: Any, indices: Any, axis: int) -> Any:
    return scatter_add(ops.filled_like(x, 0), indices, g, axis=axis)


def _take_reference(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    return np.take(x, positions("take", indices, x.shape[axis], axis), axis=axis)


def _indices(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


def _take_samples() -> Iterator[Sample]:
    for shape, indices, axis in [
        ((5,), [4, -1, 0, 0], None),
        ((3, 5, 2), [[1, -5], [4, 2]], 1),
        ((3, 5, 2), [2], -3),
        ((4, 7), 3, 1),
        ((4, 7), 0, 0),
        ((4, 0), [], 1),
        ((0, 4), [3, 1], 1),
        ((17, 33), [16, 0, 5, 5, -17], 0),
    ]:
        yield Sample(inputs=((shape, -4, 4), _indices(indices)), attributes={"axis": axis})
    small = np.array([2, -3, 1], dtype=np.int32)
    yield Sample(inputs=(((3, 4), -4, 4), small), attributes={"axis": 0})


TAKE = Op(
    name="take",
    doc="""Slices of ``x`` at integer positions of one axis.

    The result has the shape of ``x`` with ``axis`` replaced by the shape of ``indices``. Negative
    indices count from the end; repeated ones repeat the slice. ``axis`` may be left out when ``x``
    is one-dimensional. The gradient adds up the gradients of equal positions.

    Raises OpError when the axis does not exist and when an index is out of range, in compiled
    functions as well; ``x.at[index].get(mode=...)`` clips such positions or fills in for them.

    >>> import dovetail as dt
    >>> dt.take(dt.asarray([10, 20, 30]), dt.asarray([2, 0, -1])).tolist()
    [30, 10, 30]
    """,
    signature="x: T, indices: J -> T",
    types={"J": INDEX},
    attributes={"axis": None},
    canonical=_take_canonical,
    infer=_take_infer,
    gradient=(_take_gradient, None),
    reference=_take_reference,
    batching=reading,
    samples=_take_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),  # copies bits
)
take: Any = define(TAKE)


# ---- scatter_add and scatter --------------------------------------------------------------------


def check_updates(op: Op, x: Spec, indices: Spec, updates: Spec, axis: int) -> Spec:
    """The spec of the result; refuses updates that are not one slice for each position."""
    wanted = _taken(x, indices, axis)
    if updates.shape != wanted:
        raise op.fail(
            f"updates are {updates}, but {indices} positions on axis {axis} of {x} hold slices of "
            f"shape {wanted}; broadcast_to brings updates to it"
        )
    return Spec(x.shape, x.dtype)


def _add_canonical(x: Spec, indices: Spec, updates: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": one_axis(SCATTER_ADD, x, axis)}


def _add_infer(x: Spec, indices: Spec, updates: Spec, axis: int) -> Spec:
    return check_updates(SCATTER_ADD, x, indices, updates, axis)


def _add_reference(
    x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: int
) -> np.ndarray:
    rows = positions("scatter_add", indices, x.shape[axis], axis).reshape(-1)
    result = np.moveaxis(x, axis, 0).copy()
    for row, update in zip(rows, update_rows(updates, axis, indices.ndim), strict=True):
        result[row] += update
    return np.moveaxis(result, 0, axis)


def update_rows(updates: np.ndarray, axis: int, n: int) -> np.ndarray:
    """The updates as one slice per flat index."""
    front = np.moveaxis(updates, range(axis, axis + n), range(n))
    count = int(np.prod(front.shape[:n], dtype=np.int64))
    return front.reshape(count, *front.shape[n:])


def scatter_samples() -> Iterator[Sample]:
    """Inputs of every op that writes slices."""
    for shape, indices, axis in [
        ((5,), [4, -1, 0, 0], None),
        ((3, 5, 2), [[1, -5], [4, 1]], 1),
        ((3, 5, 2), [2], -3),
        ((4, 7), 3, 1),
        ((4, 0), [], 1),
        ((0, 4), [3, 1], 1),
        ((9, 17), [8, 0, 5, 5, -9], 0),
    ]:
        at = _indices(indices)
        whole = 0 if axis is None else axis % len(shape)
        updates = (*shape[:whole], *at.shape, *shape[whole + 1 :])
        yield Sample(
            inputs=((shape, -4, 4), at, (updates, -4, 4)),
            attributes={"axis": axis},
        )


SCATTER_ADD = Op(
    name="scatter_add",
    doc="""A copy of ``x`` with ``updates`` added to the slices at ``indices`` of one axis.

    ``updates`` has the shape that ``take(x, indices, axis=axis)`` has; updates of equal positions
    all add up. Negative indices count from the end.

    Raises OpError when the axis does not exist, when the shape of the updates is another one, and
    when an index is out of range; ``x.at[index]`` clips or drops such updates where asked to.

    >>> import dovetail as dt
    >>> x = dt.zeros(3)
    >>> dt.scatter_add(x, dt.asarray([2, 0, 2]), dt.asarray([1.0, 5.0, 7.0])).tolist()
    [5.0, 0.0, 8.0]
    """,
    signature="x: T, indices: J, updates: T -> T",
    types={"T": NUMERIC | COMPLEX, "J": INDEX},
    attributes={"axis": None},
    canonical=_add_canonical,
    infer=_add_infer,
    gradient=(
        lambda g, y, x, indices, updates, axis: g,
        None,
        lambda g, y, x, indices, updates, axis: take(g, indices, axis=axis),
    ),
    reference=_add_reference,
    batching=writing,
    samples=scatter_samples,
    # Repeated positions sum in any order, so an error is measured against the largest term.
    tolerance={"norm": True},
)
scatter_add: Any = define(SCATTER_ADD)


def _set_canonical(x: Spec, indices: Spec, updates: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": one_axis(SCATTER, x, axis)}


def _set_infer(x: Spec, indices: Spec, updates: Spec, axis: int) -> Spec:
    return check_updates(SCATTER, x, indices, updates, axis)


def _set_gradient_x(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    return scatter(g, indices, ops.filled_like(updates, 0), axis=axis)


def _set_gradient_updates(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    # Of several updates of one position only the last is in the result, so only it has a gradient.
    flat = ops.reshape(indices, (-1,) if indices.size else (0,))
    order = ops.iota_like(flat, 0)
    winners = scatter(ops.filled_like(indices, 0, shape=(x.shape[axis],)), flat, order, axis=0)
    alive = ops.equal(take(winners, flat, axis=0), order)
    behind = x.ndim - axis - 1
    mask = ops.reshape(alive, (*(1,) * axis, *indices.shape, *(1,) * behind))
    return ops.where(mask, take(g, indices, axis=axis), 0)


def _set_reference(
    x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: int
) -> np.ndarray:
    rows = positions("scatter", indices, x.shape[axis], axis).reshape(-1)
    result = np.moveaxis(x, axis, 0).copy()
    for row, update in zip(rows, update_rows(updates, axis, indices.ndim), strict=True):
        result[row] = update
    return np.moveaxis(result, 0, axis)


SCATTER = Op(
    name="scatter",
    doc="""A copy of ``x`` with the slices at ``indices`` of one axis replaced by ``updates``.

    ``updates`` has the shape that ``take(x, indices, axis=axis)`` has; of several updates of one
    position the last wins, and only that one receives a gradient. Negative indices count from the
    end.

    Raises OpError when the axis does not exist, when the shape of the updates is another one, and
    when an index is out of range; ``x.at[index]`` clips or drops such updates where asked to.

    >>> import dovetail as dt
    >>> x = dt.zeros(3)
    >>> dt.scatter(x, dt.asarray([2, 0, 2]), dt.asarray([1.0, 5.0, 7.0])).tolist()
    [5.0, 0.0, 7.0]
    """,
    signature="x: T, indices: J, updates: T -> T",
    types={"J": INDEX},
    attributes={"axis": None},
    canonical=_set_canonical,
    infer=_set_infer,
    gradient=(_set_gradient_x, None, _set_gradient_updates),
    reference=_set_reference,
    batching=writing,
    samples=scatter_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),  # copies bits
)
scatter: Any = define(SCATTER)
