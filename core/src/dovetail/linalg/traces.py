"""Diagonals and traces, cross products, and long products of matrices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import index
from typing import Any

from dovetail import ops, shapes
from dovetail.errors import OpError
from dovetail.manipulation import expand_dims, moveaxis
from dovetail.matrices import array
from dovetail.ops.vector_products import cross as cross_op

__all__ = ["cross", "diagonal", "multi_dot", "trace"]


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonals of matrices, in the last two axes; a positive ``offset`` lies above the main.

    >>> import dovetail as dt
    >>> dt.linalg.diagonal(dt.asarray([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    return _diagonal("diagonal", x, offset)


def _diagonal(name: str, x: Any, offset: int) -> Any:
    x = array(name, x)
    if x.ndim < 2:
        raise OpError(
            f"{name}: x is {x.dtype}{list(x.shape)}, which holds no matrix; it needs two axes"
        )
    try:
        offset = index(offset)
    except TypeError:
        raise OpError(f"{name}: offset={offset!r} is not an integer") from None
    *batch, m, n = x.shape
    count = max(0, min(m, n - offset) if offset >= 0 else min(m + offset, n))
    if count == 0:
        return ops.reshape(x[..., :0, :0], (*batch, 0))
    # Neighbours on a diagonal lie n + 1 elements apart.
    first = offset if offset >= 0 else -offset * n
    flat = ops.reshape(x, (*batch, m * n))
    stop = first + (count - 1) * (n + 1) + 1
    whole = (None,) * len(batch)
    return ops.slice(flat, start=(*whole, first), stop=(*whole, stop), step=(*whole, n + 1))


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sums of the diagonals of matrices; ``dtype`` and promotion as in `dt.sum`.

    >>> import dovetail as dt
    >>> dt.linalg.trace(dt.asarray([[1, 2], [3, 4]])).item()
    5
    """
    return ops.sum(_diagonal("trace", x, offset), axis=-1, dtype=dtype)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Cross products of vectors of three elements along ``axis``; the other axes broadcast.

    >>> import dovetail as dt
    >>> dt.linalg.cross(dt.asarray([1, 0, 0]), dt.asarray([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    x1, x2 = array("cross", x1), array("cross", x2)
    a = moveaxis(x1, shapes.axis("cross", axis, x1.ndim), -1)
    b = moveaxis(x2, shapes.axis("cross", axis, x2.ndim), -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise OpError(
            f"cross: the vectors of {x1.dtype}{list(x1.shape)} and {x2.dtype}{list(x2.shape)} "
            f"along axis {axis} have {a.shape[-1]} and {b.shape[-1]} elements; both need three"
        )
    found = cross_op(a, b)
    return moveaxis(found, -1, axis if axis < 0 else axis % found.ndim)


@functools.lru_cache(maxsize=256)
def _splits(extents: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Where to split each run of factors so that all multiplications together are least."""
    n = len(extents) - 1
    cost: dict[tuple[int, int], int] = {(i, i): 0 for i in range(n)}
    best: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [
                (cost[i, k] + cost[k + 1, j] + extents[i] * extents[k + 1] * extents[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], best[i, j] = min(choices)
    return best


def multi_dot(arrays: Sequence[Any], /) -> Any:
    """The product of two or more matrices in the order that takes the least multiplications.

    The first may be a vector, which counts as a row, and the last, which counts as a column.

    >>> import dovetail as dt
    >>> dt.linalg.multi_dot([dt.ones((2, 9)), dt.ones((9, 9)), dt.ones(9)]).tolist()
    [81.0, 81.0]
    """
    factors = [array("multi_dot", a) for a in arrays]
    if len(factors) < 2:
        raise OpError(f"multi_dot: it takes two or more matrices, not {len(factors)}")
    row, column = factors[0].ndim == 1, factors[-1].ndim == 1
    if row:
        factors[0] = expand_dims(factors[0], axis=0)
    if column:
        factors[-1] = expand_dims(factors[-1], axis=-1)
    for i, a in enumerate(factors):
        if a.ndim != 2:
            raise OpError(
                f"multi_dot: array {i} is {a.dtype}{list(a.shape)}; all need two axes, the first "
                "and the last may have one"
            )
        if i and a.shape[0] != factors[i - 1].shape[1]:
            raise OpError(
                f"multi_dot: array {i - 1} has {factors[i - 1].shape[1]} columns and array {i} "
                f"has {a.shape[0]} rows; they must be as many"
            )
    best = _splits((factors[0].shape[0], *(a.shape[1] for a in factors)))

    def product(i: int, j: int) -> Any:
        if i == j:
            return factors[i]
        k = best[i, j]
        return ops.matmul(product(i, k), product(k + 1, j))

    found = product(0, len(factors) - 1)
    shape = found.shape[int(row) : 2 - int(column)]
    return ops.reshape(found, shape) if row or column else found
