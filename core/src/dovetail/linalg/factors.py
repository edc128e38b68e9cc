"""Decompositions of matrices into factors, eigenvalues and singular values."""

from __future__ import annotations

from typing import Any, NamedTuple

from dovetail.ops.cholesky_decomposition import cholesky as cholesky_op
from dovetail.ops.general_eigen import eig as eig_op
from dovetail.ops.general_eigen import eigvals as eigvals_op
from dovetail.ops.hermitian_eigen import eigh as eigh_op
from dovetail.ops.hermitian_eigen import eigvalsh as eigvalsh_op
from dovetail.ops.qr_decomposition import qr as qr_op
from dovetail.ops.singular_values import svd as svd_op
from dovetail.ops.singular_values import svdvals as svdvals_op

__all__ = [
    "EigResult",
    "EighResult",
    "QRResult",
    "SVDResult",
    "cholesky",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "qr",
    "svd",
    "svdvals",
]


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Any
    S: Any
    Vh: Any


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Any
    eigenvectors: Any


def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    """The triangular factor L of positive definite matrices x = L @ L^H, or U of x = U^H @ U.

    ``x``, (..., n, n), counts as (x + x^H) / 2. See the op cholesky for gradient and errors.

    >>> import dovetail as dt
    >>> dt.linalg.cholesky(dt.asarray([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    return cholesky_op(x, upper=upper)


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal columns Q and an upper triangle R with x = Q @ R.

    ``mode`` is "reduced", with min(m, n) columns in Q, or "complete", with m. See the op qr.

    >>> import dovetail as dt
    >>> dt.linalg.qr(dt.ones((3, 2))).R.shape
    (2, 2)
    """
    return QRResult(*qr_op(x, mode=mode))


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular vectors and values with x = U @ diag(S) @ Vh, S in descending order.

    ``full_matrices=False`` computes only the first min(m, n) vectors, and has a gradient for any
    shape. See the op svd.

    >>> import dovetail as dt
    >>> U, S, Vh = dt.linalg.svd(dt.asarray([[0.0, 2.0], [1.0, 0.0]]))
    >>> S.tolist()
    [2.0, 1.0]
    """
    return SVDResult(*svd_op(x, full_matrices=full_matrices))


def svdvals(x: Any, /) -> Any:
    """Singular values in descending order, without the vectors.

    >>> import dovetail as dt
    >>> dt.linalg.svdvals(dt.asarray([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [2.0, 1.0]
    """
    return svdvals_op(x)


def eigh(x: Any, /) -> EighResult:
    """Eigenvalues, ascending, and orthonormal eigenvectors of symmetric (Hermitian) matrices.

    ``x``, (..., n, n), counts as (x + x^H) / 2. See the op eigh for gradient and errors.

    >>> import dovetail as dt
    >>> dt.linalg.eigh(dt.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
    [1.0, 2.0]
    """
    return EighResult(*eigh_op(x))


def eigvalsh(x: Any, /) -> Any:
    """Eigenvalues of symmetric (Hermitian) matrices, ascending, without the vectors.

    >>> import dovetail as dt
    >>> dt.linalg.eigvalsh(dt.asarray([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 2.0]
    """
    return eigvalsh_op(x)


def eig(x: Any, /) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices, complex always, in no order.

    See the op eig for gradient and errors.

    >>> import dovetail as dt
    >>> dt.linalg.eig(dt.asarray([[0.0, -1.0], [1.0, 0.0]])).eigenvalues.tolist()
    [1j, -1j]
    """
    return EigResult(*eig_op(x))


def eigvals(x: Any, /) -> Any:
    """Eigenvalues of square matrices, complex always, in no order, without the vectors.

    >>> import dovetail as dt
    >>> dt.linalg.eigvals(dt.asarray([[0.0, -1.0], [1.0, 0.0]])).tolist()
    [1j, -1j]
    """
    return eigvals_op(x)
