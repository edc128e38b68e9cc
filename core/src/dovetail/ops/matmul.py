"""Matrix product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, NUMERIC, dtype
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.broadcast_to import broadcast_to
from dovetail.ops.permute_dims import permute_dims
from dovetail.ops.reshape import reshape
from dovetail.shapes import sized

__all__ = ["matmul", "matmul_op"]


def _fail(x: Any, y: Any, reason: str) -> Exception:
    left, right = (Spec(tuple(a.shape), dtype(a.dtype)) for a in (x, y))
    return MATMUL.fail(f"{left} @ {right}: {reason}")


def _infer(x: Spec, y: Spec) -> Spec:
    if x.ndim < 2 or x.ndim != y.ndim or x.shape[:-2] != y.shape[:-2]:
        raise _fail(
            x, y, "the op takes matrices with equal batch axes; dt.matmul brings them there"
        )
    if x.shape[-1] != y.shape[-2]:
        raise _fail(
            x,
            y,
            f"the last axis of the left ({x.shape[-1]}) must match the next-to-last axis of the "
            f"right ({y.shape[-2]})",
        )
    return sized("matmul", Spec((*x.shape[:-1], y.shape[-1]), x.dtype))


def _transposed(x: Any) -> Any:
    batch = range(x.ndim - 2)
    return permute_dims(x, axes=(*batch, x.ndim - 1, x.ndim - 2))


def _batching(op: Any, size: int, batched: tuple[bool, ...], x: Any, y: Any) -> Any:
    # One large product where only one operand is batched; matrices stay matrices elsewhere.
    if batched == (True, False) and y.ndim == 2:
        rows = x.shape[1]
        z = op(reshape(x, (size * rows, x.shape[2])), y)
        return reshape(z, (size, rows, y.shape[1]))
    if batched == (False, True) and x.ndim == 2 and y.shape[2] == 1:
        z = op(reshape(y, (size, y.shape[1])), permute_dims(x, axes=(1, 0)))
        return reshape(z, (size, x.shape[0], 1))
    return batching.leading(op, size, batched, x, y)


def _samples() -> Iterator[Sample]:
    def pair(x: tuple[int, ...], y: tuple[int, ...]) -> Sample:
        return Sample(inputs=((x, -2, 2), (y, -2, 2)))

    yield pair((2, 3), (3, 4))
    yield pair((1, 1), (1, 1))
    yield pair((5, 4, 2, 3), (5, 4, 3, 2))
    yield pair((3, 1, 7), (3, 7, 1))
    yield pair((2, 0), (0, 3))
    yield pair((0, 2), (2, 3))
    yield pair((0, 2, 3), (0, 3, 2))
    yield pair((17, 33), (33, 9))
    yield pair((1, 65), (65, 130))
    yield pair((130, 65), (65, 1))


MATMUL = Op(
    name="matmul",
    doc="""Matrix product of the last two axes; other axes broadcast as batches.

    A one-dimensional left operand counts as a row, a right one as a column, and that axis is
    dropped from the result. float16 and bfloat16 accumulate in float32; integers wrap. The record,
    which devices implement, takes matrices with equal batch axes; the function reshapes and
    broadcasts.

    Raises OpError when the inner extents differ or the batch axes do not broadcast.

    >>> import dovetail as dt
    >>> dt.matmul(dt.asarray([[1.0, 2.0]]), dt.asarray([[3.0], [4.0]])).tolist()
    [[11.0]]
    """,
    signature="x: T, y: T -> T",
    types={"T": NUMERIC | COMPLEX},
    infer=_infer,
    batching=_batching,
    gradient=(
        lambda g, z, x, y: matmul_op(g, _transposed(y)),  # (m, n) @ (n, k)
        lambda g, z, x, y: matmul_op(_transposed(x), g),  # (k, m) @ (m, n)
    ),
    reference=np.matmul,
    samples=_samples,
    # Sums of k products in any order: measured against the largest element of the result.
    tolerance={"norm": True, "float32": 8, "float64": 8, "float16": 1, "bfloat16": 1},
)
matmul_op: Any = define(MATMUL)


def matmul(x: Any, y: Any) -> Any:
    """Return the matrix product; see the op matmul."""
    try:
        left, right = x.shape, y.shape
    except AttributeError:
        raise MATMUL.fail(
            f"needs two arrays, not {type(x).__name__} and {type(y).__name__}; asarray makes them"
        ) from None
    if len(left) == 2 and len(right) == 2:
        return matmul_op(x, y)
    if not left or not right:
        raise _fail(x, y, "both operands need at least one axis; use multiply instead")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        which = "next-to-last" if len(right) > 1 else "only"
        raise _fail(
            x,
            y,
            f"the last axis of the left ({left[-1]}) must match the {which} axis of the right "
            f"({inner})",
        )
    rows = left[-2:] if len(left) > 1 else (1, *left)
    columns = right[-2:] if len(right) > 1 else (*right, 1)
    try:
        batch = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        raise _fail(x, y, f"the batch axes {left[:-2]} and {right[:-2]} do not broadcast") from None
    if len(left) == 1:
        x = reshape(x, rows)
    if len(right) == 1:
        y = reshape(y, columns)
    if tuple(x.shape) != (*batch, *rows):
        x = broadcast_to(x, (*batch, *rows))
    if tuple(y.shape) != (*batch, *columns):
        y = broadcast_to(y, (*batch, *columns))
    z = matmul_op(x, y)
    if len(left) == 1 or len(right) == 1:
        column = right[-1:] if len(right) > 1 else ()
        z = reshape(z, (*batch, *left[-2:-1], *column))
    return z


matmul.__doc__ = MATMUL.doc
