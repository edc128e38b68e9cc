"""Elements in order along an axis, and the order itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import FLOATING, int64
from dovetail.op import Op, Sample, Spec, define
from dovetail.samples import SPECIAL

__all__ = ["argsort", "sort"]


def _canonical(name: str) -> Callable[..., dict[str, Any]]:
    def canonical(x: Spec, axis: Any, descending: Any, stable: Any) -> dict[str, Any]:
        return {
            "axis": shapes.axis(name, axis, x.ndim),
            "descending": bool(descending),
            "stable": bool(stable),
        }

    return canonical


def _samples() -> Iterator[Sample]:
    for shape, axis in [((17,), -1), ((3, 33), 1), ((33, 3), 0), ((3, 5, 7), 1), ((1030,), 0)]:
        for descending in (False, True):
            attributes = {"axis": axis, "descending": descending}
            yield Sample(inputs=((shape, -99, 99),), attributes=attributes)
    yield Sample(inputs=(((2, 9), -9, 9),), attributes={"stable": False})
    for shape, axis in [((1,), 0), ((0,), 0), ((3, 0), -1), ((0, 3), 1)]:
        yield Sample(inputs=((shape, -9, 9),), attributes={"axis": axis})
    ties = [[2, 1, 2, 1, 1], [3, 3, 3, 3, 3], [0, 1, 0, 1, 0]]
    rows = [SPECIAL, SPECIAL[::-1], [0.0, -0.0] * 6 + [0.0]]
    for descending in (False, True):
        attributes = {"axis": 1, "descending": descending}
        yield Sample(inputs=(ties,), attributes=attributes, differentiable=False)
        yield Sample(inputs=(rows,), attributes=attributes, dtypes=FLOATING, differentiable=False)


# ---- argsort ------------------------------------------------------------------------------------


def _order(x: np.ndarray, axis: int, descending: bool, stable: bool) -> np.ndarray:
    kind: Any = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    # Read backwards twice, equal elements keep their places.
    found = np.argsort(np.flip(x, axis), axis=axis, kind=kind)
    return np.asarray(x.shape[axis] - 1 - np.flip(found, axis))


ARGSORT = Op(
    name="argsort",
    doc="""Positions that put the elements in order along ``axis``.

    The result is int64 and has x's shape; ``take_along_axis(x, argsort(x), axis=axis)`` is sorted.
    NaN counts as larger than every number, False as less than True; complex numbers are ordered by
    their real parts, then by the imaginary ones. With ``stable`` equal elements keep their order,
    with ``descending`` too; without it their order is the device's choice.

    Raises OpError when the axis does not exist.

    >>> import dovetail as dt
    >>> dt.argsort(dt.asarray([3, 1, 2, 1])).tolist()
    [1, 3, 2, 0]
    >>> dt.argsort(dt.asarray([3, 1, 2, 1]), descending=True).tolist()
    [0, 2, 1, 3]
    """,
    signature="x: T -> i64",
    attributes={"axis": -1, "descending": False, "stable": True},
    canonical=_canonical("argsort"),
    infer=shapes.elementwise("argsort", int64),
    reference=_order,
    batching=batching.shift("axis"),
    samples=_samples,
)
argsort: Any = define(ARGSORT)


# ---- sort ---------------------------------------------------------------------------------------


def _sorted(
    x: np.ndarray, axis: int, descending: bool, stable: bool, *, out: np.ndarray | None = None
) -> np.ndarray:
    # Equal elements look alike, except zeros of either sign; where those are, only a stable sort
    # keeps their order. It takes several times as long.
    zeros = stable and x.dtype.kind in "fc" and _negative_zeros(x)
    found = np.empty_like(x) if out is None else out
    np.copyto(found, np.flip(x, axis) if descending else x)
    found.sort(axis=axis, kind="stable" if zeros else None)
    return np.flip(found, axis) if descending else found


def _negative_zeros(x: np.ndarray) -> bool:
    parts = (x.real, x.imag) if x.dtype.kind == "c" else (x,)
    return any(bool(np.any(np.signbit(part) & (part == 0))) for part in parts)


def _gradient(g: Any, y: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    order = argsort(x, axis=axis, descending=descending, stable=stable)
    return ops.scatter_add_along_axis(ops.filled_like(x, 0), order, g, axis=axis)


SORT = Op(
    name="sort",
    doc="""The elements in order along ``axis``.

    The result has x's shape and dtype. NaN counts as larger than every number, False as less than
    True; complex numbers are ordered by their real parts, then by the imaginary ones. With
    ``stable`` equal elements keep their order (zeros of either sign are equal), with ``descending``
    too. The gradient goes back to where each element came from.

    Raises OpError when the axis does not exist.

    >>> import dovetail as dt
    >>> dt.sort(dt.asarray([[3, 1, 2], [9, 7, 8]]), descending=True).tolist()
    [[3, 2, 1], [9, 8, 7]]
    """,
    signature="x: T -> T",
    attributes={"axis": -1, "descending": False, "stable": True},
    canonical=_canonical("sort"),
    infer=shapes.elementwise("sort"),
    gradient=(_gradient,),
    reference=_sorted,
    batching=batching.shift("axis"),
    samples=_samples,
    # Elements move and keep their bits.
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),
)
sort: Any = define(SORT)
