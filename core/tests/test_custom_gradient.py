"""custom_gradient: the pull is asked wherever a gradient is taken, and nowhere else."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError


def f64(values: Any) -> Any:
    return dt.asarray(values, dtype=dt.float64)


@dt.custom_gradient
def clipped(x: Any) -> Any:
    """The identity, whose gradient is kept in [-1, 1]."""
    return x, lambda g: dt.clip(g, -1.0, 1.0)


@dt.custom_gradient
def log1pexp(x: Any) -> Any:
    e = dt.exp(x)
    return dt.log1p(e), lambda g: g * (1 - 1 / (1 + e))


def test_the_value_is_the_functions_and_the_gradient_the_pulls() -> None:
    x = f64([0.5, -2.0])
    np.testing.assert_array_equal(np.asarray(clipped(x)), np.asarray(x))
    assert dt.grad(lambda x: (clipped(x) * f64([5.0, 0.25])).sum())(x).tolist() == [1.0, 0.25]
    assert dt.grad(log1pexp)(f64(1000.0)).item() == 1.0  # its own rule would give inf / inf


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    "second",
    [
        lambda f: dt.grad(dt.grad(f)),
        lambda f: dt.jit(dt.grad(dt.grad(f))),
        lambda f: dt.grad(dt.jit(dt.grad(f))),
        lambda f: dt.grad(dt.grad(dt.jit(f))),
        lambda f: lambda x: dt.vmap(dt.grad(dt.grad(f)))(x[None])[0],
        lambda f: dt.grad(lambda x: dt.vmap(dt.grad(f))(x[None])[0]),
        lambda f: lambda x: dt.jvp(dt.grad(f), (x,), (dt.ones_like(x),))[1],
    ],
)
def test_the_second_derivative_is_that_of_the_pull(second: Any) -> None:
    got = second(log1pexp)(f64(0.3)).item()
    assert got == pytest.approx(sigmoid(0.3) * (1 - sigmoid(0.3)), rel=1e-12)


def test_values_saved_for_the_pull_are_not_computed_again() -> None:
    graph = str(dt.jit(dt.value_and_grad(log1pexp)).explain(f64(0.3)))
    assert graph.count("= exp(") == 1


@dataclass
class Pair:
    a: Any
    b: Any


def test_containers_several_arguments_and_none() -> None:
    @dt.custom_gradient
    def f(p: Any, n: int, y: Any, how: str) -> Any:
        assert how == "sum"

        def pull(g: Any) -> Any:
            return Pair(g["u"] * 10, None), None, g["v"] * 100, None

        return {"u": p.a * n + y, "v": p.b.sum()}, pull

    def loss(p: Any, y: Any) -> Any:
        out = f(p, 2, y, "sum")
        return out["u"].sum() + 3 * out["v"]

    p, y = Pair(f64([1.0, 2.0]), f64([3.0, 4.0, 5.0])), f64(7.0)
    for run in (dt.value_and_grad(loss, argnums=(0, 1)), dt.jit(dt.value_and_grad(loss, (0, 1)))):
        value, (gp, gy) = run(p, y)
        assert value.item() == 20 + 3 * 12
        assert gp.a.tolist() == [10.0, 10.0]
        assert gp.b.tolist() == [0.0, 0.0, 0.0]
        assert gy.item() == 300.0


def test_what_it_closes_over_is_differentiated_as_usual() -> None:
    def loss(w: Any, x: Any) -> Any:
        @dt.custom_gradient
        def f(x: Any) -> Any:
            h = dt.sin(w)
            return x * h, lambda g: 7 * g * w

        return f(x) ** 2

    w, x = f64(0.4), f64(1.5)
    y = 1.5 * math.sin(0.4)
    want = (2 * y * 1.5 * math.cos(0.4), 2 * y * 7 * 0.4)
    for g in (dt.grad(loss, (0, 1)), dt.jit(dt.grad(loss, (0, 1))), dt.grad(dt.jit(loss), (0, 1))):
        assert [v.item() for v in g(w, x)] == pytest.approx(want, rel=1e-12)
    # The pull reads w as well, which second derivatives see.
    mixed = dt.grad(lambda w: dt.grad(loss, 1)(w, x))(w).item()
    assert mixed == pytest.approx(14 * 1.5 * (math.sin(0.4) + 0.4 * math.cos(0.4)), rel=1e-12)


def test_named_arguments_are_closed_over() -> None:
    @dt.custom_gradient
    def f(x: Any, *, w: Any) -> Any:
        return x * w, lambda g: 5 * g

    assert dt.grad(lambda w: f(f64(3.0), w=w))(f64(2.0)).item() == 3.0
    assert dt.grad(lambda x: f(x, w=f64(2.0)))(f64(3.0)).item() == 5.0


def test_integers_in_and_out() -> None:
    @dt.custom_gradient
    def pick(x: Any, i: Any) -> Any:
        return (dt.take(x, i), i + 1), lambda g: (2 * g[0] * dt.ones_like(x), None)

    x, i = f64([1.0, 2.0, 3.0]), dt.asarray(1)
    assert dt.grad(lambda x: pick(x, i)[0])(x).tolist() == [2.0, 2.0, 2.0]
    assert dt.jit(lambda x: pick(x, i)[1])(x).item() == 2


def test_examples_share_an_argument_and_its_gradient() -> None:
    @dt.custom_gradient
    def affine(x: Any, w: Any) -> Any:
        return x @ w, lambda g: (g @ w.T, 3 * x[:, None] * g)

    rng = np.random.default_rng(0)
    xs, w = f64(rng.normal(size=(5, 3))), f64(rng.normal(size=(3, 2)))

    def loss(w: Any) -> Any:
        return dt.sum(dt.vmap(affine, in_axes=(0, None))(xs, w) ** 2)

    want = 3 * np.asarray(dt.grad(lambda w: dt.sum((xs @ w) ** 2))(w))
    for g in (dt.grad(loss), dt.jit(dt.grad(loss)), dt.grad(dt.jit(loss))):
        np.testing.assert_allclose(np.asarray(g(w)), want, rtol=1e-12)
    each = dt.vmap(dt.grad(lambda x, w: dt.sum(affine(x, w)), argnums=1), in_axes=(0, None))(xs, w)
    want = 3 * np.asarray(xs)[:, :, None] * np.ones((5, 3, 2))
    np.testing.assert_allclose(np.asarray(each), want, rtol=1e-12)


def test_weights_that_examples_share_stay_matrices() -> None:
    @dt.custom_gradient
    def affine(x: Any, w: Any) -> Any:
        return x @ w, lambda g: (g @ w.T, None)

    def loss(x: Any, w: Any) -> Any:
        return dt.sum(affine(x, w) ** 2)

    rng = np.random.default_rng(0)
    xs, w = f64(rng.normal(size=(50, 3))), f64(rng.normal(size=(3, 2)))
    step = dt.jit(dt.vmap(dt.grad(loss), in_axes=(0, None)))
    np.testing.assert_allclose(np.asarray(step(xs, w)), 2 * np.asarray((xs @ w) @ w.T), rtol=1e-12)
    shapes = {
        tuple(v.shape for v in n.inputs)
        for n in step._find((xs, w), {}).graph.nodes
        if n.op.name == "matmul"
    }
    assert shapes == {((50, 3), (3, 2)), ((50, 2), (2, 3))}


def test_inside_a_loop() -> None:
    def total(x: Any) -> Any:
        return dt.scan(lambda c, v: (c + log1pexp(v) * c, None), f64(1.0), x)[0]

    xs = f64([0.1, -0.4, 0.3])
    want = dt.grad(lambda x: dt.prod(1 + dt.log1p(dt.exp(x))))(xs)
    for g in (dt.grad(total), dt.jit(dt.grad(total)), dt.grad(dt.jit(total))):
        np.testing.assert_allclose(np.asarray(g(xs)), np.asarray(want), rtol=1e-10)


def test_outside_gradients_it_is_just_called() -> None:
    @dt.custom_gradient
    def f(x: Any) -> Any:
        return (x if float(x) > 0 else -x), lambda g: g  # a choice on a concrete value

    assert f(f64(-2.0)).item() == 2.0
    with pytest.raises(dt.TraceError, match=r"test_custom_gradient\.py"):
        dt.grad(f)(f64(-2.0))


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: x, r"must return \(value, pull\).*returned Array"),
        (lambda x: (x, x), r"must return \(value, pull\)"),
        (lambda x: (x, lambda g: g[None]), r"pull gave float64\[1\] for argument 0.*float64\[\]"),
        (lambda x: (x, lambda g: dt.astype(g, dt.float32)), r"pull gave float32\[\]"),
        (lambda x: (x, lambda g: "g"), r"pull gave str"),
        (lambda x: ("x", lambda g: g), r"its value holds str"),
    ],
)
def test_what_does_not_fit_is_said(function: Any, says: str) -> None:
    with pytest.raises(OpError, match=says):
        dt.grad(dt.custom_gradient(function))(f64(1.0))


def test_one_gradient_per_argument_is_asked_for() -> None:
    f = dt.custom_gradient(lambda x, y: (x * y, lambda g: g))
    with pytest.raises(OpError, match=r"each of the 2 positional arguments .*not Array"):
        dt.grad(f)(f64(1.0), f64(2.0))
