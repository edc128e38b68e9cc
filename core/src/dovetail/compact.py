"""Constants of a program as small as they can be stored: a repeated value is stored once."""

from __future__ import annotations

import numpy as np

from dovetail.array import numpy_of
from dovetail.graph import Graph, Node, Value
from dovetail.op import REGISTRY, Spec
from dovetail.passes.dead_code import dead_code

__all__ = ["compact"]

_WORTH = 4096  # bytes that must be saved to change a constant


def compact(graph: Graph) -> Graph:
    """The same graph without dead nodes and with repetitive constants taken back to their source.

    A mask for a whole batch, or a large array of zeros, is a few numbers and a ``broadcast_to``
    node. Weights with a name stay as they are: other readers look for their shapes.
    """
    graph = dead_code(graph)
    stored: dict[Value, Value] = {}
    nodes: list[Node] = []
    for value in graph.constants():
        small = None if value.name else _source(value)
        if small is None:
            continue
        spread = Value(Spec(value.shape, value.spec.dtype))
        node = Node(REGISTRY["broadcast_to"], (small,), {"shape": value.shape}, (spread,))
        spread.producer = node
        nodes.append(node)
        stored[value] = spread
    if not stored:
        return graph
    for node in graph.nodes:
        inputs = tuple(stored.get(v, v) for v in node.inputs)
        moved = Node(node.op, inputs, node.attributes, node.outputs, node.location)
        for result in node.outputs:
            result.producer = moved
        nodes.append(moved)
    outputs = [stored.get(v, v) for v in graph.outputs]
    return Graph(inputs=list(graph.inputs), nodes=nodes, outputs=outputs, name=graph.name)


def _source(value: Value) -> Value | None:
    """A constant with the distinct slices of another, or None when there is little to gain."""
    if value.spec.nbytes <= _WORTH:
        return None
    values = numpy_of(value.constant)
    bits = values.view(f"u{values.itemsize}")  # so that -0.0 is not 0.0 and NaN is itself
    once = []
    for axis, extent in enumerate(value.shape):
        first = bits.take([0], axis=axis)
        # The second slice differs from the first in almost every array that is no repetition.
        again = extent > 1 and np.array_equal(bits.take([1], axis=axis), first)
        again = again and np.array_equal(bits, np.broadcast_to(first, bits.shape))
        bits = first if again else bits
        once.append(again)
    if bits.nbytes + _WORTH > values.nbytes:
        return None
    array = value.constant[tuple(slice(0, 1) if again else slice(None) for again in once)]
    leading = next((i for i, n in enumerate(array.shape) if n != 1), array.ndim)
    array = array.reshape(array.shape[leading:])
    return Value(Spec(array.shape, value.spec.dtype), constant=array)
