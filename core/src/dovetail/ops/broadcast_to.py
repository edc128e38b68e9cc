"""Repetition along axes, without moving data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.shapes import integers, sized

__all__ = ["broadcast_to"]


def _canonical(x: Spec, *, shape: Any) -> dict[str, Any]:
    return {"shape": integers("broadcast_to", "shape", shape)}


def _infer(x: Spec, *, shape: tuple[int, ...]) -> Spec:
    result = Spec(shape, x.dtype)
    if min(shape, default=0) < 0:
        raise BROADCAST_TO.fail(f"shape={shape} has a negative extent")
    if x.ndim > len(shape):
        raise BROADCAST_TO.fail(
            f"{x} has {x.ndim} axes, shape {shape} only {len(shape)}; axes can only be added"
        )
    for have, want in zip(x.shape[::-1], shape[::-1], strict=False):
        if have not in (1, want):
            raise BROADCAST_TO.fail(
                f"{x} does not stretch to {shape}: counted from the last axis, extents must be "
                f"equal or 1, and {have} is not {want}"
            )
    return sized("broadcast_to", result)


def _view(
    old_shape: tuple[int, ...], strides: tuple[int, ...], /, *, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    added = len(shape) - len(old_shape)
    kept = (
        stride if have == want else 0
        for have, want, stride in zip(old_shape, shape[added:], strides, strict=True)
    )
    return shape, (*(0,) * added, *kept), 0


def _gradient(g: Any, y: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    added = len(shape) - x.ndim
    stretched = tuple(d + added for d, n in enumerate(x.shape) if n != shape[d + added])
    over = (*range(added), *stretched)
    if not over:
        return g
    total = ops.sum_op(g, axis=over, keepdims=True)
    return ops.reshape(total, x.shape) if added else total


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], x: Any, *, shape: tuple[int, ...]
) -> Any:
    missing = len(shape) + 1 - x.ndim
    if missing:  # axes are added in front, behind that of the examples
        x = ops.reshape(x, (size, *(1,) * missing, *x.shape[1:]))
    return op(x, shape=(size, *shape))


def _samples() -> Iterator[Sample]:
    for shape, wanted in [
        ((), ()),
        ((), (3,)),
        ((3,), (2, 3)),
        ((3, 1), (3, 5)),
        ((1, 3, 1), (4, 2, 3, 33)),
        ((1,), (0,)),
        ((2, 0), (3, 2, 0)),
        ((2, 3), (2, 3)),
    ]:
        yield Sample(inputs=((shape, -9, 9),), attributes={"shape": wanted})


BROADCAST_TO = Op(
    name="broadcast_to",
    doc="""x stretched to a shape: axes of extent 1 repeat, axes may be added in front.

    Any dtype; no data moves. The derivative adds up what flows back from the repetitions.

    Raises OpError when an extent is neither equal nor 1.

    >>> import dovetail as dt
    >>> dt.broadcast_to(dt.asarray([1, 2]), (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """,
    signature="x: T -> T",
    attributes={"shape": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    batching=_batching,
    view=_view,
    gradient=(_gradient,),
    reference=np.broadcast_to,
    samples=_samples,
    claim="view",
)
broadcast_to: Any = define(BROADCAST_TO)
