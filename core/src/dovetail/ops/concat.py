"""Arrays joined along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.reshape import reshape
from dovetail.ops.slice import slice as cut
from dovetail.shapes import axis as one_axis
from dovetail.shapes import sized

__all__ = ["concat", "concat_op"]


def _canonical(*arrays: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": one_axis("concat", axis, arrays[0].ndim)}


def _infer(*arrays: Spec, axis: int) -> Spec:
    first = arrays[0]
    total = 0
    for i, a in enumerate(arrays):
        if a.ndim != first.ndim:
            raise CONCAT.fail(
                f"array {i} is {a} and array 0 is {first}; all need the same number of axes"
            )
        for d, (have, want) in enumerate(zip(a.shape, first.shape, strict=True)):
            if d != axis and have != want:
                raise CONCAT.fail(
                    f"array {i} is {a} and array 0 is {first}; extents may differ along axis "
                    f"{axis} only, not along {d}"
                )
        total += a.shape[axis]
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return sized("concat", Spec(shape, first.dtype))


def _gradient(i: int, g: Any, y: Any, *arrays: Any, axis: int) -> Any:
    first = 0
    for a in arrays[:i]:
        first += a.shape[axis]
    start = tuple(first if d == axis else 0 for d in range(g.ndim))
    stop = tuple(a + n for a, n in zip(start, arrays[i].shape, strict=True))
    return cut(g, start=start, stop=stop)


def _reference(*arrays: Any, axis: int) -> Any:
    return np.concatenate(arrays, axis=axis)


def _samples() -> Iterator[Sample]:
    for shapes, axis in [
        (((3,),), 0),
        (((3,), (5,)), 0),
        (((2, 3), (2, 1), (2, 0)), 1),
        (((2, 3), (17, 3)), -2),
        (((2, 3, 4), (2, 33, 4), (2, 1, 4)), 1),
        (((0, 3), (0, 3)), 0),
    ]:
        yield Sample(inputs=tuple((s, -9, 9) for s in shapes), attributes={"axis": axis})


CONCAT = Op(
    name="concat",
    doc="""The arrays one behind the other along an axis.

    Dtypes promote. The extents may differ along ``axis`` only. The function takes the arrays as one
    sequence, and with ``axis=None`` it flattens them first.

    Raises OpError when there are no arrays or their other extents differ.

    >>> import dovetail as dt
    >>> dt.concat((dt.asarray([1, 2]), dt.asarray([3]))).tolist()
    [1, 2, 3]
    """,
    signature="*arrays: T -> T",
    attributes={"axis": 0},
    canonical=_canonical,
    infer=_infer,
    batching=batching.shift("axis"),
    gradient=_gradient,
    reference=_reference,
    samples=_samples,
    # Moves bits.
    tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
)
concat_op: Any = define(CONCAT)


def concat(arrays: Any, axis: int | None = 0) -> Any:
    """Return the arrays joined along an axis; see the op concat."""
    if axis is None:
        return concat_op([reshape(a, -1) for a in arrays], axis=0)
    return concat_op(tuple(arrays), axis=axis)


concat.__doc__ = CONCAT.doc
