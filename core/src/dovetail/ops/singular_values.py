"""Singular value decomposition, and singular values alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import real_of
from dovetail.matrices import (
    FLOATS,
    INEXACT,
    TOLERANCE,
    adjoint,
    conjugate,
    finite,
    fixed_phase,
    identity_like,
    lapack,
    matrices,
    results,
    scaled_columns,
    scaled_rows,
    signed,
    transposed,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op

__all__ = ["svd", "svdvals"]

DIVERGED = "has no decomposition that LAPACK finds: its iteration did not converge"


def _canonical(x: Spec, full_matrices: Any) -> dict[str, Any]:
    return {"full_matrices": bool(full_matrices)}


def _infer(x: Spec, full_matrices: bool) -> tuple[Spec, Spec, Spec]:
    m, n = matrices(SVD, x)
    k, batch = min(m, n), x.shape[:-2]
    rows, columns = (m, n) if full_matrices else (k, k)
    return (
        Spec((*batch, m, rows), x.dtype),
        Spec((*batch, k), real_of(x.dtype)),
        Spec((*batch, columns, n), x.dtype),
    )


def _skew(x: Any) -> Any:
    return x - adjoint(x)


def gaps(values: Any) -> Any:
    """Differences of all pairs, [i, j] = values[j] - values[i], with ones on the diagonal."""
    row = ops.reshape(values, (*values.shape[:-1], 1, values.shape[-1]))
    column = ops.reshape(values, (*values.shape, 1))
    return row - column + identity_like(values)


def _gradient(g: tuple[Any, ...], y: tuple[Any, ...], x: Any, *, full_matrices: bool) -> Any:
    """Cotangents and result conjugated inside (Townsend 2016, "Differentiating the SVD"; Wan and
    Zhang 2019, arXiv:1909.02659, for the complex case)."""
    (u, s, vh), (gu, gs, gvh) = y, g
    m, n = x.shape[-2:]
    k = s.shape[-1]
    if full_matrices and m != n and not (gu is None and gvh is None):
        raise SVD.fail(
            f"full_matrices=True has no derivative for {x.dtype}{list(x.shape)}, since the last "
            f"{abs(m - n)} vectors are arbitrary; full_matrices=False has one"
        )
    if full_matrices and m != n:
        u, vh = u[..., :k], vh[..., :k, :]
    if gu is None and gvh is None:
        return conjugate(matmul_op(scaled_columns(u, ops.astype(gs, dtype=u.dtype)), vh))
    wide = ops.astype(s, dtype=u.dtype)
    apart = ops.astype(gaps(s * s), dtype=u.dtype)
    gu = ops.filled_like(u, 0) if gu is None else conjugate(gu)
    gv = ops.filled_like(adjoint(vh), 0) if gvh is None else transposed(gvh)
    if u.dtype.kind == "complex":
        turns = ops.sum(conjugate(gu) * u, axis=-2) + ops.sum(conjugate(gv) * adjoint(vh), axis=-2)
        gu = fixed_phase(gu, u, turns)
    turned = matmul_op(adjoint(u), gu)
    inner = scaled_columns(_skew(turned) / apart, wide)
    if u.dtype.kind == "complex":
        half = scaled_columns(0.5 * identity_like(turned), 1 / wide)
        inner = inner + _skew(turned) * half
    whole = None
    if m > k:
        rest = gu - matmul_op(u, turned)
        whole = matmul_op(scaled_columns(rest, 1 / wide), vh)
    turned = matmul_op(vh, gv)
    inner = inner + scaled_rows(wide, _skew(turned) / apart)
    if n > k:
        rest = adjoint(gv - matmul_op(adjoint(vh), turned))
        whole = matmul_op(u, scaled_rows(1 / wide, rest))
    if gs is not None:
        inner = inner + scaled_rows(ops.astype(gs, dtype=u.dtype), identity_like(inner))
    within = matmul_op(u, matmul_op(inner, vh))
    return conjugate(within if whole is None else within + whole)


def _reference(x: np.ndarray, full_matrices: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = lapack("svd", DIVERGED, np.linalg.svd, finite("svd", x), full_matrices=full_matrices)
    u, s, vh = results(found)
    k = s.shape[-1]
    unit = signed(u[..., :k])
    u[..., :k] *= unit
    vh[..., :k, :] *= np.conj(unit).swapaxes(-1, -2)
    return u, s, vh


SHAPES = [(1, 1), (3, 3), (4, 2), (2, 3, 2), (2, 3), (2, 1, 2, 4), (17, 9), (9, 33)]


def apart(shape: tuple[int, ...], seed: int) -> list[Any]:
    """Matrices for samples whose singular values are well apart from each other and from zero."""
    random = np.random.default_rng(seed)
    u, s, vh = np.linalg.svd(random.uniform(-1, 1, shape), full_matrices=False)
    s = np.linspace(1, 3, s.shape[-1])[::-1] * np.ones_like(s)
    return ((u * s[..., None, :]) @ vh).tolist()  # type: ignore[no-any-return]


def _samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        x = apart(shape, seed)
        yield Sample(inputs=(x,), attributes={"full_matrices": False})
        if shape[-1] == shape[-2]:
            yield Sample(inputs=(x,))
    for empty in [(0, 0), (0, 3, 3), (3, 0), (0, 3)]:
        yield Sample(inputs=((empty, -1, 1),), attributes={"full_matrices": False})
        yield Sample(inputs=((empty, -1, 1),), differentiable=False)


SVD = Op(
    name="svd",
    doc="""Singular vectors and values with x = u @ diag(s) @ vh.

    ``x`` has shape (..., m, n) and k = min(m, n) singular values s, not negative, in descending
    order. With ``full_matrices`` u is m by m and vh n by n, else m by k and k by n. The first
    (nearly) largest entry of each column of u is real and positive, so that all devices agree.
    float32, float64, complex64 and complex128; integers and 16-bit floats become float32. s is
    real.

    The gradient through the vectors divides by the differences of the squared singular values,
    and, for m != n, by the values themselves: equal ones, or zeros, give infinities or NaN there.
    The gradient through s alone (see svdvals) is finite always. The vectors that only full matrices
    have are arbitrary and have no gradient: OpError.

    Raises OpError when ``x`` holds no matrices, and when a matrix holds NaN or infinity, eagerly
    and under jit.

    LAPACK's gesdd; the gradient of Townsend (2016) and Wan and Zhang (arXiv:1909.02659).

    >>> import dovetail as dt
    >>> u, s, vh = dt.ops.svd(dt.asarray([[0.0, 2.0], [1.0, 0.0]]))
    >>> s.tolist()
    [2.0, 1.0]
    """,
    signature="x: T -> T, R, T",
    types={"T": INEXACT, "R": FLOATS},
    attributes={"full_matrices": True},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
svd: Any = define(SVD)


# ---- svdvals -------------------------------------------------------------------------------------


def _values_infer(x: Spec) -> Spec:
    m, n = matrices(SVDVALS, x)
    return Spec((*x.shape[:-2], min(m, n)), real_of(x.dtype))


def _values_gradient(g: Any, y: Any, x: Any) -> Any:
    u, _, vh = svd(x, full_matrices=False)
    return conjugate(matmul_op(scaled_columns(u, ops.astype(g, dtype=u.dtype)), vh))


def _values_reference(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = lapack(
        "svdvals", DIVERGED, np.linalg.svd, finite("svdvals", x), compute_uv=False
    )
    return found


def _values_samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        yield Sample(inputs=(apart(shape, seed),))
    for empty in [(0, 0), (0, 3, 3), (3, 0), (0, 3)]:
        yield Sample(inputs=((empty, -1, 1),))
    yield Sample(inputs=([[1.0, 0.0], [0.0, 1.0]],), differentiable=False)
    yield Sample(inputs=([[1.0, 1.0], [1.0, 1.0]],), differentiable=False)


SVDVALS = Op(
    name="svdvals",
    doc="""Singular values, not negative and in descending order, without the vectors.

    ``x`` has shape (..., m, n), the result (..., min(m, n)) and a real dtype. float32, float64,
    complex64 and complex128; integers and 16-bit floats become float32. The gradient is finite, and
    one of many where values are equal or zero; second derivatives divide by the differences of the
    squared values, as those of svd do.

    Raises OpError when ``x`` holds no matrices, and when a matrix holds NaN or infinity, eagerly
    and under jit.

    LAPACK's gesdd.

    >>> import dovetail as dt
    >>> dt.ops.svdvals(dt.asarray([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [2.0, 1.0]
    """,
    signature="x: T -> R",
    types={"T": INEXACT, "R": FLOATS},
    infer=_values_infer,
    gradient=(_values_gradient,),
    reference=_values_reference,
    samples=_values_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
svdvals: Any = define(SVDVALS)
