"""Normalisations: against plain numpy, running statistics, gradients, 16-bit floats."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

EPSILON = 1e-5


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(2.0, 3.0, size=shape)


def standard(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON)


def along(line: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    return line.reshape([-1 if d == axis else 1 for d in range(ndim)])


def grouped(x: np.ndarray, groups: int, axis: int) -> np.ndarray:
    first = np.moveaxis(x, axis, 1)
    split = first.reshape(x.shape[0], groups, -1)
    return np.moveaxis(standard(split, (2,)).reshape(first.shape), 1, axis)


LAYERS: dict[str, tuple[Any, Any]] = {
    "batch": (
        lambda x, s, b, axis: dt.nn.batch_norm(
            x, dt.zeros(6), dt.ones(6), s, b, training=True, axis=axis
        )[0],
        lambda x, axis: standard(x, tuple(d for d in range(x.ndim) if d != axis % x.ndim)),
    ),
    "instance": (
        lambda x, s, b, axis: dt.nn.instance_norm(x, s, b, axis=axis),
        lambda x, axis: standard(x, tuple(d for d in range(1, x.ndim) if d != axis % x.ndim)),
    ),
    "group": (
        lambda x, s, b, axis: dt.nn.group_norm(x, 3, s, b, axis=axis),
        lambda x, axis: grouped(x, 3, axis),
    ),
}


@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("traced", [False, True])
def test_normalisations_are_those_of_numpy(name: str, axis: int, traced: bool) -> None:
    layer, plain = LAYERS[name]
    shape = (4, 5, 3, 6) if axis == -1 else (4, 6, 5, 3)
    x, scale, bias = draw(*shape), draw(6, seed=1), draw(6, seed=2)
    wrap = dt.jit if traced else (lambda f: f)
    run = wrap(lambda x, s, b: layer(x, s, b, axis))
    at = axis % 4
    want = plain(x, axis) * along(scale, at, 4) + along(bias, at, 4)
    arrays = [dt.asarray(a) for a in (x, scale, bias)]
    np.testing.assert_allclose(np.asarray(run(*arrays)), want, rtol=1e-10, atol=1e-11)
    check_derivative(run, arrays, (0, 1, 2), name)
    bare = layer(arrays[0], None, None, axis)
    np.testing.assert_allclose(np.asarray(bare), plain(x, axis), rtol=1e-10, atol=1e-11)
    narrow = layer(dt.astype(arrays[0], dt.bfloat16), None, None, axis)
    assert narrow.dtype is dt.bfloat16
    exact = plain(np.asarray(dt.astype(dt.astype(arrays[0], dt.bfloat16), dt.float64)), axis)
    wide = np.asarray(dt.astype(narrow, dt.float64))
    np.testing.assert_allclose(wide, exact, rtol=2.0**-8, atol=1e-5)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_second_derivatives(name: str) -> None:
    layer, _ = LAYERS[name]
    arrays = [dt.asarray(a) for a in (draw(3, 2, 6), draw(6, seed=1), draw(6, seed=2))]
    slopes = dt.grad(lambda x, s, b: dt.sum(layer(x, s, b, -1) ** 3), argnums=(0, 1, 2))
    check_derivative(slopes, arrays, (0, 1, 2), name, tolerance=2e-5)


def test_a_large_mean_costs_no_digits() -> None:
    x = dt.asarray(1e4 + draw(64, 3), dtype=dt.float32)
    exact = standard(np.asarray(x).astype(np.float64), (0,))
    y, _, _ = dt.nn.batch_norm(x, dt.zeros(3), dt.ones(3), training=True)
    np.testing.assert_allclose(np.asarray(y), exact, atol=2e-3)


def test_running_statistics_move_towards_the_batch() -> None:
    x, mean, variance = draw(7, 5, 3), draw(3, seed=1), np.abs(draw(3, seed=2))
    arrays = [dt.asarray(a) for a in (x, mean, variance)]
    _, new_mean, new_variance = dt.nn.batch_norm(*arrays, training=True, momentum=0.25)
    here, spread = x.mean(axis=(0, 1)), x.var(axis=(0, 1), ddof=1)
    np.testing.assert_allclose(np.asarray(new_mean), 0.75 * mean + 0.25 * here, rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(new_variance), 0.75 * variance + 0.25 * spread, rtol=1e-12
    )
    np.testing.assert_array_equal(np.asarray(arrays[1]), mean)  # nothing changed in place
    flow = dt.grad(lambda x: dt.sum(dt.nn.batch_norm(x, *arrays[1:], training=True)[1]))
    assert not np.asarray(flow(arrays[0])).any()


def test_in_use_the_running_statistics_normalise() -> None:
    x, mean, variance = draw(7, 5, 3), draw(3, seed=1), np.abs(draw(3, seed=2))
    scale, bias = draw(3, seed=3), draw(3, seed=4)
    arrays = [dt.asarray(a) for a in (x, mean, variance, scale, bias)]
    want = (x - mean) / np.sqrt(variance + EPSILON) * scale + bias
    got = dt.nn.batch_norm(*arrays)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
    check_derivative(dt.nn.batch_norm, arrays, (0, 1, 2, 3, 4), "batch_norm in use")


def test_root_mean_square() -> None:
    x, scale = draw(4, 5, 6), draw(6, seed=1)
    want = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6) * scale
    got = dt.nn.rms_norm(dt.asarray(x), dt.asarray(scale))
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
    check_derivative(dt.nn.rms_norm, (dt.asarray(x), dt.asarray(scale)), (0, 1), "rms_norm")
    zero = dt.grad(lambda x: dt.sum(dt.nn.rms_norm(x)))(dt.zeros(3))
    assert np.isfinite(np.asarray(zero)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.batch_norm(x, dt.zeros(3), dt.ones(6)), "mean is"),
        (lambda x: dt.nn.batch_norm(x, dt.zeros(6), dt.ones(6), dt.ones(2)), "scale is"),
        (lambda x: dt.nn.batch_norm(x, dt.zeros(6), dt.ones(6), axis=3), "axis 3"),
        (lambda x: dt.nn.batch_norm(x, dt.zeros(6), dt.ones(6), momentum=2), "momentum"),
        (lambda x: dt.nn.batch_norm(x, dt.zeros(6), dt.ones(6), epsilon=0), "epsilon"),
        (lambda x: dt.nn.batch_norm(x[:0], dt.zeros(6), dt.ones(6), training=True), "of nothing"),
        (lambda x: dt.nn.batch_norm(x[0, 0], dt.zeros(6), dt.ones(6)), "at least 2 axes"),
        (lambda x: dt.nn.group_norm(x, 4), "divides the 6 channels"),
        (lambda x: dt.nn.group_norm(x, 2, axis=0), "axis 0 is the batch"),
        (lambda x: dt.nn.group_norm(dt.astype(x, dt.int64), 2), "floating"),
        (lambda x: dt.nn.instance_norm(x[0]), "at least 3 axes"),
        (lambda x: dt.nn.instance_norm(x, axis=0), "axis 0 is the batch"),
        (lambda x: dt.nn.rms_norm(x, dt.ones(5)), "scale is"),
        (lambda x: dt.nn.rms_norm(x, epsilon=-1.0), "epsilon"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.ones((4, 5, 6)))
