"""Eigenvalues and eigenvectors of symmetric (Hermitian) matrices."""

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
    results,
    scaled_columns,
    signed,
    square,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op
from dovetail.ops.singular_values import DIVERGED, gaps

__all__ = ["eigh", "eigvalsh"]

ADVICE = "; a symmetric matrix is"


def _infer(x: Spec) -> tuple[Spec, Spec]:
    square(EIGH, x, advice=ADVICE)
    return Spec(x.shape[:-1], real_of(x.dtype)), x


def _even(x: Any) -> Any:
    return (x + adjoint(x)) * 0.5


def _gradient(g: tuple[Any, Any], y: tuple[Any, Any], x: Any) -> Any:
    # dw = diag(v^H da v), dv = v (F * (v^H da v)), F the inverse gaps: Giles 2008, section 3.1.
    (w, v), (gw, gv) = y, g
    if gv is None:
        return _values_rule(gw, v)
    gv = conjugate(gv)
    gv = fixed_phase(gv, v, ops.sum(conjugate(gv) * v, axis=-2))
    inner = matmul_op(adjoint(v), gv) / ops.astype(gaps(w), dtype=v.dtype)
    off = 1 - identity_like(inner)
    inner = inner * off
    if gw is not None:
        inner = inner + scaled_columns(identity_like(inner), ops.astype(gw, dtype=v.dtype))
    return conjugate(_even(matmul_op(v, matmul_op(inner, adjoint(v)))))


def _values_rule(g: Any, v: Any) -> Any:
    scaled = scaled_columns(v, ops.astype(g, dtype=v.dtype))
    return conjugate(_even(matmul_op(scaled, adjoint(v))))


def _symmetric(x: np.ndarray) -> np.ndarray:
    return np.asarray((x + np.conj(x.swapaxes(-1, -2))) * x.dtype.type(0.5))


def _reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, v = results(lapack("eigh", DIVERGED, np.linalg.eigh, _symmetric(finite("eigh", x))))
    return w, v * signed(v)


SHAPES = [(1, 1), (3, 3), (2, 4, 4), (2, 1, 2, 2), (17, 17), (33, 33)]


def apart(shape: tuple[int, ...], seed: int) -> list[Any]:
    """Symmetric matrices for samples whose eigenvalues are well apart."""
    random = np.random.default_rng(seed)
    q, _ = np.linalg.qr(random.uniform(-1, 1, shape))
    w = np.linspace(-1, 2, shape[-1])
    return ((q * w) @ q.swapaxes(-1, -2)).tolist()  # type: ignore[no-any-return]


def _samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        yield Sample(inputs=(apart(shape, seed),))
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))
    yield Sample(inputs=([[4.0, 1.0], [3.0, 9.0]],))  # its symmetric part counts


# Vectors of eigenvalues a gap apart are off by the inverse of the gap: 3 / 32 here at least.
VECTORS = {"norm": True, **dict.fromkeys(TOLERANCE.keys() - {"norm"}, 256)}

EIGH = Op(
    name="eigh",
    doc="""Eigenvalues and eigenvectors of symmetric or Hermitian matrices.

    ``x``, of shape (..., n, n), is taken to be (x + x^H) / 2, so the gradient is symmetric
    (Hermitian), too. Returns the real eigenvalues w, (..., n), in ascending order, and orthonormal
    vectors v in columns with x @ v = v @ diag(w). The first (nearly) largest entry of each column
    is real and positive, so that all devices agree. float32, float64, complex64 and complex128;
    integers and 16-bit floats become float32.

    The gradient through the vectors divides by the differences of the eigenvalues: equal ones give
    infinities or NaN there. The gradient through w alone is finite always.

    Raises OpError when the matrices are not square, and when one holds NaN or infinity, eagerly and
    under jit.

    LAPACK's syevd and heevd; the gradient of Giles (2008), "Collected matrix derivative results".

    >>> import dovetail as dt
    >>> w, v = dt.ops.eigh(dt.asarray([[2.0, 0.0], [0.0, 1.0]]))
    >>> w.tolist(), v.tolist()
    ([1.0, 2.0], [[0.0, 1.0], [1.0, 0.0]])
    """,
    signature="x: T -> R, T",
    types={"T": INEXACT, "R": FLOATS},
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=VECTORS,
    host=True,
    batching=batching.leading,
)
eigh: Any = define(EIGH)


# ---- eigvalsh ------------------------------------------------------------------------------------


def _values_infer(x: Spec) -> Spec:
    square(EIGVALSH, x, advice=ADVICE)
    return Spec(x.shape[:-1], real_of(x.dtype))


def _values_gradient(g: Any, y: Any, x: Any) -> Any:
    _, v = eigh(x)
    return _values_rule(g, v)


def _values_reference(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = lapack(
        "eigvalsh", DIVERGED, np.linalg.eigvalsh, _symmetric(finite("eigvalsh", x))
    )
    return found


def _values_samples() -> Iterator[Sample]:
    yield from _samples()
    yield Sample(inputs=([[1.0, 0.0], [0.0, 1.0]],), differentiable=False)


EIGVALSH = Op(
    name="eigvalsh",
    doc="""Eigenvalues of symmetric or Hermitian matrices in ascending order, without the vectors.

    ``x``, of shape (..., n, n), is taken to be (x + x^H) / 2. The result, (..., n), is real.
    float32, float64, complex64 and complex128; integers and 16-bit floats become float32. The
    gradient is finite, and one of many where eigenvalues are equal; second derivatives divide by
    their differences, as those of eigh do.

    Raises OpError when the matrices are not square, and when one holds NaN or infinity, eagerly and
    under jit.

    LAPACK's syevd and heevd.

    >>> import dovetail as dt
    >>> dt.ops.eigvalsh(dt.asarray([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 2.0]
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
eigvalsh: Any = define(EIGVALSH)
