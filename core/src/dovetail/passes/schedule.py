"""Order nodes so that each stands shortly before its first reader."""

from __future__ import annotations

from dovetail.graph import Graph, Node

__all__ = ["schedule"]


def schedule(graph: Graph) -> Graph:
    """The same nodes in the order of a depth-first walk from the outputs.

    Values then live briefly, and a device that groups neighbours finds a chain in one piece: a
    momentum is scaled beside the update that reads it, not at the top of the step. What takes the
    fewest nodes in a row to reach comes first: the gradients of a network's last layers, which let
    go of what came back to them before those of the first layers are made.
    """
    depth: dict[Node, int] = {}
    for each in graph.nodes:
        depth[each] = 1 + max((depth[v.producer] for v in each.inputs if v.producer), default=0)
    done: set[Node] = set()
    order: list[Node] = []
    for output in sorted(graph.outputs, key=lambda v: depth[v.producer] if v.producer else 0):
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
