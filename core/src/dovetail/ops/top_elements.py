"""The largest or the smallest few elements along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import FLOATING, NUMERIC, int64
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.samples import SPECIAL

__all__ = ["topk"]


def _canonical(x: Spec, k: Any, axis: Any, largest: Any) -> dict[str, Any]:
    at = shapes.axis("topk", axis, x.ndim)
    (count,) = shapes.integers("topk", "k", (k,))
    if not 0 <= count <= x.shape[at]:
        raise TOPK.fail(
            f"k={count} of axis {at} of {x} cannot be taken; k must lie between 0 and its extent"
        )
    return {"k": count, "axis": at, "largest": bool(largest)}


def _infer(x: Spec, k: int, axis: int, largest: bool) -> tuple[Spec, Spec]:
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return Spec(shape, x.dtype), Spec(shape, int64)


def _gradient(
    g: tuple[Any, ...], y: tuple[Any, ...], x: Any, *, k: int, axis: int, largest: bool
) -> Any:
    return ops.scatter_add_along_axis(ops.filled_like(x, 0), y[1], g[0], axis=axis)


def _chosen(x: np.ndarray, k: int, largest: bool) -> np.ndarray:
    """Positions of the k first of each line, in the order of the line.

    A partition finds the last one that gets in without sorting the rest. Where more than k are not
    behind it, it has equals, of which the first ones fill the places that are left.
    """
    n = x.shape[-1]
    at = n - k if largest else k - 1
    last = np.partition(x, at, axis=-1)[..., at, None]
    # NaN, which is above all, is not below anything.
    inside = ~(x < last) if largest else x <= last
    counts = np.count_nonzero(inside, axis=-1, keepdims=True)
    if np.any(counts != k):
        inside = _first_equals(x, last, k, largest)
    return np.asarray((np.flatnonzero(inside) % n).reshape(*x.shape[:-1], k))


def _first_equals(x: np.ndarray, last: np.ndarray, k: int, largest: bool) -> np.ndarray:
    equal, above = x == last, x > last if largest else x < last
    if x.dtype.kind == "f":
        x_nan, last_nan = np.isnan(x), np.isnan(last)
        equal |= x_nan & last_nan
        above |= x_nan & ~last_nan if largest else last_nan & ~x_nan
    free = k - np.count_nonzero(above, axis=-1, keepdims=True)
    return np.asarray(above | (equal & (np.cumsum(equal, axis=-1) <= free)))


def _reference(x: np.ndarray, k: int, axis: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    lines = np.moveaxis(x, axis, -1)
    if k == 0 or x.size == 0:
        places = np.zeros((*lines.shape[:-1], k), np.int64)
    else:
        places = _chosen(lines, k, largest)
    values = np.take_along_axis(lines, places, -1)
    if largest:
        order = k - 1 - np.argsort(values[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    else:
        order = np.argsort(values, axis=-1, kind="stable")
    values, places = (np.take_along_axis(a, order, -1) for a in (values, places))
    return np.moveaxis(values, -1, axis), np.moveaxis(places, -1, axis)


def _samples() -> Iterator[Sample]:
    for shape, k, axis in [
        ((17,), 4, -1),
        ((3, 33), 33, 1),
        ((33, 3), 1, 0),
        ((3, 5, 7), 2, 1),
        ((1030,), 10, 0),
        ((5,), 0, 0),
        ((3, 0), 0, -1),
        ((0, 3), 2, 1),
    ]:
        for largest in (True, False):
            attributes = {"k": k, "axis": axis, "largest": largest}
            yield Sample(inputs=((shape, -99, 99),), attributes=attributes)
    ties = [[2, 1, 2, 1, 2], [3, 3, 3, 3, 3], [0, 1, 0, 1, 0]]
    rows = [SPECIAL[1:], [float("nan")] * 12, [1.0, float("nan"), *SPECIAL[3:]]]
    for largest in (True, False):
        for k in (1, 2, 4):
            attributes = {"k": k, "axis": 1, "largest": largest}
            yield Sample(inputs=(ties,), attributes=attributes, differentiable=False)
            yield Sample(
                inputs=(rows,), attributes=attributes, dtypes=FLOATING, differentiable=False
            )


TOPK = Op(
    name="topk",
    doc="""The ``k`` largest elements along ``axis``, or the smallest, and where they are.

    Gives values and int64 positions, both with x's shape but ``k`` along the axis, in descending
    order, or ascending without ``largest``. Of equal elements the earlier comes first. NaN counts
    as larger than every number, as `sort` has it. The gradient goes back to where the values came
    from.

    Raises OpError when the axis does not exist and when it has fewer than ``k`` elements.

    >>> import dovetail as dt
    >>> values, positions = dt.topk(dt.asarray([3, 9, 5, 9]), 3)
    >>> values.tolist(), positions.tolist()
    ([9, 9, 5], [1, 3, 2])
    """,
    signature="x: T -> T, i64",
    types={"T": NUMERIC},
    attributes={"k": REQUIRED, "axis": -1, "largest": True},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    batching=batching.shift("axis"),
    samples=_samples,
    # Elements move and keep their bits.
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),
)
topk: Any = define(TOPK)
