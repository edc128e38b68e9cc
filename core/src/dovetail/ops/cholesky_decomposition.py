"""Cholesky decomposition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.matrices import (
    INEXACT,
    TOLERANCE,
    adjoint,
    conjugate,
    finite,
    identity_like,
    lapack,
    square,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op
from dovetail.ops.triangular import triangular_solve

__all__ = ["cholesky"]


def _canonical(x: Spec, upper: Any) -> dict[str, Any]:
    return {"upper": bool(upper)}


def _infer(x: Spec, upper: bool) -> Spec:
    square(CHOLESKY, x, advice="; a positive definite matrix is")
    return x


def _gradient(g: Any, y: Any, x: Any, *, upper: bool) -> Any:
    # dL = L phi(L^-1 dA L^-H), phi halves the diagonal and drops what is above it; this is its
    # adjoint (Murray 2016, "Differentiation of the Cholesky decomposition", section 3.1).
    from dovetail.ranges import tril  # noqa: PLC0415  ranges are made of the ops

    factor, g = (adjoint(y), adjoint(conjugate(g))) if upper else (y, conjugate(g))
    half = 1 - 0.5 * identity_like(x)
    inner = tril(matmul_op(adjoint(factor), g)) * half
    left = triangular_solve(adjoint(factor), inner, lower=False)
    both = adjoint(triangular_solve(adjoint(factor), adjoint(left), lower=False))
    return conjugate((both + adjoint(both)) * 0.5)


def _reference(x: np.ndarray, upper: bool) -> np.ndarray:
    x = finite("cholesky", x)
    even = (x + np.conj(x.swapaxes(-1, -2))) * x.dtype.type(0.5)
    reason = "is not positive definite; a multiple of the identity added to it makes it so"
    found: np.ndarray = lapack("cholesky", reason, np.linalg.cholesky, even, upper=upper)
    return found


def _positive(shape: tuple[int, ...], seed: int) -> list[Any]:
    random = np.random.default_rng(seed)
    half = random.uniform(-1, 1, shape)
    wide = half @ half.swapaxes(-1, -2)
    return (wide + 0.5 * np.eye(shape[-1])).tolist()  # type: ignore[no-any-return]


def _samples() -> Iterator[Sample]:
    for number, shape in enumerate([(1, 1), (3, 3), (2, 4, 4), (2, 1, 2, 2), (17, 17), (40, 40)]):
        yield Sample(inputs=(_positive(shape, number),))
        yield Sample(inputs=(_positive(shape, number),), attributes={"upper": True})
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))
    yield Sample(inputs=([[4.0, 1.0], [3.0, 5.0]],))  # its symmetric part counts


CHOLESKY = Op(
    name="cholesky",
    doc="""The triangular factor of positive definite matrices: x = L @ L^H, or U^H @ U.

    ``x``, of shape (..., n, n), is taken to be (x + x^H) / 2, so the gradient is symmetric
    (Hermitian), too. The result has x's shape, a positive diagonal, and zeros above it, or below it
    with ``upper``. float32, float64, complex64 and complex128; integers and 16-bit floats become
    float32.

    Raises OpError when the matrices are not square, and when one is not positive definite or holds
    NaN, eagerly and under jit; the message says which one.

    LAPACK's potrf; the gradient is Murray's (2016, arXiv:1602.07527).

    >>> import dovetail as dt
    >>> dt.ops.cholesky(dt.asarray([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    attributes={"upper": False},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
cholesky: Any = define(CHOLESKY)
