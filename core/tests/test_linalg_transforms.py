"""dt.linalg under transforms: gradients, compiled and mapped calls, batching rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail import batching
from dovetail.op import FUNCTIONS, REGISTRY, Spec, iterate
from dovetail.testing import samples_of
from dovetail.testing.device_check import arrays_of
from dovetail.testing.gradient_check import check_derivative


def positive(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    return np.asarray(x @ x.swapaxes(-1, -2) + np.eye(shape[-1]))


def close(got: Any, want: Any, loose: float = 1.0) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    unit = 1e-5 if got.dtype in (np.float32, np.complex64) else 1e-12
    np.testing.assert_allclose(
        got, want, rtol=0, atol=loose * unit * (1 + np.abs(want).max(initial=0))
    )


SQUARE: dict[str, Callable[[Any], Any]] = {
    "cholesky": dt.linalg.cholesky,
    "qr": dt.linalg.qr,
    "svd": dt.linalg.svd,
    "eigh": dt.linalg.eigh,
    "eig": dt.linalg.eig,
    "inv": dt.linalg.inv,
    "pinv": dt.linalg.pinv,
    "det": dt.linalg.det,
    "slogdet": dt.linalg.slogdet,
    "expm": dt.linalg.expm,
    "power": lambda x: dt.linalg.matrix_power(x, -3),
    "norms": lambda x: tuple(dt.linalg.matrix_norm(x, ord=p) for p in ("fro", "nuc", 2, -2)),
    "vectors": lambda x: tuple(dt.linalg.vector_norm(x, axis=-1, ord=p) for p in (1, 2, 3, 1.5)),
    "cond": dt.linalg.cond,
    "trace": lambda x: dt.linalg.trace(x, offset=1),
    "limited": lambda x: dt.linalg.pinv(x, rtol=dt.full((2,), 1e-9, dtype=dt.float64)),
    "lstsq": lambda x: dt.linalg.lstsq(x[..., :, :2], x[..., :, 2:]),
    "triangular": lambda x: dt.linalg.solve_triangular(x, x, trans="T", lower=True),
    "right": lambda x: dt.linalg.solve_triangular(x, x, left=False),
}
every_square = pytest.mark.parametrize("function", SQUARE.values(), ids=SQUARE.keys())


@every_square
def test_gradients_agree_with_differences(function: Callable[[Any], Any]) -> None:
    # eig may find the complex values in another order, unless they are apart.
    uneven = np.triu(np.random.default_rng(0).uniform(-0.1, 0.1, (2, 3, 3)))
    x = dt.asarray(positive((2, 3, 3), seed=5) + uneven)
    check_derivative(function, [x], (0,), function)


@every_square
def test_compiled_and_mapped_agree_with_eager(function: Callable[[Any], Any]) -> None:
    x = dt.asarray(positive((2, 3, 3), seed=5))
    want = list(iterate(function(x)))
    for got, expected in zip(iterate(dt.jit(function)(x)), want, strict=True):
        close(got, expected)
    more = dt.asarray(np.stack([np.asarray(x), np.asarray(x) * 2]))
    found = list(iterate(dt.vmap(function)(more)))
    for got, expected in zip(found, want, strict=True):
        assert got.dtype is expected.dtype
        close(got[0], expected)


@every_square
def test_compiled_gradients_agree_with_eager(function: Callable[[Any], Any]) -> None:
    x = dt.asarray(positive((2, 3, 3), seed=5))

    def loss(a: Any) -> Any:
        parts = [dt.sum(dt.real(y) ** 2) for y in iterate(function(a)) if y.dtype is not dt.int64]
        return sum(parts[1:], parts[0])

    slope = dt.grad(loss)
    close(dt.jit(slope)(x), slope(x), 10)
    close(dt.grad(dt.jit(loss))(x), slope(x), 10)
    rows = [np.asarray(slope(x)), np.asarray(slope(x * 2))]
    close(dt.vmap(slope)(dt.stack([x, x * 2])), np.stack(rows), 10)


def test_named_results_pass_through_transforms() -> None:
    x = dt.asarray(positive((3, 3)))
    found = dt.jit(dt.linalg.svd)(x)
    assert type(found) is dt.linalg.SVDResult
    close(found.S, dt.linalg.svdvals(x))
    slope = dt.grad(lambda a: dt.sum(dt.jit(dt.linalg.eigh)(a).eigenvalues))(x)
    close(slope, np.eye(3))


FAMILY = """cholesky qr svd svdvals eigh eigvalsh eig eigvals solve inv triangular_solve det
    cofactor slogdet pinv lstsq expm vecdot cross""".split()


@pytest.mark.parametrize("name", FAMILY)
def test_batching_rules_agree_with_a_loop(name: str) -> None:
    op, function = REGISTRY[name], FUNCTIONS[name]
    checked = 0
    for case in samples_of(op):
        if case.dtypes[0] is not dt.float64 or any(x.shape[:-2] for x in case.arrays):
            continue
        if op.broadcast and len({x.shape for x in case.arrays}) > 1:
            continue  # a trace has brought them to one shape
        whole = {**op.attributes, **case.attributes}
        arrays = arrays_of(case)
        if op.canonical:
            whole = op.canonical(*(Spec(x.shape, x.dtype) for x in arrays), **whole)
        factors = dt.asarray(np.array([1.0, 2.0, 0.5]))
        for flags in ((True, True), (True, False), (False, True))[: 1 + 2 * (len(arrays) > 1)]:
            flags = flags[: len(arrays)]
            many = [
                x * dt.reshape(factors, (3, *(1,) * x.ndim)) if f else x
                for x, f in zip(arrays, flags, strict=True)
            ]
            got = iterate(op.batching(function, 3, flags, *many, **whole))
            want = iterate(batching.loop(function, 3, flags, *many, **whole))
            for a, b in zip(got, want, strict=True):
                close(a, b)
        checked += 1
    assert checked


def test_the_gradient_of_a_norm_at_zero_is_zero() -> None:
    for ord in (2, 3):
        slope = dt.grad(lambda x, p=ord: dt.linalg.vector_norm(x, ord=p))(dt.zeros(3))
        assert slope.tolist() == [0, 0, 0]


def test_the_gradient_of_a_singular_determinant_is_its_cofactors() -> None:
    x = dt.asarray(np.array([[1.0, 2.0], [2.0, 4.0]]))
    close(dt.grad(dt.linalg.det)(x), np.array([[4.0, -2.0], [-2.0, 1.0]]))
    three = dt.asarray(np.diag([2.0, 3.0, 0.0]))
    close(dt.grad(dt.linalg.det)(three), np.diag([0.0, 0.0, 6.0]))
    assert dt.grad(dt.linalg.det)(dt.zeros((3, 3))).tolist() == [[0.0] * 3] * 3


def test_gradients_of_values_are_finite_where_they_are_equal() -> None:
    one = dt.asarray(np.eye(3))
    close(dt.grad(lambda x: dt.sum(dt.linalg.eigvalsh(x)))(one), np.eye(3))
    close(dt.grad(lambda x: dt.sum(dt.linalg.svd(x).S))(one), np.eye(3))
    slope = np.asarray(dt.grad(lambda x: dt.sum(dt.linalg.eigh(x)[1] ** 3))(one))
    assert not np.isfinite(slope).all()  # as documented


def test_a_program_of_factors_and_transforms_is_saved_and_loaded(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        w, v = dt.linalg.eigh(x)
        s = dt.linalg.svd(x, full_matrices=False).S
        y = dt.fft.irfft(dt.fft.rfft(x, norm="ortho"), n=3)
        solved = dt.linalg.solve_triangular(x, x[0], lower=True)
        return dt.einsum("ij,jk,k->i", x, v, s) * w + y[0] + solved + dt.fft.fftshift(x)[0]

    x = dt.asarray(positive((3, 3)))
    dt.save(tmp_path / "factors.dvt", function, [x])
    close(dt.load(tmp_path / "factors.dvt")(x), function(x))
