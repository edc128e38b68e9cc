"""Eigenvalues and eigenvectors of any square matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import COMPLEX, complex_of
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
    real_part,
    results,
    scaled_columns,
    scaled_rows,
    signed,
    square,
)
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.linear_solve import solve
from dovetail.ops.matmul import matmul_op
from dovetail.ops.singular_values import DIVERGED, gaps

__all__ = ["eig", "eigvals"]


def _infer(x: Spec) -> tuple[Spec, Spec]:
    square(EIG, x)
    kind = complex_of(x.dtype)
    return Spec(x.shape[:-1], kind), Spec(x.shape, kind)


def _onto(x: Any, found: Any) -> Any:
    """A gradient as x takes it: its real part where x is real."""
    return found if x.dtype.kind == "complex" else real_part(found)


def _gradient(g: tuple[Any, Any], y: tuple[Any, Any], x: Any) -> Any:
    # da v = v dw + dv w - a dv; columns of v have unit length and a real leading entry, so the
    # parts of gv that would lengthen or turn them are taken off first (Boeddeker et al. 2017,
    # arXiv:1701.00392, section 4). Cotangents are conjugated inside.
    (w, v), (gw, gv) = y, g
    inner = None
    if gv is not None:
        gv = conjugate(gv)
        turns = ops.sum(conjugate(gv) * v, axis=-2)
        gv = fixed_phase(gv, v, turns)
        gv = gv - scaled_columns(v, ops.astype(real_part(turns), dtype=v.dtype))
        inner = matmul_op(adjoint(v), gv) / conjugate(gaps(w))
        inner = inner * (1 - identity_like(inner))
    if gw is not None:
        term = scaled_columns(identity_like(v), conjugate(gw))
        inner = term if inner is None else inner + term
    return _onto(x, conjugate(solve(adjoint(v), matmul_op(inner, adjoint(v)))))


def _reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, v = results(lapack("eig", DIVERGED, np.linalg.eig, finite("eig", x)))
    kind = np.result_type(x.dtype, np.complex64)
    return w.astype(kind), (v * signed(v)).astype(kind)


SHAPES = [(1, 1), (3, 3), (2, 4, 4), (2, 1, 2, 2), (9, 9)]


def _samples() -> Iterator[Sample]:
    for seed, shape in enumerate(SHAPES):
        # Real eigenvalues well apart, and vectors far from dependent.
        random = np.random.default_rng(seed)
        n = shape[-1]
        v = np.eye(n) + random.uniform(-0.5, 0.5, shape) / n
        w = np.linspace(-1, 2, n)
        yield Sample(inputs=(((v * w) @ np.linalg.inv(v)).tolist(),))
    # A conjugate pair, which a complex step could exchange.
    pair = [[0.0, -1.0, 0.2], [1.5, 0.3, 0.1], [0.1, 0.4, 2.0]]
    yield Sample(inputs=(pair,), dtypes=FLOATS)
    for empty in [(0, 0), (0, 3, 3), (2, 0, 0)]:
        yield Sample(inputs=((empty, -1, 1),))


# The vectors' conditions and the gaps of the samples enter, ten or so each.
LOOSE = {"norm": True, **dict.fromkeys(TOLERANCE.keys() - {"norm"}, 256)}

EIG = Op(
    name="eig",
    doc="""Eigenvalues and right eigenvectors of square matrices, complex always.

    ``x`` has shape (..., n, n). Returns the eigenvalues w, (..., n), in no particular order, and
    vectors v of unit length in columns with x @ v = v @ diag(w). The first (nearly) largest entry
    of each column is real and positive. float32 and complex64 give complex64, float64 and
    complex128 complex128; integers and 16-bit floats become float32. For symmetric matrices eigh is
    faster and exact in more ways.

    The gradient solves with v and divides by the differences of the eigenvalues: equal ones give
    infinities or NaN, and OpError where the vectors are dependent.

    Raises OpError when the matrices are not square, and when one holds NaN or infinity, eagerly and
    under jit.

    LAPACK's geev; the gradient of Boeddeker et al. (arXiv:1701.00392).

    >>> import dovetail as dt
    >>> w, v = dt.ops.eig(dt.asarray([[0.0, -1.0], [1.0, 0.0]]))
    >>> w.tolist()
    [1j, -1j]
    """,
    signature="x: T -> C, C",
    types={"T": INEXACT, "C": COMPLEX},
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=LOOSE,
    host=True,
    batching=batching.leading,
)
eig: Any = define(EIG)


# ---- eigvals -------------------------------------------------------------------------------------


def _values_infer(x: Spec) -> Spec:
    square(EIGVALS, x)
    return Spec(x.shape[:-1], complex_of(x.dtype))


def _values_gradient(g: Any, y: Any, x: Any) -> Any:
    w, v = eig(x)
    # LAPACK may find the values in another order when it computes vectors, too.
    n = y.shape[-1]
    distance = ops.abs(
        ops.reshape(y, (*y.shape, 1)) - ops.reshape(w, (*w.shape[:-1], 1, n)),
    )
    place = ops.argmin(distance, axis=-1, keepdims=True)
    chosen = ops.equal(ops.iota_like(distance, -1, place.dtype), place)
    there = ops.sum(ops.where(chosen, ops.reshape(g, (*g.shape, 1)), 0), axis=-2)
    turned = scaled_rows(conjugate(there), adjoint(v))
    return _onto(x, conjugate(solve(adjoint(v), turned)))


def _values_reference(x: np.ndarray) -> np.ndarray:
    found = lapack("eigvals", DIVERGED, np.linalg.eigvals, finite("eigvals", x))
    return np.asarray(found.astype(np.result_type(x.dtype, np.complex64)))


EIGVALS = Op(
    name="eigvals",
    doc="""Eigenvalues of square matrices, complex always, in no particular order.

    ``x`` has shape (..., n, n), the result (..., n). float32 and complex64 give complex64, float64
    and complex128 complex128; integers and 16-bit floats become float32. The gradient solves with
    the eigenvectors, and raises OpError where they are dependent.

    Raises OpError when the matrices are not square, and when one holds NaN or infinity, eagerly and
    under jit.

    LAPACK's geev.

    >>> import dovetail as dt
    >>> dt.ops.eigvals(dt.asarray([[0.0, -1.0], [1.0, 0.0]])).tolist()
    [1j, -1j]
    """,
    signature="x: T -> C",
    types={"T": INEXACT, "C": COMPLEX},
    infer=_values_infer,
    gradient=(_values_gradient,),
    reference=_values_reference,
    samples=_samples,
    tolerance=LOOSE,
    host=True,
    batching=batching.leading,
)
eigvals: Any = define(EIGVALS)
