"""Constants of a program as small as they can be stored: a repeated value is stored once."""

from __future__ import annotations

from dataclasses import replace

from dovetail.graph import Graph, Node, Value
from dovetail.op import REGISTRY, Spec
from dovetail.passes.dead_code import dead_code

__all__ = ["compact"]


def compact(graph: Graph) -> Graph:
    """The same graph without dead nodes and with broadcast constants taken back to their source.

    A bias that meets a batch is a view of its few numbers with strides of zero; written out, it
    would take as much room as the batch. It becomes the few numbers and a ``broadcast_to`` node.
    """
    graph = dead_code(graph)
    stored: dict[Value, Value] = {}
    nodes: list[Node] = []
    for value in graph.constants():
        small = _source(value)
        if small is None:
            continue
        spread = Value(replace(value.spec, weak=False))
        node = Node(REGISTRY["broadcast_to"], (small,), {"shape": value.shape}, (spread,))
        spread.producer = node
        nodes.append(node)
        stored[value] = spread
    if not stored:
        return graph
    for node in graph.nodes:
        inputs = tuple(stored.get(v, v) for v in node.inputs)
        moved = Node(node.op, inputs, node.attributes, node.outputs, node.location)
        for result in node.outputs:
            result.producer = moved
        nodes.append(moved)
    outputs = [stored.get(v, v) for v in graph.outputs]
    return Graph(inputs=list(graph.inputs), nodes=nodes, outputs=outputs, name=graph.name)


def _source(value: Value) -> Value | None:
    """A constant with the distinct elements of another, or None when there is nothing to gain."""
    array = value.constant
    repeated = [s == 0 and n > 1 for s, n in zip(array._strides, array.shape, strict=True)]
    if not any(repeated):
        return None
    array = array[tuple(slice(0, 1) if again else slice(None) for again in repeated)]
    leading = next((i for i, n in enumerate(array.shape) if n != 1), array.ndim)
    array = array.reshape(array.shape[leading:])
    return Value(Spec(array.shape, value.spec.dtype), name=value.name, constant=array)
