"""Graph rewrites, memory layout and partition: what they keep and what they may not do."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.arena import Interval, layout
from dovetail.graph import Graph, Value
from dovetail.op import REGISTRY, Spec
from dovetail.partition import groups
from dovetail.passes import optimise
from dovetail.passes.common_subexpressions import common_subexpressions
from dovetail.passes.dead_code import dead_code
from dovetail.passes.fold_constants import fold_constants
from dovetail.passes.known_operands import known_operands
from dovetail.passes.simplify import simplify
from dovetail.replay import replay
from dovetail.selection import Refusal
from dovetail.trace import trace

X = dt.asarray(np.linspace(-1, 1, 12).reshape(3, 4))


def graph_of(f, *args):
    return trace(f, args or (X,)).graph


def names(graph):
    return [n.op.name for n in graph.nodes]


def values(graph, *args):
    return [np.asarray(y) for y in replay(graph, args or (X,))]


def test_dead_nodes_go():
    def f(x):
        dt.exp(x)
        return x + x

    assert names(dead_code(graph_of(f))) == ["add"]


def test_equal_nodes_are_computed_once():
    g = dead_code(common_subexpressions(graph_of(lambda x: dt.exp(x) * dt.exp(x) + x)))
    assert names(g).count("exp") == 1


def test_attributes_that_compare_equal_stay_apart():
    def f(x):
        edges = ((0, 0), (1, 0), (0, 0))
        return dt.ops.pad(x, *edges, 0.0), dt.ops.pad(x, *edges, -0.0)

    g = common_subexpressions(graph_of(f))
    a, b = values(g)
    assert names(g).count("pad") == 2
    assert not np.signbit(a[-1, 0])
    assert np.signbit(b[-1, 0])


def test_conversions_that_change_nothing_go():
    f = lambda x: x.reshape(4, 3).reshape(3, 4).astype(dt.float64).transpose(0, 1)  # noqa: E731
    g = dead_code(simplify(simplify(graph_of(f))))
    assert names(g) == []
    assert g.outputs == g.inputs


def test_constants_are_folded_but_not_blown_up():
    small = dt.asarray(np.ones(3))
    g = dead_code(fold_constants(graph_of(lambda x: x + dt.exp(small).sum()), X.device))
    assert names(g) == ["broadcast_to", "add"]
    big = dead_code(
        fold_constants(graph_of(lambda x: x.sum() + dt.zeros((1000, 1000)).sum()), X.device)
    )
    assert all(v.spec.nbytes <= 4096 for v in big.constants())


def test_composites_that_the_device_lacks_are_decomposed(monkeypatch):
    module = sys.modules["dovetail.passes.decompose"]
    real = module.select

    def without_composites(device, op, *rest):
        return Refusal(()) if op.decomposition is not None else real(device, op, *rest)

    f = lambda x: dt.nn.softmax(dt.nn.gelu(x), axis=-1)  # noqa: E731
    kept = module.decompose(graph_of(f), X.device)
    monkeypatch.setattr(module, "select", without_composites)
    taken_apart = module.decompose(graph_of(f), X.device)
    assert not {n.op.name for n in taken_apart.nodes if n.op.decomposition is not None}
    assert all("test_passes.py" in n.location for n in taken_apart.nodes)
    np.testing.assert_allclose(values(kept)[0], values(taken_apart)[0], rtol=1e-12)


STEPS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: dt.tanh(a),
    lambda a, b: dt.where(a > b, a, b),
    lambda a, b: a.sum(axis=0, keepdims=True) - b,
    lambda a, b: dt.flip(a, axis=1) + b,
    lambda a, b: dt.maximum(a, b) * 0.5,
    lambda a, b: a[:, ::-1] - a,
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)),
        min_size=1,
        max_size=12,
    )
)
def test_optimised_graphs_mean_the_same(choices):
    """Random programs over a handful of values: replayed, optimised and compiled agree."""

    def f(x, y):
        made = [x, y, x * 2.0, y.sum(axis=0, keepdims=True), dt.ones((3, 4), dtype=dt.float64)]
        for step, i, j in choices:
            made.append(step(made[i % len(made)], made[j % len(made)]))
        return made[-1], made[len(made) // 2], made[-1]

    y = dt.asarray(np.cos(np.arange(12.0)).reshape(3, 4))
    g = graph_of(f, X, y)
    expected = values(g, X, y)
    found = values(optimise(graph_of(f, X, y), X.device), X, y)
    compiled = [np.asarray(v) for v in dt.jit(f)(X, y)]
    for e, a, b in zip(expected, found, compiled, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(b, e, rtol=1e-12, atol=1e-12)


# ---- memory layout ----------------------------------------------------------------------------

intervals = st.builds(
    lambda size, first, length: Interval(size=size, first=first, last=first + length),
    st.integers(0, 5000),
    st.integers(0, 20),
    st.integers(0, 8),
)


@given(st.lists(intervals, max_size=24))
def test_memory_that_lives_together_never_overlaps(wanted):
    offsets, total = layout(wanted)
    for i, (a, at) in enumerate(zip(wanted, offsets, strict=True)):
        assert at % 64 == 0
        assert at + a.size <= total
        for b, bt in zip(wanted[:i], offsets[:i], strict=True):
            if a.first <= b.last and b.first <= a.last:
                assert at + a.size <= bt or bt + b.size <= at


def test_a_chain_needs_two_blocks():
    chain = [Interval(size=640, first=i, last=i + 1) for i in range(50)]
    assert layout(chain)[1] == 2 * 640


# ---- partition --------------------------------------------------------------------------------


class _Claims:
    """A device that claims what a test says; only `groups` looks at it."""

    has_graph = True
    name = "claims:0"

    def __init__(self, numbers, kernels=("exp", "tanh", "sqrt")):
        self.numbers = numbers
        self.rows = dict.fromkeys(kernels, ())


@pytest.fixture
def claimed(monkeypatch):
    module = sys.modules["dovetail.partition"]

    class Flat:
        def __init__(self, device):
            self.device = device

        def partition(self, flags):
            return [(n, None) for n in self.device.numbers]

        def compile(self, flags):
            return object()

    monkeypatch.setattr(module, "flat_graph", lambda device, *rest: Flat(device))


def chain(ops):
    g = Graph(inputs=[Value(Spec((4,), dt.float64))])
    value = g.inputs[0]
    for name in ops:
        (value,) = g.add(REGISTRY[name], [value], {}, [value.spec])
    g.outputs = [value]
    return g


def test_a_group_that_depends_on_itself_is_taken_apart(claimed):
    g = chain(["exp", "tanh", "exp"])
    found = groups(g, _Claims([1, 0, 1]))  # exp -> tanh -> exp: not convex
    assert [[n.op.name for n in x.nodes] for x in found] == [["exp"], ["tanh"], ["exp"]]
    assert all(x.executable is None for x in found)


def test_a_group_is_cut_where_a_path_leaves_it_and_stays_whole_elsewhere(claimed):
    g = chain(["exp", "exp", "tanh", "tanh", "exp", "exp", "exp", "tanh", "exp"])
    found = groups(g, _Claims([1 if n.op.name == "exp" else 0 for n in g.nodes]))
    assert [len(x.nodes) for x in found] == [2, 1, 1, 3, 1, 1]
    assert [x.executable is not None for x in found] == [True, False, False, True, False, False]


def test_one_claimed_node_is_compiled_where_there_is_no_kernel_for_it(claimed):
    g = chain(["exp", "tanh", "exp"])
    found = groups(g, _Claims([1, 0, 1], kernels=()))
    assert [x.executable is not None for x in found] == [True, False, True]


def test_two_groups_that_need_each_other_are_taken_apart(claimed):
    g = Graph(inputs=[Value(Spec((4,), dt.float64))])
    x = g.inputs[0]
    (a,) = g.add(REGISTRY["exp"], [x], {}, [x.spec])
    (b,) = g.add(REGISTRY["tanh"], [x], {}, [x.spec])
    (c,) = g.add(REGISTRY["exp"], [b], {}, [x.spec])  # group 1 reads group 2
    (d,) = g.add(REGISTRY["tanh"], [a], {}, [x.spec])  # group 2 reads group 1
    g.outputs = [c, d]
    found = groups(g, _Claims([1, 2, 1, 2]))
    place = {n: i for i, x in enumerate(found) for n in x.nodes}
    assert len(place) == 4
    for node in g.nodes:
        for v in node.inputs:
            if v.producer is not None:
                assert place[v.producer] <= place[node]


def test_a_group_gives_what_is_read_outside(claimed):
    g = chain(["exp", "tanh", "sqrt"])
    g.outputs = [g.nodes[1].outputs[0], g.nodes[2].outputs[0]]
    (found,) = groups(g, _Claims([3, 3, 3]))
    assert found.inputs == tuple(g.inputs)
    assert found.outputs == tuple(g.outputs)


# ---- known numbers -------------------------------------------------------------------------------


def optimised(f, *args):
    return optimise(graph_of(f, *args), dt.device("cpu"))


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: x**2, ["square"]),
        (lambda x: x ** dt.full((3, 4), 2.0), ["square"]),
        (lambda x: x**-1, ["reciprocal"]),
        (lambda x: x**1, []),
        (lambda x: 1 * x, []),
        (lambda x: x * dt.ones((4,)), []),
        (lambda x: x / 1.0, []),
        (lambda x: x - 0.0, []),
        (lambda x: dt.where(dt.asarray(True), x, 0.0), []),
        (lambda x: dt.where(dt.zeros((3, 4), dtype=dt.bool), 0.0, x), []),
    ],
)
def test_a_known_operand_makes_an_op_less(f, left):
    g = optimised(f)
    assert [n for n in names(g) if n != "broadcast_to"] == left
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(values(g)[0], values(graph_of(f))[0], rtol=4e-16)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + 0.0,  # -0.0 becomes 0.0
        lambda x: x - (-0.0),
        lambda x: x * 0.0,
        lambda x: x**0.5,  # of -0.0 and of -inf it is not the square root
        lambda x: x ** dt.asarray([1.0, 2.0, 1.0, 2.0]),
        lambda x: 1.0**x,
        lambda x: dt.where(dt.asarray([True, False, True, False]), x, 0.0),
    ],
)
def test_what_would_change_a_number_or_a_shape_stays(f):
    special = dt.asarray([[0.0, -0.0, np.inf, -np.inf]] * 3)
    g = optimised(f, special)
    assert [n for n in names(g) if n != "broadcast_to"]
    found, expected = values(g, special)[0], values(graph_of(f, special), special)[0]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_a_power_stays_where_the_device_has_no_square():
    g = graph_of(lambda x: x**2)
    assert "power" in names(known_operands(g, SimpleNamespace(rows={"power": ()})))


def test_the_derivative_of_a_power_keeps_no_power():
    g = optimised(lambda x: dt.grad(lambda x: dt.sum(x**2))(x))
    assert set(names(g)) <= {"multiply", "broadcast_to"}
    np.testing.assert_array_equal(values(g)[0], 2 * np.asarray(X))


def test_ops_of_repeated_numbers_are_one_number_repeated():
    """As the gradient of a power asks of every element whether its exponent is 0."""
    large = dt.asarray(np.linspace(1, 2, 120_000).reshape(300, 400))
    g = optimised(lambda x: dt.grad(lambda x: dt.sum(x**3))(x), large)
    assert set(names(g)) <= {"multiply", "power", "square", "broadcast_to"}
    assert all(v.constant is None or v.spec.size == 1 for n in g.nodes for v in n.inputs)
    np.testing.assert_allclose(values(g, large)[0], 3 * np.asarray(large) ** 2, rtol=1e-15)
