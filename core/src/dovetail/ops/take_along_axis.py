"""Reading and adding single elements along one axis, each line with positions of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.batching import shift
from dovetail.dtypes import COMPLEX, NUMERIC
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.take import INDEX, positions

__all__ = ["scatter_add_along_axis", "take_along_axis"]


def _check(op: Op, x: Spec, indices: Spec, axis: int) -> None:
    others = [a for a in range(x.ndim) if a != axis]
    if indices.ndim != x.ndim or any(x.shape[a] != indices.shape[a] for a in others):
        raise op.fail(
            f"indices are {indices}, but apart from axis {axis} they must have the shape of {x}; "
            f"broadcast_to brings them to it"
        )


def _take_canonical(x: Spec, indices: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": shapes.axis("take_along_axis", axis, x.ndim)}


def _take_infer(x: Spec, indices: Spec, axis: int) -> Spec:
    _check(TAKE_ALONG_AXIS, x, indices, axis)
    return shapes.sized("take_along_axis", Spec(indices.shape, x.dtype))


def _take_gradient(g: Any, y: Any, x: Any, indices: Any, axis: int) -> Any:
    return scatter_add_along_axis(ops.filled_like(x, 0), indices, g, axis=axis)


def _take_reference(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    at = positions("take_along_axis", indices, x.shape[axis], axis)
    return np.take_along_axis(x, at, axis)


CASES: list[tuple[tuple[int, ...], Any, int]] = [
    ((5,), [4, -1, 0, 0], -1),
    ((2, 3), [[2, -3, 1, 1], [0, 0, -1, 2]], 1),
    ((3, 2), [[2, -3]], 0),
    ((2, 3, 2), [[[1, 0]], [[-1, -3]]], 1),
    ((2, 0), [[], []], 1),
    ((0, 3), np.zeros((0, 2)), 1),
]


def _take_samples() -> Iterator[Sample]:
    for shape, indices, axis in CASES:
        at = np.asarray(indices).astype(np.int64)
        yield Sample(inputs=((shape, -4, 4), at), attributes={"axis": axis})
    at32 = np.arange(33 * 9).reshape(33, 9).astype(np.int32) % 17
    yield Sample(inputs=(((33, 17), -4, 4), at32), attributes={"axis": 1})


TAKE_ALONG_AXIS = Op(
    name="take_along_axis",
    doc="""Elements of ``x`` at positions that differ from line to line of one axis.

    ``indices`` has the shape of ``x`` except along ``axis``; element (i, j) of the result is
    ``x[i, indices[i, j]]`` for the last of two axes. Negative indices count from the end.

    Raises OpError when the other axes differ and when an index is out of range.

    >>> import dovetail as dt
    >>> x = dt.asarray([[10, 20, 30], [40, 50, 60]])
    >>> dt.take_along_axis(x, dt.asarray([[2, 0], [1, -1]])).tolist()
    [[30, 10], [50, 60]]
    """,
    signature="x: T, indices: J -> T",
    types={"J": INDEX},
    attributes={"axis": -1},
    canonical=_take_canonical,
    infer=_take_infer,
    gradient=(_take_gradient, None),
    reference=_take_reference,
    batching=shift("axis"),
    samples=_take_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),  # copies bits
)
take_along_axis: Any = define(TAKE_ALONG_AXIS)


def _add_canonical(x: Spec, indices: Spec, updates: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": shapes.axis("scatter_add_along_axis", axis, x.ndim)}


def _add_infer(x: Spec, indices: Spec, updates: Spec, axis: int) -> Spec:
    _check(SCATTER_ADD_ALONG_AXIS, x, indices, axis)
    if updates.shape != indices.shape:
        raise SCATTER_ADD_ALONG_AXIS.fail(
            f"updates are {updates} and indices {indices}; each index needs one update"
        )
    return Spec(x.shape, x.dtype)


def _add_gradient(g: Any, y: Any, x: Any, indices: Any, updates: Any, *, axis: int) -> Any:
    return take_along_axis(g, indices, axis=axis)


def _add_reference(
    x: np.ndarray, indices: np.ndarray, updates: np.ndarray, axis: int
) -> np.ndarray:
    at = positions("scatter_add_along_axis", indices, x.shape[axis], axis)
    result = x.copy()
    places: list[Any] = list(np.indices(at.shape, sparse=True))
    places[axis] = at
    np.add.at(result, tuple(places), updates)
    return result


def _add_samples() -> Iterator[Sample]:
    for shape, indices, axis in CASES:
        at = np.asarray(indices).astype(np.int64)
        yield Sample(
            inputs=((shape, -4, 4), at, (at.shape, -4, 4)),
            attributes={"axis": axis},
        )


SCATTER_ADD_ALONG_AXIS = Op(
    name="scatter_add_along_axis",
    doc="""A copy of ``x`` with single elements added at positions of their own along one axis.

    The inverse of `take_along_axis`: ``updates`` and ``indices`` have one shape, that of ``x``
    except along ``axis``. Updates of equal positions all add up.

    Raises OpError when the shapes differ and when an index is out of range.

    >>> import dovetail as dt
    >>> at = dt.asarray([[2, 2], [0, -1]])
    >>> dt.scatter_add_along_axis(dt.zeros((2, 3)), at, dt.ones((2, 2)), axis=1).tolist()
    [[0.0, 0.0, 2.0], [1.0, 0.0, 1.0]]
    """,
    signature="x: T, indices: J, updates: T -> T",
    types={"T": NUMERIC | COMPLEX, "J": INDEX},
    attributes={"axis": -1},
    canonical=_add_canonical,
    infer=_add_infer,
    gradient=(lambda g, y, x, indices, updates, axis: g, None, _add_gradient),
    reference=_add_reference,
    batching=shift("axis"),
    samples=_add_samples,
    # Repeated positions sum in any order, so an error is measured against the largest term.
    tolerance={"norm": True},
)
scatter_add_along_axis: Any = define(SCATTER_ADD_ALONG_AXIS)
