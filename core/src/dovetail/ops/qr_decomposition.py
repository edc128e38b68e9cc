"""QR decomposition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.matrices import (
    INEXACT,
    TOLERANCE,
    adjoint,
    conjugate,
    identity_like,
    matrices,
    results,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op
from dovetail.ops.triangular import triangular_solve

__all__ = ["qr"]


def _canonical(x: Spec, mode: Any) -> dict[str, Any]:
    if mode not in ("reduced", "complete"):
        raise QR.fail(f'mode={mode!r} is not known; use "reduced" or "complete"')
    return {"mode": mode}


def _infer(x: Spec, mode: str) -> tuple[Spec, Spec]:
    m, n = matrices(QR, x)
    k = m if mode == "complete" else min(m, n)
    batch = x.shape[:-2]
    return Spec((*batch, m, k), x.dtype), Spec((*batch, k, n), x.dtype)


def _zeros(x: Any) -> Any:
    return ops.filled_like(x, 0)


def _columns(x: Any, start: int, stop: int) -> Any:
    return x[..., start:stop]


def _gradient(g: tuple[Any, Any], y: tuple[Any, Any], x: Any, *, mode: str) -> Any:
    m, n = x.shape[-2:]
    if mode == "complete" and m > n:
        raise QR.fail(
            f'mode="complete" has no derivative for {x.dtype}{list(x.shape)}, since the last '
            f'{m - n} columns of q are arbitrary; mode="reduced" has one'
        )
    (q, r), (gq, gr) = y, g
    gq = _zeros(q) if gq is None else conjugate(gq)
    gr = _zeros(r) if gr is None else conjugate(gr)
    if m >= n:
        return conjugate(_tall(q, r, gq, gr))
    # q and the left part of r come from the left part of x alone; the right part of r is
    # q^H @ right.
    right = _columns(x, m, n)
    gq = gq + matmul_op(right, adjoint(_columns(gr, m, n)))
    left = _tall(q, _columns(r, 0, m), gq, _columns(gr, 0, m))
    return conjugate(ops.concat((left, matmul_op(q, _columns(gr, m, n))), axis=-1))


def _tall(q: Any, r: Any, gq: Any, gr: Any) -> Any:
    """The adjoint for independent columns, cotangents and result conjugated (Walter and Lehmann
    2018, arXiv:1009.6112, section 3)."""
    from dovetail.ranges import triu  # noqa: PLC0415  ranges are made of the ops

    inner = triu(matmul_op(gr, adjoint(r)) - matmul_op(adjoint(q), gq))
    # The diagonal of r is real, so only the real part of the diagonal counts.
    inner = (inner + adjoint(inner)) * (1 - 0.5 * identity_like(inner))
    whole = gq + matmul_op(q, inner)
    return adjoint(triangular_solve(r, adjoint(whole), lower=False))


def _reference(x: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    q, r = results(np.linalg.qr(x, mode))  # type: ignore[call-overload]
    # LAPACK's signs jump, for complex matrices even at real ones.
    k = min(x.shape[-2:])
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    size = np.abs(diagonal)
    unit = np.where(size > 0, diagonal / np.where(size > 0, size, 1), 1).astype(x.dtype)
    q[..., :k] *= unit[..., None, :]
    r[..., :k, :] *= np.conj(unit)[..., :, None]
    return q, np.triu(r)  # what is below has no sign either


def _samples() -> Iterator[Sample]:
    random = np.random.default_rng(0)
    for shape in [(1, 1), (3, 3), (5, 2), (2, 4, 3), (2, 2, 2, 2), (33, 17), (2, 5), (17, 33)]:
        m, n = shape[-2:]
        k = min(m, n)
        leading = np.zeros((m, n))
        leading[:k, :k] = np.eye(k)
        # Far from having dependent columns, where the decomposition has no derivative.
        x = (random.uniform(-1, 1, shape) / max(m, n) ** 0.5 + leading).tolist()
        yield Sample(inputs=(x,))
        yield Sample(inputs=(x,), attributes={"mode": "complete"}, differentiable=m <= n)
    for empty in [(0, 0), (0, 3, 3), (3, 0), (0, 3)]:
        yield Sample(inputs=((empty, -1, 1),))
        complete = {"mode": "complete"}
        yield Sample(inputs=((empty, -1, 1),), attributes=complete, differentiable=False)
    yield Sample(inputs=([[1.0, 2.0], [0.0, 0.0]],), differentiable=False)


QR = Op(
    name="qr",
    doc="""Orthonormal columns and an upper triangle with x = q @ r.

    ``x`` has shape (..., m, n). With ``mode="reduced"`` q has min(m, n) columns, with "complete" m.
    The diagonal of r is real and not negative, so that all devices agree. float32, float64,
    complex64 and complex128; integers and 16-bit floats become float32.

    The gradient exists where the first min(m, n) columns of x are independent, and raises OpError
    elsewhere. For more rows than columns only "reduced" has one.

    Raises OpError when ``x`` holds no matrices and when the mode is not known.

    LAPACK's geqrf and orgqr (Householder); the gradient of Walter and Lehmann (arXiv:1009.6112).

    >>> import dovetail as dt
    >>> q, r = dt.ops.qr(dt.asarray([[3.0, 1.0], [4.0, 2.0]]))
    >>> dt.max(dt.abs(q @ r - dt.asarray([[3.0, 1.0], [4.0, 2.0]]))).item() < 1e-6
    True
    """,
    signature="x: T -> T, T",
    types={"T": INEXACT},
    attributes={"mode": "reduced"},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
qr: Any = define(QR)
