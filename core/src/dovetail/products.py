"""Products of arrays along axes: tensordot, vecdot, outer, inner, kron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dovetail import ops, shapes
from dovetail.errors import OpError
from dovetail.manipulation import moveaxis
from dovetail.matrices import array
from dovetail.ops.vector_products import vecdot as vecdot_op

__all__ = ["inner", "kron", "outer", "tensordot", "vecdot"]


def _text(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}"


def tensordot(x1: Any, x2: Any, /, *, axes: int | Sequence[Any] = 2) -> Any:
    """Sums of products over axes of both: over the last ``axes`` of x1 and the first of x2.

    ``axes`` may be a pair of sequences, of axes of x1 and of as many of x2 in the same order. The
    result has the other axes of x1, then those of x2.

    >>> import dovetail as dt
    >>> dt.tensordot(dt.ones((2, 3)), dt.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    x1, x2 = array("tensordot", x1), array("tensordot", x2)
    left, right = _pairs(x1, x2, axes)
    for a, b in zip(left, right, strict=True):
        if x1.shape[a] != x2.shape[b]:
            raise OpError(
                f"tensordot: axis {a} of {_text(x1)} has extent {x1.shape[a]} and axis {b} of "
                f"{_text(x2)} has {x2.shape[b]}; axes that are summed over must be equal"
            )
    rows = [d for d in range(x1.ndim) if d not in left]
    columns = [d for d in range(x2.ndim) if d not in right]
    inner = math.prod(x1.shape[d] for d in left)
    outside = [x1.shape[d] for d in rows], [x2.shape[d] for d in columns]
    a = ops.reshape(ops.permute_dims(x1, (*rows, *left)), (math.prod(outside[0]), inner))
    b = ops.reshape(ops.permute_dims(x2, (*right, *columns)), (inner, math.prod(outside[1])))
    return ops.reshape(ops.matmul(a, b), (*outside[0], *outside[1]))


def _pairs(x1: Any, x2: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of both that are summed over."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(x1.ndim, x2.ndim):
            raise OpError(
                f"tensordot: axes={axes} of {_text(x1)} and {_text(x2)}; it must lie between 0 and "
                f"{min(x1.ndim, x2.ndim)}"
            )
        return tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes))
    try:
        one, other = axes
    except (TypeError, ValueError):
        raise OpError(
            f"tensordot: axes={axes!r} must be an integer or a pair of sequences"
        ) from None
    left, right = (
        tuple(shapes.axis("tensordot", d, x.ndim) for d in shapes.integers("tensordot", "axes", a))
        for x, a in ((x1, one), (x2, other))
    )
    if len(left) != len(right) or len(set(left)) < len(left) or len(set(right)) < len(right):
        raise OpError(
            f"tensordot: axes={axes!r} must name as many axes of one as of the other, each once"
        )
    return left, right


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Dot products of the vectors along ``axis``, the first conjugated; other axes broadcast.

    >>> import dovetail as dt
    >>> dt.vecdot(dt.asarray([[1, 2], [3, 4]]), dt.asarray([1, 10])).tolist()
    [21, 43]
    """
    x1, x2 = array("vecdot", x1), array("vecdot", x2)
    a, b = (moveaxis(x, shapes.axis("vecdot", axis, x.ndim), -1) for x in (x1, x2))
    if a.shape[-1] != b.shape[-1]:
        raise OpError(
            f"vecdot: the vectors of {_text(x1)} and {_text(x2)} along axis {axis} have "
            f"{a.shape[-1]} and {b.shape[-1]} elements; they need as many"
        )
    return vecdot_op(a, b)


def outer(x1: Any, x2: Any, /) -> Any:
    """All products of the elements of two vectors.

    >>> import dovetail as dt
    >>> dt.linalg.outer(dt.asarray([1, 2]), dt.asarray([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    x1, x2 = array("outer", x1), array("outer", x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise OpError(f"outer: {_text(x1)} and {_text(x2)} are not both vectors; reshape them")
    return ops.multiply(ops.reshape(x1, (x1.size, 1)), ops.reshape(x2, (1, x2.size)))


def inner(x1: Any, x2: Any, /) -> Any:
    """Sums of products over the last axes of both; with a scalar, plain products.

    >>> import dovetail as dt
    >>> dt.inner(dt.asarray([1, 2]), dt.asarray([3, 4])).item()
    11
    """
    x1, x2 = array("inner", x1), array("inner", x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return ops.multiply(x1, x2)
    if x1.shape[-1] != x2.shape[-1]:
        raise OpError(
            f"inner: the last axes of {_text(x1)} and {_text(x2)} have {x1.shape[-1]} and "
            f"{x2.shape[-1]} elements; they need as many"
        )
    return tensordot(x1, x2, axes=((-1,), (-1,)))


def kron(x1: Any, x2: Any, /) -> Any:
    """The Kronecker product: each element of x1 times all of x2, as blocks.

    The one with fewer axes gets axes of extent 1 in front.

    >>> import dovetail as dt
    >>> dt.kron(dt.asarray([1, 10]), dt.asarray([1, 2])).tolist()
    [1, 2, 10, 20]
    """
    x1, x2 = array("kron", x1), array("kron", x2)
    ndim = max(x1.ndim, x2.ndim)
    a, b = ((1,) * (ndim - x.ndim) + x.shape for x in (x1, x2))
    wide = ops.reshape(x1, tuple(n for extent in a for n in (extent, 1)))
    narrow = ops.reshape(x2, tuple(n for extent in b for n in (1, extent)))
    return ops.reshape(wide * narrow, tuple(m * n for m, n in zip(a, b, strict=True)))
