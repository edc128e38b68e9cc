"""Systems of equations, inverses, determinants and functions of matrices."""

from __future__ import annotations

from operator import index
from typing import Any, NamedTuple

from dovetail import ops
from dovetail.errors import OpError
from dovetail.manipulation import common_shape, expand_dims
from dovetail.matrices import (
    adjoint,
    array,
    conjugate,
    identity_like,
    real_part,
    scaled_rows,
    transposed,
)
from dovetail.ops.determinant import det as det_op
from dovetail.ops.determinant import slogdet as slogdet_op
from dovetail.ops.linear_solve import inv as inv_op
from dovetail.ops.linear_solve import solve as solve_op
from dovetail.ops.matrix_exponential import expm as expm_op
from dovetail.ops.pseudo_inverse import lstsq as lstsq_op
from dovetail.ops.pseudo_inverse import pinv as pinv_op
from dovetail.ops.singular_values import svd as svd_op
from dovetail.ops.triangular import triangular_solve

__all__ = [
    "LstsqResult",
    "SlogdetResult",
    "det",
    "expm",
    "inv",
    "lstsq",
    "matrix_power",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
]


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


class LstsqResult(NamedTuple):
    """What `lstsq` returns."""

    x: Any
    residuals: Any
    rank: Any
    s: Any


def _text(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}"


def _together(name: str, a: Any, b: Any) -> tuple[Any, Any, bool]:
    """Both operands as matrices with equal batch axes, and whether b was a vector."""
    a, b = array(name, a), array(name, b)
    if a.ndim < 2:
        raise OpError(f"{name}: a is {_text(a)}, which holds no matrix; it needs two axes or more")
    if b.ndim == 0:
        raise OpError(f"{name}: b is {_text(b)}; it needs one axis for each equation")
    vector = b.ndim == 1
    if vector:
        b = expand_dims(b, axis=-1)
    batch = common_shape(name, a.shape[:-2], b.shape[:-2])
    return (
        ops.broadcast_to(a, (*batch, *a.shape[-2:])),
        ops.broadcast_to(b, (*batch, *b.shape[-2:])),
        vector,
    )


def solve(x1: Any, x2: Any, /) -> Any:
    """x with x1 @ x = x2 for square matrices ``x1``, (..., n, n).

    ``x2`` is a vector (n,) or matrices (..., n, k); batch axes broadcast. See the op solve.

    >>> import dovetail as dt
    >>> dt.linalg.solve(dt.asarray([[2.0, 0.0], [1.0, 4.0]]), dt.asarray([2.0, 9.0])).tolist()
    [1.0, 2.0]
    """
    a, b, vector = _together("solve", x1, x2)
    x = solve_op(a, b)
    return x[..., 0] if vector else x


_TRANS = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}


def solve_triangular(
    a: Any,
    b: Any,
    /,
    *,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    left: bool = True,
) -> Any:
    """x with a @ x = b for triangular ``a``, or with x @ a = b where ``left`` is False.

    Only the upper triangle of ``a`` is read, or the ``lower`` one. ``trans`` 1 or "T" puts the
    transpose of ``a`` in its place, 2 or "C" the conjugate transpose. ``b`` is a vector (n,) or
    matrices; batch axes broadcast. See the op triangular_solve.

    >>> import dovetail as dt
    >>> a, b = dt.asarray([[2.0, 0.0], [1.0, 4.0]]), dt.asarray([2.0, 9.0])
    >>> dt.linalg.solve_triangular(a, b, lower=True).tolist()
    [1.0, 2.0]
    """
    if trans not in _TRANS:
        raise OpError(f'solve_triangular: trans={trans!r} is not known; use 0, 1, 2, "N", "T", "C"')
    a, b, vector = _together("solve_triangular", a, b)
    turn = _TRANS[trans]
    if turn == 2:
        a = conjugate(a)
    if not left:  # a^T @ x^T = b^T
        turn, b = int(not turn), b if vector else transposed(b)
    if turn:
        a, lower = transposed(a), not lower
    x = triangular_solve(a, b, lower=lower, unit_diagonal=unit_diagonal)
    if vector:
        return x[..., 0]
    return x if left else transposed(x)


