"""Remove nodes whose results nobody reads."""

from __future__ import annotations

from dovetail.graph import Graph, Value

__all__ = ["dead_code"]


def dead_code(graph: Graph) -> Graph:
    """A graph with only the nodes that an output needs. Ops have no side effects."""
    alive: set[Value] = set(graph.outputs)
    nodes = []
    for node in reversed(graph.nodes):
        if any(v in alive for v in node.outputs):
            alive.update(node.inputs)
            nodes.append(node)
    return Graph(
        inputs=list(graph.inputs), nodes=nodes[::-1], outputs=list(graph.outputs), name=graph.name
    )
