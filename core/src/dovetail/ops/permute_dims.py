"""Axes in another order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.op import Op, Sample, Spec, define
from dovetail.shapes import axis, integers

__all__ = ["permute_dims"]


def _canonical(x: Spec, *, axes: Any) -> dict[str, Any]:
    if axes is None:
        return {"axes": tuple(reversed(range(x.ndim)))}
    order = tuple(axis("permute_dims", a, x.ndim) for a in integers("permute_dims", "axes", axes))
    if sorted(order) != list(range(x.ndim)):
        raise PERMUTE_DIMS.fail(
            f"axes={axes!r} must name each of the {x.ndim} axes of {x} exactly once"
        )
    return {"axes": order}


def _infer(x: Spec, *, axes: tuple[int, ...]) -> Spec:
    return Spec(tuple(x.shape[a] for a in axes), x.dtype)


def _view(
    shape: tuple[int, ...], strides: tuple[int, ...], *, axes: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    return tuple(shape[a] for a in axes), tuple(strides[a] for a in axes), 0


def _gradient(g: Any, y: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
    return permute_dims(g, axes=tuple(axes.index(a) for a in range(len(axes))))


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], x: Any, *, axes: tuple[int, ...]
) -> Any:
    return op(x, axes=(0, *(a + 1 for a in axes)))


def _samples() -> Iterator[Sample]:
    for shape, axes in [
        ((), ()),
        ((5,), (0,)),
        ((2, 3), (1, 0)),
        ((2, 3), None),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (-1, 1, 0)),
        ((3, 0, 2), (1, 2, 0)),
    ]:
        yield Sample(inputs=((shape, -9, 9),), attributes={"axes": axes})


PERMUTE_DIMS = Op(
    name="permute_dims",
    doc="""x with its axes in another order: axis i of the result is axis axes[i] of x.

    Without ``axes`` the order is reversed. Any dtype; no data moves.

    Raises OpError when ``axes`` does not name each axis once.

    >>> import dovetail as dt
    >>> dt.permute_dims(dt.asarray([[1, 2, 3]]), (1, 0)).shape
    (3, 1)
    """,
    signature="x: T -> T",
    attributes={"axes": None},
    canonical=_canonical,
    infer=_infer,
    batching=_batching,
    view=_view,
    gradient=(_gradient,),
    reference=np.transpose,
    samples=_samples,
    claim="view",
)
permute_dims: Any = define(PERMUTE_DIMS)
