"""What an op comes to when one of its operands is one known number, the same for every element."""

from __future__ import annotations

import math
from typing import Any

from dovetail.graph import Graph, Node, Value
from dovetail.op import REGISTRY
from dovetail.passes.repeated import repeated_element
from dovetail.passes.rewrite import Emit, rewrite

__all__ = ["known_operands"]

_POWERS = {2: "square", -1: "reciprocal"}


def _number(value: Value) -> float | None:
    """The one number that a real value has in every element; None where it is not known."""
    if value.spec.dtype.kind == "complex":
        return None
    element = repeated_element(value)
    return None if element is None else element.item()


def _operand(node: Node) -> Value | None:
    """The operand that the node gives back."""
    x = node.inputs
    name = node.op.name
    if name == "where":
        condition = _number(x[0])
        return None if condition is None else x[1] if condition else x[2]
    if name == "multiply":
        return x[0] if _number(x[1]) == 1 else x[1] if _number(x[0]) == 1 else None
    if name in ("divide", "power"):
        return x[0] if _number(x[1]) == 1 else None
    if name == "subtract":  # x - 0 is x, also where that is -0; x - (-0) is not
        zero = _number(x[1])
        return x[0] if zero == 0 and math.copysign(1, zero) > 0 else None
    return None


def _alike(value: Value, result: Value) -> bool:
    a, b = value.spec, result.spec
    return (a.shape, a.dtype) == (b.shape, b.dtype)


def _word(node: Node) -> str | None:
    """The op of one operand that a power of floats is."""
    if node.op.name != "power" or node.outputs[0].spec.dtype.kind != "float":
        return None
    exponent = _number(node.inputs[1])
    if exponent not in _POWERS or not _alike(node.inputs[0], node.outputs[0]):
        return None
    return _POWERS[int(exponent)]


def known_operands(graph: Graph, device: Any) -> Graph:
    """Products with 1, differences to 0, choices that are made, and squares and reciprocals among
    the powers, as far as the device has a kernel for these.

    A square is rounded once; the power that it stands for may be off by more.
    """

    def visit(node: Node, new: Graph, emit: Emit) -> tuple[Value, ...]:
        kept = _operand(node)
        if kept is not None and _alike(kept, node.outputs[0]):
            return (kept,)
        word = _word(node)
        if word is None or word not in device.rows:
            return emit(node)
        spec = node.outputs[0].spec
        return new.add(REGISTRY[word], node.inputs[:1], {}, (spec,), node.location)

    return rewrite(graph, visit)
