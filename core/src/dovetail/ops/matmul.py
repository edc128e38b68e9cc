"""Matrix product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import NUMERIC
from dovetail.op import Op, Sample, Spec, define

__all__ = ["matmul"]


def _infer(x: Spec, y: Spec) -> Spec:
    if x.ndim == 0 or y.ndim == 0:
        raise MATMUL.fail(f"{x} @ {y}: both operands need at least one axis; use multiply instead")
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        raise MATMUL.fail(
            f"{x} @ {y}: the last axis of the left ({x.shape[-1]}) must match the "
            f"{'next-to-last' if y.ndim > 1 else 'only'} axis of the right ({inner})"
        )
    try:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise MATMUL.fail(
            f"{x} @ {y}: the batch axes {x.shape[:-2]} and {y.shape[:-2]} do not broadcast"
        ) from None
    rows = x.shape[-2:-1] if x.ndim > 1 else ()
    columns = y.shape[-1:] if y.ndim > 1 else ()
    return Spec((*batch, *rows, *columns), x.dtype)


def _samples() -> Iterator[Sample]:
    def pair(x: tuple[int, ...], y: tuple[int, ...]) -> Sample:
        return Sample(inputs=((x, -2, 2), (y, -2, 2)))

    yield pair((2, 3), (3, 4))
    yield pair((5, 1, 2, 3), (4, 3, 2))
    yield pair((3,), (3,))
    yield pair((3,), (2, 3, 4))
    yield pair((2, 3), (3,))
    yield pair((2, 0), (0, 3))
    yield pair((0, 2), (2, 3))
    yield pair((17, 33), (33, 9))


MATMUL = Op(
    name="matmul",
    doc="""Matrix product of the last two axes; other axes broadcast as batches.

    A one-dimensional left operand counts as a row, a right one as a column, and that axis is dropped
    from the result. float16 and bfloat16 accumulate in float32; integers wrap.

    Raises OpError when the inner extents differ or the batch axes do not broadcast.

    >>> import dovetail as dt
    >>> dt.matmul(dt.asarray([[1.0, 2.0]]), dt.asarray([[3.0], [4.0]])).tolist()
    [[11.0]]
    """,
    signature="x: T, y: T -> T",
    types={"T": NUMERIC},
    infer=_infer,
    gradient=...,
    reference=np.matmul,
    samples=_samples,
    tolerance={"norm": True},
)
matmul: Any = define(MATMUL)
