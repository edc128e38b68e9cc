"""Rebuilding a graph node by node while some of its values are replaced by others."""

from __future__ import annotations

from collections.abc import Callable

from dovetail.graph import Graph, Node, Value

__all__ = ["rewrite"]

Emit = Callable[[Node], tuple[Value, ...]]


def rewrite(graph: Graph, visit: Callable[[Node, Graph, Emit], tuple[Value, ...]]) -> Graph:
    """A new graph where ``visit(node, new_graph, emit)`` gives the values that stand for a node's
    results. The node it sees reads new values already; ``emit(node)`` appends it as it is."""
    new = Graph(inputs=list(graph.inputs), name=graph.name)
    known: dict[Value, Value] = {}

    def emit(node: Node) -> tuple[Value, ...]:
        return new.add(
            node.op, node.inputs, node.attributes, (v.spec for v in node.outputs), node.location
        )

    for node in graph.nodes:
        inputs = tuple(known.get(v, v) for v in node.inputs)
        moved = Node(node.op, inputs, node.attributes, node.outputs, node.location)
        known.update(zip(node.outputs, visit(moved, new, emit), strict=True))
    new.outputs = [known.get(v, v) for v in graph.outputs]
    return new
