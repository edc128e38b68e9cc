"""Solving with triangular matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.errors import OpError
from dovetail.matrices import INEXACT, TOLERANCE, square, transposed, which
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op

__all__ = ["same_batch", "triangular_solve"]


def same_batch(op: Op, a: Spec, b: Spec) -> Spec:
    """The result of solving a @ x = b: the spec of b, whose rows and batches are those of a."""
    n = square(op, a, "a", "; lstsq solves systems that are not")
    if b.ndim != a.ndim or b.shape[:-2] != a.shape[:-2]:
        raise op.fail(
            f"a is {a} and b is {b}; the op takes matrices with equal batch axes, "
            f"dt.linalg.{op.name.replace('triangular_solve', 'solve_triangular')} brings them there"
        )
    if b.shape[-2] != n:
        raise op.fail(
            f"a is {a} and b is {b}: b has {b.shape[-2]} rows where the matrices of a have {n}"
        )
    return b


def _canonical(a: Spec, b: Spec, *, lower: Any, unit_diagonal: Any) -> dict[str, Any]:
    return {"lower": bool(lower), "unit_diagonal": bool(unit_diagonal)}


def _infer(a: Spec, b: Spec, *, lower: bool, unit_diagonal: bool) -> Spec:
    return same_batch(TRIANGULAR_SOLVE, a, b)


def _gradient_b(g: Any, x: Any, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
    return triangular_solve(transposed(a), g, lower=not lower, unit_diagonal=unit_diagonal)


def _gradient_a(g: Any, x: Any, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
    # dx = -a^-1 da x, and only the triangle of da counts.
    from dovetail.ranges import tril, triu  # noqa: PLC0415  ranges are made of the ops

    back = triangular_solve(transposed(a), g, lower=not lower, unit_diagonal=unit_diagonal)
    whole = -matmul_op(back, transposed(x))
    inside = 1 if unit_diagonal else 0
    return tril(whole, k=-inside) if lower else triu(whole, k=inside)


BLOCK = 32
"""Rows solved one by one; larger systems are halved, so that nearly all work is products."""


def _substitute(a: np.ndarray, x: np.ndarray, unit_diagonal: bool) -> None:
    """Forward substitution in place: a, lower triangular, and x with equal batches."""
    n = a.shape[-1]
    if n > BLOCK:
        half = n // 2
        _substitute(a[..., :half, :half], x[..., :half, :], unit_diagonal)
        x[..., half:, :] -= a[..., half:, :half] @ x[..., :half, :]
        _substitute(a[..., half:, half:], x[..., half:, :], unit_diagonal)
        return
    for i in range(n):
        if i:
            x[..., i, :] -= (a[..., None, i, :i] @ x[..., :i, :])[..., 0, :]
        if not unit_diagonal:
            x[..., i, :] /= a[..., i, i, None]


def _reference(
    a: np.ndarray, b: np.ndarray, *, lower: bool, unit_diagonal: bool, out: Any = None
) -> np.ndarray:
    if not unit_diagonal and b.size:
        zero = np.diagonal(a, axis1=-2, axis2=-1) == 0
        if zero.any():
            place = np.argwhere(zero.reshape(-1, a.shape[-1]))[0]
            raise OpError(
                f"triangular_solve: {which(int(place[0]), a.shape[:-2])} is singular: element "
                f"({place[1]}, {place[1]}) of its diagonal is 0"
            )
    x: np.ndarray = np.empty(b.shape, b.dtype) if out is None else out
    x[...] = b
    if lower:
        _substitute(a, x, unit_diagonal)
    else:  # read backwards, an upper triangle is a lower one
        _substitute(a[..., ::-1, ::-1], x[..., ::-1, :], unit_diagonal)
    return x


def _samples() -> Iterator[Sample]:
    random = np.random.default_rng(3)
    for a, b in [
        ((1, 1), (1, 1)),
        ((3, 3), (3, 2)),
        ((2, 4, 4), (2, 4, 1)),
        ((2, 3, 2, 2), (2, 3, 2, 3)),
        ((17, 17), (17, 33)),
        ((70, 70), (70, 3)),
    ]:
        n = a[-1]
        dominant = (random.uniform(-1, 1, a) / n + np.eye(n)).tolist()
        for lower in (True, False):
            for unit in (True, False):
                yield Sample(
                    inputs=(dominant, (b, -2, 2)),
                    attributes={"lower": lower, "unit_diagonal": unit},
                )
    for a, b in [((0, 0), (0, 3)), ((3, 3), (3, 0)), ((0, 2, 2), (0, 2, 1))]:
        yield Sample(inputs=((a, 1, 2), (b, -2, 2)))


TRIANGULAR_SOLVE = Op(
    name="triangular_solve",
    doc="""x with a @ x = b for triangular matrices ``a``.

    ``a`` has shape (..., n, n), ``b`` and the result (..., n, k), with equal batch axes. Only the
    lower triangle of ``a`` is read, or the upper one where ``lower`` is False; with
    ``unit_diagonal`` its diagonal counts as ones and is not read either. Systems with the
    transpose, and with ``a`` on the right, are this one on transposed views:
    `dt.linalg.solve_triangular` has words for them. float32, float64, complex64 and complex128;
    integers and 16-bit floats become float32.

    Raises OpError when the shapes do not fit, and when an element of the diagonal is 0, eagerly and
    under jit; the message says which one.

    Substitution by blocks, as in LAPACK's trtrs.

    >>> import dovetail as dt
    >>> a, b = dt.asarray([[2.0, 9.0], [1.0, 4.0]]), dt.asarray([[2.0], [9.0]])
    >>> dt.ops.triangular_solve(a, b).tolist()
    [[1.0], [2.0]]
    """,
    signature="a: T, b: T -> T",
    types={"T": INEXACT},
    attributes={"lower": True, "unit_diagonal": False},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient_a, _gradient_b),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
triangular_solve: Any = define(TRIANGULAR_SOLVE)
