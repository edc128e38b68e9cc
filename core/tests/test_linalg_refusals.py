"""What dt.linalg refuses, eagerly and when a compiled function runs, and in which words."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError

SINGULAR = np.stack([np.eye(3), np.eye(3), np.ones((3, 3))])
REFUSED: list[tuple[Callable[..., Any], np.ndarray, str]] = [
    (dt.linalg.inv, SINGULAR, "inv: matrix 2 of the batch is singular"),
    (dt.linalg.inv, np.zeros((2, 2)), "inv: the matrix is singular"),
    (dt.linalg.cholesky, SINGULAR, "cholesky: matrix 2 of the batch is not positive definite"),
    (
        dt.linalg.cholesky,
        np.stack([[np.eye(2), -np.eye(2)]]),
        r"cholesky: matrix \(0, 1\) of the batch is not positive definite",
    ),
    (dt.linalg.cholesky, np.full((2, 2), math.nan), "cholesky: the matrix holds NaN or infinity"),
    (dt.linalg.svd, np.full((1, 2, 2), math.inf), "svd: matrix 0 of the batch holds NaN"),
    (dt.linalg.pinv, np.full((2, 2), math.nan), "pinv: the matrix holds NaN"),
    (dt.linalg.eig, np.full((2, 2), math.nan), "eig: the matrix holds NaN"),
    (lambda x: dt.linalg.solve(x, x), SINGULAR, "solve: matrix 2 of the batch is singular"),
    (
        lambda x: dt.linalg.solve_triangular(x, x),
        np.stack([np.eye(2), np.diag([1.0, 0.0])]),
        r"triangular_solve: matrix 1 of the batch is singular: element \(1, 1\)",
    ),
    (
        lambda x: dt.linalg.solve_triangular(x, x, lower=True),
        np.stack([[np.eye(3), np.eye(3)], [np.diag([0.0, 1.0, 1.0]), np.eye(3)]]),
        r"triangular_solve: matrix \(1, 0\) of the batch is singular: element \(0, 0\)",
    ),
    (
        lambda x: dt.linalg.solve_triangular(x, dt.ones(2, dtype=dt.float64)),
        np.zeros((2, 2)),
        "triangular_solve: the matrix is singular",
    ),
]


@pytest.mark.parametrize(("function", "x", "message"), REFUSED, ids=lambda v: None)
def test_a_matrix_without_result_is_named(
    function: Callable[..., Any], x: np.ndarray, message: str
) -> None:
    array = dt.asarray(x)
    with pytest.raises(OpError, match=message):
        function(array)
    compiled = dt.jit(function)
    with pytest.raises(OpError, match=message):
        compiled(array)


@pytest.mark.parametrize("name", "cholesky det eig eigh eigvals eigvalsh expm inv slogdet".split())
def test_what_is_not_square_is_refused(name: str) -> None:
    function = getattr(dt.linalg, name)
    with pytest.raises(OpError, match=rf"^{name}: x is float32\[4, 2, 3\].* 2 by 3, not square"):
        function(dt.ones((4, 2, 3)))
    with pytest.raises(OpError, match=rf"^{name}: x is float32\[3\], which holds no matrix"):
        function(dt.ones(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dt.linalg.qr(dt.ones((2, 2)), mode="r"),
            'qr: mode=.r. is not known; use "reduced"',
        ),
        (lambda: dt.linalg.svdvals(dt.ones(3)), "svdvals: x is .* needs two axes"),
        (lambda: dt.linalg.solve(dt.ones((2, 2)), dt.ones((3, 1))), "b has 3 rows where .* have 2"),
        (lambda: dt.linalg.solve(dt.ones((2, 3)), dt.ones(2)), "solve: a is .* not square; lstsq"),
        (
            lambda: dt.linalg.solve(dt.ones((2, 2)), 1.0),
            "solve: b is .* one axis for each equation",
        ),
        (lambda: dt.linalg.solve([[1.0]], dt.ones(1)), "solve: an operand is a list; make it"),
        (lambda: dt.linalg.lstsq(dt.ones((3, 2)), dt.ones(2)), "b has 2 rows where .* have 3"),
        (
            lambda: dt.linalg.lstsq(dt.ones((3, 2)), dt.ones(3), rtol="x"),
            "rtol='x' is not a number",
        ),
        (lambda: dt.linalg.matrix_power(dt.ones((2, 2)), 1.5), "n=1.5 is not an integer"),
        (lambda: dt.linalg.matrix_power(dt.ones((2, 3)), 2), "float32.*does not hold square"),
        (lambda: dt.linalg.matrix_norm(dt.ones((2, 2)), ord=3), "ord=3 is not known; use 'fro'"),
        (lambda: dt.linalg.vector_norm(dt.ones(2), ord="fro"), "ord='fro' is not a number"),
        (lambda: dt.linalg.vector_norm(dt.ones(2), axis=1), "vector_norm: axis 1 is out of range"),
        (lambda: dt.linalg.norm(dt.ones((2, 2, 2)), 2), r"norm: ord=2 of float32\[2, 2, 2\] needs"),
        (lambda: dt.linalg.norm(dt.ones((2, 2, 2)), 2, (0, 0)), "two different ones"),
        (lambda: dt.linalg.cross(dt.ones(2), dt.ones(2)), "have 2 and 2 elements; both need three"),
        (lambda: dt.linalg.trace(dt.ones(3)), "trace: x is float32.* holds no matrix"),
        (lambda: dt.linalg.diagonal(dt.ones((2, 2)), offset=0.5), "offset=0.5 is not an integer"),
        (lambda: dt.linalg.multi_dot([dt.ones((2, 2))]), "two or more matrices, not 1"),
        (
            lambda: dt.linalg.multi_dot([dt.ones((2, 3)), dt.ones((2, 3))]),
            "array 0 has 3 columns and array 1 has 2 rows",
        ),
        (
            lambda: dt.linalg.solve_triangular(dt.ones((1, 1)), dt.ones(1), trans=3),
            "trans=3 is not",
        ),
        (lambda: dt.linalg.outer(dt.ones((2, 2)), dt.ones(2)), "outer: .* are not both vectors"),
        (
            lambda: dt.vjp(lambda x: dt.linalg.qr(x, mode="complete").R, dt.ones((3, 2)))[1](
                dt.ones((3, 2))
            ),
            'mode="complete" has no derivative for float32.3, 2.',
        ),
        (
            lambda: dt.vjp(lambda x: dt.linalg.svd(x).U, dt.ones((3, 2)))[1](dt.ones((3, 3))),
            "full_matrices=False has one",
        ),
        (
            lambda: dt.grad(lambda x: dt.linalg.slogdet(x).logabsdet)(dt.zeros((2, 2))),
            "inv: the matrix is singular",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()
