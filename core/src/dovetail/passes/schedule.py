"""Order nodes so that each stands shortly before its first reader."""

from __future__ import annotations

from dovetail.graph import Graph, Node

__all__ = ["schedule"]


def schedule(graph: Graph) -> Graph:
    """The same nodes in the order of a depth-first walk from the outputs.

    Values then live briefly, and a device that groups neighbours finds a chain in one piece: a
    momentum is scaled beside the update that reads it, not at the top of the step.
    """
    depth: dict[Node, int] = {}
    for each in graph.nodes:
        depth[each] = 1 + max((depth[v.producer] for v in each.inputs if v.producer), default=0)
    done: set[Node] = set()
    order: list[Node] = []
    for output in graph.outputs:
        stack: list[tuple[Node | None, bool]] = [(output.producer, False)]
        while stack:
            node, ready = stack.pop()
            if node is None or node in done:
                continue
            if ready:
                done.add(node)
                order.append(node)
                continue
            stack.append((node, True))
            # The deepest operand first: what is cheap to reach comes last, beside its reader.
            makers = [v.producer for v in node.inputs if v.producer is not None]
            stack.extend((m, False) for m in sorted(makers, key=depth.__getitem__))
    return Graph(
        inputs=list(graph.inputs), nodes=order, outputs=list(graph.outputs), name=graph.name
    )
