"""Variance, quantiles, counts, histograms and differences: against numpy, under every transform."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dovetail as dt
from dovetail.errors import OpError, TraceError

few = settings(max_examples=20, deadline=None)
METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]


@pytest.fixture(autouse=True)
def _numpy_is_quiet() -> Iterator[None]:
    """numpy warns of empty slices, of which the result is compared here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def floats(*, nan: bool = False, min_side: int = 0) -> st.SearchStrategy[np.ndarray]:
    """Arrays of few numbers, so that elements repeat."""
    numbers = [0.0, 1.0, -2.5, 3.25, 7.0] + [np.nan] * nan
    return st.sampled_from([np.float32, np.float64]).flatmap(
        lambda kind: hnp.arrays(
            kind,
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=min_side, max_side=5),
            elements=st.sampled_from(numbers),
        )
    )


def axes(ndim: int) -> st.SearchStrategy[Any]:
    one = st.integers(-ndim, ndim - 1) if ndim else st.none()
    several = st.sets(st.integers(0, ndim - 1), min_size=1).map(tuple) if ndim else st.none()
    return st.none() | one | several


def close(found: Any, wanted: Any) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)


def agree(call: Callable[[Any], Any], theirs: Callable[[Any], Any], x: np.ndarray) -> None:
    """Eager and compiled give what numpy gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = np.asarray(theirs(x)).astype(x.dtype)
    close(call(dt.asarray(x)), wanted)
    close(dt.jit(call)(dt.asarray(x)), wanted)


# ---- spread --------------------------------------------------------------------------------------


@few
@given(floats(nan=True), st.data(), st.booleans(), st.sampled_from([0, 1, 0.5]))
@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
def test_spread_agrees_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, keepdims: bool, correction: float
) -> None:
    axis = data.draw(axes(x.ndim))
    count = np.prod([x.shape[d] for d in np.atleast_1d(range(x.ndim) if axis is None else axis)])
    if not name.startswith("nan") and count <= correction:
        wanted = np.full_like(np.sum(x, axis=axis, keepdims=keepdims), np.nan)
    else:
        wanted = getattr(np, name)(x, axis=axis, ddof=correction, keepdims=keepdims)
    agree(
        lambda a: getattr(dt, name)(a, axis=axis, correction=correction, keepdims=keepdims),
        lambda _: wanted,
        x,
    )


def test_spread_of_integers_halves_and_complex_numbers() -> None:
    assert dt.var(dt.asarray([1, 3])).dtype is dt.float32
    narrow = dt.var(dt.asarray([300.0, 900.0], dtype=dt.float16))
    assert narrow.dtype is dt.float16
    assert dt.std(dt.asarray([300.0, 900.0], dtype=dt.float16)).item() == 300.0
    z = np.asarray([1 + 2j, 3 - 1j, 0.5j])
    assert dt.var(dt.asarray(z)).item() == pytest.approx(np.var(z))
    assert dt.std(dt.asarray(z)).dtype is dt.float64


def test_spread_differentiates_twice() -> None:
    x = dt.asarray([1.0, 4.0, 2.0], dtype=dt.float64)
    g = dt.grad(lambda a: dt.var(a, correction=1))(x)
    np.testing.assert_allclose(np.asarray(g), np.asarray(x) - 7 / 3, rtol=1e-12)
    second = np.asarray(dt.hessian(lambda a: dt.var(a, correction=1))(x))
    np.testing.assert_allclose(second, np.eye(3) - 1 / 3, atol=1e-12)


# ---- order ---------------------------------------------------------------------------------------


@few
@given(floats(nan=True, min_side=1), st.data(), st.booleans(), st.sampled_from(METHODS))
@pytest.mark.parametrize("name", ["quantile", "nanquantile", "percentile"])
def test_quantiles_agree_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, keepdims: bool, method: Any
) -> None:
    axis = data.draw(axes(x.ndim))
    shares = st.sampled_from([0.0, 0.125, 0.3, 0.5, 0.75, 1.0])
    q = data.draw(shares | st.lists(shares, min_size=1, max_size=3))
    q = np.asarray(q) * (100 if name == "percentile" else 1)
    agree(
        lambda a: getattr(dt, name)(a, q, axis=axis, keepdims=keepdims, method=method),
        lambda a: getattr(np, name)(
            a.astype(np.float64), q, axis=axis, keepdims=keepdims, method=method
        ),
        x,
    )


@few
@given(floats(nan=True, min_side=1), st.data(), st.booleans())
@pytest.mark.parametrize("name", ["median", "nanmedian"])
def test_medians_agree_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, keepdims: bool
) -> None:
    axis = data.draw(axes(x.ndim))
    agree(
        lambda a: getattr(dt, name)(a, axis=axis, keepdims=keepdims),
        lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims),
        x,
    )


def test_quantiles_of_nothing_are_nan() -> None:
    found = dt.quantile(dt.zeros((2, 0)), dt.asarray([0.1, 0.9]), axis=1)
    assert found.shape == (2, 2)
    assert np.isnan(np.asarray(found)).all()
    assert np.isnan(dt.median(dt.zeros(0)).item())


def test_shares_may_be_traced_and_examples_batched() -> None:
    x = np.random.default_rng(0).normal(size=(3, 9))
    q = np.asarray([0.2, 0.5])
    wanted = np.quantile(x, q, axis=1)
    close(dt.jit(lambda a, b: dt.quantile(a, b, axis=1))(dt.asarray(x), dt.asarray(q)), wanted)
    close(dt.vmap(lambda a: dt.quantile(a, dt.asarray(q)))(dt.asarray(x)), wanted.T)
    close(dt.vmap(lambda a: dt.nanmedian(a))(dt.asarray(x)), np.median(x, axis=1))


def test_infinities_have_quantiles() -> None:
    x = dt.asarray([dt.inf, dt.inf, -dt.inf, 1.0])
    assert dt.quantile(x, dt.asarray([0.0, 1.0])).tolist() == [-dt.inf, dt.inf]


def test_the_gradient_of_a_median_goes_to_the_middle() -> None:
    g = dt.grad(lambda a: dt.median(a))(dt.asarray([4.0, 1.0, 3.0, 2.0]))
    assert g.tolist() == [0.0, 0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dt.quantile(dt.ones(3), 1.5), "must lie between 0 and 1"),
        (lambda: dt.percentile(dt.ones(3), -1), "must lie between 0 and 100"),
        (lambda: dt.quantile(dt.ones(3), dt.ones((1, 1))), "give a number or one axis"),
        (lambda: dt.quantile(dt.ones(3), 0.5, method="best"), "use one of linear, lower"),
        (lambda: dt.median(dt.ones(3, dtype=dt.complex64)), "has no order"),
        (lambda: dt.var(dt.ones(3), axis=1), "var: axis 1 is out of range"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, words: str) -> None:
    with pytest.raises(OpError, match=words):
        call()


# ---- without NaN ---------------------------------------------------------------------------------


@few
@given(floats(nan=True, min_side=1), st.data(), st.booleans())
@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmax", "nanmin", "nanmean"])
def test_reductions_without_nan_agree_with_numpy(
    name: str, x: np.ndarray, data: st.DataObject, keepdims: bool
) -> None:
    axis = data.draw(axes(x.ndim))
    agree(
        lambda a: getattr(dt, name)(a, axis=axis, keepdims=keepdims),
        lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims),
        x,
    )


def test_gradients_pass_by_nan() -> None:
    x = dt.asarray([1.0, dt.nan, 3.0])
    for function in (dt.nansum, dt.nanmean, dt.nanvar, dt.nanmax):
        g = np.asarray(dt.grad(function)(x))
        assert np.isfinite(g).all()
        assert g[1] == 0


# ---- counts --------------------------------------------------------------------------------------


@few
@given(
    st.sampled_from(["bool", "int8", "float32", "complex64"]).flatmap(
        lambda kind: hnp.arrays(
            kind,
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            elements=st.sampled_from([0, 1]),
        )
    ),
    st.data(),
    st.booleans(),
)
def test_count_nonzero_agrees_with_numpy(
    x: np.ndarray, data: st.DataObject, keepdims: bool
) -> None:
    axis = data.draw(axes(x.ndim))
    wanted = np.asarray(np.count_nonzero(x, axis=axis, keepdims=keepdims))

    def call(a: Any) -> Any:
        return dt.count_nonzero(a, axis=axis, keepdims=keepdims)

    for function in (call, dt.jit(call)):
        close(function(dt.asarray(x)), wanted)
    assert dt.count_nonzero(dt.asarray([dt.nan, 0.0])).item() == 1


@few
@given(hnp.arrays(np.int64, st.integers(0, 9), elements=st.integers(0, 6)), st.integers(0, 9))
def test_bincount_agrees_with_numpy(x: np.ndarray, least: int) -> None:
    weights = np.arange(len(x)) * 0.5
    ours, w = dt.asarray(x), dt.asarray(weights)
    close(dt.bincount(ours, minlength=least), np.bincount(x, minlength=least))
    sums = np.bincount(x, weights, minlength=least).astype(np.float64)  # of nothing, integers
    close(dt.bincount(ours, w, minlength=least), sums)
    wanted = np.bincount(x, minlength=7)[:4]
    close(dt.bincount(ours, length=4), wanted)
    close(dt.jit(lambda a: dt.bincount(a, length=4))(ours), wanted)


def test_bincount_has_gradients_and_errors() -> None:
    x = dt.asarray([0, 2, 2])
    g = dt.grad(lambda w: dt.sum(dt.bincount(x, w, length=3) * dt.asarray([1.0, 5.0, 7.0])))
    assert g(dt.ones(3)).tolist() == [1.0, 7.0, 7.0]
    with pytest.raises(OpError, match="-1 is negative"):
        dt.bincount(dt.asarray([-1]))
    with pytest.raises(OpError, match="must hold integers"):
        dt.bincount(dt.ones(2))
    with pytest.raises(OpError, match="2 weights for 3 elements"):
        dt.bincount(x, dt.ones(2))
    with pytest.raises(TraceError, match="length="):
        dt.jit(dt.bincount)(x)


@few
@given(floats(min_side=1), st.sampled_from([1, 3, 10]), st.booleans(), st.booleans())
def test_histogram_agrees_with_numpy(
    x: np.ndarray, bins: int, density: bool, spanned: bool
) -> None:
    span = (-3.0, 4.0) if spanned else None
    counts, edges = np.histogram(x, bins, range=span, density=density)
    if density and not np.isfinite(counts).all():
        return

    def call(a: Any) -> Any:
        return dt.histogram(a, bins, range=span, density=density)

    for function in (call, dt.jit(call)):
        found = function(dt.asarray(x))
        close(found[1], edges.astype(x.dtype))
        np.testing.assert_allclose(np.asarray(found[0]), counts, rtol=1e-5)


def test_histogram_with_edges_weights_and_nan() -> None:
    x = dt.asarray([0.0, 1.0, 1.5, dt.nan, 2.0, 9.0, -1.0])
    counts, edges = dt.histogram(x, dt.asarray([0, 1, 2]))
    assert counts.tolist() == [1, 3]
    assert edges.tolist() == [0.0, 1.0, 2.0]
    sums, _ = dt.histogram(x, dt.asarray([0.0, 1.0, 2.0]), weights=dt.arange(7) * 1.0)
    assert sums.tolist() == [0.0, 7.0]
    assert dt.histogram(dt.asarray([1, 2, 2]), 2)[0].tolist() == [1, 2]
    assert dt.histogram(dt.zeros(0), 2)[1].tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: dt.histogram(x, 0), "must be at least 1"),
        (lambda x: dt.histogram(x, dt.ones(1)), "at least two edges"),
        (lambda x: dt.histogram(x, range=(2.0, 1.0)), "must rise"),
        (lambda x: dt.histogram(x, weights=dt.ones(2)), "2 weights for 3 elements"),
    ],
)
def test_histogram_says_what_is_wrong(call: Any, words: str) -> None:
    with pytest.raises(OpError, match=words):
        call(dt.ones(3))


# ---- differences ---------------------------------------------------------------------------------


@few
@given(
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, min_side=0, max_side=5)),
    st.data(),
    st.integers(0, 4),
    st.booleans(),
)
def test_diff_agrees_with_numpy(x: np.ndarray, data: st.DataObject, n: int, wider: bool) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    ends = ("prepend", "append") if wider else ()
    wanted = np.diff(np.concatenate([x, x, x], axis) if wider else x, n, axis)

    def call(a: Any) -> Any:
        return dt.diff(a, n=n, axis=axis, **dict.fromkeys(ends, a))

    for function in (call, dt.jit(call)):
        close(function(dt.asarray(x)), wanted)


def test_diff_of_bools_and_its_errors() -> None:
    assert dt.diff(dt.asarray([True, False, False])).tolist() == [True, False]
    with pytest.raises(OpError, match="must not be negative"):
        dt.diff(dt.ones(3), n=-1)
    with pytest.raises(IndexError, match="diff: axis 1 is out of range"):
        dt.diff(dt.ones(3), axis=1)
