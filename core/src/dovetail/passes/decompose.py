"""Replace composite ops that the device does not claim by simpler ones."""

from __future__ import annotations

from typing import Any

from dovetail.graph import Graph, Node, Value
from dovetail.op import iterate
from dovetail.passes.rewrite import Emit, rewrite
from dovetail.selection import Operand, Refusal, select
from dovetail.trace import Trace, entered

__all__ = ["decompose"]


def _claimed(node: Node, device: Any) -> bool:
    operands = [Operand(v.spec) for v in node.inputs]
    results = [v.spec for v in node.outputs]
    return not isinstance(select(device, node.op, operands, results, node.attributes), Refusal)


def decompose(graph: Graph, device: Any) -> Graph:
    """Decompositions are traced in place; the simpler ops are looked at in turn."""

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        if node.op.decomposition is None or _claimed(node, device):
            return emit(node)
        part = Graph(inputs=list(node.inputs), name=node.op.name)
        trace = Trace(part, device)

        def body() -> list[Value]:
            arrays = [trace.array(v) if v.constant is None else v.constant for v in node.inputs]
            assert node.op.decomposition is not None
            found = node.op.decomposition(*arrays, **node.attributes)
            return [trace.value_of(x) for x in iterate(found)]

        part.outputs = entered(trace, body)
        for inner in part.nodes:
            inner.location = node.location
        part = decompose(part, device)
        new.nodes.extend(part.nodes)
        return tuple(part.outputs)

    return rewrite(graph, visit)
