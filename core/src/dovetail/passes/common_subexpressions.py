"""Compute equal things once."""

from __future__ import annotations

from typing import Any

from dovetail.graph import Graph, Node, Value
from dovetail.passes.rewrite import Emit, rewrite

__all__ = ["common_subexpressions"]


def _attribute(value: Any) -> Any:
    """A key by which attributes differ whenever kernels may tell them apart: 0.0 and -0.0, 1 and
    True are equal in Python."""
    if isinstance(value, tuple):
        return tuple(map(_attribute, value))
    return (type(value), repr(value)) if isinstance(value, float) else (type(value), value)


def common_subexpressions(graph: Graph) -> Graph:
    """Nodes with the same op, operands and attributes become one. Every op is a pure function of
    them, random numbers included."""
    seen: dict[Any, tuple[Value, ...]] = {}

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        key = (
            node.op.name,
            tuple(map(id, node.inputs)),
            tuple((k, _attribute(v)) for k, v in sorted(node.attributes.items())),
        )
        if key not in seen:
            seen[key] = emit(node)
        return seen[key]

    return rewrite(graph, visit)
