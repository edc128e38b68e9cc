"""Conjugate gradients against LAPACK."""

import warnings
from typing import Any

import numpy as np
import pytest

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated import solvers

RANDOM = np.random.default_rng(2)


def positive(n: int, complex_: bool) -> Any:
    m = RANDOM.normal(size=(n, n)) + (1j * RANDOM.normal(size=(n, n)) if complex_ else 0)
    return m @ m.conj().T + n * np.eye(n)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("column", [False, True])
def test_conjugate_gradients_solve(complex_: bool, column: bool) -> None:
    a = positive(30, complex_)
    b = RANDOM.normal(size=(30, 1) if column else 30) + (0j if complex_ else 0)
    found = solvers.conjugate_gradient(solvers.create_operator(a), b, tol=1e-11, max_iter=200)
    np.testing.assert_allclose(np.asarray(found.x), np.linalg.solve(a, b), atol=1e-10)
    residual = np.linalg.norm(b - a @ np.asarray(found.x))
    assert residual <= 2e-11 * np.linalg.norm(b) and 5 < found.i.item() < 60


def test_a_preconditioner_saves_iterations() -> None:
    scale = np.logspace(0, 4, 40)
    a = positive(40, False) / 40 + np.diag(scale)
    b = RANDOM.normal(size=40)
    operator = solvers.create_operator(a)
    plain = solvers.conjugate_gradient(operator, b, tol=1e-8, max_iter=500)
    jacobi = solvers.create_operator(np.diag(1 / np.diag(a)))
    better = solvers.conjugate_gradient(operator, b, preconditioner=jacobi, tol=1e-8, max_iter=500)
    assert better.i.item() < plain.i.item() / 2
    np.testing.assert_allclose(np.asarray(better.x), np.linalg.solve(a, b), atol=1e-6)


def test_it_starts_where_it_is_told_and_stops_when_told() -> None:
    a, b = positive(20, False), RANDOM.normal(size=20)
    operator, exact = solvers.create_operator(a), np.linalg.solve(a, b)
    assert solvers.conjugate_gradient(operator, b, x=exact).i.item() == 0
    few = solvers.conjugate_gradient(operator, b, tol=0.0, max_iter=3)
    assert few.i.item() == 3
    assert np.isfinite(np.asarray(solvers.conjugate_gradient(operator, 0 * b).x)).all()


def test_it_compiles() -> None:
    a, b = positive(20, False), RANDOM.normal(size=20)

    @dt.jit
    def solve(a: Any, b: Any) -> Any:
        return solvers.conjugate_gradient(solvers.create_operator(a), b, tol=1e-10, max_iter=99).x

    found = solve(dt.asarray(a), dt.asarray(b))
    np.testing.assert_allclose(np.asarray(found), np.linalg.solve(a, b), atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 12), (12, 12), (12, 40)])
@pytest.mark.parametrize("complex_", [False, True])
def test_least_squares(shape: tuple[int, int], complex_: bool) -> None:
    a = RANDOM.normal(size=shape) + (1j * RANDOM.normal(size=shape) if complex_ else 0)
    a[range(12), range(12)] += 8.0  # else a square matrix may be near singular
    b = RANDOM.normal(size=shape[0]) + (0j if complex_ else 0)
    found = solvers.cgls(solvers.create_operator(a), b, tol=1e-13, max_iter=300)
    wanted = np.linalg.lstsq(a, b, rcond=None)[0]  # the shortest solution, where there are many
    np.testing.assert_allclose(np.asarray(found.x), wanted, atol=1e-9)
