"""Cumulative sums, products, extremes and logsumexp: against numpy, under every transform."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dovetail as dt
from dovetail.errors import OpError

few = settings(max_examples=40, deadline=None)
KINDS = ["int8", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64"]


def arrays(kinds: list[str] = KINDS, min_dims: int = 1) -> st.SearchStrategy[np.ndarray]:
    def of(kind: str) -> st.SearchStrategy[np.ndarray]:
        dtype = np.dtype(kind)
        numbers = [0.5, -1.0, 0.0, 2.0, 1.25] if dtype.kind == "f" else [0, 1, 2, 3]
        shapes = hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=0, max_side=5)
        return hnp.arrays(dtype, shapes, elements=st.sampled_from(numbers))

    return st.sampled_from(kinds).flatmap(of)


def close(found: Any, wanted: Any) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    bound = 1e-2 if found.dtype == np.float16 else 1e-5
    np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound)


@few
@given(arrays(), st.data(), st.booleans())
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_sums_and_products_agree_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, initial: bool
) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    wide = {"i": np.int64, "u": np.uint64}.get(x.dtype.kind, x.dtype)
    wanted = getattr(np, name)(x, axis=axis, dtype=wide, include_initial=initial)

    def call(a: Any) -> Any:
        return getattr(dt, name)(a, axis=axis, include_initial=initial)

    for function in (call, dt.jit(call)):
        close(function(dt.asarray(x)), wanted)
    back = np.flip(getattr(np, name)(np.flip(x, axis), axis=axis, dtype=wide), axis)
    close(getattr(dt, name)(dt.asarray(x), axis=axis, reverse=True), back)


@few
@given(arrays(["float32", "float64", "int32"]), st.data(), st.booleans())
@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_extremes_agree_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, reverse: bool
) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    ufunc = np.maximum if name == "cummax" else np.minimum
    turned = np.flip(x, axis) if reverse else x
    wanted = ufunc.accumulate(turned, axis=axis)
    wanted = np.flip(wanted, axis) if reverse else wanted

    def call(a: Any) -> Any:
        return getattr(dt, name)(a, axis=axis, reverse=reverse)

    for function in (call, dt.jit(call)):
        close(function(dt.asarray(x)), wanted)


@pytest.mark.parametrize(
    "name", ["cumulative_sum", "cumulative_prod", "cummax", "cummin", "logcumsumexp"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_they_batch(name: str, reverse: bool) -> None:
    x = dt.asarray(np.random.default_rng(0).normal(size=(3, 4, 5)))

    def call(a: Any) -> Any:
        return getattr(dt, name)(a, axis=0, reverse=reverse)

    close(dt.vmap(call)(x), np.stack([np.asarray(call(x[i])) for i in range(3)]))


def test_narrow_numbers_and_bools_add_up_in_64_bits() -> None:
    assert dt.cumulative_sum(dt.asarray([100, 100], dtype=dt.int8)).tolist() == [100, 200]
    assert dt.cumulative_sum(dt.asarray([True, True])).dtype is dt.int64
    assert dt.cumulative_prod(dt.asarray([2], dtype=dt.uint8)).dtype is dt.uint64
    assert dt.cumulative_sum(dt.asarray([1, 2]), dtype=dt.float64).dtype is dt.float64
    assert dt.cumulative_sum(dt.ones(3, dtype=dt.bfloat16)).dtype is dt.bfloat16


def test_complex_numbers_add_up() -> None:
    x = np.asarray([1 + 1j, 2j, -1])
    close(dt.cumulative_sum(dt.asarray(x)), np.cumsum(x))
    close(dt.cumulative_prod(dt.asarray(x)), np.cumprod(x))


def differences(f: Any, x: np.ndarray) -> np.ndarray:
    """The gradient of f by differences around x."""
    found = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[at] = 1e-6
        found[at] = (f(dt.asarray(x + step)).item() - f(dt.asarray(x - step)).item()) / 2e-6
    return found


@pytest.mark.parametrize("zeros", [(), (2,), (0, 3), (1, 2, 4)])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_product_has_derivatives_at_zeros(zeros: tuple[int, ...], reverse: bool) -> None:
    x = np.asarray([1.5, -2.0, 0.5, 3.0, -1.0])
    x[list(zeros)] = 0
    w = dt.asarray([1.0, 2.0, -3.0, 4.0, 0.5], dtype=dt.float64)

    def f(a: Any) -> Any:
        return dt.sum(dt.cumulative_prod(a, reverse=reverse) * w)

    ours = dt.asarray(x)
    np.testing.assert_allclose(np.asarray(dt.grad(f)(ours)), differences(f, x), atol=1e-6)
    hessian = np.asarray(dt.hessian(f)(ours))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    row = differences(lambda a: dt.grad(f)(a)[1], x)
    np.testing.assert_allclose(hessian[1], row, atol=1e-6)


def test_the_first_of_equal_extremes_has_the_gradient() -> None:
    x, w = dt.asarray([1.0, 3.0, 3.0, 2.0]), dt.asarray([1.0, 10.0, 100.0, 1000.0])
    assert dt.grad(lambda a: dt.sum(dt.cummax(a) * w))(x).tolist() == [1.0, 1110.0, 0.0, 0.0]
    back = dt.grad(lambda a: dt.sum(dt.cummax(a, reverse=True) * w))(x)
    assert back.tolist() == [0.0, 0.0, 111.0, 1000.0]
    nan = dt.asarray([1.0, dt.nan, 3.0, dt.nan])
    assert dt.grad(lambda a: dt.sum(dt.cummin(a) * w))(nan).tolist() == [1.0, 1110.0, 0.0, 0.0]


def test_logcumsumexp_neither_overflows_nor_loses() -> None:
    x = np.asarray([-1e4, 1e4, 0.0, 1e4, -np.inf])
    found = np.asarray(dt.logcumsumexp(dt.asarray(x)))
    np.testing.assert_allclose(found, np.logaddexp.accumulate(x))
    small = np.random.default_rng(0).normal(size=200)
    exact = np.log(np.cumsum(np.exp(small)))
    np.testing.assert_allclose(np.asarray(dt.logcumsumexp(dt.asarray(small))), exact, rtol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
def test_logcumsumexp_has_finite_gradients_at_extreme_values(reverse: bool) -> None:
    w = dt.asarray([1.0, 0.0, -3.0, 4.0, 0.5], dtype=dt.float64)

    def f(a: Any) -> Any:
        return dt.sum(dt.logcumsumexp(a, reverse=reverse) * w)

    x = np.asarray([0.5, 1.0, -2.0, 3.0, 0.0])
    np.testing.assert_allclose(np.asarray(dt.grad(f)(dt.asarray(x))), differences(f, x), atol=1e-7)
    far = dt.asarray([-1e4, 1e4, -dt.inf, 0.0, 900.0], dtype=dt.float64)
    found = np.asarray(dt.grad(f)(far))
    assert np.isfinite(found).all()
    assert found[2] == 0


@pytest.mark.parametrize(
    "name", ["cumulative_sum", "cumulative_prod", "cummax", "cummin", "logcumsumexp"]
)
def test_axes_must_exist_and_be_named(name: str) -> None:
    function = getattr(dt, name)
    with pytest.raises(OpError, match=f"{name}: .* has 2 axes; say which one with axis="):
        function(dt.ones((2, 3)))
    with pytest.raises(IndexError, match=f"{name}: axis 2 is out of range"):
        function(dt.ones((2, 3)), axis=2)
