"""Norms, and what singular values say about a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.dtypes import float32, int64, real_of
from dovetail.errors import OpError
from dovetail.manipulation import expand_dims, moveaxis
from dovetail.matrices import array, conjugate, real_part
from dovetail.ops.linear_solve import inv
from dovetail.ops.singular_values import svdvals

__all__ = ["cond", "matrix_norm", "matrix_rank", "norm", "vector_norm"]


def _floating(name: str, x: Any) -> Any:
    """An operand as floats or complex numbers."""
    x = array(name, x)
    return x if x.dtype.kind in ("float", "complex") else ops.astype(x, dtype=float32)


def _root(total: Any) -> Any:
    """The square root, with the derivative 0 at 0: of the subgradients of a norm the least."""
    zero = total == 0
    return ops.where(zero, 0, ops.sqrt(ops.where(zero, 1, total)))


def vector_norm(
    x: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Any:
    """Norms of the vectors along one axis, several, or all: sum(abs(x)^ord)^(1/ord).

    ``ord`` is a number, inf (the largest magnitude), -inf (the least) or 0 (how many are not 0).
    Integers become float32; the result is real. The gradient of a norm with ord > 1 is 0 at 0.

    >>> import dovetail as dt
    >>> dt.linalg.vector_norm(dt.asarray([3.0, 4.0])).item()
    5.0
    """
    x = _floating("vector_norm", x)
    if not isinstance(ord, int | float):
        raise OpError(f"vector_norm: ord={ord!r} is not a number; matrix_norm knows 'fro', 'nuc'")
    over = shapes.axes("vector_norm", axis, x.ndim)
    if ord == math.inf:
        return ops.max(ops.abs(x), axis=over, keepdims=keepdims)
    if ord == -math.inf:
        return ops.min(ops.abs(x), axis=over, keepdims=keepdims)
    if ord == 0:
        counted = ops.astype(x != 0, dtype=real_of(x.dtype))
        return ops.sum(counted, axis=over, keepdims=keepdims)
    if ord == 1:
        return ops.sum(ops.abs(x), axis=over, keepdims=keepdims)
    if ord == 2:
        return _root(ops.sum(real_part(x * conjugate(x)), axis=over, keepdims=keepdims))
    total = ops.sum(ops.abs(x) ** float(ord), axis=over, keepdims=keepdims)
    if ord < 1:
        return total ** (1 / ord)
    zero = total == 0
    return ops.where(zero, 0, ops.where(zero, 1, total) ** (1 / ord))


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: float | str = "fro") -> Any:
    """Norms of matrices, in the last two axes.

    ``ord`` is "fro" (root of the sum of squares), "nuc" (sum of the singular values), 2 or -2
    (largest or least singular value), 1 or -1 (largest or least sum of magnitudes of a column),
    inf or -inf (the same of rows). Integers become float32; the result is real.

    >>> import dovetail as dt
    >>> dt.linalg.matrix_norm(dt.asarray([[3.0, 0.0], [0.0, 4.0]]), ord=2).item()
    4.0
    """
    x = _floating("matrix_norm", x)
    if x.ndim < 2:
        raise OpError(
            f"matrix_norm: x is {x.dtype}{list(x.shape)}, which holds no matrix; it needs two axes"
        )
    if ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        s = svdvals(x)
        pick = {"nuc": ops.sum, 2: ops.max, -2: ops.min}[ord]
        found = pick(s, axis=-1)
        return expand_dims(found, axis=(-2, -1)) if keepdims else found
    if ord not in (1, -1, math.inf, -math.inf):
        raise OpError(
            f"matrix_norm: ord={ord!r} is not known; use 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    along = -2 if abs(float(ord)) == 1 else -1
    sums = ops.sum(ops.abs(x), axis=along, keepdims=True)
    extreme = ops.max if float(ord) > 0 else ops.min
    return extreme(sums, axis=(-2, -1), keepdims=keepdims)


def norm(
    x: Any,
    /,
    ord: float | str | None = None,
    axis: int | tuple[int, int] | None = None,
    keepdims: bool = False,
) -> Any:
    """A vector or matrix norm, chosen as numpy.linalg.norm does.

    One axis asks for a vector norm, two for a matrix norm. Without ``axis``, ``ord`` None is the
    root of the sum of all squares; any other ``ord`` takes arrays of one or two axes.

    >>> import dovetail as dt
    >>> dt.linalg.norm(dt.asarray([[3.0, 0.0], [0.0, 4.0]])).item()
    5.0
    """
    x = _floating("norm", x)
    if axis is None:
        if ord is None:
            return vector_norm(x, keepdims=keepdims)
        if x.ndim not in (1, 2):
            raise OpError(
                f"norm: ord={ord!r} of {x.dtype}{list(x.shape)} needs axis=: one for a vector "
                "norm, two for a matrix norm"
            )
        over = tuple(range(x.ndim))
    else:
        over = tuple(shapes.axis("norm", a, x.ndim) for a in shapes.integers("norm", "axis", axis))
    if len(over) == 1:
        return vector_norm(x, axis=over, keepdims=keepdims, ord=2 if ord is None else ord)  # type: ignore[arg-type]
    if len(over) != 2 or over[0] == over[1]:
        raise OpError(f"norm: axis={axis!r} must be one axis, or two different ones")
    found = matrix_norm(moveaxis(x, over, (-2, -1)), ord="fro" if ord is None else ord)
    return expand_dims(found, axis=tuple(sorted(over))) if keepdims else found


def _relative_limit(name: str, x: Any, rtol: Any) -> Any:
    """The relative cut-off, a number or one for each matrix with an axis for its values."""
    if rtol is None:
        return float(max(x.shape[-2:]) * np.finfo(real_of(x.dtype).name).eps)
    return expand_dims(rtol, axis=-1) if getattr(rtol, "ndim", 0) else rtol


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Any:
    """Ranks of matrices as int64: how many singular values exceed ``rtol`` times the largest.

    By default ``rtol`` is max(m, n) epsilons of the dtype; an array has one for each matrix.

    >>> import dovetail as dt
    >>> dt.linalg.matrix_rank(dt.asarray([[1.0, 2.0], [2.0, 4.0]])).item()
    1
    """
    x = _floating("matrix_rank", x)
    s = svdvals(x)
    if s.shape[-1] == 0:
        return ops.filled_like(s, 0, shape=s.shape[:-1], dtype=int64)
    return ops.sum(s > s[..., :1] * _relative_limit("matrix_rank", x, rtol), axis=-1, dtype=int64)


def cond(x: Any, /, p: float | str | None = None) -> Any:
    """Condition numbers: by how much solving with a matrix may enlarge relative errors.

    ``p`` names the matrix norm; None and 2 give the ratio of the extreme singular values, inf for a
    singular matrix. Other norms invert ``x``, which raises OpError when it is singular.

    >>> import dovetail as dt
    >>> dt.linalg.cond(dt.asarray([[8.0, 0.0], [0.0, 2.0]])).item()
    4.0
    """
    x = _floating("cond", x)
    if p is None or p in (2, -2):
        s = svdvals(x)
        if s.shape[-1] == 0:
            raise OpError(f"cond: x is {x.dtype}{list(x.shape)}; empty matrices have no condition")
        ratio = s[..., 0] / s[..., -1]
        return 1 / ratio if p == -2 else ratio
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)
