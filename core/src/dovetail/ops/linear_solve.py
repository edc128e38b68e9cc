"""Linear systems with square matrices, and inverses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.matrices import INEXACT, TOLERANCE, lapack, square, transposed
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.matmul import matmul_op
from dovetail.ops.triangular import same_batch

__all__ = ["inv", "regular", "solve"]

SINGULAR = "is singular; pinv and lstsq work for such matrices"


def _infer(a: Spec, b: Spec) -> Spec:
    return same_batch(SOLVE, a, b)


def _gradient_b(g: Any, x: Any, a: Any, b: Any) -> Any:
    return solve(transposed(a), g)


def _gradient_a(g: Any, x: Any, a: Any, b: Any) -> Any:
    # dx = -a^-1 da x
    return -matmul_op(solve(transposed(a), g), transposed(x))


def _reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    found: np.ndarray = lapack("solve", SINGULAR, np.linalg.solve, a, b)
    return found


def regular(shape: tuple[int, ...], seed: int) -> list[Any]:
    """Well-conditioned matrices for samples: random ones, pushed away from singular ones."""
    random = np.random.default_rng(seed)
    found = random.uniform(-1, 1, shape)
    u, s, vh = np.linalg.svd(found)
    return ((u * np.maximum(s, 0.3)[..., None, :]) @ vh).tolist()  # type: ignore[no-any-return]


def _samples() -> Iterator[Sample]:
    for seed, (a, b) in enumerate(
        [
            ((1, 1), (1, 1)),
            ((3, 3), (3, 2)),
            ((2, 4, 4), (2, 4, 1)),
            ((2, 3, 2, 2), (2, 3, 2, 3)),
            ((9, 9), (9, 33)),
            ((33, 33), (33, 2)),
        ]
    ):
        yield Sample(inputs=(regular(a, seed), (b, -2, 2)))
    for a, b in [((0, 0), (0, 3)), ((0, 2, 2), (0, 2, 1))]:
        yield Sample(inputs=((a, 1, 2), (b, -2, 2)))
    yield Sample(inputs=([[2.0, 1.0], [0.0, 3.0]], ((2, 0), -2, 2)))


SOLVE = Op(
    name="solve",
    doc="""x with a @ x = b for square matrices ``a``.

    ``a`` has shape (..., n, n), ``b`` and the result (..., n, k), with equal batch axes;
    `dt.linalg.solve` also takes vectors and broadcasts. float32, float64, complex64 and complex128;
    integers and 16-bit floats become float32.

    Raises OpError when the shapes do not fit, and when a matrix is exactly singular, eagerly and
    under jit; the message says which one. Nearly singular matrices give large errors, as anywhere.

    LAPACK's gesv: elimination with row exchanges.

    >>> import dovetail as dt
    >>> a, b = dt.asarray([[2.0, 0.0], [1.0, 4.0]]), dt.asarray([[2.0], [9.0]])
    >>> dt.ops.solve(a, b).tolist()
    [[1.0], [2.0]]
    """,
    signature="a: T, b: T -> T",
    types={"T": INEXACT},
    infer=_infer,
    gradient=(_gradient_a, _gradient_b),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
solve: Any = define(SOLVE)


# ---- inv -----------------------------------------------------------------------------------------


def _inv_infer(x: Spec) -> Spec:
    square(INV, x, advice="; pinv inverts others as far as they can be")
    return x


def _inv_gradient(g: Any, y: Any, x: Any) -> Any:
    # dy = -y dx y
    turned = transposed(y)
    return -matmul_op(turned, matmul_op(g, turned))


def _inv_reference(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = lapack("inv", SINGULAR, np.linalg.inv, x)
    return found


def _inv_samples() -> Iterator[Sample]:
    for seed, shape in enumerate([(1, 1), (3, 3), (2, 4, 4), (2, 3, 2, 2), (9, 9), (33, 33)]):
        yield Sample(inputs=(regular(shape, seed),))
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))


INV = Op(
    name="inv",
    doc="""Inverses of square matrices, of shape (..., n, n).

    To solve a system, `dt.linalg.solve` is faster and more accurate. float32, float64, complex64
    and complex128; integers and 16-bit floats become float32.

    Raises OpError when the matrices are not square, and when one is exactly singular, eagerly and
    under jit; the message says which one.

    LAPACK's gesv with the identity on the right.

    >>> import dovetail as dt
    >>> dt.ops.inv(dt.asarray([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """,
    signature="x: T -> T",
    types={"T": INEXACT},
    infer=_inv_infer,
    gradient=(_inv_gradient,),
    reference=_inv_reference,
    samples=_inv_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.leading,
)
inv: Any = define(INV)
