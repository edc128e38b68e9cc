"""Dot and cross products of vectors along the last axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import COMPLEX, NUMERIC
from dovetail.matrices import conjugate
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.concat import concat
from dovetail.ops.sum import sum_op

__all__ = ["cross", "vecdot"]

TYPES = NUMERIC | COMPLEX


def _last(op: Op, x: Spec, y: Spec, extent: int | None = None) -> None:
    if x.shape != y.shape or x.ndim == 0:
        raise op.fail(
            f"{x} and {y}: it takes vectors in the last axis, and equal shapes; broadcast_to "
            f"brings them there"
        )
    if extent is not None and x.shape[-1] != extent:
        raise op.fail(f"{x} and {y}: the vectors need {extent} elements, not {x.shape[-1]}")


# ---- vecdot --------------------------------------------------------------------------------------


def _infer(x: Spec, y: Spec) -> Spec:
    _last(VECDOT, x, y)
    return Spec(x.shape[:-1], x.dtype)


def _column(g: Any) -> Any:
    return ops.reshape(g, (*g.shape, 1))


def _samples() -> Iterator[Sample]:
    for x, y in [
        ((3,), (3,)),
        ((0,), (0,)),
        ((4, 0), (4, 0)),
        ((2, 5), (5,)),
        ((4, 1, 3), (2, 3)),
        ((17, 33), (17, 33)),
        ((2, 1030), (2, 1030)),
        ((0, 3), (3,)),
    ]:
        yield Sample(inputs=((x, -2, 2), (y, -2, 2)))


VECDOT = Op(
    name="vecdot",
    doc="""Dot products of vectors, the first ones conjugated: sum(conj(x) * y) over the last axis.

    Other axes broadcast. The dtype stays: integers wrap, 16-bit floats accumulate in float32.

    Raises OpError when the operands have no axis or do not broadcast.

    >>> import dovetail as dt
    >>> dt.ops.vecdot(dt.asarray([[1, 2], [3, 4]]), dt.asarray([1, 10])).tolist()
    [21, 43]
    """,
    signature="x: T, y: T -> T",
    types={"T": TYPES},
    broadcast=True,
    infer=_infer,
    gradient=(
        lambda g, z, x, y: conjugate(_column(g) * y),
        lambda g, z, x, y: _column(g) * conjugate(x),
    ),
    decomposition=lambda x, y: sum_op(conjugate(x) * y, axis=-1),
    reference=np.vecdot,
    samples=_samples,
    # Sums in any order, measured against the largest of the results.
    tolerance={
        "norm": True,
        **dict.fromkeys(("float32", "float64", "complex64", "complex128"), 16),
        **dict.fromkeys(("float16", "bfloat16"), 1),
    },
    claim="composite",
    host=True,
    batching=batching.leading,
)
vecdot: Any = define(VECDOT)


# ---- cross ---------------------------------------------------------------------------------------


def _cross_infer(x: Spec, y: Spec) -> Spec:
    _last(CROSS, x, y, 3)
    return x


def _cross(x: Any, y: Any) -> Any:
    def turned(v: Any, by: int) -> Any:
        return concat((v[..., by:], v[..., :by]), axis=-1)

    return turned(x, 1) * turned(y, 2) - turned(x, 2) * turned(y, 1)


def _cross_samples() -> Iterator[Sample]:
    for x, y in [((3,), (3,)), ((5, 3), (3,)), ((4, 1, 3), (2, 3)), ((0, 3), (3,)), ((33, 3),) * 2]:
        yield Sample(inputs=((x, -2, 2), (y, -2, 2)))


CROSS = Op(
    name="cross",
    doc="""Cross products of vectors of three elements in the last axis; other axes broadcast.

    The dtype stays; integers wrap.

    Raises OpError when the vectors do not have three elements or the other axes do not broadcast.

    >>> import dovetail as dt
    >>> dt.ops.cross(dt.asarray([1, 0, 0]), dt.asarray([0, 1, 0])).tolist()
    [0, 0, 1]
    """,
    signature="x: T, y: T -> T",
    types={"T": TYPES},
    broadcast=True,
    infer=_cross_infer,
    gradient=(
        lambda g, z, x, y: cross(y, g),
        lambda g, z, x, y: cross(g, x),
    ),
    decomposition=_cross,
    reference=np.cross,
    samples=_cross_samples,
    # Two rounded products of opposite sign, measured against the largest result; each product of
    # 16-bit floats is rounded where the decomposition runs.
    tolerance={
        "norm": True,
        **dict.fromkeys(("float32", "float64", "complex64", "complex128"), 4),
        **dict.fromkeys(("float16", "bfloat16"), 2),
    },
    claim="composite",
    host=True,
    batching=batching.leading,
)
cross: Any = define(CROSS)
