"""Running a graph made for one example on many examples at once, op by op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail import _fast
from dovetail.batching import batch, examples
from dovetail.graph import Graph, Value
from dovetail.op import FUNCTIONS, Spec, iterate
from dovetail.structured import stand_in
from dovetail.trace import active, trace

__all__ = ["batch_graph", "replay_batched"]


def replay_batched(
    graph: Graph, size: int, batched: Sequence[bool], inputs: Sequence[Any]
) -> tuple[list[Any], list[bool]]:
    """The outputs of a graph for ``size`` examples, and which of them differ between examples.

    Inputs flagged in ``batched`` hold the examples along a new first axis; so do the outputs that
    are flagged. What depends on no batched input is computed once. Ops are called as a user would
    call them: on concrete, traced and watched arrays.
    """
    known: dict[Value, tuple[Any, bool]] = {
        v: (x, bool(b)) for v, x, b in zip(graph.inputs, inputs, batched, strict=True)
    }

    def array(value: Value) -> tuple[Any, bool]:
        return (value.constant, False) if value.constant is not None else known[value]

    outer = active()
    left = graph.uses()
    for node in graph.nodes:
        operands, flags = zip(*map(array, node.inputs), strict=True) if node.inputs else ((), ())
        if node.op.followed is not None:
            flags = tuple(f and i in node.op.followed for i, f in enumerate(flags))
        before = len(outer.graph.nodes) if outer is not None else 0
        if any(flags):
            results = batch(node.op, size, flags, operands, node.attributes)
        else:
            results = tuple(iterate(FUNCTIONS[node.op.name](*operands, **node.attributes)))
        if outer is not None:  # the line in the function for one example, not that of its caller
            for made in outer.graph.nodes[before:]:
                made.location = node.location or made.location
        for value, x in zip(node.outputs, results, strict=True):
            known[value] = (x, any(flags))
        for value in node.inputs:  # what nobody reads any more is let go
            left[value] -= 1
            if not left[value]:
                known.pop(value, None)
    found = [array(v) for v in graph.outputs]
    return [x for x, _ in found], [b for _, b in found]


def batch_graph(graph: Graph, size: int, batched: Sequence[bool]) -> Graph:
    """The graph of ``size`` examples at once: inputs flagged in ``batched`` and all outputs have
    the examples along a new first axis."""
    outer = active()
    device = outer.device if outer is not None else _fast.get_device()
    inputs = tuple(
        stand_in(Spec((size, *v.shape) if b else v.shape, v.spec.dtype), device)
        for v, b in zip(graph.inputs, batched, strict=True)
    )

    def run(*arrays: Any) -> list[Any]:
        found, flags = replay_batched(graph, size, batched, arrays)
        return [examples(x, size, b) for x, b in zip(found, flags, strict=True)]

    run.__name__ = graph.name or run.__name__
    return trace(run, inputs, device=device).graph
