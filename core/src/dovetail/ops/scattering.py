"""Writing at integer positions of one axis by a product, a minimum or a maximum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import FLOATING, NUMERIC
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.take import (
    INDEX,
    check_updates,
    one_axis,
    positions,
    scatter_add,
    scatter_samples,
    take,
    update_rows,
    writing,
)

__all__ = ["scatter_maximum", "scatter_minimum", "scatter_multiply"]


def _reference(name: str, combine: np.ufunc) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: int) -> np.ndarray:
        rows = positions(name, indices, x.shape[axis], axis).reshape(-1)
        result = np.moveaxis(x, axis, 0).copy()
        if rows.size:
            combine.at(result, rows, update_rows(updates, axis, indices.ndim))
        return np.moveaxis(result, 0, axis)

    return reference


def _samples() -> Iterator[Sample]:
    # Values that differ by more than a step: the winner of an extremum stays the winner.
    for sample in scatter_samples():
        (shape, _, _), at, (updates, _, _) = sample.inputs
        draw = np.random.default_rng(at.size).permutation
        count = int(np.prod(shape)) + int(np.prod(updates))
        values = draw(count) / max(count, 1) * 3 - 1.6
        x, u = np.split(values, [int(np.prod(shape))])
        yield Sample(
            inputs=(x.reshape(shape).tolist(), at, u.reshape(updates).tolist())
            if x.size and u.size
            else sample.inputs,
            attributes=sample.attributes,
        )
    at = np.asarray([1, 1, 0, 2])
    special = [float("nan"), float("-inf"), 2.0, 0.0]
    yield Sample(inputs=([1.0, 2.0, 2.0], at, special), dtypes=FLOATING, differentiable=False)
    yield Sample(inputs=([0.5, 2.0, 0.0], at, [0.0, 3.0, 0.0, 4.0]), differentiable=False)


# ---- products ------------------------------------------------------------------------------------


def _others(x: Any, indices: Any, updates: Any, axis: int) -> Any:
    """For each update, the product of everything else at its position. Divides, except by zero:
    with one update of zero only that one has another product than zero."""
    zero = ops.equal(updates, 0)
    count = scatter_add(ops.filled_like(x, 0), indices, ops.astype(zero, x.dtype), axis=axis)
    safe = ops.where(zero, 1, updates)
    product = scatter_multiply(x, indices, safe, axis=axis)
    here = take(product, indices, axis=axis)
    zeros = take(count, indices, axis=axis)
    alone = ops.equal(zeros, ops.astype(zero, x.dtype))
    return ops.where(alone, here / safe, 0)


def _multiply_x(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    return g * scatter_multiply(ops.filled_like(x, 1), indices, updates, axis=axis)


def _multiply_updates(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    return take(g, indices, axis=axis) * _others(x, indices, updates, axis)


# ---- extrema -------------------------------------------------------------------------------------


def _shares(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> tuple[Any, ...]:
    """Who won, and the gradient of each winner: ties share it evenly, as those of max do."""
    x_wins = ops.equal(x, y)
    updates_win = ops.equal(updates, take(y, indices, axis=axis))
    ties = scatter_add(
        ops.astype(x_wins, x.dtype), indices, ops.astype(updates_win, x.dtype), axis=axis
    )
    # Where a NaN won there is no winner; its count must not become a 0 below the line.
    return x_wins, updates_win, g / ops.maximum(ties, 1)


def _extremum_x(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    wins, _, share = _shares(g, y, x, indices, updates, axis=axis)
    return ops.where(wins, share, 0)


def _extremum_updates(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    _, wins, share = _shares(g, y, x, indices, updates, axis=axis)
    return ops.where(wins, take(share, indices, axis=axis), 0)


# ---- the records ---------------------------------------------------------------------------------

EXACT: dict[str, float] = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}


def _define(
    name: str, doc: str, combine: np.ufunc, rules: tuple[Any, Any], tolerance: dict[str, float]
) -> Any:
    def canonical(x: Spec, indices: Spec, updates: Spec, axis: Any) -> dict[str, Any]:
        return {"axis": one_axis(op, x, axis)}

    def infer(x: Spec, indices: Spec, updates: Spec, axis: int) -> Spec:
        return check_updates(op, x, indices, updates, axis)

    op = Op(
        name=name,
        doc=doc,
        signature="x: T, indices: J, updates: T -> T",
        types={"T": NUMERIC, "J": INDEX},
        attributes={"axis": None},
        canonical=canonical,
        infer=infer,
        gradient=(rules[0], None, rules[1]),
        reference=_reference(name, combine),
        batching=writing,
        samples=_samples,
        tolerance=tolerance,
    )
    return define(op)


scatter_multiply: Any = _define(
    "scatter_multiply",
    """A copy of ``x`` with the slices at ``indices`` of one axis multiplied by ``updates``.

    ``updates`` has the shape that ``take(x, indices, axis=axis)`` has; updates of equal positions
    all multiply. Negative indices count from the end. Second derivatives are right where no update
    is zero.

    Raises OpError when the axis does not exist, when the shape of the updates is another one, and
    when an index is out of range.

    >>> import dovetail as dt
    >>> x = dt.ones(3)
    >>> dt.ops.scatter_multiply(x, dt.asarray([2, 0, 2]), dt.asarray([2.0, 5.0, 7.0])).tolist()
    [5.0, 1.0, 14.0]
    """,
    np.multiply,
    (_multiply_x, _multiply_updates),
    # Two or three factors in any order; 16-bit floats multiply in float32.
    {"float32": 4, "float64": 4, "float16": 1, "bfloat16": 1},
)

scatter_minimum: Any = _define(
    "scatter_minimum",
    """A copy of ``x`` whose slices at ``indices`` of one axis are not above ``updates``.

    Each element becomes the smallest of itself and its updates; NaN if there is one. ``updates``
    has the shape that ``take(x, indices, axis=axis)`` has. Negative indices count from the end. The
    gradient goes to what won; ties share it evenly.

    Raises OpError when the axis does not exist, when the shape of the updates is another one, and
    when an index is out of range.

    >>> import dovetail as dt
    >>> x = dt.ones(3)
    >>> dt.ops.scatter_minimum(x, dt.asarray([2, 0, 2]), dt.asarray([-1.0, 5.0, 0.0])).tolist()
    [1.0, 1.0, -1.0]
    """,
    np.minimum,
    (_extremum_x, _extremum_updates),
    EXACT,
)

scatter_maximum: Any = _define(
    "scatter_maximum",
    """A copy of ``x`` whose slices at ``indices`` of one axis are not below ``updates``.

    Each element becomes the largest of itself and its updates; NaN if there is one. ``updates`` has
    the shape that ``take(x, indices, axis=axis)`` has. Negative indices count from the end. The
    gradient goes to what won; ties share it evenly.

    Raises OpError when the axis does not exist, when the shape of the updates is another one, and
    when an index is out of range.

    >>> import dovetail as dt
    >>> x = dt.ones(3)
    >>> dt.ops.scatter_maximum(x, dt.asarray([2, 0, 2]), dt.asarray([-1.0, 5.0, 7.0])).tolist()
    [5.0, 1.0, 7.0]
    """,
    np.maximum,
    (_extremum_x, _extremum_updates),
    EXACT,
)
