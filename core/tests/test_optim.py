"""Optimisers against their algorithms in plain numpy, and training that must succeed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError


def trajectory(opt: Any, params: Any, grads: list[Any]) -> list[Any]:
    state = opt.init(params)
    result = []
    for g in grads:
        params, state = opt.update(g, state, params)
        result.append(params)
    return result


GRADS = [np.random.default_rng(i).normal(size=5) for i in range(12)]
START = np.linspace(-1, 1, 5)


def run(opt: Any) -> np.ndarray:
    arrays = [dt.asarray(g) for g in GRADS]
    return np.stack([np.asarray(p) for p in trajectory(opt, dt.asarray(START), arrays)])


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd_follows_its_formula(momentum: float, nesterov: bool, decay: float) -> None:
    p, v, expected = START.copy(), np.zeros(5), []
    for raw in GRADS:
        g = raw + decay * p
        v = momentum * v + g
        p = p - 0.05 * (g + momentum * v if nesterov else v)
        expected.append(p)
    opt = dt.optim.sgd(0.05, momentum=momentum, nesterov=nesterov, weight_decay=decay)
    np.testing.assert_allclose(run(opt), expected, rtol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5)])
def test_adam_follows_its_formula(decay: float, betas: tuple[float, float]) -> None:
    b1, b2 = betas
    p, m, s, expected = START.copy(), np.zeros(5), np.zeros(5), []
    for t, g in enumerate(GRADS, 1):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * g * g
        step = (m / (1 - b1**t)) / (np.sqrt(s / (1 - b2**t)) + 1e-8)
        p = p - 0.05 * (step + decay * p)
        expected.append(p)
    opt = dt.optim.adam(0.05, beta1=b1, beta2=b2, weight_decay=decay)
    np.testing.assert_allclose(run(opt), expected, rtol=1e-10)


def test_a_rate_may_follow_the_steps() -> None:
    opt = dt.optim.sgd(lambda step: dt.where(step < 2, 1.0, 0.5))
    one = [dt.asarray([1.0])] * 4
    got = [p.item() for p in trajectory(opt, dt.asarray([0.0]), one)]
    assert got == [-1.0, -2.0, -2.5, -3.0]


@dataclass
class Layer:
    w: Any
    b: Any


def test_containers_keep_their_form_and_their_dtypes() -> None:
    params = {
        "layers": [Layer(dt.ones((2, 3)), None), Layer(dt.ones(4, dtype=dt.float16), dt.zeros(()))],
        "half": dt.ones(3, dtype=dt.bfloat16),
    }
    for opt in (dt.optim.sgd(0.1, momentum=0.5), dt.optim.adam(0.1, weight_decay=0.01)):
        new, state = opt.update(params, opt.init(params), params)
        assert isinstance(new["layers"][0], Layer)
        assert new["layers"][0].b is None
        before, after = dt.tree.leaves(params), dt.tree.leaves(new)
        assert [(x.shape, x.dtype) for x in before] == [(x.shape, x.dtype) for x in after]
        assert all(isinstance(x, dt.Array) for x in dt.tree.leaves(state))
        again, _ = opt.update(params, state, new)
        assert [x.dtype for x in dt.tree.leaves(again)] == [x.dtype for x in before]


@pytest.mark.parametrize("opt", [dt.optim.sgd(0.1, momentum=0.9), dt.optim.adam(0.1)])
def test_a_compiled_step_is_traced_once(opt: Any) -> None:
    traces = 0

    def step(x: Any, state: Any) -> Any:
        nonlocal traces
        traces += 1
        return opt.update(dt.grad(lambda x: dt.sum((x - 3.0) ** 2))(x), state, x)

    compiled = dt.jit(step)
    x = y = dt.zeros(4)
    state = other = opt.init(x)
    for _ in range(5):
        x, state = compiled(x, state)
    assert traces == 1
    for _ in range(5):
        y, other = step(y, other)
    np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-5)
    assert state.step.item() == 5


@pytest.mark.parametrize("opt", [dt.optim.sgd(0.5, momentum=0.9), dt.optim.adam(0.05)])
def test_a_small_network_learns_what_no_line_separates(opt: Any) -> None:
    x = dt.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = dt.asarray([0, 1, 1, 0])
    first, second = dt.random.split(dt.random.key(0))
    params = {
        "w1": dt.nn.glorot_uniform(first, (2, 16)),
        "b1": dt.zeros(16),
        "w2": dt.nn.glorot_uniform(second, (16, 2)),
        "b2": dt.zeros(2),
    }

    def forward(p: Any) -> Any:
        hidden = dt.tanh(dt.nn.linear(x, p["w1"], p["b1"]))
        return dt.nn.linear(hidden, p["w2"], p["b2"])

    def loss(p: Any) -> Any:
        return dt.nn.cross_entropy(forward(p), labels)

    step = dt.jit(lambda p, s: opt.update(dt.grad(loss)(p), s, p))
    state = opt.init(params)
    for _ in range(200):
        params, state = step(params, state)
    assert loss(params).item() < 0.02
    assert dt.argmax(forward(params), axis=1).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dt.optim.sgd(-1.0), "rate"),
        (lambda: dt.optim.sgd(0.1, momentum=1.0), "momentum"),
        (lambda: dt.optim.sgd(0.1, nesterov=True), "momentum"),
        (lambda: dt.optim.adam(beta2=1.5), "beta2"),
        (lambda: dt.optim.adam(weight_decay=-0.1), "weight_decay"),
        (lambda: dt.optim.adam().init({}), "no array"),
        (lambda: dt.optim.adam().init({"n": dt.asarray([1])}), "floating"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()


def test_gradients_of_another_form_are_named() -> None:
    params = {"w": dt.ones(2), "b": dt.ones(1)}
    opt = dt.optim.sgd(0.1, momentum=0.5)
    with pytest.raises(OpError, match="keys"):
        opt.update({"w": dt.ones(2)}, opt.init(params), params)
