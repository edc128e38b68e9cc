"""Batching rules of neural networks and of gathers: all examples at once is one after another."""

import itertools
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.batching import batch, loop
from dovetail.dtypes import float32, float64, int64
from dovetail.op import FUNCTIONS, REGISTRY, Op, Spec, iterate
from dovetail.testing import samples_of
from dovetail.trace import trace

NAMES = [
    "attention",
    "attention_gradient",
    "avg_pool2d",
    "avg_pool2d_gradient",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_weight_gradient",
    "layer_norm",
    "log_softmax",
    "max_pool2d",
    "scatter",
    "scatter_add",
    "scatter_add_along_axis",
    "scatter_maximum",
    "scatter_minimum",
    "scatter_multiply",
    "softmax",
    "take",
    "take_along_axis",
]
SIZE = 3


def examples_of(array: np.ndarray, number: int) -> np.ndarray:
    """Examples that differ: the same numbers in other places, so that indices stay in range."""
    turns = [np.roll(array.reshape(-1), i + number).reshape(array.shape) for i in range(SIZE)]
    return np.stack(turns)


def cases(op: Op) -> Any:
    for case in samples_of(op):
        if case.dtypes[0] is float64 and all(k in (float64, int64) for k in case.dtypes):
            yield case


def canonical(op: Op, case: Any) -> dict[str, Any]:
    specs = [Spec(x.shape, t) for x, t in zip(case.arrays, case.dtypes, strict=True)]
    attributes = {**op.attributes, **case.attributes}
    return op.canonical(*specs, **attributes) if op.canonical else attributes


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_gives_what_a_loop_gives(name: str) -> None:
    op = REGISTRY[name]
    assert op.batching is not None
    compared = 0
    for case in cases(op):
        attributes = canonical(op, case)
        for flags in itertools.product((True, False), repeat=len(case.arrays)):
            if not any(flags):
                continue
            if len(flags) > 4 and sum(flags) not in (1, len(flags)):
                continue
            operands = [
                dt.asarray(examples_of(x, i) if b else x)
                for i, (x, b) in enumerate(zip(case.arrays, flags, strict=True))
            ]
            got = batch(op, SIZE, flags, operands, attributes)
            want = iterate(loop(FUNCTIONS[name], SIZE, flags, *operands, **attributes))
            for a, b in zip(got, want, strict=True):
                assert a.shape == b.shape and a.dtype is b.dtype, (str(case), flags)
                np.testing.assert_allclose(
                    np.asarray(a), np.asarray(b), rtol=1e-11, atol=1e-11, err_msg=f"{case} {flags}"
                )
            compared += 1
    assert compared


@pytest.mark.parametrize("name", NAMES)
def test_no_examples_at_all(name: str) -> None:
    op = REGISTRY[name]
    case = next(c for c in cases(op) if all(x.size for x in c.arrays))
    operands = [dt.asarray(np.zeros((0, *x.shape), x.dtype)) for x in case.arrays]
    flags = (True,) * len(operands)
    got = batch(op, 0, flags, operands, canonical(op, case))
    assert all(y.shape[0] == 0 for y in got)


@pytest.mark.parametrize("index", [3, -4])
def test_a_position_out_of_range_does_not_reach_a_neighbour(index: int) -> None:
    xs, at = dt.zeros((2, 3)), dt.asarray([[0], [index]])
    with pytest.raises((dt.OpError, ValueError), match="out of range"):
        dt.vmap(lambda x, i: dt.take(x, i))(xs, at)
    with pytest.raises((dt.OpError, ValueError), match="out of range"):
        dt.vmap(lambda x, i: dt.scatter_add(x, i, dt.ones(1)))(xs, at)


def test_layers_under_vmap_are_one_op_each() -> None:
    x, w = dt.ones((5, 2, 6, 6, 3)), dt.ones((3, 3, 3, 4))
    graph = trace(dt.vmap(lambda x: dt.nn.conv2d(x, w)), (x,)).graph
    assert [n.op.name for n in graph.nodes if n.op.claim != "view"] == ["conv2d"]
    assert dt.vmap(lambda x: dt.nn.conv2d(x, w))(x).shape == (5, 2, 4, 4, 4)
    each = dt.vmap(dt.grad(lambda w, x: dt.sum(dt.nn.conv2d(x, w) ** 2)), in_axes=(None, 0))(w, x)
    one = dt.grad(lambda w: dt.sum(dt.nn.conv2d(x[2], w) ** 2))(w)
    assert each.dtype is float32
    np.testing.assert_allclose(np.asarray(each[2]), np.asarray(one), rtol=1e-5)


def test_attention_under_vmap_has_the_gradient_of_each_example() -> None:
    r = np.random.default_rng(0)
    q, k, v = (dt.asarray(r.normal(size=(3, 2, 5, 4))) for _ in range(3))

    def loss(q: Any, k: Any, v: Any) -> Any:
        return dt.sum(dt.nn.attention(q, k, v, causal=True) ** 2)

    all_of_them = dt.vmap(dt.grad(loss, argnums=(0, 1, 2)))(q, k, v)
    one = dt.grad(loss, argnums=(0, 1, 2))(q[1], k[1], v[1])
    for many, single in zip(all_of_them, one, strict=True):
        np.testing.assert_allclose(np.asarray(many[1]), np.asarray(single), rtol=1e-10, atol=1e-12)
