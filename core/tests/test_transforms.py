"""Transforms of transforms: any of them, in any order, three deep, against derivatives on paper."""

import doctest
import importlib
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt

Derivatives = Callable[[int, float], float]
"""``d(n, x)``: the n-th derivative at x, as gradients see it."""

W = 1.3


def base(x: Any) -> Any:
    """A function of a scalar that closes over an array."""
    w = dt.asarray(W, dtype=dt.float64)
    return dt.sin(x * w)


def on_paper(n: int, x: float) -> float:
    return W**n * math.sin(W * x + n * math.pi / 2)


def jit(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    return dt.jit(f), d


def grad(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    return dt.grad(f), lambda n, x: d(n + 1, x)


def value_and_grad(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def both(x: Any) -> Any:
        y, g = dt.value_and_grad(f)(x)
        return y + 0.5 * g

    return both, lambda n, x: d(n, x) + 0.5 * d(n + 1, x)


def vjp(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def pulled(x: Any) -> Any:
        y, pull = dt.vjp(f, x)
        return y - pull(y * 2)[0]

    def derivatives(n: int, x: float) -> float:
        # The derivatives of y - 2 y y', by the rule of Leibniz.
        terms = (math.comb(n, k) * d(k, x) * d(n - k + 1, x) for k in range(n + 1))
        return d(n, x) - 2 * sum(terms)

    return pulled, derivatives


def jvp(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def pushed(x: Any) -> Any:
        y, dy = dt.jvp(f, (x,), (dt.full_like(x, 3.0),))
        return y + dy

    return pushed, lambda n, x: d(n, x) + 3 * d(n + 1, x)


def vmap(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def mapped(x: Any) -> Any:
        return dt.vmap(f)(dt.stack([x, x + 1, x - 0.5])).sum()

    return mapped, lambda n, x: d(n, x) + d(n, x + 1) + d(n, x - 0.5)


def checkpoint(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    return dt.checkpoint(f), d


def custom_gradient(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    """The same value, and twice its gradient, so that it shows whether the pull is asked."""

    def doubled(x: Any) -> Any:
        y, pull = dt.vjp(f, x)
        return y, lambda g: 2 * pull(g)[0]

    return dt.custom_gradient(doubled), lambda n, x: d(n, x) * (2 if n else 1)


def scan(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def summed(x: Any) -> Any:
        shifts = dt.asarray([0.0, 1.0, 2.0], dtype=dt.float64)
        start = dt.zeros((), dtype=dt.float64)
        return dt.scan(lambda c, s: (c + f(x + s), None), start, shifts)[0]

    return summed, lambda n, x: d(n, x) + d(n, x + 1) + d(n, x + 2)


def while_loop(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def summed(x: Any) -> Any:
        def step(state: Any) -> Any:
            i, total = state
            return i + 1, total + f(x + i)

        start = (dt.zeros((), dtype=dt.float64), dt.zeros((), dtype=dt.float64))
        return dt.while_loop(lambda s: s[0] < 2, step, start, max_steps=3)[1]

    return summed, lambda n, x: d(n, x) + d(n, x + 1)


def cond(f: Any, d: Derivatives) -> tuple[Any, Derivatives]:
    def chosen(x: Any) -> Any:
        return dt.cond(x > 0, f, lambda x: 2 * f(x), x)

    return chosen, lambda n, x: d(n, x) * (1 if x > 0 else 2)


ALL = (
    jit,
    grad,
    value_and_grad,
    vjp,
    jvp,
    vmap,
    checkpoint,
    custom_gradient,
    cond,
    while_loop,
    scan,
)
PATHS = list(itertools.product(ALL, repeat=3))


def close(got: Any, want: float) -> None:
    assert got.shape == () and got.dtype is dt.float64
    np.testing.assert_allclose(got.item(), want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: "-".join(t.__name__ for t in p))
def test_three_transforms_in_any_order(path: tuple[Any, ...]) -> None:
    f, d = base, on_paper
    for transform in reversed(path):
        f, d = transform(f, d)
    x = 0.4
    close(f(dt.asarray(x, dtype=dt.float64)), d(0, x))


DEEPER = [
    (jit, grad, vjp, value_and_grad, checkpoint),  # two results of a step shared one place
    (vmap, value_and_grad, scan, vjp, checkpoint),
]


@pytest.mark.parametrize("path", DEEPER, ids=lambda p: "-".join(t.__name__ for t in p))
def test_deeper_paths_that_failed_once(path: tuple[Any, ...]) -> None:
    test_three_transforms_in_any_order(path)


# ---- closures ----------------------------------------------------------------------------------


def test_examples_run() -> None:
    for name in ("vmap", "jvp", "jacobian", "checkpoint", "custom_gradient", "gradient", "jit"):
        module = importlib.import_module(f"dovetail.transforms.{name}")
        result = doctest.testmod(module)
        assert result.attempted, name
        assert not result.failed, name


def test_ops_on_closed_over_arrays_alone_are_differentiated() -> None:
    x = dt.asarray([1.0, 2.0])

    def loss(w: Any) -> Any:
        return dt.jit(lambda x: (x * dt.exp(w)).sum())(x)

    w = dt.asarray(1.0)
    np.testing.assert_allclose(dt.grad(loss)(w).item(), 3 * math.e, rtol=1e-6)
    np.testing.assert_allclose(dt.grad(dt.grad(loss))(w).item(), 3 * math.e, rtol=1e-6)
    np.testing.assert_allclose(dt.jit(dt.grad(loss))(w).item(), 3 * math.e, rtol=1e-6)


def test_differentiated_arrays_that_are_no_rows_may_be_closed_over() -> None:
    def loss(w: Any) -> Any:
        turned = w.T  # a view
        return dt.jit(lambda x: (dt.exp(turned) @ x).sum())(dt.ones(3))

    w = dt.asarray(np.arange(6.0).reshape(3, 2) / 6)
    np.testing.assert_allclose(np.asarray(dt.grad(loss)(w)), np.exp(np.asarray(w)), rtol=1e-6)


def test_a_compiled_gradient_is_compiled_once_although_the_function_makes_arrays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dovetail.transforms import compiled_gradient

    compiled = []
    pair = compiled_gradient._compile_pair
    monkeypatch.setattr(
        compiled_gradient, "_compile_pair", lambda *args: compiled.append(1) or pair(*args)
    )
    matrix = dt.asarray(np.arange(400.0).reshape(20, 20)).T
    scale = [2.0]

    @dt.jit
    def loss(x: Any) -> Any:
        return (x @ matrix * dt.asarray(scale[0]) + 0.5).sum()

    x = dt.ones(20)
    first = [dt.grad(loss)(x).tolist() for _ in range(3)]
    assert first[0] == first[1] == first[2]
    assert len(compiled) == 1
    scale[0] = 4.0  # what it closes over is constant from the first call on, until
    assert dt.grad(loss)(x).tolist() == first[0]
    loss.forget()
    assert dt.grad(loss)(x).tolist() == [2 * g for g in first[0]]
    assert len(compiled) == 2


def test_a_loop_over_differentiated_closures_compiles_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dovetail.transforms import compiled_gradient

    compiled = []
    pair = compiled_gradient._compile_pair
    monkeypatch.setattr(
        compiled_gradient, "_compile_pair", lambda *args: compiled.append(1) or pair(*args)
    )
    held: dict[str, Any] = {}
    table = np.arange(3.0)

    @dt.jit
    def apply(x: Any) -> Any:
        return (x * held["w"] * dt.asarray(table)).sum()

    def loss(w: Any) -> Any:
        held["w"] = w
        return apply(dt.ones(3)) ** 2

    for k in (1.0, 2.0, 3.0):
        assert dt.grad(loss)(dt.asarray(k)).item() == 2 * k * 9
    assert len(compiled) == 1


def test_explaining_inside_a_trace_what_closes_over_it_is_an_error() -> None:
    def outer(x: Any) -> Any:
        dt.jit(lambda y: y * x).explain(dt.ones(2))
        return x

    with pytest.raises(dt.TraceError, match=r"closes over an array .*float32\[2\].*pass the array"):
        dt.jit(outer)(dt.ones(2))


def test_a_tape_grows_with_the_number_of_ops_not_with_its_square() -> None:
    def live(n: int) -> int:
        def chain(x: Any) -> Any:
            for _ in range(n):
                x = dt.sin(x)
            found.append(dt._fast.memory_stats(dt.device("cpu:0"))["live_bytes"])
            return x.sum()

        found: list[int] = []
        before = dt._fast.memory_stats(dt.device("cpu:0"))["live_bytes"]
        dt.grad(lambda x: dt.grad(chain)(x).sum())(dt.ones(10000))
        return found[0] - before

    short, long = live(50), live(200)
    assert short > 0
    assert long < 4.5 * short