def inv(x: Any, /) -> Any:
    """Inverses of square matrices, (..., n, n). See the op inv.

    >>> import dovetail as dt
    >>> dt.linalg.inv(dt.asarray([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return inv_op(x)


def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    """Pseudo-inverses (Moore-Penrose), of any shape and rank.

    Singular values not above ``rtol`` times the largest count as zeros. ``rtol`` is a number, or an
    array with one for each matrix, which differentiates through `svd`. See the op pinv.

    >>> import dovetail as dt
    >>> dt.linalg.pinv(dt.asarray([[2.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    if getattr(rtol, "ndim", 0) == 0 and getattr(rtol, "_tracer", None) is None:
        return pinv_op(x, rtol=None if rtol is None else float(rtol))
    u, s, vh = svd_op(x, full_matrices=False)
    limit = expand_dims(array("pinv", rtol), axis=-1) * s[..., :1]
    large = s > limit
    inverse = ops.where(large, 1 / ops.where(large, s, 1), 0)
    return ops.matmul(adjoint(vh), scaled_rows(ops.astype(inverse, dtype=u.dtype), adjoint(u)))


def lstsq(a: Any, b: Any, /, *, rtol: float | None = None) -> LstsqResult:
    """The x that makes a @ x - b least, the shortest where there are many.

    ``a`` is (..., m, n), ``b`` a vector (m,) or matrices (..., m, k); batch axes broadcast. Returns
    ``x``, the ``residuals`` (sums of squares for each column of b, also where they are roundings of
    0), the ``rank`` and the singular values ``s`` of a. See the op lstsq.

    >>> import dovetail as dt
    >>> found = dt.linalg.lstsq(dt.asarray([[1.0], [1.0]]), dt.asarray([1.0, 3.0]))
    >>> round(found.x.item(), 4), round(found.residuals.item(), 4), found.rank.item()
    (2.0, 2.0, 1)
    """
    a, b, vector = _together("lstsq", a, b)
    x, rank, s = lstsq_op(a, b, rtol=rtol)
    rest = ops.matmul(a, x) - b
    residuals = ops.sum(real_part(rest * conjugate(rest)), axis=-2)
    if vector:
        return LstsqResult(x[..., 0], residuals[..., 0], rank, s)
    return LstsqResult(x, residuals, rank, s)


def det(x: Any, /) -> Any:
    """Determinants of square matrices, (..., n, n). See the op det.

    >>> import dovetail as dt
    >>> dt.linalg.det(dt.asarray([[2.0, 0.0], [0.0, 4.0]])).item()
    8.0
    """
    return det_op(x)


def slogdet(x: Any, /) -> SlogdetResult:
    """Sign and logarithm of the magnitude of determinants. See the op slogdet.

    >>> import dovetail as dt
    >>> dt.linalg.slogdet(dt.asarray([[0.0, 1.0], [1.0, 0.0]])).sign.item()
    -1.0
    """
    return SlogdetResult(*slogdet_op(x))


def expm(x: Any, /) -> Any:
    """Exponentials of square matrices: the sum of x^k / k!. See the op expm.

    >>> import dovetail as dt
    >>> dt.linalg.expm(dt.asarray([[0.0, 1.0], [0.0, 0.0]])).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    return expm_op(x)


def matrix_power(x: Any, n: int, /) -> Any:
    """Square matrices multiplied with themselves, ``n`` factors; inverses where n is negative.

    >>> import dovetail as dt
    >>> dt.linalg.matrix_power(dt.asarray([[1, 1], [0, 1]]), 10).tolist()
    [[1, 10], [0, 1]]
    """
    x = array("matrix_power", x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise OpError(f"matrix_power: x is {_text(x)}, which does not hold square matrices")
    try:
        n = index(n)
    except TypeError:
        raise OpError(f"matrix_power: n={n!r} is not an integer") from None
    if n == 0:
        return ops.broadcast_to(identity_like(x), x.shape)
    if n < 0:
        x, n = inv_op(x), -n
    found = None
    while n:
        if n & 1:
            found = x if found is None else ops.matmul(found, x)
        n >>= 1
        if n:
            x = ops.matmul(x, x)
    return found
