"""Gradients through compiled functions: a forward and a backward plan, residuals between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail import _fast, settings
from dovetail.creation import asarray, zeros_like
from dovetail.graph import Graph, Node, Value
from dovetail.passes import optimise
from dovetail.passes.dead_code import dead_code
from dovetail.plan import plan
from dovetail.structured import floating, graphs_of, pulled, replayed, stand_in
from dovetail.trace import Traced, active, trace
from dovetail.transforms.lowering import trace_call, traced_leaves

__all__ = ["call"]


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A compiled function and its compiled gradient."""

    forward: Any
    backward: Any
    outputs: int
    """How many of the forward plan's results are the function's; the rest are residuals."""
    differentiable: tuple[int, ...]
    """Positions of the floating inputs; the backward plan gives one gradient for each."""


@dataclass(frozen=True, kw_only=True)
class _Call:
    """What is known of the calls of one signature."""

    pair: _Pair
    graph: Graph
    places: tuple[int, ...]
    """Which leaves of the arguments are inputs of the graph."""
    closed: tuple[Any, ...]
    """The inputs after them: what the function closes over."""
    constants: tuple[Any, ...]
    """The inputs at the end, which have no gradient."""
    out_tree: Any


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a compiled function of which an active tape watches an argument or a captured array."""
    leaves = traced_leaves(function, args, kwargs)
    known = _known(function, args, kwargs, leaves)
    pair, graph = known.pair, known.graph
    given = [_as_input(leaves[i], v) for i, v in zip(known.places, graph.inputs, strict=False)]
    inputs = (*given, *known.closed, *known.constants)
    results = pair.forward(*inputs)
    outputs, residuals = results[: pair.outputs], results[pair.outputs :]

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        cotangents = tuple(
            zeros_like(yi) if gi is None else gi
            for gi, yi in zip(g, y, strict=True)
            if yi.dtype.differentiable
        )
        if active() is not None or _fast.tape_watching((*xs, *cotangents)):
            return _by_replay(graph, xs, y, cotangents, pair.differentiable)
        found = pair.backward(*residuals, *cotangents)
        grads: list[Any] = [None] * len(xs)
        for i, gi in zip(pair.differentiable, found, strict=True):
            grads[i] = gi if needed[i] else None
        return tuple(grads)

    _fast.tape_record(rule, inputs, tuple(outputs))
    return _fast.tree_unflatten(known.out_tree, outputs)


def _known(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: Sequence[Any]
) -> _Call:
    """The call's graph and plans. As elsewhere, what a compiled function closes over is constant
    from its first call on; where a tape watches some of it, the function is traced every time."""
    calls: dict[Any, _Call] = function.__dict__.setdefault("_gradient_calls", {})
    key = (_fast.get_fallback(), *_signature(function, args, kwargs, leaves))
    if key in calls:
        return calls[key]
    traced, device = trace_call(function, args, kwargs)
    closed = traced.closed()
    given = len(traced.graph.inputs)
    constants = _lifted(traced.graph)
    with settings.fallback_as(function.fallback):
        pair = _pair(function, traced, device, given)
    found = _Call(
        pair=pair,
        graph=traced.graph,
        places=traced.inputs,
        closed=closed,
        constants=constants,
        out_tree=traced.out_tree,
    )
    if not traced.watched:
        calls[key] = found
    return found


def _signature(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: Sequence[Any]
) -> tuple[Any, ...]:
    """What csrc/fast/call_key.c tells calls apart by."""
    names = function._static_names
    fixed = [(i, type(x), x) for i, x in (*enumerate(args), *kwargs.items()) if i in names]
    moving = {k: v for k, v in kwargs.items() if k not in names}
    tree = _fast.tree_flatten(([None if i in names else x for i, x in enumerate(args)], moving))[1]
    return (tree, *fixed, *map(_kind, leaves))


def _kind(leaf: Any) -> Any:
    if isinstance(leaf, _fast.Array):
        return leaf.shape, leaf.dtype, leaf.device.name, leaf._weak
    return type(leaf) if type(leaf) in (int, float, complex) else (type(leaf), leaf)


def _as_input(leaf: Any, value: Value) -> Any:
    if isinstance(leaf, _fast.Array):
        return leaf
    return asarray(leaf, dtype=value.spec.dtype)


def _by_replay(
    graph: Graph, xs: tuple[Any, ...], y: tuple[Any, ...], cotangents: tuple[Any, ...], where: Any
) -> tuple[Any, ...]:
    """The gradient op by op, for the tapes that watch it and the trace it is part of."""
    grads: list[Any] = [None] * len(xs)
    for i, gi in zip(where, pulled(graph, xs, where, cotangents), strict=True):
        grads[i] = gi
    return tuple(grads)


_SMALL = 1024
"""Bytes up to which a constant is compiled in, and compared with that of the next call."""


def _lifted(graph: Graph) -> tuple[Any, ...]:
    """Make inputs of large constants, which may be others at the next call; the arrays for them."""
    large = [v for v in graph.constants() if v.spec.nbytes > _SMALL]
    arrays = tuple(v.constant for v in large)
    for value in large:
        value.constant = None
    graph.inputs.extend(large)
    return arrays


def _pair(function: Any, traced: Traced, device: Any, given: int) -> _Pair:
    """Compile both halves, once per graph: what the function closes over are inputs by now.

    Only the first ``given`` inputs have gradients; the others are constants.
    """
    key = (str(traced.graph), traced.in_tree, device.name, given, settings.fallback())
    known = _pairs(function).get(key)
    if known is not None and _same_constants(known[1], traced.graph):
        return known[0]
    pair = _compile_pair(traced.graph, device, given)
    _pairs(function)[key] = (pair, traced.graph)
    return pair


def _pairs(function: Any) -> dict[Any, tuple[_Pair, Graph]]:
    found: dict[Any, tuple[_Pair, Graph]] = function.__dict__.setdefault("_gradient_pairs", {})
    return found


def _same_constants(a: Graph, b: Graph) -> bool:
    return all(
        x.constant._address == y.constant._address
        or (x.spec.nbytes <= _SMALL and _digits(x.constant) == _digits(y.constant))
        for x, y in zip(_constants(a), _constants(b), strict=True)
    )


def _digits(x: Any) -> str:
    """The content as text, in which 0.0 and -0.0 differ and NaN is equal to itself."""
    return repr(x.tolist())


def _constants(graph: Graph) -> Iterator[Value]:
    """Those of the graph and of the graphs in its nodes."""
    yield from graph.constants()
    for node in graph.nodes:
        for inner in graphs_of(node.attributes):
            yield from _constants(inner)


def _compile_pair(graph: Graph, device: Any, given: int) -> _Pair:
    differentiable = floating([v.spec for v in graph.inputs[:given]])
    pulling = floating([v.spec for v in graph.outputs])

    def joint(xs: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        outputs, pull = replayed(graph, xs, differentiable)
        return (*outputs, *pull(cotangents))

    xs = tuple(stand_in(v.spec, device) for v in graph.inputs)
    cotangents = tuple(stand_in(graph.outputs[i].spec, device) for i in pulling)
    both = trace(joint, (xs, cotangents), device=device).graph
    both = optimise(both, device)
    forward, backward = _split(both, len(graph.inputs), len(graph.outputs))
    return _Pair(
        forward=_full_plan(forward, device),
        backward=_full_plan(backward, device),
        outputs=len(graph.outputs),
        differentiable=differentiable,
    )


def _full_plan(graph: Graph, device: Any) -> Callable[..., Any]:
    """A plan called with every input, read or not."""
    used = graph.uses()
    kept = [i for i, v in enumerate(graph.inputs) if v in used]
    graph.inputs = [graph.inputs[i] for i in kept]
    planned = plan(graph, device, frozenset()).plan

    def run(*inputs: Any) -> Any:
        return planned(*(inputs[i] for i in kept))

    return run


def _split(graph: Graph, n_inputs: int, n_outputs: int) -> tuple[Graph, Graph]:
    """Nodes that need no cotangent go forward; values that cross over are residuals.

    What costs nothing to make is made in both halves: a transposed or repeated residual would cross
    as a copy.
    """
    late: set[Value] = set(graph.inputs[n_inputs:])
    given = set(graph.inputs)
    forward_nodes: list[Node] = []
    backward_nodes: list[Node] = []
    again: set[Value] = set()

    def bring(values: Iterable[Value]) -> None:
        for value in values:
            node = value.producer
            if node is None or value in late or value in again or not _free(node, given):
                continue
            bring(node.inputs)
            again.update(node.outputs)
            backward_nodes.append(node)

    for node in graph.nodes:
        if any(v in late for v in node.inputs):
            bring(node.inputs)
            late.update(node.outputs)
            backward_nodes.append(node)
        else:
            forward_nodes.append(node)
    gradients = graph.outputs[n_outputs:]
    bring(gradients)
    residuals = _crossing(backward_nodes, gradients, late | again)
    forward = Graph(
        inputs=graph.inputs[:n_inputs],
        nodes=forward_nodes,
        outputs=[*graph.outputs[:n_outputs], *residuals],
        name=f"{graph.name}.forward",
    )
    backward = Graph(
        inputs=[*residuals, *graph.inputs[n_inputs:]],
        nodes=backward_nodes,
        outputs=list(gradients),
        name=f"{graph.name}.backward",
    )
    return dead_code(forward), backward


def _free(node: Node, given: set[Value]) -> bool:
    """Whether a node may run in both halves: what attributes alone make, or a view that keeps no
    more memory alive."""
    if not node.inputs:
        return True
    if node.op.claim != "view" or len(node.inputs) > 1:
        return False
    source = node.inputs[0]
    smaller = source.spec.nbytes <= node.outputs[0].spec.nbytes
    return smaller or source in given or source.constant is not None


def _crossing(nodes: Sequence[Node], outputs: Sequence[Value], late: set[Value]) -> list[Value]:
    """Values made forward and read backward, constants aside, in order of first use."""
    found: dict[Value, None] = {}
    for value in (*(v for n in nodes for v in n.inputs), *outputs):
        if value not in late and value.constant is None:
            found.setdefault(value)
    return list(found)
