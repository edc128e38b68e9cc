"""checkpoint: the same values and gradients from less memory."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.trace import trace
from dovetail.transforms import compiled_gradient

DEPTH = 12


def layer(w: Any, x: Any) -> Any:
    h = dt.tanh(x @ w)
    return dt.tanh(dt.exp(-h * h) @ w) + dt.sin(h)


def chain(wrap: Any) -> Any:
    each = wrap(layer)

    def loss(w: Any, x: Any) -> Any:
        for _ in range(DEPTH):
            x = each(w, x)
        return dt.mean(x * x)

    return loss


PLAIN, KEPT = chain(lambda f: f), chain(dt.checkpoint)


def inputs() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return (
        dt.asarray(rng.normal(size=(16, 16)) / 4, dtype=dt.float64),
        dt.asarray(rng.normal(size=(64, 16)), dtype=dt.float64),
    )


@pytest.mark.parametrize(
    "gradient",
    [
        lambda f: dt.value_and_grad(f, argnums=(0, 1)),
        lambda f: dt.jit(dt.value_and_grad(f, argnums=(0, 1))),
        lambda f: dt.value_and_grad(dt.jit(f), argnums=(0, 1)),
    ],
    ids=["eager", "compiled", "through a compiled function"],
)
def test_values_and_gradients_are_the_same(gradient: Any) -> None:
    args = inputs()
    got = dt.tree.leaves(gradient(KEPT)(*args))
    want = dt.tree.leaves(dt.value_and_grad(PLAIN, argnums=(0, 1))(*args))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-10, atol=1e-14)


def test_second_derivatives_are_the_same() -> None:
    w, x = inputs()
    v = dt.ones_like(w)
    want = dt.hvp(lambda w: PLAIN(w, x), w)(v)
    for f in (KEPT, dt.jit(KEPT)):
        got = dt.hvp(lambda w, f=f: f(w, x), w)(v)
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-8, atol=1e-12)


def residual_bytes(f: Any) -> int:
    """What the forward half of a compiled gradient hands to the backward half."""
    graph = trace(f, inputs()).graph
    device = dt.device("cpu:0")
    seen = []
    split = compiled_gradient._split

    def spy(*args: Any) -> Any:
        halves = split(*args)
        seen.append(sum(v.spec.nbytes for v in halves[0].outputs[1:]))
        return halves

    compiled_gradient._split = spy  # type: ignore[assignment]
    try:
        compiled_gradient._compile_pair(graph, device, 2)
    finally:
        compiled_gradient._split = split
    return seen[0]


def test_a_compiled_gradient_keeps_the_inputs_of_layers_only() -> None:
    w, x = inputs()
    kept = residual_bytes(KEPT)
    assert kept <= (DEPTH + 2) * x.nbytes + 2 * w.nbytes
    assert residual_bytes(PLAIN) >= 3 * kept


def test_the_arena_of_one_compiled_step_is_smaller() -> None:
    args = inputs()

    def arena(f: Any) -> int:
        step = dt.jit(dt.grad(f))
        step(*args)
        return int(step._find(args, {}).planned.plan.arena_size)

    assert arena(KEPT) < 0.6 * arena(PLAIN)


def test_eager_gradients_keep_less_too() -> None:
    def peak(f: Any) -> int:
        device = dt.device("cpu:0")
        w, x = inputs()
        found = []

        def end(w: Any, x: Any) -> Any:
            y = f(w, x)
            found.append(dt._fast.memory_stats(device)["live_bytes"])
            return y

        before = dt._fast.memory_stats(device)["live_bytes"]
        dt.grad(end)(w, x)
        return int(found[0] - before)

    assert peak(KEPT) < 0.5 * peak(PLAIN)


def test_it_recomputes_and_does_not_reuse() -> None:
    def count(f: Any) -> int:
        step = dt.jit(dt.grad(f))
        return str(step.explain(*inputs())).count("= tanh(")

    assert count(PLAIN) == 2 * DEPTH
    assert count(KEPT) > 3 * DEPTH


def test_examples_do_not_turn_shared_weights_into_batches() -> None:
    w, x = inputs()
    f = dt.checkpoint(lambda w, x: dt.sum(dt.sin(x @ w)))
    each = dt.vmap(dt.grad(f, argnums=1), in_axes=(None, 0))
    graph = trace(each, (w, x)).graph
    products = [n for n in graph.nodes if n.op.name == "matmul"]
    assert products
    assert all(v.spec.ndim == 2 for n in products for v in n.inputs)
    want = dt.grad(lambda x: dt.sum(dt.sin(x @ w)))(x)
    np.testing.assert_allclose(np.asarray(each(w, x)), np.asarray(want), rtol=1e-12)


def test_closed_over_arrays_containers_and_keywords() -> None:
    w = dt.asarray([2.0, 3.0])

    def loss(w: Any) -> Any:
        f = dt.checkpoint(lambda p, *, scale, name: {"y": dt.exp(p["x"] * w) * scale, "n": 3})
        out = f({"x": dt.asarray([1.0, 2.0])}, scale=dt.asarray(0.5), name="f")
        return dt.sum(out["y"]) * out["n"]

    want = 1.5 * np.array([1.0, 2.0]) * np.exp([2.0, 6.0])
    for g in (dt.grad(loss), dt.jit(dt.grad(loss)), dt.grad(dt.jit(loss))):
        np.testing.assert_allclose(np.asarray(g(w)), want, rtol=1e-5)


def test_outside_gradients_it_is_just_called() -> None:
    f = dt.checkpoint(lambda x: x if float(x) > 0 else -x)
    assert f(dt.asarray(-2.0)).item() == 2.0
    with pytest.raises(dt.TraceError, match=r"test_checkpoint\.py"):
        dt.grad(f)(dt.asarray(-2.0))


def test_the_same_drop_outs_are_drawn_again() -> None:
    def loss(x: Any, key: Any) -> Any:
        f = dt.checkpoint(lambda x, key: dt.where(dt.random.uniform(key, x.shape) > 0.5, x * x, 0))
        return dt.sum(f(x, key))

    x, key = dt.ones(64), dt.random.key(3)
    g = np.asarray(dt.jit(dt.grad(loss))(x, key))
    assert set(g.tolist()) == {0.0, 2.0}
    assert g.sum() == 2 * loss(x, key).item()
