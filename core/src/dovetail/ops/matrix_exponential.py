"""Exponentials of matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.matrices import INEXACT, TOLERANCE, lapack, square, transposed
from dovetail.op import Op, Sample, Spec, define

__all__ = ["expm"]

# Higham 2005, "The scaling and squaring method for the matrix exponential revisited", table 2.3:
# up to this 1-norm the diagonal Pade approximant of order 13 is right to double precision.
LARGEST = 5.371920351148152
ORDER = 13
PADE = [
    float(
        math.factorial(2 * ORDER - j)
        * math.factorial(ORDER)
        // (math.factorial(ORDER - j) * math.factorial(j) * math.factorial(ORDER))
    )
    for j in range(ORDER + 1)
]
"""Coefficients of its numerator, scaled to whole numbers; the denominator alternates the signs."""


def _infer(x: Spec) -> Spec:
    square(EXPM, x)
    return x


def _gradient(g: Any, y: Any, x: Any) -> Any:
    # The derivative of expm at x^T in the direction g is the corner of the exponential of
    # [[x^T, g], [0, x^T]] (Najfeld and Havel 1995, theorem 1.1); the adjoint at x is that.
    n = x.shape[-1]
    turned = transposed(x)
    upper = ops.concat((turned, g), axis=-1)
    lower = ops.concat((ops.filled_like(x, 0), turned), axis=-1)
    return expm(ops.concat((upper, lower), axis=-2))[..., :n, n:]


def _pade(x: np.ndarray) -> np.ndarray:
    one = np.eye(x.shape[-1], dtype=x.dtype)
    b = PADE
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    u = x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    u = x @ u
    v = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    found: np.ndarray = lapack("expm", "overflows", np.linalg.solve, v - u, v + u)
    return found


def _reference(x: np.ndarray) -> np.ndarray:
    if x.size == 0:
        return np.array(x)
    # The coefficients need double precision.
    wide = x.astype(np.result_type(x.dtype, np.float64))
    size = np.abs(wide).sum(axis=-2).max(axis=-1)
    finite = np.isfinite(size)
    wide = np.where(finite[..., None, None], wide, 0)
    ratio = np.where(finite, size, 0) / LARGEST
    squarings = np.where(ratio > 1, np.ceil(np.log2(np.maximum(ratio, 1))), 0).astype(np.int64)
    found = _pade(wide * np.ldexp(1.0, -squarings)[..., None, None])
    for i in range(int(squarings.max())):
        more = (squarings > i)[..., None, None]
        found = np.where(more, found @ found, found)
    found = np.where(finite[..., None, None], found, np.nan)
    return np.asarray(found.astype(x.dtype))


def _samples() -> Iterator[Sample]:
    for shape in [(1, 1), (3, 3), (2, 4, 4), (2, 3, 2, 2), (9, 9)]:
        yield Sample(inputs=((shape, -1, 1),))
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))
    yield Sample(inputs=([[0.0, 20.0], [-20.0, 0.0]],))
    yield Sample(inputs=([[0.0, 1.0], [0.0, 0.0]],))
    yield Sample(inputs=([[float("nan"), 1.0], [0.0, 0.0]],), differentiable=False)


EXPM = Op(
    name="expm",
    doc="""Exponentials of square matrices: the sum of x^k / k!, not element by element.

    ``x`` and the result have shape (..., n, n). Matrices with NaN or infinity give NaN. float32,
    float64, complex64 and complex128; integers and 16-bit floats become float32; all compute in
    double precision.

    Raises OpError when the matrices are not square.

    Scaling and squaring with a Pade approximant of order 13 (Higham 2005); the gradient is the
    exponential of a matrix twice as large (Najfeld and Havel 1995).

    >>> import dovetail as dt
    >>> dt.ops.expm(dt.asarray([[0.0, 1.0], [0.0, 0.0]])).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
expm: Any = define(EXPM)
