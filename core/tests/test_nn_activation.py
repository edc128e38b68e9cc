"""Activations against their formulas in numpy, with gradients of both orders and at the ends."""

import math
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

X = np.random.default_rng(0).normal(0.0, 3.0, size=(7, 6))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


FORMULAS: dict[str, tuple[Any, Any]] = {
    "elu": (dt.nn.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
    "elu of alpha": (lambda x: dt.nn.elu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * np.expm1(x))),
    "celu": (lambda x: dt.nn.celu(x, 2.0), lambda x: np.where(x > 0, x, 2 * np.expm1(x / 2))),
    "selu": (
        dt.nn.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    ),
    "leaky_relu": (dt.nn.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    "hardtanh": (lambda x: dt.nn.hardtanh(x, -2.0, 1.5), lambda x: np.clip(x, -2, 1.5)),
    "relu6": (dt.nn.relu6, lambda x: np.clip(x, 0, 6)),
    "hardsigmoid": (dt.nn.hardsigmoid, lambda x: np.clip(x + 3, 0, 6) / 6),
    "hardswish": (dt.nn.hardswish, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "mish": (dt.nn.mish, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "softsign": (dt.nn.softsign, lambda x: x / (1 + np.abs(x))),
    "log_sigmoid": (dt.nn.log_sigmoid, lambda x: -np.log1p(np.exp(-x))),
    "softmin": (dt.nn.softmin, lambda x: np.exp(-x) / np.exp(-x).sum(axis=-1, keepdims=True)),
    "glu": (dt.nn.glu, lambda x: x[:, :3] * sigmoid(x[:, 3:])),
    "glu of axis": (lambda x: dt.nn.glu(x[:6], axis=0), lambda x: x[:3] * sigmoid(x[3:6])),
    "swiglu": (dt.nn.swiglu, lambda x: x[:, :3] * sigmoid(x[:, :3]) * x[:, 3:]),
    "geglu": (dt.nn.geglu, lambda x: gelu(x[:, :3]) * x[:, 3:]),
}


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_values_and_both_derivatives(name: str) -> None:
    function, formula = FORMULAS[name]
    x = dt.asarray(X)
    np.testing.assert_allclose(np.asarray(function(x)), formula(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(np.asarray(dt.jit(function)(x)), formula(X), rtol=1e-12, atol=1e-13)
    check_derivative(function, (x,), (0,), name)
    slope = dt.grad(lambda x: dt.sum(function(x) ** 2))
    check_derivative(slope, (x,), (0,), f"slope of {name}", tolerance=2e-5)


@pytest.mark.parametrize("name", ["elu", "celu", "selu", "mish", "log_sigmoid", "softsign"])
def test_far_out_nothing_overflows(name: str) -> None:
    function, _ = FORMULAS[name]
    x = dt.asarray([-1e4, -200.0, 0.0, 200.0, 1e4])
    assert np.isfinite(np.asarray(function(x))).all()
    assert np.isfinite(np.asarray(dt.grad(lambda x: dt.sum(function(x)))(x))).all()


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["elu", "mish", "glu", "hardswish"])
def test_16_bit_floats_stay_what_they_are(name: str, kind: Any) -> None:
    x = dt.asarray(X, dtype=kind)
    y = FORMULAS[name][0](x)
    assert y.dtype is kind
    exact = FORMULAS[name][1](np.asarray(dt.astype(x, dt.float64)))
    unit = 2.0**-7 if kind is dt.bfloat16 else 2.0**-10
    np.testing.assert_allclose(
        np.asarray(dt.astype(y, dt.float64)), exact, rtol=2 * unit, atol=unit
    )


@pytest.mark.parametrize("slope", [np.array(0.25), np.array([0.25]), np.linspace(-1, 1, 6)])
def test_prelu_learns_one_slope_or_many(slope: np.ndarray) -> None:
    arrays = dt.asarray(X), dt.asarray(slope)
    np.testing.assert_allclose(np.asarray(dt.nn.prelu(*arrays)), np.where(X > 0, X, X * slope))
    check_derivative(dt.nn.prelu, arrays, (0, 1), "prelu")
    if slope.size > 1:
        turned = dt.nn.prelu(dt.asarray(X.T), arrays[1], axis=0)
        np.testing.assert_allclose(np.asarray(turned), np.where(X > 0, X, X * slope).T)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.elu(dt.astype(x, dt.int64)), "floating"),
        (lambda x: dt.nn.elu(x, "a"), "alpha"),
        (lambda x: dt.nn.celu(x, 0.0), "alpha must not be 0"),
        (lambda x: dt.nn.leaky_relu(x, float("nan")), "slope"),
        (lambda x: dt.nn.hardtanh(x, 1.0, 1.0), "below"),
        (lambda x: dt.nn.glu(x, axis=0), "halves"),
        (lambda x: dt.nn.swiglu(x, axis=5), "axis 5"),
        (lambda x: dt.nn.prelu(x, dt.ones(5)), "6 channels"),
        (lambda x: dt.nn.prelu(x, dt.ones((1, 6))), "one for each channel"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.asarray(X))
