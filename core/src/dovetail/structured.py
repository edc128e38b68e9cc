"""Ops whose attributes hold graphs: what their functions are made of.

A loop or a choice is one node of the graph around it, and its body is a `Graph` among its
attributes. Such a node is appended by `call` under a trace; elsewhere a plan of that one node runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from dovetail import _fast
from dovetail.graph import Graph, Value
from dovetail.op import Op, Spec, iterate
from dovetail.trace import active, trace, user_line

__all__ = [
    "asleep",
    "call",
    "entry",
    "floating",
    "graph_of",
    "graphs_of",
    "pulled",
    "replayed",
    "stand_in",
]


def graphs_of(attributes: Mapping[str, Any]) -> tuple[Graph, ...]:
    """Every graph among the attributes of a node."""
    found: list[Graph] = []
    for value in attributes.values():
        found += [g for g in (value if isinstance(value, tuple) else (value,)) if type(g) is Graph]
    return tuple(found)


def call(op: Op, operands: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
    """The op's results: traced under a trace, else computed. Tapes see nothing of it."""
    specs = [Spec(x.shape, x.dtype) for x in operands]
    results = tuple(iterate(op.infer(*specs, **attributes)))
    around = active()
    if around is not None:
        values = [around.value_of(x) for x in operands]
        made = around.graph.add(op, values, attributes, results, user_line())
        return tuple(around.array(v) for v in made)
    device = operands[0].device if operands else _fast.get_device()
    found: tuple[Any, ...] = tuple(
        iterate(_compiled(op, specs, results, attributes, device)(*operands))
    )
    return found


_plans: WeakKeyDictionary[Graph, dict[Any, Any]] = WeakKeyDictionary()


def _compiled(
    op: Op,
    specs: Sequence[Spec],
    results: Sequence[Spec],
    attributes: Mapping[str, Any],
    device: Any,
) -> Any:
    """The plan of one node, kept as long as its first graph is."""
    from dovetail.passes import optimise  # noqa: PLC0415  only what runs outside jit comes here
    from dovetail.plan import plan  # noqa: PLC0415

    graphs = graphs_of(attributes)
    plans = _plans.setdefault(graphs[0], {})
    plain = tuple(v for v in attributes.values() if not graphs_of({"": v}))
    types = tuple((s.shape, s.dtype) for s in specs)
    key = (op.name, device.name, _fast.get_fallback(), types, plain, tuple(map(id, graphs)))
    if key not in plans:
        graph = Graph(inputs=[Value(s) for s in specs], name=op.name)
        graph.outputs = list(graph.add(op, graph.inputs, attributes, results, user_line()))
        # The first graph owns the entry; the others must live as long, or their ids mean nothing.
        plans[key] = (plan(optimise(graph, device), device).plan, graphs[1:])
    return plans[key][0]


def entry(graph: Graph, device: Any) -> Any:
    """A body as a C function that takes all the graph's inputs."""
    from dovetail.passes import optimise  # noqa: PLC0415  the plan of a body asks for those of others
    from dovetail.plan import plan  # noqa: PLC0415

    return plan(optimise(graph, device), device).plan.entry()


def stand_in(spec: Spec, device: Any) -> Any:
    """An argument for `trace`, which looks only at shape and dtype."""
    return _fast.traced(Value(spec), spec.dtype, spec.shape, device, False)


def graph_of(
    function: Callable[..., Any], specs: Sequence[Spec], device: Any, name: str
) -> tuple[Graph, tuple[Any, ...]]:
    """The graph of a function of flat arrays that returns a sequence of arrays, and the arrays to
    pass after its arguments for what it closes over."""
    traced = trace(function, tuple(stand_in(s, device) for s in specs), device=device)
    traced.graph.name = name
    extra = traced.closed()
    return traced.graph, extra


def floating(specs: Sequence[Any]) -> tuple[int, ...]:
    """Positions of the specs, or arrays, that have a derivative."""
    return tuple(i for i, s in enumerate(specs) if s.dtype.differentiable)


def replayed(
    graph: Graph, operands: Sequence[Any], where: Sequence[int]
) -> tuple[list[Any], Callable[..., tuple[Any, ...]]]:
    """A graph's results, and what pulls one cotangent per differentiable result back to a gradient
    for each operand at ``where``."""
    from dovetail.replay import replay  # noqa: PLC0415  with the gradients only
    from dovetail.transforms.gradient import vjp  # noqa: PLC0415

    results: list[Any] = []

    def forward(*chosen: Any) -> tuple[Any, ...]:
        xs = list(operands)
        for i, x in zip(where, chosen, strict=True):
            xs[i] = x
        results.extend(replay(graph, xs))
        return tuple(results[i] for i in floating(results))

    _, pull = vjp(forward, *(operands[i] for i in where))
    return results, pull


def pulled(
    graph: Graph, operands: Sequence[Any], where: Sequence[int], cotangents: Sequence[Any]
) -> list[Any]:
    """Gradients of a graph's operands at ``where``, one cotangent per differentiable result."""
    return list(replayed(graph, operands, where)[1](tuple(cotangents)))


class asleep:
    """Gradient tapes record nothing inside."""

    def __enter__(self) -> None:
        self._tapes = _fast.tape_suspend()

    def __exit__(self, *_: object) -> None:
        _fast.tape_resume(self._tapes)
