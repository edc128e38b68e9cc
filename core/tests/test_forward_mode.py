"""jvp, linearize, Jacobians and Hessians against formulas and against reverse mode."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError


def f64(values: Any) -> Any:
    return dt.asarray(values, dtype=dt.float64)


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-10, atol=1e-12)


RNG = np.random.default_rng(5)
A = f64(RNG.normal(size=(3, 4)))


def curve(x: Any) -> Any:
    return dt.sin(A @ x) * dt.sum(x * x)


X, V = f64(RNG.normal(size=4)), f64(RNG.normal(size=4))


def jacobian_on_paper() -> np.ndarray[Any, Any]:
    a, x = np.asarray(A), np.asarray(X)
    return np.cos(a @ x)[:, None] * a * (x @ x) + np.sin(a @ x)[:, None] * 2 * x


@pytest.mark.parametrize("wrap", [lambda f: f, dt.jit], ids=["eager", "compiled"])
def test_a_direction_is_the_jacobian_times_it(wrap: Any) -> None:
    y, dy = wrap(lambda x, v: dt.jvp(curve, (x,), (v,)))(X, V)
    close(y, curve(X))
    close(dy, jacobian_on_paper() @ np.asarray(V))


def test_a_linearized_function_is_linear_and_runs_the_function_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return curve(x)

    y, push = dt.linearize(f, X)
    close(y, curve(X))
    close(push(V + 2 * X), push(V) + 2 * push(X))
    close(push(V), jacobian_on_paper() @ np.asarray(V))
    assert len(calls) == 1


def test_containers_integers_and_none() -> None:
    def f(p: Any, i: Any, n: int) -> Any:
        return {"y": p["a"][i] * p["b"], "i": i + n}

    primals = ({"a": f64([2.0, 3.0]), "b": f64(5.0)}, dt.asarray(1), 4)
    y, dy = dt.jvp(f, primals, ({"a": f64([10.0, 1.0]), "b": None}, None, None))
    assert y["y"].item() == 15.0
    assert dy["y"].item() == 5.0
    assert y["i"].item() == 5
    assert dy["i"].item() == 0
    assert dy["i"].dtype is y["i"].dtype
    assert dt.jvp(f, primals, (None, None, None))[1]["y"].item() == 0.0


def test_what_does_not_move_has_no_derivative() -> None:
    assert dt.jvp(lambda x: f64(3.0), (X,), (V,))[1].item() == 0.0
    assert dt.jvp(lambda x: (x, x * 0 + 1), (X,), (V,))[1][1].tolist() == [0.0] * 4


def test_nothing_that_moves_at_all() -> None:
    y, dy = dt.jvp(lambda x: dt.argmax(x), (X,), (V,))
    assert (y.item(), dy.item()) == (dt.argmax(X).item(), 0)
    y, dy = dt.jvp(lambda i: i + 1, (dt.asarray(1),), (None,))
    assert (y.item(), dy.item()) == (2, 0)
    y, dy = dt.jvp(lambda i, x: i * x, (dt.asarray(2), 3.0), (None, 1.0))
    assert (y.item(), dy.item()) == (6.0, 2.0)


def test_forward_over_forward() -> None:
    def first(x: Any) -> Any:
        return dt.jvp(dt.sin, (x,), (dt.ones_like(x),))[1]

    close(dt.jvp(first, (X,), (V,))[1], -np.sin(np.asarray(X)) * np.asarray(V))


@pytest.mark.parametrize(
    ("tangents", "says"),
    [
        ((V, V), r"2 tangents for 1 arguments"),
        ((V[:2],), r"a tangent is float64\[2\] where the argument is float64\[4\]"),
        ((dt.astype(V, dt.float32),), r"a tangent is float32\[4\]"),
        (("v",), r"a tangent is str"),
    ],
)
def test_a_tangent_that_does_not_fit_is_refused(tangents: Any, says: str) -> None:
    with pytest.raises(OpError, match=says):
        dt.jvp(curve, (X,), tangents)


def test_a_tangent_of_an_integer_is_refused() -> None:
    with pytest.raises(OpError, match=r"int64\[\], which cannot move; its tangent is None"):
        dt.jvp(lambda i: i, (dt.asarray(1),), (dt.asarray(1),))


# ---- matrices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("jacobian", [dt.jacrev, dt.jacfwd], ids=["reverse", "forward"])
def test_jacobians(jacobian: Any) -> None:
    for f in (jacobian(curve), dt.jit(jacobian(curve)), jacobian(dt.jit(curve))):
        close(f(X), jacobian_on_paper())
    each = dt.vmap(jacobian(curve))(dt.stack([X, V]))
    close(each[0], jacobian_on_paper())


@pytest.mark.parametrize("jacobian", [dt.jacrev, dt.jacfwd], ids=["reverse", "forward"])
def test_jacobians_of_containers(jacobian: Any) -> None:
    def f(p: Any, s: Any, k: int) -> Any:
        return {"m": dt.stack([p["x"], p["x"] * s]), "t": (dt.sum(p["x"]) * p["w"] ** k,)}

    p, s = {"x": f64([1.0, 2.0, 3.0]), "w": f64(0.5)}, f64(4.0)
    dp, ds = jacobian(f, argnums=(0, 1))(p, s, 2)["m"]
    close(dp["x"], np.stack([np.eye(3), 4 * np.eye(3)]))
    close(dp["w"], np.zeros((2, 3)))
    close(ds, [[0, 0, 0], [1, 2, 3]])
    dp, ds = jacobian(f, argnums=(0, 1))(p, s, 2)["t"][0]
    close(dp["x"], [0.25] * 3)
    close(dp["w"], 6.0)
    close(ds, 0.0)
    close(jacobian(f, argnums=1)(p, s, 2)["m"], [[0, 0, 0], [1, 2, 3]])


def test_hessians_and_their_products() -> None:
    def loss(x: Any) -> Any:
        return dt.sum(curve(x) ** 2) + dt.prod(x)

    h = dt.hessian(loss)(X)
    close(h, h.T)
    close(h @ V, dt.jvp(dt.grad(loss), (X,), (V,))[1])
    close(dt.hvp(loss, X)(V), h @ V)
    close(dt.jit(dt.hessian(loss))(X), h)
    close(dt.jit(lambda x, v: dt.hvp(loss, x)(v))(X, V), h @ V)
    close(dt.jacfwd(dt.grad(loss))(X), h)


def test_hessian_products_of_several_arguments() -> None:
    def loss(p: Any, q: Any) -> Any:
        return dt.sum(p["a"] * q) ** 2

    p, q = {"a": f64([1.0, 2.0])}, f64([3.0, -1.0])
    dp, dq = dt.hvp(loss, p, q)({"a": f64([1.0, 0.0])}, f64([0.0, 2.0]))
    step = 1e-6
    both = dt.grad(loss, argnums=(0, 1))

    def moved(k: float) -> Any:
        return both({"a": p["a"] + f64([k, 0.0])}, q + f64([0.0, 2 * k]))

    up, down = moved(step), moved(-step)
    np.testing.assert_allclose(dp["a"], (up[0]["a"] - down[0]["a"]) / (2 * step), rtol=1e-7)
    np.testing.assert_allclose(dq, (up[1] - down[1]) / (2 * step), rtol=1e-7)


def test_the_walks_of_a_jacobian_are_one() -> None:
    from dovetail.trace import trace

    def nodes(n: int) -> int:
        w = f64(np.ones((n, 4)))
        return len(trace(dt.jacrev(lambda x: dt.tanh(w @ x)), (X,)).graph.nodes)

    assert nodes(3) == nodes(30)
