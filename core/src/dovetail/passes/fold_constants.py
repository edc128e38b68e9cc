"""Compute at compile time what depends on constants only."""

from __future__ import annotations

from typing import Any

from dovetail import _fast
from dovetail.graph import Graph, Node, Value
from dovetail.op import FUNCTIONS, iterate
from dovetail.passes.rewrite import Emit, rewrite

__all__ = ["fold_constants"]

_SMALL = 4096
"""Bytes up to which a result may be larger than what it is made from."""


def _worth(node: Node) -> bool:
    if any(v.constant is None for v in node.inputs):
        return False
    before = sum(v.spec.nbytes for v in node.inputs)
    after = sum(v.spec.nbytes for v in node.outputs)
    return node.op.claim != "view" and after <= max(before, _SMALL)


def fold_constants(graph: Graph, device: Any) -> Graph:
    """Nodes without inputs of the caller run now, on the device, unless their result would be a
    large constant made from little (zeros, broadcasts, random draws)."""

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        if not _worth(node):
            return emit(node)
        before = _fast.set_device(device)
        suspended = _fast.tape_suspend()
        try:
            found = FUNCTIONS[node.op.name](*(v.constant for v in node.inputs), **node.attributes)
        finally:
            _fast.tape_resume(suspended)
            _fast.set_device(before)
        return tuple(
            Value(v.spec, constant=x) for v, x in zip(node.outputs, iterate(found), strict=True)
        )

    return rewrite(graph, visit)
