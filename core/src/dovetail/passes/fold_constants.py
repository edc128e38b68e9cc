"""Compute at compile time what depends on constants only."""

from __future__ import annotations

from typing import Any

from dovetail import _fast
from dovetail.graph import Graph, Node, Value
from dovetail.op import FUNCTIONS, REGISTRY, Spec, iterate
from dovetail.passes.repeated import repeated_element
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
    large constant made from little (zeros, broadcasts, random draws). Element-wise ops of numbers
    that are repeated become the repetition of one number."""

    def run(node: Node, operands: list[Any]) -> list[Any]:
        before = _fast.set_device(device)
        suspended = _fast.tape_suspend()
        try:
            found = FUNCTIONS[node.op.name](*operands, **node.attributes)
        finally:
            _fast.tape_resume(suspended)
            _fast.set_device(before)
        return list(iterate(found))

    def repeated(node: Node, new: Graph) -> tuple[Value, ...] | None:
        if not node.op.broadcast or not node.inputs:
            return None
        scalars = [repeated_element(v) for v in node.inputs]
        if any(x is None for x in scalars):
            return None
        [one], [result] = run(node, scalars), node.outputs
        value = Value(Spec((), result.spec.dtype), constant=one)
        attributes = {"shape": result.spec.shape}
        spread = REGISTRY["broadcast_to"]
        return new.add(spread, (value,), attributes, (result.spec,), node.location)

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        if _worth(node):
            found = run(node, [v.constant for v in node.inputs])
            return tuple(
                Value(v.spec, constant=x) for v, x in zip(node.outputs, found, strict=True)
            )
        return repeated(node, new) or emit(node)

    return rewrite(graph, visit)
