"""dt.fft against numpy: values, cutting and filling, norms, gradients, batches and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail import batching
from dovetail.errors import OpError
from dovetail.op import FUNCTIONS, REGISTRY, Spec, iterate
from dovetail.testing import samples_of
from dovetail.testing.device_check import arrays_of
from dovetail.testing.gradient_check import check_derivative

NORMS = ["backward", "ortho", "forward"]
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fftn", "ifftn", "rfftn", "irfftn"]
REAL = {"rfft", "rfftn", "ihfft"}


def drawn(shape: tuple[int, ...], name: str, wide: bool = True, seed: int = 0) -> np.ndarray:
    """An operand for the function: complex unless it takes real ones only."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, shape)
    if name not in REAL:
        x = x + 1j * random.uniform(-1, 1, shape)
    if wide:
        return x
    return x.astype(np.float32 if name in REAL else np.complex64)


def close(got: Any, want: Any) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    unit = 1e-6 if got.dtype in (np.float32, np.complex64) else 1e-14
    np.testing.assert_allclose(got, want, rtol=0, atol=8 * unit * (1 + np.abs(want).max(initial=0)))


shapes = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(ONE),
    shapes,
    st.none() | st.integers(1, 12),
    st.integers(0, 2),
    st.sampled_from(NORMS),
)
def test_transforms_along_one_axis_agree_with_numpy(
    name: str, shape: tuple[int, ...], n: int | None, axis: int, norm: str
) -> None:
    axis = axis % len(shape)
    x = drawn(shape, name, wide=len(shape) != 2)
    if n is None and name in ("irfft", "hfft") and shape[axis] == 1:
        n = 1
    ours, theirs = getattr(dt.fft, name), getattr(np.fft, name)
    close(ours(dt.asarray(x), n=n, axis=axis, norm=norm), theirs(x, n=n, axis=axis, norm=norm))


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(MANY), shapes, st.sampled_from(NORMS), st.booleans(), st.data())
def test_transforms_over_many_axes_agree_with_numpy(
    name: str, shape: tuple[int, ...], norm: str, wide: bool, data: st.DataObject
) -> None:
    x = drawn(shape, name, wide)
    axes = data.draw(
        st.none() | st.lists(st.sampled_from(range(len(shape))), min_size=1, unique=True).map(tuple)
    )
    s = None
    if axes is not None:
        extents = st.lists(st.integers(1, 9), min_size=len(axes), max_size=len(axes))
        s = data.draw(st.none() | extents.map(tuple))
    if name == "irfftn" and s is None:
        last = len(shape) - 1 if axes is None else axes[-1]
        if shape[last] == 1:
            return  # its result would have no elements
    ours, theirs = getattr(dt.fft, name), getattr(np.fft, name)
    close(ours(dt.asarray(x), s=s, axes=axes, norm=norm), theirs(x, s=s, axes=axes, norm=norm))


@pytest.mark.parametrize("name", ["fft", "ifft", "irfft", "hfft", "fftn", "irfftn"])
def test_real_operands_count_as_complex(name: str) -> None:
    for kind in (np.float32, np.float64, np.int32):
        x = np.arange(6).reshape(2, 3).astype(kind)
        found = getattr(dt.fft, name)(dt.asarray(x))
        want = getattr(np.fft, name)(x if kind != np.int32 else x.astype(np.float32))
        close(found, want)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_frequencies_agree_with_numpy(n: int) -> None:
    for d in (1.0, 0.25):
        for name in ("fftfreq", "rfftfreq"):
            want = getattr(np.fft, name)(n, d)
            close(getattr(dt.fft, name)(n, d=d, dtype=dt.float64), want)
            assert getattr(dt.fft, name)(n, d=d).dtype is dt.float32
    x = np.arange(6 * n).reshape(2, n, 3)
    for name in ("fftshift", "ifftshift"):
        for axes in (None, 1, (0, 2)):
            found = getattr(dt.fft, name)(dt.asarray(x), axes=axes)
            assert found.tolist() == getattr(np.fft, name)(x, axes=axes).tolist()


def test_the_namespace_has_the_names_of_the_standard() -> None:
    names = """fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift
        ifftshift"""
    assert sorted(names.split()) == dt.fft.__all__


# ---- transforms ----------------------------------------------------------------------------------

CASES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **{
        f"{name} {norm} {n}": (
            name,
            lambda x, f=name, norm=norm, n=n: getattr(dt.fft, f)(x, n=n, axis=1, norm=norm),
        )
        for name in ONE
        for norm in NORMS
        for n in (3, 4, 6, 9)
    },
    **{
        f"{name} {norm}": (name, lambda x, f=name, norm=norm: getattr(dt.fft, f)(x, norm=norm))
        for name in MANY
        for norm in NORMS
    },
}


