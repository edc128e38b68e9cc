"""tf.contrib.solvers: conjugate gradients for linear systems and for least squares.

Golub and van Loan, "Matrix Computations", algorithms 11.3.3 and 11.5.1 (preconditioned); Björck,
"Numerical Methods for Least Squares Problems", algorithm 7.4.1 (CGLS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = ["CGLSState", "CGState", "Operator", "cgls", "conjugate_gradient", "create_operator"]

guest("solvers")


class Operator(NamedTuple):
    """A matrix that is known by what it does to a vector."""

    shape: tuple[int, int]
    dtype: Any
    apply: Callable[[Any], Any]
    """Matrix times vector."""
    apply_adjoint: Callable[[Any], Any]
    """Conjugate transpose times vector."""


class CGState(NamedTuple):
    """Where `conjugate_gradient` stopped: iterations, solution, residual, direction, and gamma,
    which is ``r . M r`` with the preconditioner M."""

    i: Any
    x: Any
    r: Any
    p: Any
    gamma: Any


class CGLSState(NamedTuple):
    """Where `cgls` stopped: iterations, solution, residual, direction, and gamma, which is the
    square of the norm of ``A^H r``."""

    i: Any
    x: Any
    r: Any
    p: Any
    gamma: Any


def create_operator(matrix: Any) -> Operator:
    """A dense matrix as an operator."""
    a = dt.asarray(matrix)
    adjoint = dt.conj(a).T if a.dtype.kind == "complex" else a.T
    rows, columns = a.shape
    return Operator(
        shape=(rows, columns),
        dtype=a.dtype,
        apply=lambda v: a @ v,
        apply_adjoint=lambda v: adjoint @ v,
    )


def _dot(x: Any, y: Any) -> Any:
    """x^H y of two vectors or columns, real by its place in these methods."""
    product = dt.conj(x) * y if x.dtype.kind == "complex" else x * y
    total = dt.sum(product)
    return dt.real(total) if total.dtype.kind == "complex" else total


def _quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 where there is nothing left to divide."""
    return dt.where(y == 0, dt.zeros_like(y), x / dt.where(y == 0, dt.ones_like(y), y))


def conjugate_gradient(
    operator: Any,
    rhs: Any,
    preconditioner: Any = None,
    x: Any = None,
    tol: float = 1e-4,
    max_iter: int = 20,
    name: str = "conjugate_gradient",
) -> CGState:
    """Solve ``A x = rhs`` for a Hermitian, positive definite A.

    ``operator`` has ``shape``, ``dtype`` and ``apply`` (see `create_operator`); ``rhs`` is a vector
    of shape (n,) or a column (n, 1). ``preconditioner``, an operator too, approximates the inverse.
    ``x`` is where to start, 0 otherwise. It stops when the residual's norm is at most
    ``tol * norm(rhs)``, or after ``max_iter`` iterations. ``name`` is ignored.

    >>> a = dt.asarray([[4.0, 1.0], [1.0, 3.0]])
    >>> found = conjugate_gradient(create_operator(a), dt.asarray([1.0, 2.0]), tol=1e-6)
    >>> [round(v, 5) for v in found.x.tolist()]
    [0.09091, 0.63636]
    """
    b = dt.asarray(rhs)
    solution = dt.zeros_like(b) if x is None else dt.asarray(x, dtype=b.dtype)
    r = b if x is None else b - operator.apply(solution)
    improve = (lambda v: v) if preconditioner is None else preconditioner.apply
    z = improve(r)
    bound = tol * tol * _dot(b, b)

    def going(state: CGState) -> Any:
        return dt.logical_and(state.i < max_iter, _dot(state.r, state.r) > bound)

    def turn(state: CGState) -> CGState:
        q = operator.apply(state.p)
        alpha = dt.astype(_quotient(state.gamma, _dot(state.p, q)), b.dtype)
        r = state.r - alpha * q
        z = improve(r)
        gamma = _dot(r, z)
        beta = dt.astype(_quotient(gamma, state.gamma), b.dtype)
        return CGState(state.i + 1, state.x + alpha * state.p, r, z + beta * state.p, gamma)

    begin = CGState(dt.asarray(0), solution, r, z, _dot(r, z))
    return CGState(*dt.while_loop(going, turn, begin))


def cgls(
    operator: Any, rhs: Any, tol: float = 1e-6, max_iter: int = 20, name: str = "cgls"
) -> CGLSState:
    """Minimise ``norm(A x - rhs)`` for an A of any shape.

    ``operator`` has ``shape``, ``dtype``, ``apply`` and ``apply_adjoint``; ``rhs`` is a vector (m,)
    or a column (m, 1). It stops when the norm of ``A^H (rhs - A x)`` has come down to ``tol``
    times what it was, or after ``max_iter`` iterations. ``name`` is ignored.
    """
    b = dt.asarray(rhs)
    s = operator.apply_adjoint(b)
    begin = CGLSState(dt.asarray(0), dt.zeros_like(s), b, s, _dot(s, s))
    bound = tol * tol * begin.gamma

    def going(state: CGLSState) -> Any:
        return dt.logical_and(state.i < max_iter, state.gamma > bound)

    def turn(state: CGLSState) -> CGLSState:
        q = operator.apply(state.p)
        alpha = dt.astype(_quotient(state.gamma, _dot(q, q)), b.dtype)
        r = state.r - alpha * q
        s = operator.apply_adjoint(r)
        gamma = _dot(s, s)
        beta = dt.astype(_quotient(gamma, state.gamma), b.dtype)
        return CGLSState(state.i + 1, state.x + alpha * state.p, r, s + beta * state.p, gamma)

    return CGLSState(*dt.while_loop(going, turn, begin))
