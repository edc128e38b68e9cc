"""Products over axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, NUMERIC
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.pad import pad
from dovetail.ops.permute_dims import permute_dims
from dovetail.ops.reshape import reshape
from dovetail.ops.slice import slice as cut
from dovetail.ops.sum import accumulator, spread
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["prod", "prod_op"]


def _canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {"axis": axes("prod", axis, x.ndim), "keepdims": bool(keepdims)}


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    return Spec(reduced(x.shape, axis, keepdims), x.dtype)


def _reference(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.prod(x, axis=axis, dtype=x.dtype, keepdims=keepdims)


def _others(x: Any) -> Any:
    """For each element of a matrix, the product of the others in its row.

    Products of everything before times products of everything after, each by doubling: row
    operations only, no division, so that zeros and all higher derivatives are right.
    """
    rows, n = x.shape
    before = pad(x, low=(0, 1), high=(0, 0), value=1.0)
    after = pad(x, low=(0, 0), high=(0, 1), value=1.0)
    before = cut(before, start=(0, 0), stop=(rows, n))
    after = cut(after, start=(0, 1), stop=(rows, n + 1))
    shift = 1
    while shift < n:
        earlier = pad(before, low=(0, shift), high=(0, 0), value=1.0)
        before = before * cut(earlier, start=(0, 0), stop=(rows, n))
        later = pad(after, low=(0, 0), high=(0, shift), value=1.0)
        after = after * cut(later, start=(0, shift), stop=(rows, n + shift))
        shift *= 2
    return before * after


def _gradient(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    kept = tuple(d for d in range(x.ndim) if d not in axis)
    order = kept + axis
    inverse = tuple(order.index(d) for d in range(x.ndim))
    moved = permute_dims(x, axes=order)
    rows = int(np.prod([x.shape[d] for d in kept], dtype=np.int64))
    n = int(np.prod([x.shape[d] for d in axis], dtype=np.int64))
    others = reshape(_others(reshape(moved, (rows, n))), moved.shape)
    return spread(g, x, axis, keepdims) * permute_dims(others, axes=inverse)


def _samples() -> Iterator[Sample]:
    yield from reduction(0.4, 1.7, empty=True)()
    zeros = [[2.0, 0.0, 3.0, -1.0], [0.0, 5.0, 0.0, 1.0], [1.0, -2.0, 3.0, 2.0]]
    yield Sample(inputs=(zeros,), attributes={"axis": 1})
    yield Sample(inputs=(zeros,), attributes={"axis": 0, "keepdims": True})
    yield Sample(inputs=([zeros, zeros[::-1]],), attributes={"axis": (0, 2)})


prod_op: Any = define(
    Op(
        name="prod",
        doc="""Product over some axes, or over all of them.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The record keeps the dtype; the function converts bools and narrow integers to 64 bits
    first, or to ``dtype`` where it is given. float16 and bfloat16 multiply in float32; integers
    wrap around. The product of nothing is 1. The derivative is right where factors are zero, too.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.prod(dt.asarray([[1, 2], [3, 4]]), axis=1).tolist()
    [2, 12]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC | COMPLEX},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical,
        infer=_infer,
        batching=batching.shift("axis"),
        gradient=(_gradient,),
        reference=_reference,
        samples=_samples,
        # n factors round n - 1 times, half an ulp each and in any direction: for the 1030 factors
        # of the samples about sqrt(1030) / 2, and a margin of four.
        tolerance={"float32": 64, "float64": 64, "float16": 1, "bfloat16": 1},
    )
)


def prod(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Return the product over axes; see the op prod."""
    return prod_op(accumulator(x, dtype), axis=axis, keepdims=keepdims)


prod.__doc__ = prod_op.__doc__