@pytest.mark.parametrize(("name", "function"), CASES.values(), ids=CASES.keys())
def test_gradients_agree_with_differences(name: str, function: Callable[[Any], Any]) -> None:
    check_derivative(function, [dt.asarray(drawn((2, 6), name))], (0,), name)


def test_gradients_reach_real_operands_of_complex_transforms() -> None:
    x = dt.asarray(drawn((2, 6), "rfft"))
    for function in (dt.fft.fft, dt.fft.ifftn, dt.fft.irfft):
        check_derivative(function, [x], (0,), function)
    slope = dt.grad(lambda a: dt.sum(dt.abs(dt.fft.fft(a)) ** 2))(x)
    close(slope, 2 * 6 * np.asarray(x))  # Parseval


@pytest.mark.parametrize("name", ONE + MANY)
def test_compiled_and_mapped_agree_with_eager(name: str) -> None:
    function = getattr(dt.fft, name)
    x = drawn((3, 2, 5), name)
    want = np.asarray(function(dt.asarray(x)))
    close(dt.jit(function)(dt.asarray(x)), want)
    rows = [np.asarray(function(dt.asarray(row))) for row in x]
    close(dt.vmap(function)(dt.asarray(x)), np.stack(rows))
    turned = dt.vmap(function, in_axes=1)(dt.asarray(x.swapaxes(0, 1)))
    close(turned, np.stack(rows))


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft"])
def test_batching_rules_agree_with_a_loop(name: str) -> None:
    op, function = REGISTRY[name], FUNCTIONS[name]
    for case in samples_of(op):
        (x,) = arrays_of(case)
        whole = op.canonical(Spec(x.shape, x.dtype), **{**op.attributes, **case.attributes})
        many = x * dt.astype(dt.reshape(dt.asarray([1.0, 2.0, -0.5]), (3, *(1,) * x.ndim)), x.dtype)
        got = iterate(op.batching(function, 3, (True,), many, **whole))
        want = iterate(batching.loop(function, 3, (True,), many, **whole))
        for a, b in zip(got, want, strict=True):
            close(a, b)


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dt.fft.fft(dt.ones(4), norm="none"), "^fft: norm='none' is not known; use"),
        (lambda: dt.fft.fft(dt.ones(4), axis=1), "^fft: axis 1 is out of range"),
        (lambda: dt.fft.fft(dt.ones(4), n=0), "^fft: 0 elements along axis 0; .* one at least"),
        (lambda: dt.fft.fft(dt.ones(4), n=1.5), "^fft: n=.* must be an integer"),
        (lambda: dt.fft.fft(dt.ones(())), "^fft: axis -1 is out of range"),
        (lambda: dt.fft.ifft(dt.ones((2, 0))), "^ifft: 0 elements along axis 1"),
        (lambda: dt.fft.rfft(dt.ones(4) * 1j), "^rfft: x is complex64.4.; .* or use fft"),
        (lambda: dt.fft.irfft(dt.ones(1)), "^irfft: 0 elements along axis 0 of the result"),
        (lambda: dt.fft.fftn(dt.ones((2, 2)), s=(2,)), "^fftn: s=.2,. without axes; .* axes=.-1,."),
        (lambda: dt.fft.fftn(dt.ones((2, 2)), axes=(0, 0)), "^fftn: axes=.* names an axis twice"),
        (lambda: dt.fft.ifftn(dt.ones((2, 2)), s=(2,), axes=(0, 1)), "have different lengths"),
        (lambda: dt.fft.rfftn(dt.ones(())), "^rfftn: it needs one axis at least"),
        (lambda: dt.fft.fftfreq(0), "^fftfreq: n=0 must be 1 or more"),
        (lambda: dt.fft.rfftfreq(4, dtype=dt.int32), "^rfftfreq: dtype=int32 holds no frequencies"),
        (lambda: dt.ops.irfft(dt.ones(3) * 1j, 9), "^irfft: size=9 needs 5 elements along axis 0"),
        (lambda: dt.ops.fft(dt.ones(3) * 1j, axes=(2,)), "^fft: axis 2 is out of range"),
        (lambda: dt.ops.rfft(dt.ones(3), axes=()), "^rfft: axes=.* is empty"),
        (lambda: dt.fft.fft([1.0]), "^fft: an operand is a list; make it an array"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()
