"""dt.linalg against numpy: factors, solutions, norms and traces of batches in every dtype."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.errors import OpError
from dovetail.op import REGISTRY

DTYPES = ["float32", "float64", "complex64", "complex128"]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
batches = st.lists(st.integers(0, 3), max_size=2).map(tuple)
sizes = st.integers(1, 5)


def drawn(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, shape)
    if dtype.startswith("complex"):
        x = x + 1j * random.uniform(-1, 1, shape)
    return x.astype(dtype)


def positive(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    x = drawn(shape, dtype, seed)
    return (x @ x.conj().swapaxes(-1, -2) + np.eye(shape[-1])).astype(dtype)


def regular(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return (drawn(shape, dtype, seed) + 2 * math.sqrt(shape[-1]) * np.eye(shape[-1])).astype(dtype)


def close(got: Any, want: Any, loose: float = 1.0) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    unit = 1e-5 if got.dtype in (np.float32, np.complex64) else 1e-12
    np.testing.assert_allclose(
        got, want, rtol=0, atol=loose * unit * (1 + np.abs(want).max(initial=0))
    )


def adjoint(x: np.ndarray) -> np.ndarray:
    return x.conj().swapaxes(-1, -2)


# ---- values --------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(batches, sizes, st.sampled_from(DTYPES))
def test_factors_of_square_matrices_multiply_to_the_matrix(
    batch: tuple[int, ...], n: int, dtype: str
) -> None:
    a = positive((*batch, n, n), dtype)
    x = dt.asarray(a)
    lower = np.asarray(dt.linalg.cholesky(x))
    close(lower, np.linalg.cholesky(a))
    close(dt.linalg.cholesky(x, upper=True), adjoint(lower))
    w, v = map(np.asarray, dt.linalg.eigh(x))
    close(w, np.linalg.eigvalsh(a))
    close(dt.linalg.eigvalsh(x), w)
    close(v * w[..., None, :], a @ v, 10)
    close(adjoint(v) @ v, np.broadcast_to(np.eye(n), a.shape))
    assert w.dtype == a.real.dtype and v.dtype == a.dtype


@settings(max_examples=25, deadline=None)
@given(batches, sizes, sizes, st.sampled_from(DTYPES))
def test_factors_of_any_matrices_multiply_to_the_matrix(
    batch: tuple[int, ...], m: int, n: int, dtype: str
) -> None:
    a = drawn((*batch, m, n), dtype)
    x = dt.asarray(a)
    for mode in ("reduced", "complete"):
        found, want = dt.linalg.qr(x, mode=mode), np.linalg.qr(a, mode)
        r = np.asarray(found.R)
        turn = np.diagonal(r, axis1=-2, axis2=-1)
        assert (turn.real >= 0).all() and not turn.imag.any()
        assert not np.signbit(np.tril(r.real, -1)).any()
        close(np.abs(r), np.abs(want.R))
        close(np.asarray(found.Q) @ r, a)
        close(adjoint(np.asarray(found.Q)) @ np.asarray(found.Q), adjoint(want.Q) @ want.Q)
    for full in (True, False):
        u, s, vh = map(np.asarray, dt.linalg.svd(x, full_matrices=full))
        want = np.linalg.svd(a, full_matrices=full)
        assert u.shape == want.U.shape and vh.shape == want.Vh.shape
        close(s, want.S)
        k = min(m, n)
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a)
        close(adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[-1]), (*batch, *2 * u.shape[-1:])))
    close(dt.linalg.svdvals(x), s)
    close(dt.linalg.pinv(x), np.linalg.pinv(a), 1000)


@every_dtype
def test_general_eigenvalues_solve_their_equation(dtype: str) -> None:
    a = drawn((3, 5, 5), dtype)
    w, v = dt.linalg.eig(dt.asarray(a))
    assert w.dtype.kind == "complex" and w.dtype.itemsize == 2 * a.real.itemsize
    w, v = np.asarray(w), np.asarray(v)
    close(a @ v, v * w[..., None, :])
    close(np.sort_complex(np.asarray(dt.linalg.eigvals(dt.asarray(a)))), np.sort_complex(w), 10)


def test_vectors_have_a_fixed_sign() -> None:
    for dtype in DTYPES:
        a = positive((4, 6, 6), dtype)
        for vectors in (dt.linalg.eigh(dt.asarray(a))[1], dt.linalg.svd(dt.asarray(a))[0]):
            v = np.asarray(vectors)
            size = np.abs(v)
            first = (size >= 0.999 * size.max(axis=-2, keepdims=True)).argmax(axis=-2)
            lead = np.take_along_axis(v, first[..., None, :], axis=-2)
            assert (lead.real > 0).all() and np.abs(lead.imag).max() < 1e-6


@settings(max_examples=25, deadline=None)
@given(batches, batches, sizes, st.integers(1, 3), st.sampled_from(DTYPES))
def test_systems_are_solved(
    left: tuple[int, ...], right: tuple[int, ...], n: int, k: int, dtype: str
) -> None:
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(OpError, match="solve"):
            dt.linalg.solve(dt.ones((*left, n, n)), dt.ones((*right, n, k)))
        return
    a, b = regular((*left, n, n), dtype), drawn((*right, n, k), dtype, 1)
    close(dt.linalg.solve(dt.asarray(a), dt.asarray(b)), np.linalg.solve(a, b))
    vector = b[(0,) * len(right)][:, 0] if b.size else np.ones(n, dtype)
    close(
        dt.linalg.solve(dt.asarray(a), dt.asarray(vector)),
        np.linalg.solve(a, np.broadcast_to(vector[:, None], (*left, n, 1)))[..., 0],
    )
    close(dt.linalg.inv(dt.asarray(a)), np.linalg.inv(a))
    close(dt.linalg.det(dt.asarray(a)), np.linalg.det(a), 10)
    sign, logarithm = dt.linalg.slogdet(dt.asarray(a))
    want = np.linalg.slogdet(a)
    close(sign, want.sign)
    close(logarithm, want.logabsdet)


@pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_triangular_systems_are_solved(
    trans: Any, lower: bool, unit: bool, left: bool, dtype: str
) -> None:
    a = drawn((2, 37, 37), dtype) / 37 + np.eye(37, dtype=dtype)
    b = drawn((2, 37, 3) if left else (2, 3, 37), dtype, 1)
    whole = np.tril(a) if lower else np.triu(a)
    if unit:
        whole = whole * (1 - np.eye(37, dtype=dtype)) + np.eye(37, dtype=dtype)
    turned = {0: whole, 1: whole.swapaxes(-1, -2), 2: adjoint(whole)}[
        {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    ]
    words = {"trans": trans, "lower": lower, "unit_diagonal": unit, "left": left}
    x = np.asarray(dt.linalg.solve_triangular(dt.asarray(a), dt.asarray(b), **words))
    close(turned @ x if left else x @ turned, b)
    one = b[0, :, 0] if left else b[0, 0]
    x = np.asarray(dt.linalg.solve_triangular(dt.asarray(a), dt.asarray(one), **words))
    for t, y in zip(turned, x, strict=True):
        close(t @ y if left else y @ t, one)


@pytest.mark.parametrize("n", [1, 7, 40, 200])
@pytest.mark.parametrize("k", [1, 5, 16, 17, 35])
@pytest.mark.parametrize("layout", ["rows", "columns", "reversed", "shared"])
def test_triangular_kernels_agree_with_the_reference(n: int, k: int, layout: str) -> None:
    op = REGISTRY["triangular_solve"]
    for dtype in ("float32", "float64"):
        a = drawn((2, 3, n, n), dtype) / n + np.eye(n, dtype=dtype)
        b = dt.asarray(drawn((2, 3, n, k), dtype, 1))
        x = dt.asarray(a)
        if layout == "columns":
            x = dt.matrix_transpose(x)
        elif layout == "reversed":
            x = x[:, ::-1, ::-1, ::-1]
        elif layout == "shared":
            x = dt.broadcast_to(x[:1, 1:2], x.shape)
        for lower in (True, False):
            for unit in (True, False):
                words = {"lower": lower, "unit_diagonal": unit}
                got = dt.ops.triangular_solve(x, b, **words)
                close(got, op.reference(np.asarray(x), np.asarray(b), **words))


@every_dtype
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4), (2, 5, 3), (40, 8), (2, 9, 30)])
def test_least_squares_agree_with_numpy(dtype: str, shape: tuple[int, ...]) -> None:
    a, b = drawn(shape, dtype), drawn((*shape[:-1], 2), dtype, 1)
    found = dt.linalg.lstsq(dt.asarray(a), dt.asarray(b))
    flat = zip(a.reshape(-1, *shape[-2:]), b.reshape(-1, shape[-2], 2), strict=True)
    want = np.stack([np.linalg.lstsq(p, q)[0] for p, q in flat])
    close(found.x, want.reshape(*shape[:-2], shape[-1], 2), 100)
    close(found.residuals, (np.abs(a @ np.asarray(found.x) - b) ** 2).sum(axis=-2), 10)
    assert np.all(np.asarray(found.rank) == min(shape[-2:]))
    close(found.s, np.linalg.svd(a, compute_uv=False))
    one = dt.linalg.lstsq(dt.asarray(a), dt.asarray(b[(0,) * (len(shape) - 2)][:, 0]))
    assert one.x.shape == (*shape[:-2], shape[-1])


def test_least_squares_of_dependent_columns_are_the_shortest() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    b = np.array([1.0, 0.0, 2.0])
    found = dt.linalg.lstsq(dt.asarray(a), dt.asarray(b))
    close(found.x, np.linalg.lstsq(a, b)[0])
    assert found.rank.item() == 1


def test_the_exponential_agrees_with_the_eigenvalues() -> None:
    for scale in (1e-8, 0.1, 1.0, 30.0):
        a = positive((3, 5, 5)) * -scale
        w, v = np.linalg.eigh(a)
        close(dt.linalg.expm(dt.asarray(a)), (v * np.exp(w)[..., None, :]) @ adjoint(v), 10)
    angle = 300.0
    turn = dt.linalg.expm(dt.asarray(np.array([[0, -angle], [angle, 0]])))
    want = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    close(turn, np.array(want), 1000)  # the angle's own rounding, 300 ulp


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5, 8])
def test_powers_agree_with_numpy(n: int) -> None:
    a = regular((2, 3, 3)) / 4
    close(dt.linalg.matrix_power(dt.asarray(a), n), np.linalg.matrix_power(a, n), 10)


def test_powers_of_integers_stay_integers() -> None:
    x = dt.asarray([[1, 1], [1, 0]])
    assert dt.linalg.matrix_power(x, 30).tolist() == [[1346269, 832040], [832040, 514229]]


@pytest.mark.parametrize("ord", [None, 0, 0.5, 1, 2, 3, 2.5, -1, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_vector_norms_agree_with_numpy(ord: Any, dtype: str) -> None:
    a = drawn((3, 4, 5), dtype)
    for axis in (0, -1):
        for keep in (False, True):
            want = np.linalg.norm(a, ord, axis, keep)
            close(dt.linalg.norm(dt.asarray(a), ord, axis, keep), want)
            word = 2 if ord is None else ord
            found = dt.linalg.vector_norm(dt.asarray(a), axis=axis, keepdims=keep, ord=word)
            close(found, np.linalg.vector_norm(a, axis=axis, keepdims=keep, ord=word))
            assert found.dtype is dt.float64
    word = 2 if ord is None else ord
    close(
        dt.linalg.vector_norm(dt.asarray(a), axis=(0, 2), ord=word),
        np.linalg.vector_norm(a, axis=(0, 2), ord=word),
    )
    close(dt.linalg.vector_norm(dt.asarray(a), ord=word), np.linalg.vector_norm(a, ord=word))


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matrix_norms_agree_with_numpy(ord: Any, dtype: str) -> None:
    a = drawn((3, 4, 5), dtype)
    for keep in (False, True):
        close(
            dt.linalg.matrix_norm(dt.asarray(a), keepdims=keep, ord=ord),
            np.linalg.matrix_norm(a, keepdims=keep, ord=ord),
        )
        close(
            dt.linalg.norm(dt.asarray(a), ord, (2, 0), keep), np.linalg.norm(a, ord, (2, 0), keep)
        )
    close(dt.linalg.norm(dt.asarray(a[0]), ord), np.linalg.norm(a[0], ord))


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, "fro", "nuc", math.inf])
def test_condition_numbers_agree_with_numpy(p: Any) -> None:
    a = regular((3, 4, 4))
    close(dt.linalg.cond(dt.asarray(a), p), np.linalg.cond(a, p), 10)
    assert dt.linalg.cond(dt.asarray([[1.0, 0.0], [0.0, 0.0]])).item() == math.inf


def test_ranks_agree_with_numpy() -> None:
    a = drawn((3, 4, 2), "float64") @ drawn((3, 2, 5), "float64", 1)
    a[1] = 0
    assert dt.linalg.matrix_rank(dt.asarray(a)).tolist() == [2, 0, 2]
    for limit in (0.5, dt.asarray(0.5)):
        close(dt.linalg.pinv(dt.asarray(a), rtol=limit), np.linalg.pinv(a, rtol=0.5), 1000)
    limits = np.array([0.9, 0.5, 1e-3])
    found = dt.linalg.matrix_rank(dt.asarray(a), rtol=dt.asarray(limits))
    assert found.tolist() == np.linalg.matrix_rank(a, rtol=limits).tolist()
    close(
        dt.linalg.pinv(dt.asarray(a), rtol=dt.asarray(limits)), np.linalg.pinv(a, rtol=limits), 1000
    )
    assert dt.linalg.matrix_rank(dt.zeros((2, 0, 3))).tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(-5, 5), st.booleans())
def test_diagonals_agree_with_numpy(m: int, n: int, offset: int, turned: bool) -> None:
    a = np.arange(2 * m * n).reshape(2, m, n)
    x = dt.asarray(a)
    if turned:
        a, x = a.swapaxes(-1, -2), dt.matrix_transpose(x)
    want = np.linalg.diagonal(a, offset=offset)
    assert dt.linalg.diagonal(x, offset=offset).tolist() == want.tolist()
    assert dt.linalg.trace(x, offset=offset).tolist() == np.linalg.trace(a, offset=offset).tolist()


@pytest.mark.parametrize(
    ("left", "right", "axis"),
    [((3,), (3,), -1), ((4, 3), (3,), -1), ((3, 4), (3, 4), 0), ((2, 1, 3), (4, 3), -1)],
)
def test_cross_products_agree_with_numpy(left: Any, right: Any, axis: int) -> None:
    a, b = drawn(left, "float64"), drawn(right, "float64", 1)
    found = dt.linalg.cross(dt.asarray(a), dt.asarray(b), axis=axis)
    close(found, np.linalg.cross(*np.broadcast_arrays(a, b), axis=axis))


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3), (3, 4)],
        [(10, 2), (2, 10), (10, 3), (3, 1)],
        [(3,), (3, 4), (4, 5)],
        [(3,), (3, 4), (4, 5), (5,)],
        [(5,), (5,)],
    ],
)
def test_long_products_agree_with_numpy(shapes: list[tuple[int, ...]]) -> None:
    factors = [drawn(s, "float64", i) for i, s in enumerate(shapes)]
    close(dt.linalg.multi_dot([dt.asarray(a) for a in factors]), np.linalg.multi_dot(factors))


def test_the_namespace_has_the_names_of_the_standard() -> None:
    names = """cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm
        matrix_power matrix_rank matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot
        trace vecdot vector_norm"""
    assert set(names.split()) <= set(dt.linalg.__all__)
    assert all(callable(getattr(dt.linalg, name)) for name in dt.linalg.__all__)
