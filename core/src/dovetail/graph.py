"""The graph: SSA, typed, flat; printable as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dovetail.op import Op, Spec

__all__ = ["Graph", "Node", "Value"]


@dataclass(eq=False, slots=True)
class Value:
    """One SSA value. ``constant`` is an Array when its content is known before the graph runs."""

    spec: Spec
    name: str = ""
    constant: Any = None
    producer: Node | None = None
    """The node that makes it; None for inputs and constants."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return self.spec.shape


@dataclass(eq=False, slots=True)
class Node:
    """One op applied to values. ``attributes`` are canonical; ``location`` is the user's line."""

    op: Op
    inputs: tuple[Value, ...]
    attributes: Mapping[str, Any]
    outputs: tuple[Value, ...] = ()
    location: str = ""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Graph:
    """Inputs, nodes in an order that respects dependence, outputs. Constants are the values that no
    node makes and that are not inputs."""

    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    name: str = ""

    def add(
        self,
        op: Op,
        inputs: Iterable[Value],
        attributes: Mapping[str, Any],
        specs: Iterable[Spec],
        location: str = "",
    ) -> tuple[Value, ...]:
        """Append a node with canonical attributes and inferred result specs; return its values."""
        node = Node(op, tuple(inputs), dict(attributes), location=location)
        node.outputs = tuple(Value(spec, producer=node) for spec in specs)
        self.nodes.append(node)
        return node.outputs

    def constants(self) -> Iterator[Value]:
        """Every constant value in use, once, in order of first use."""
        seen: set[int] = set()
        for value in self._used():
            if value.constant is not None and id(value) not in seen:
                seen.add(id(value))
                yield value

    def _used(self) -> Iterator[Value]:
        for node in self.nodes:
            yield from node.inputs
        yield from self.outputs

    def uses(self) -> dict[Value, int]:
        """How often each value is read, graph outputs included."""
        count: dict[Value, int] = {}
        for value in self._used():
            count[value] = count.get(value, 0) + 1
        return count

    def names(self) -> dict[Value, str]:
        """A short unique name for every value: %0, %1, ... in order of appearance."""
        order: dict[Value, str] = {}
        for value in (*self.inputs, *self.constants()):
            order.setdefault(value, f"%{len(order)}")
        for node in self.nodes:
            for value in node.outputs:
                order.setdefault(value, f"%{len(order)}")
        return order

    def __str__(self) -> str:
        names = self.names()

        def typed(value: Value) -> str:
            return f"{names[value]}: {value.spec}"

        lines = [f"graph {self.name or 'main'}({', '.join(map(typed, self.inputs))}) {{"]
        for value in self.constants():
            lines.append(f"  {typed(value)} = constant {value.name}".rstrip())
        for node in self.nodes:
            left = ", ".join(map(typed, node.outputs))
            operands = ", ".join(names[v] for v in node.inputs)
            attributes = ", ".join(f"{k}={v!s}" for k, v in node.attributes.items())
            call = f"{node.op.name}({operands})" + (f" {{{attributes}}}" if attributes else "")
            where = f"  # {node.location}" if node.location else ""
            lines.append(f"  {left} = {call}{where}")
        lines.append(f"  return {', '.join(names[v] for v in self.outputs)}")
        lines.append("}")
        return "\n".join(lines)
