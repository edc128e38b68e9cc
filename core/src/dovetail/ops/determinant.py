"""Determinants and what they are made of."""

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
    real_part,
    results,
    square,
    transposed,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.linear_solve import inv, regular
from dovetail.ops.matmul import matmul_op

__all__ = ["cofactor", "det", "slogdet"]

SHAPES = [(1, 1), (3, 3), (2, 4, 4), (2, 3, 2, 2), (9, 9)]


def _everywhere(value: Any, x: Any) -> Any:
    """One number per matrix as a factor of its elements."""
    return ops.reshape(value, (*value.shape, 1, 1))


def _regular_samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        yield Sample(inputs=(regular(shape, seed),))
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))


# ---- det -----------------------------------------------------------------------------------------


def _det_infer(x: Spec) -> Spec:
    square(DET, x)
    return Spec(x.shape[:-2], x.dtype)


def _det_gradient(g: Any, y: Any, x: Any) -> Any:
    return _everywhere(g, x) * cofactor(x)


def _det_samples() -> Iterator[Sample]:
    yield from _regular_samples()
    yield Sample(inputs=([[1.0, 2.0], [2.0, 4.0]],), differentiable=False)


DET = Op(
    name="det",
    doc="""Determinants of square matrices, of shape (..., n, n).

    Singular matrices give 0 or a rounding of it, with a gradient that is right (see cofactor). The
    determinant of a matrix without elements is 1. `slogdet` neither over- nor underflows. float32,
    float64, complex64 and complex128; integers and 16-bit floats become float32.

    Raises OpError when the matrices are not square.

    LAPACK's getrf.

    >>> import dovetail as dt
    >>> dt.ops.det(dt.asarray([[2.0, 0.0], [0.0, 4.0]])).item()
    8.0
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    infer=_det_infer,
    gradient=(_det_gradient,),
    reference=np.linalg.det,
    samples=_det_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
det: Any = define(DET)


# ---- cofactor ------------------------------------------------------------------------------------


def _cofactor_infer(x: Spec) -> Spec:
    square(COFACTOR, x)
    return x


def _cofactor_gradient(g: Any, y: Any, x: Any) -> Any:
    # y = det(x) x^-T, so dy = tr(x^-1 dx) y - x^-T dx^T y.
    inverse = transposed(inv(x))
    along = ops.sum(g * y, axis=(-2, -1), keepdims=True)
    return along * inverse - matmul_op(inverse, matmul_op(transposed(g), y))


def _cofactor_reference(x: np.ndarray) -> np.ndarray:
    n = x.shape[-1]
    if n == 0:
        return np.array(x)
    try:
        found = np.linalg.det(x)[..., None, None] * np.linalg.inv(x).swapaxes(-1, -2)
        if np.isfinite(found).all():
            return np.asarray(found)
    except np.linalg.LinAlgError:
        pass
    if not np.isfinite(x).all():
        return np.full_like(x, np.nan)
    # The cofactors of u s vh are those of each factor multiplied; of diag(s), products of all but
    # one of the values.
    u, s, vh = np.linalg.svd(x)
    others = np.stack([np.prod(np.delete(s, i, axis=-1), axis=-1) for i in range(n)], axis=-1)
    turn = np.linalg.det(u) * np.linalg.det(vh)
    # det(u) conj(u) and det(vh) conj(vh) are the cofactors of unitary matrices.
    product = (np.conj(u) * others[..., None, :]) @ np.conj(vh)
    return np.asarray((turn[..., None, None] * product).astype(x.dtype))


def _cofactor_samples() -> Iterator[Sample]:
    yield from _regular_samples()
    yield Sample(inputs=([[1.0, 2.0], [2.0, 4.0]],), differentiable=False)
    yield Sample(inputs=([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]],), differentiable=False)


COFACTOR = Op(
    name="cofactor",
    doc="""Cofactor matrices, the derivatives of the determinant: det(x) x^-T, singular or not.

    ``x`` and the result have shape (..., n, n). Singular matrices go through their singular value
    decomposition. Matrices with NaN or infinity give NaN. The gradient inverts ``x`` and raises
    OpError where it is singular. float32, float64, complex64 and complex128; integers and 16-bit
    floats become float32.

    Raises OpError when the matrices are not square.

    >>> import dovetail as dt
    >>> dt.ops.cofactor(dt.asarray([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[4.0, 0.0], [0.0, 2.0]]
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    infer=_cofactor_infer,
    gradient=(_cofactor_gradient,),
    reference=_cofactor_reference,
    samples=_cofactor_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
cofactor: Any = define(COFACTOR)


# ---- slogdet -------------------------------------------------------------------------------------


def _slogdet_infer(x: Spec) -> tuple[Spec, Spec]:
    square(SLOGDET, x)
    batch = x.shape[:-2]
    return Spec(batch, x.dtype), Spec(batch, real_of(x.dtype))


def _slogdet_gradient(g: tuple[Any, Any], y: tuple[Any, Any], x: Any) -> Any:
    # d log det = tr(x^-1 dx): its real part moves the logarithm, its imaginary part the sign.
    (sign, _), (gsign, glog) = y, g
    factor = None if glog is None else ops.astype(glog, dtype=x.dtype)
    if gsign is not None and x.dtype.kind == "complex":
        # dsign = i sign Im(t), and Im(t) = Re(-i t): a real-valued step, pulled back.
        turn = real_part(gsign * sign * 1j) * -1j
        factor = turn if factor is None else factor + turn
    if factor is None:
        return ops.filled_like(x, 0)
    return _everywhere(factor, x) * transposed(inv(x))


def _slogdet_reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign, logarithm = results(np.linalg.slogdet(x))
    return sign, logarithm


def _slogdet_samples() -> Iterator[Sample]:
    yield from _regular_samples()
    yield Sample(inputs=([[1.0, 2.0], [2.0, 4.0]],), differentiable=False)
    yield Sample(inputs=(regular((200, 200), 7),), differentiable=False)


SLOGDET = Op(
    name="slogdet",
    doc="""Sign and natural logarithm of the magnitude of determinants.

    ``x`` has shape (..., n, n). Where the determinant is 0 the sign is 0 and the logarithm -inf;
    its gradient raises OpError there. The sign of a complex determinant has magnitude 1. float32,
    float64, complex64 and complex128; integers and 16-bit floats become float32. The logarithm is
    real.

    Raises OpError when the matrices are not square.

    LAPACK's getrf.

    >>> import dovetail as dt
    >>> sign, logarithm = dt.ops.slogdet(dt.asarray([[0.0, 1.0], [1.0, 0.0]]))
    >>> sign.item(), logarithm.item()
    (-1.0, 0.0)
    """,
    signature="x: T -> T, R",
    types={"T": INEXACT, "R": FLOATS},
    infer=_slogdet_infer,
    gradient=(_slogdet_gradient,),
    reference=_slogdet_reference,
    samples=_slogdet_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
slogdet: Any = define(SLOGDET)
