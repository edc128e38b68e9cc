"""Gradients as a user takes them: nested, over containers, through compiled functions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import dovetail as dt


def close(x, expected, rtol=1e-6):
    np.testing.assert_allclose(np.asarray(x), expected, rtol=rtol, atol=1e-12)


def f64(values):
    return dt.asarray(np.asarray(values, np.float64))


def test_gradient_of_a_product():
    x, y = f64([1.0, 2.0]), f64([3.0, 5.0])
    gx, gy = dt.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, y)
    close(gx, [3.0, 5.0])
    close(gy, [1.0, 2.0])


def test_value_and_gradient_agree_with_grad():
    x = f64([0.1, 0.2])
    value, slope = dt.value_and_grad(lambda a: dt.exp(a).sum())(x)
    close(value, np.exp([0.1, 0.2]).sum())
    close(slope, np.exp([0.1, 0.2]))


def test_gradients_nest_to_the_fourth_order():
    f = lambda x: x * x * x * x * x  # noqa: E731
    expected = [32.0, 80.0, 160.0, 240.0, 240.0]
    x = f64(2.0)
    close(f(x), expected[0])
    for value in expected[1:]:
        f = dt.grad(f)
        close(f(x), value)


def test_perturbations_are_not_confused():
    # d/dx [x * d/dy (x + y)] = 1: the inner gradient must not see x as its variable.
    f = lambda x: x * dt.grad(lambda y: x + y)(f64(1.0))  # noqa: E731
    close(dt.grad(f)(f64(5.0)), 1.0)


def test_inner_gradient_depends_on_an_outer_variable():
    # d/dx [d/dy (x * y^2) at y = x] = d/dx 2x^2 = 4x
    f = lambda x: dt.grad(lambda y: x * y * y)(x)  # noqa: E731
    close(dt.grad(f)(f64(3.0)), 12.0)


def test_an_argument_used_twice_gets_both_parts():
    close(dt.grad(lambda x: x * x + 3.0 * x)(f64(2.0)), 7.0)


def test_unused_arguments_have_zero_gradient():
    gx, gy = dt.grad(lambda x, y: x.sum(), argnums=(0, 1))(f64([1.0]), f64([[2.0, 3.0]]))
    close(gx, [1.0])
    close(gy, [[0.0, 0.0]])


class Pair(NamedTuple):
    w: object
    b: object


@dataclass(frozen=True)
class Layer:
    w: object
    b: object
    name: object = None


@pytest.mark.parametrize(
    "make",
    [
        lambda w, b: (w, b),
        lambda w, b: [w, b],
        lambda w, b: {"w": w, "b": b},
        Pair,
        Layer,
        lambda w, b: {"layers": [(w, None), {"b": b}]},
    ],
)
def test_containers_keep_their_form(make):
    params = make(f64([1.0, 2.0]), f64(3.0))
    leaves, tree = dt.tree.flatten(params)
    grads = dt.grad(lambda p: sum((x * x).sum() for x in dt.tree.flatten(p)[0]))(params)
    found, same = dt.tree.flatten(grads)
    assert same == tree
    for x, g in zip(leaves, found, strict=True):
        close(g, 2 * np.asarray(x))


def test_auxiliary_values_pass_through():
    slope, aux = dt.grad(lambda x: (x * x, {"seen": x + 1.0}), has_aux=True)(f64(2.0))
    close(slope, 4.0)
    close(aux["seen"], 3.0)


def test_python_control_flow_follows_the_values():
    def f(x):
        while x < 10.0:
            x = x * 2.0
        return x if x > 11.0 else -x

    close(dt.grad(f)(f64(3.0)), 4.0)
    close(dt.grad(f)(f64(2.75)), -4.0)


def test_assignment_rebinds_and_is_differentiable():
    def f(x):
        y = x * 1.0
        y[1] = x[0] * 10.0
        return (y * y).sum()

    close(dt.grad(f)(f64([1.0, 2.0, 3.0])), [202.0, 0.0, 6.0])


def test_stop_gradient_is_a_constant():
    close(dt.grad(lambda x: x * dt.stop_gradient(x))(f64(3.0)), 3.0)


@pytest.mark.parametrize("order", ["grad(jit)", "jit(grad)", "jit(grad(jit))"])
def test_compilation_and_differentiation_compose(order):
    f = lambda x: (dt.tanh(x) * x).sum()  # noqa: E731
    x = f64([[0.5, -1.0], [2.0, 0.0]])
    plain = np.asarray(dt.grad(f)(x))
    wrapped = {
        "grad(jit)": lambda: dt.grad(dt.jit(f)),
        "jit(grad)": lambda: dt.jit(dt.grad(f)),
        "jit(grad(jit))": lambda: dt.jit(dt.grad(dt.jit(f))),
    }[order]()
    for _ in range(3):
        close(wrapped(x), plain)


def test_second_order_through_a_compiled_function():
    f = lambda x: (dt.tanh(x) * x).sum()  # noqa: E731
    hessian_diagonal = dt.grad(lambda x: dt.grad(dt.jit(f))(x).sum())
    x = f64([0.5, -1.0])
    close(hessian_diagonal(x), np.asarray(dt.grad(lambda x: dt.grad(f)(x).sum())(x)))


def test_a_compiled_function_that_closes_over_the_variable():
    # The trap of frameworks that bake captured arrays into the compiled function.
    def loss(w):
        inner = dt.jit(lambda z: z * w)
        return inner(f64(2.0)) * w

    for w in (3.0, 5.0):
        close(dt.grad(loss)(f64(w)), 4.0 * w)


def test_vjp_pulls_cotangents_back():
    y, pull = dt.vjp(lambda a, b: {"p": a * b, "q": a + b}, f64([1.0, 2.0]), f64([3.0, 4.0]))
    close(y["p"], [3.0, 8.0])
    ga, gb = pull({"p": f64([1.0, 0.0]), "q": f64([0.0, 1.0])})
    close(ga, [3.0, 1.0])
    close(gb, [1.0, 1.0])


def test_the_value_must_be_a_floating_scalar():
    with pytest.raises(dt.OpError, match=r"float64\[2\].*reduce it"):
        dt.grad(lambda x: x)(f64([1.0, 2.0]))
    with pytest.raises(dt.OpError, match="int64"):
        dt.grad(lambda x: dt.asarray(1))(f64(1.0))
    with pytest.raises(dt.OpError, match="returns str"):
        dt.grad(lambda x: "loss")(f64(1.0))


def test_integers_have_no_gradient():
    with pytest.raises(dt.OpError, match=r"int64.*argnums"):
        dt.grad(lambda x: (x * x).sum())(dt.asarray([1, 2]))


def test_argnums_out_of_range():
    with pytest.raises(dt.OpError, match="argnums=2"):
        dt.grad(lambda x: x, argnums=2)(f64(1.0))


def test_a_failing_function_leaves_no_tape_behind():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        dt.grad(broken)(f64(1.0))
    close(dt.grad(lambda x: x * x)(f64(4.0)), 8.0)


def test_gradients_in_two_threads_do_not_meet():
    g = dt.grad(lambda x: (x * x * x).sum())
    inputs = [f64(np.full(1000, float(i))) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for i, found in enumerate(pool.map(g, inputs)):
            close(found, np.full(1000, 3.0 * i * i))
