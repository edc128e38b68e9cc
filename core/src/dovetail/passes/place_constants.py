"""Bring constants to the device that the program is for."""

from __future__ import annotations

from typing import Any

from dovetail import _fast
from dovetail.graph import Graph, Node, Value
from dovetail.passes.rewrite import Emit, rewrite

__all__ = ["place_constants"]


def place_constants(graph: Graph, device: Any) -> Graph:
    """The graph with constants that the device can read: those of another memory are copied.

    The body of a loop that the CPU runs for a device with memory of its own has such constants.
    """
    moved = {
        v: Value(v.spec, v.name, constant=_fast.transfer(v.constant, device))
        for v in graph.constants()
        if v.constant.device.host_visible != device.host_visible
        or not (device.host_visible or v.constant.device is device)
    }
    if not moved:
        return graph

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        inputs = tuple(moved.get(v, v) for v in node.inputs)
        return emit(Node(node.op, inputs, node.attributes, node.outputs, node.location))

    placed = rewrite(graph, visit)
    placed.outputs = [moved.get(v, v) for v in placed.outputs]
    return placed
