"""vmap: functions of one example on many, what they cost, and what is said when they cannot be."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.batched_replay import batch_graph
from dovetail.batching import batch
from dovetail.errors import OpError
from dovetail.graph import Graph
from dovetail.op import REGISTRY, Op
from dovetail.replay import replay
from dovetail.trace import trace


def rows(*shape: int) -> Any:
    return dt.asarray(np.random.default_rng(3).normal(size=shape), dtype=dt.float64)


def same(got: Any, want: Any) -> None:
    assert got.shape == want.shape and got.dtype is want.dtype
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12, atol=1e-12)


# ---- what it gives -------------------------------------------------------------------------------


def one_of_everything(x: Any, y: Any) -> Any:
    """Ops of many families on one example: x is a matrix, y a vector."""
    h = dt.tanh(x @ y) - dt.max(x, axis=1)
    table = dt.concat([x.T, x.T[::-1]], axis=0)
    picked = dt.where(y > 0, y, table.sum(axis=1)[: y.shape[0]])
    counted = dt.argmax(x) + dt.astype(dt.any(x > 1), dt.int64)
    return h, dt.pad(picked, (1,), (0,)), counted, dt.arange(3) * 2


def test_every_example_is_what_the_function_gives_for_it() -> None:
    xs, ys = rows(5, 4, 3), rows(5, 3)
    got = dt.vmap(one_of_everything)(xs, ys)
    for i in range(5):
        for all_of_them, want in zip(got, one_of_everything(xs[i], ys[i]), strict=True):
            same(all_of_them[i], want)


def test_it_is_the_same_compiled_and_inside_out() -> None:
    xs, ys = rows(5, 4, 3), rows(5, 3)
    want = dt.vmap(one_of_everything)(xs, ys)
    for function in (
        dt.jit(dt.vmap(one_of_everything)),
        dt.vmap(dt.jit(one_of_everything)),
        dt.jit(dt.vmap(dt.jit(one_of_everything))),
    ):
        for a, b in zip(function(xs, ys), want, strict=True):
            same(a, b)


def test_gradients_of_examples_and_of_all() -> None:
    x, ws = rows(3), rows(4, 3)

    def loss(w: Any) -> Any:
        return dt.exp(dt.sum(w * x)) + dt.sum(w**3)

    each = dt.vmap(dt.grad(loss))(ws)
    for i in range(4):
        same(each[i], dt.grad(loss)(ws[i]))
    same(dt.grad(lambda ws: dt.vmap(loss)(ws).sum())(ws), each)
    same(dt.jit(dt.vmap(dt.jit(dt.grad(loss))))(ws), each)


def test_what_all_examples_share_gets_the_sum_of_their_gradients() -> None:
    xs, w = rows(6, 3), rows(3, 2)

    def loss(w: Any) -> Any:
        return dt.vmap(lambda x: dt.sum(dt.sin(x @ w)))(xs).sum()

    want = sum(np.asarray(dt.grad(lambda w, x=xs[i]: dt.sum(dt.sin(x @ w)))(w)) for i in range(6))
    same(dt.grad(loss)(w), dt.asarray(want))
    same(dt.jit(dt.grad(loss))(w), dt.asarray(want))


def test_closed_over_arrays_of_every_level() -> None:
    a, b = rows(3), rows(4)
    got = dt.vmap(lambda x: dt.vmap(lambda y: x * y + dt.exp(a[0]))(b))(a)
    want = np.asarray(a)[:, None] * np.asarray(b) + np.exp(np.asarray(a)[0])
    same(got, dt.asarray(want))


def test_control_flow_and_randomness_of_each_example() -> None:
    xs = rows(5, 6)

    def total(x: Any) -> Any:
        return dt.scan(lambda c, v: (c * 0.5 + v, c), dt.asarray(0.0, dtype=dt.float64), x)[0]

    for function in (dt.vmap(total), dt.jit(dt.vmap(total)), dt.vmap(dt.jit(total))):
        got = function(xs)
        for i in range(5):
            same(got[i], total(xs[i]))
    slopes = dt.jit(dt.vmap(dt.grad(dt.jit(total))))(xs)
    for i in range(5):
        same(slopes[i], dt.grad(total)(xs[i]))


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass
class Model:
    w: Any
    b: Any


def test_containers_of_axes() -> None:
    w, b, xs = rows(3, 2), rows(4, 2), rows(3, 4)

    def f(model: Any, point: Any, scale: Any) -> Any:
        return {"z": point.x @ model.w + model.b, "s": (point.y * scale, point.y)}

    got = dt.vmap(f, in_axes=(Model(None, 0), Point(1, 0), None), out_axes={"z": 1, "s": 0})(
        Model(w, b), Point(xs, b[:, 0]), 2.0
    )
    same(got["z"], (xs.T @ w + b).T)
    same(got["s"][0], b[:, 0] * 2)
    same(got["s"][1], b[:, 0])


def test_named_arguments_are_mapped_over_their_first_axis() -> None:
    xs = rows(3, 2)
    same(dt.vmap(lambda x, *, scale: x * scale)(xs, scale=xs[:, 0]), xs * xs[:, :1])


def test_shared_arguments_are_handed_on_as_they_are() -> None:
    def f(x: Any, how: str, n: int, y: Any) -> Any:
        return dt.sum(x[:n]) if how == "first" and float(y) > 0 else x[0]

    xs = rows(3, 4)
    got = dt.vmap(f, in_axes=(0, None, None, None))(xs, "first", 2, dt.asarray(1.0))
    same(got, dt.sum(xs[:, :2], axis=1))


def test_results_that_no_example_changes() -> None:
    y = rows(2)
    same(dt.vmap(lambda x: y * 2)(rows(3)), dt.broadcast_to(y * 2, (3, 2)))
    same(dt.vmap(lambda x: y * 2, out_axes=None)(rows(3)), y * 2)
    assert dt.vmap(lambda: dt.zeros(2), axis_size=4)().shape == (4, 2)


def test_no_examples_at_all() -> None:
    got = dt.vmap(one_of_everything)(rows(0, 4, 3), rows(0, 3))
    assert [y.shape for y in got] == [(0, 4), (0, 4), (0,), (0, 3)]


shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_axis_of_any_shape(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 4))
    inside = data.draw(shapes)
    arguments, axes = [], []
    for _ in range(data.draw(st.integers(1, 3))):
        axis = data.draw(st.one_of(st.none(), st.integers(-len(inside) - 1, len(inside))))
        shape = list(inside)
        if axis is not None:
            shape.insert(axis % (len(inside) + 1), size)
        arguments.append(rows(*shape))
        axes.append(axis)
    out = data.draw(st.integers(-len(inside) - 1, len(inside)))
    if all(a is None for a in axes):
        axes[0] = 0
        arguments[0] = rows(size, *inside)

    def f(*xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = total * x + 1
        return dt.sin(total) - dt.sum(total, axis=-1, keepdims=True)

    got = np.asarray(dt.vmap(f, in_axes=tuple(axes), out_axes=out)(*arguments))
    for i in range(size):
        one = [
            x if a is None else dt.take(x, dt.asarray(i), axis=a)
            for x, a in zip(arguments, axes, strict=True)
        ]
        np.testing.assert_allclose(np.take(got, i, axis=out), np.asarray(f(*one)), rtol=1e-12)


# ---- what it costs -------------------------------------------------------------------------------


def nodes(function: Any, *args: Any) -> Graph:
    return trace(function, args).graph


def mlp(params: Any, x: Any) -> Any:
    (w1, b1), (w2, b2) = params
    return dt.nn.relu(x @ w1 + b1) @ w2 + b2


def convolutions(params: Any, image: Any) -> Any:
    w1, w2, head = params
    h = dt.nn.relu(dt.nn.conv2d(image[None], w1, padding=(1, 1, 1, 1)))
    h = dt.nn.max_pool2d(h, window=(2, 2))
    h = dt.nn.conv2d(h, w2)
    return dt.mean(h, axis=(0, 1, 2)) @ head


def cross_entropy(logits: Any, label: Any) -> Any:
    return -dt.take(dt.nn.log_softmax(logits), label)


MODELS = {
    "mlp": (mlp, ((rows(6, 5), rows(5)), (rows(5, 3), rows(3))), (6,)),
    "convolutions": (convolutions, (rows(3, 3, 2, 4), rows(2, 2, 4, 3), rows(3, 3)), (6, 6, 2)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("differentiated", [False, True])
def test_the_graph_does_not_grow_with_the_examples(name: str, differentiated: bool) -> None:
    model, params, shape = MODELS[name]

    def loss(params: Any, x: Any, label: Any) -> Any:
        return cross_entropy(model(params, x), label)

    one = dt.grad(loss) if differentiated else loss
    batched = dt.vmap(one, in_axes=(None, 0, 0))

    def graph(n: int) -> Graph:
        return nodes(batched, params, rows(n, *shape), dt.asarray(np.arange(n) % 3))

    few, many = graph(3), graph(50)
    alone = nodes(one, params, rows(*shape), dt.asarray(1))
    assert [n.op.name for n in few.nodes] == [n.op.name for n in many.nodes]
    assert len(many.nodes) <= 3 * len(alone.nodes) + 20


@pytest.mark.parametrize("name", MODELS)
def test_models_by_example_are_models_of_all(name: str) -> None:
    model, params, shape = MODELS[name]
    xs, labels = rows(4, *shape), dt.asarray([0, 2, 1, 1])

    def loss(params: Any, x: Any, label: Any) -> Any:
        return cross_entropy(model(params, x), label)

    each = dt.jit(dt.vmap(dt.value_and_grad(loss), in_axes=(None, 0, 0)))(params, xs, labels)
    for i in range(4):
        want = dt.value_and_grad(loss)(params, xs[i], labels[i])
        found = dt.tree.map(lambda y, i=i: y[i], each)
        for a, b in zip(dt.tree.leaves(found), dt.tree.leaves(want), strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-11)


def test_a_matrix_that_all_share_makes_one_product_of_matrices() -> None:
    w = rows(3, 2)
    graph = nodes(dt.vmap(lambda x: x @ w), rows(50, 3))
    (product,) = [n for n in graph.nodes if n.op.name == "matmul"]
    assert [v.shape for v in product.inputs] == [(50, 3), (3, 2)]
    graph = nodes(dt.vmap(lambda x: w.T @ x), rows(50, 3))
    (product,) = [n for n in graph.nodes if n.op.name == "matmul"]
    assert [v.shape for v in product.inputs] == [(50, 3), (3, 2)]


def test_nodes_keep_the_line_of_the_function_for_one_example() -> None:
    def f(x: Any) -> Any:
        return dt.sin(x)

    (node,) = nodes(dt.vmap(f), rows(3)).nodes
    assert node.location.endswith("in f")


# ---- the parts -----------------------------------------------------------------------------------


def test_a_batched_graph_takes_and_gives_examples() -> None:
    one = nodes(lambda x, y: (x * y, dt.exp(y)), rows(2), rows(2))
    many = batch_graph(one, 3, (True, False))
    xs, y = rows(3, 2), rows(2)
    assert [v.shape for v in many.inputs] == [(3, 2), (2,)]
    product, exponential = replay(many, (xs, y))
    same(product, xs * y)
    same(exponential, dt.broadcast_to(dt.exp(y), (3, 2)))


def test_an_op_without_a_rule_is_batched_through_its_decomposition_or_in_a_loop() -> None:
    x = rows(70, 3)  # more than an op takes operands
    found: dict[str, Any] = {}
    for name in ("relu", "tanh"):
        record = REGISTRY[name]
        fields = {f: getattr(record, f) for f in Op.__dataclass_fields__}
        bare = Op(**{**fields, "batching": None})
        (found[name],) = batch(bare, 70, (True,), (x,), {})
    same(found["relu"], dt.nn.relu(x))
    same(found["tanh"], dt.tanh(x))
    assert batch(bare, 0, (True,), (x[:0],), {})[0].shape == (0, 3)


# ---- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: dt.vmap(dt.sin)(x[0, 0]), r"float64\[\], which has no axis 0"),
        (lambda x: dt.vmap(dt.sin, in_axes=2)(x), r"float64\[3, 2\], which has no axis 2"),
        (lambda x: dt.vmap(dt.sin, in_axes=None)(x), r"no argument is mapped.*axis_size"),
        (lambda x: dt.vmap(dt.add)(x, x.T), r"3 on axis 0 of .*2 on axis 0 of .*None in in_axes"),
        (lambda x: dt.vmap(dt.sin, axis_size=4)(x), r"3 on axis 0 .* and axis_size=4"),
        (lambda x: dt.vmap(dt.sin, in_axes=(0, 0))(x), r"2 entries for 1 positional"),
        (lambda x: dt.vmap(dt.sin, in_axes="0"), r"neither an integer nor a tuple"),
        (lambda x: dt.vmap(lambda p: p[0], in_axes=((0,),))((x, x)), r"does not fit argument 0"),
        (lambda x: dt.vmap(dt.sin, out_axes=None)(x), r"out_axes is None for a result that diff"),
        (lambda x: dt.vmap(dt.sin, out_axes=2)(x), r"out_axes=2 is no axis .* 2 axes"),
        (lambda x: dt.vmap(dt.sin, out_axes=(0, 0))(x), r"out_axes=\(0, 0\) does not fit"),
        (lambda x: dt.vmap(lambda x, n: x)(x, 3), r"of type int has no axis 0 .*None"),
        (lambda x: dt.vmap(lambda: 1.0, axis_size=-1)(), r"axis_size=-1 is negative"),
    ],
)
def test_what_cannot_be_mapped_is_said(call: Any, says: str) -> None:
    with pytest.raises(OpError, match=says):
        call(rows(3, 2))


def test_a_choice_on_an_example_is_refused_with_its_line() -> None:
    def f(x: Any) -> Any:
        return x if x > 0 else -x

    with pytest.raises(dt.TraceError, match=r"test_vmap\.py"):
        dt.vmap(f)(rows(3))


def test_an_example_cannot_leave_its_function() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x)
        return x

    dt.vmap(f)(rows(3))
    with pytest.raises(dt.TraceError, match="trace that has ended"):
        kept[0] + 1
