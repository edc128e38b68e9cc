"""How reading and writing at positions does many examples at once.

With the same positions for all examples, the axis counts one more. With positions of their own, the
examples' lines are put behind each other along the axis and the positions count from there.
"""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.batching import examples, loop
from dovetail.dtypes import int64
from dovetail.ops.full import on_device_of

__all__ = ["reading", "writing"]


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
