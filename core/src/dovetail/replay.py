"""Running a graph op by op through dispatch: on concrete, traced or watched arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail.graph import Graph, Value
from dovetail.op import FUNCTIONS, iterate

__all__ = ["replay"]


def replay(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a graph for these inputs, each op called as a user would call it."""
    known: dict[Value, Any] = dict(zip(graph.inputs, inputs, strict=True))

    def array(value: Value) -> Any:
        return value.constant if value.constant is not None else known[value]

    for node in graph.nodes:
        results = FUNCTIONS[node.op.name](*(array(v) for v in node.inputs), **node.attributes)
        known.update(zip(node.outputs, iterate(results), strict=True))
    return [array(v) for v in graph.outputs]
