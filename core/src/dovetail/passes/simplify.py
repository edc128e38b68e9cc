"""Local rewrites that hold for every input, NaN and infinity included."""

from __future__ import annotations

from dovetail.graph import Graph, Node, Value
from dovetail.passes.rewrite import Emit, rewrite

__all__ = ["simplify"]

_NOTHING = frozenset({"identity", "stop_gradient"})
_SAME_SHAPE = frozenset({"reshape", "broadcast_to"})


def _redundant(node: Node) -> bool:
    """Whether the node gives its first operand back."""
    operand, result = node.inputs[0].spec, node.outputs[0].spec
    if node.op.name in _NOTHING:
        return True
    if node.op.name in _SAME_SHAPE:
        return operand.shape == result.shape
    if node.op.name == "astype":
        return operand.dtype is result.dtype
    if node.op.name == "permute_dims":
        return tuple(node.attributes["axes"]) == tuple(range(operand.ndim))
    return False


def _through(node: Node) -> Node:
    """A reshape of a reshape reads the first one's operand."""
    source = node.inputs[0].producer
    if node.op.name == "reshape" and source is not None and source.op.name == "reshape":
        return Node(node.op, source.inputs, node.attributes, node.outputs, node.location)
    return node


def simplify(graph: Graph) -> Graph:
    """Drop conversions and view changes that change nothing."""

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        if not node.inputs:
            return emit(node)
        node = _through(node)
        return node.inputs if _redundant(node) else emit(node)

    return rewrite(graph, visit)
