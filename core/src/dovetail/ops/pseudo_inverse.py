"""Moore-Penrose inverses and least squares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import int64, real_of
from dovetail.errors import OpError
from dovetail.matrices import (
    FLOATS,
    INEXACT,
    TOLERANCE,
    adjoint,
    conjugate,
    finite,
    lapack,
    matrices,
    results,
    scaled_columns,
    which,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op
from dovetail.ops.singular_values import DIVERGED, apart, svd

__all__ = ["lstsq", "pinv"]


def _cutoff(op: Op, x: Spec, rtol: Any) -> float:
    """The relative cut-off as a float; by default max(m, n) epsilons of the dtype."""
    m, n = matrices(op, x, "a" if op.name == "lstsq" else "x")
    if rtol is None:
        return float(max(m, n) * np.finfo(real_of(x.dtype).name).eps)
    try:
        return float(rtol)
    except (TypeError, ValueError):
        raise op.fail(f"rtol={rtol!r} is not a number") from None


def _parts(name: str, x: np.ndarray, rtol: float) -> tuple[np.ndarray, ...]:
    """u, s, vh and the inverses of the singular values that count, 0 for the others."""
    u, s, vh = results(lapack(name, DIVERGED, np.linalg.svd, finite(name, x), full_matrices=False))
    large = s > rtol * s.max(axis=-1, keepdims=True, initial=0)
    return u, s, vh, np.where(large, 1 / np.where(large, s, 1), 0).astype(s.dtype)


# ---- pinv ----------------------------------------------------------------------------------------


def _pinv_canonical(x: Spec, rtol: Any) -> dict[str, Any]:
    return {"rtol": _cutoff(PINV, x, rtol)}


def _pinv_infer(x: Spec, rtol: float) -> Spec:
    m, n = matrices(PINV, x)
    return Spec((*x.shape[:-2], n, m), x.dtype)


def _pinv_gradient(g: Any, y: Any, x: Any, *, rtol: float) -> Any:
    # dy = -y dx y + y y^H dx^H (1 - x y) + (1 - y x) dx^H y^H y: Golub and Pereyra 1973, for
    # matrices of constant rank. Cotangents are conjugated inside.
    g = conjugate(g)
    ah = adjoint(g)
    yh = adjoint(y)
    first = matmul_op(yh, matmul_op(g, yh))
    # The adjoints of the second and third term, with the projectors multiplied out.
    second = ah - matmul_op(x, matmul_op(y, ah))
    second = matmul_op(second, matmul_op(y, yh))
    third = ah - matmul_op(matmul_op(ah, y), x)
    third = matmul_op(matmul_op(yh, y), third)
    return conjugate(second + third - first)


def _pinv_reference(x: np.ndarray, rtol: float) -> np.ndarray:
    u, _, vh, inverse = _parts("pinv", x, rtol)
    right = np.conj(u.swapaxes(-1, -2))
    return np.asarray(np.conj(vh.swapaxes(-1, -2)) @ (inverse[..., :, None] * right))


SHAPES = [(1, 1), (3, 3), (4, 2), (2, 3, 2), (2, 3), (2, 1, 2, 4), (17, 9), (9, 33)]


def _pinv_samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        yield Sample(inputs=(apart(shape, seed),))
    for empty in [(0, 0), (0, 3, 3), (3, 0), (0, 3)]:
        yield Sample(inputs=((empty, -1, 1),))
    yield Sample(
        inputs=([[1.0, 2.0], [2.0, 4.0]],), attributes={"rtol": 1e-3}, differentiable=False
    )


PINV = Op(
    name="pinv",
    doc="""Pseudo-inverses (Moore-Penrose), of any rank.

    ``x`` has shape (..., m, n), the result (..., n, m). Singular values not above ``rtol`` times
    the largest count as zeros; by default ``rtol`` is max(m, n) epsilons of the dtype. The gradient
    is right where a small step does not change the rank. float32, float64, complex64 and
    complex128; integers and 16-bit floats become float32.

    Raises OpError when ``x`` holds no matrices, and when a matrix holds NaN or infinity, eagerly
    and under jit.

    LAPACK's gesdd; the gradient of Golub and Pereyra (1973).

    >>> import dovetail as dt
    >>> dt.ops.pinv(dt.asarray([[2.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    attributes={"rtol": None},
    canonical=_pinv_canonical,
    infer=_pinv_infer,
    gradient=(_pinv_gradient,),
    reference=_pinv_reference,
    samples=_pinv_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
pinv: Any = define(PINV)


# ---- lstsq ---------------------------------------------------------------------------------------


def _canonical(a: Spec, b: Spec, rtol: Any) -> dict[str, Any]:
    return {"rtol": _cutoff(LSTSQ, a, rtol)}


def _infer(a: Spec, b: Spec, rtol: float) -> tuple[Spec, Spec, Spec]:
    m, n = matrices(LSTSQ, a, "a")
    matrices(LSTSQ, b, "b")
    if b.ndim != a.ndim or b.shape[:-2] != a.shape[:-2]:
        raise LSTSQ.fail(
            f"a is {a} and b is {b}; the op takes matrices with equal batch axes, "
            "dt.linalg.lstsq brings them there"
        )
    if b.shape[-2] != m:
        raise LSTSQ.fail(
            f"a is {a} and b is {b}: b has {b.shape[-2]} rows where the matrices of a have {m}"
        )
    batch = a.shape[:-2]
    return (
        Spec((*batch, n, b.shape[-1]), a.dtype),
        Spec(batch, int64),
        Spec((*batch, min(m, n)), real_of(a.dtype)),
    )


def _gradient_b(g: tuple[Any, ...], y: Any, a: Any, b: Any, *, rtol: float) -> Any:
    gx = g[0]
    if gx is None:
        return ops.filled_like(b, 0)
    inverse = pinv(a, rtol=rtol)
    return matmul_op(conjugate(adjoint(inverse)), gx)


def _gradient_a(g: tuple[Any, ...], y: tuple[Any, ...], a: Any, b: Any, *, rtol: float) -> Any:
    # x = p b with p = pinv(a); the three terms of dp (see pinv) with b on the right. Cotangents
    # are conjugated inside.
    gx, _, gs = g
    total = None
    if gx is not None:
        x, gx = y[0], conjugate(gx)
        p = pinv(a, rtol=rtol)
        ph = adjoint(p)
        back = matmul_op(ph, gx)
        rest = b - matmul_op(a, x)
        outside = gx - matmul_op(adjoint(a), back)
        total = (
            matmul_op(rest, adjoint(matmul_op(p, back)))
            + matmul_op(matmul_op(ph, x), adjoint(outside))
            - matmul_op(back, adjoint(x))
        )
    if gs is not None:
        u, _, vh = svd(a, full_matrices=False)
        term = matmul_op(scaled_columns(u, ops.astype(gs, dtype=u.dtype)), vh)
        total = term if total is None else total + term
    return conjugate(total)


LARGE = 256
"""Elements of a matrix from which on LAPACK's own least squares, one by one, is faster than one
call for the singular vectors of all: it never forms the left ones."""


def _one_by_one(a: np.ndarray, b: np.ndarray, rtol: float) -> tuple[np.ndarray, ...]:
    (m, n), batch = a.shape[-2:], a.shape[:-2]
    finite("lstsq", a)
    x = np.empty((*batch, n, b.shape[-1]), a.dtype)
    rank = np.empty(batch, np.int64)
    s = np.empty((*batch, min(m, n)), a.real.dtype)
    for place in np.ndindex(*batch):
        try:
            x[place], _, rank[place], s[place] = np.linalg.lstsq(a[place], b[place], rcond=rtol)
        except np.linalg.LinAlgError:
            index = int(np.ravel_multi_index(place, batch)) if batch else 0
            raise OpError(f"lstsq: {which(index, batch)} {DIVERGED}") from None
    return x, rank, s


def _reference(a: np.ndarray, b: np.ndarray, rtol: float) -> tuple[np.ndarray, ...]:
    if a.shape[-2] * a.shape[-1] >= LARGE and a.size:
        return _one_by_one(a, b, rtol)
    u, s, vh, inverse = _parts("lstsq", a, rtol)
    inside = np.conj(u.swapaxes(-1, -2)) @ b
    x = np.conj(vh.swapaxes(-1, -2)) @ (inverse[..., :, None] * inside)
    return x, np.count_nonzero(inverse, axis=-1).astype(np.int64), s


def _samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        b = (*shape[:-1], 1 + seed % 3)
        yield Sample(inputs=(apart(shape, seed), (b, -2, 2)))
    for a, b in [((0, 0), (0, 1)), ((0, 3, 3), (0, 3, 2)), ((3, 0), (3, 2)), ((0, 3), (0, 1))]:
        yield Sample(inputs=((a, -1, 1), (b, -1, 1)))
    deficient = [[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]
    yield Sample(
        inputs=(deficient, ((3, 2), -1, 1)), attributes={"rtol": 1e-3}, differentiable=False
    )


LSTSQ = Op(
    name="lstsq",
    doc="""The x that makes a @ x - b least, the shortest where there are many.

    ``a`` has shape (..., m, n), ``b`` (..., m, k), with equal batch axes. Returns x, of shape
    (..., n, k), the rank of each matrix, int64, and its singular values, (..., min(m, n)). Singular
    values not above ``rtol`` times the largest count as zeros; by default ``rtol`` is max(m, n)
    epsilons of the dtype. The gradient is right where a small step does not change the rank.
    float32, float64, complex64 and complex128; integers and 16-bit floats become float32.

    Raises OpError when the shapes do not fit, and when a matrix holds NaN or infinity, eagerly and
    under jit.

    LAPACK's gelsd and gesdd; the gradient of Golub and Pereyra (1973).

    >>> import dovetail as dt
    >>> a, b = dt.asarray([[1.0], [1.0]]), dt.asarray([[1.0], [3.0]])
    >>> x, rank, s = dt.ops.lstsq(a, b)
    >>> round(x.item(), 5), rank.item()
    (2.0, 1)
    """,
    signature="a: T, b: T -> T, i64, R",
    types={"T": INEXACT, "R": FLOATS},
    attributes={"rtol": None},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient_a, _gradient_b),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
lstsq: Any = define(LSTSQ)
