"""A graph as text that `graph_parse` reads back: the writer's half.

One node a line, typed, with the version of its op and all attributes. core/docs/program-file.md has
the grammar. Differs from ``str(graph)`` in being exact: floats round-trip, versions are written and
every constant names the tensor that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import Any

from dovetail.dtypes import DType
from dovetail.errors import ProgramError
from dovetail.graph import Graph, Node, Value
from dovetail.symbols import Dim, FloatDim

__all__ = ["graph_lines", "nested", "program_lines", "quote"]

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t"}


def quote(text: str) -> str:
    """A string literal of the format: single quotes, printable ASCII only."""
    parts = []
    for character in text:
        if character in _ESCAPES:
            parts.append(_ESCAPES[character])
        elif " " <= character <= "~":
            parts.append(character)
        else:
            parts.append(f"\\u{{{ord(character):x}}}")
    return "'" + "".join(parts) + "'"


def nested(*graphs: Graph) -> Iterator[Graph]:
    """The graphs held by attributes of each graph, innermost first, then the graph itself."""
    seen: set[int] = set()

    def walk(one: Graph) -> Iterator[Graph]:
        if id(one) in seen:
            return
        seen.add(id(one))
        for node in one.nodes:
            for value in node.attributes.values():
                for item in value if isinstance(value, tuple) else (value,):
                    if isinstance(item, Graph):
                        yield from walk(item)
        yield one

    for graph in graphs:
        yield from walk(graph)


def graph_lines(graph: Graph, constant: Callable[[Value], str]) -> list[str]:
    """The text of a graph and of those it holds, line by line; the last graph is the whole.

    ``constant(value)`` gives what is written after the word ``constant`` for a constant value.
    """
    return program_lines([graph], constant)[0]


def program_lines(
    graphs: Sequence[Graph], constant: Callable[[Value], str]
) -> tuple[list[str], list[str]]:
    """(lines, names of the graphs) of several graphs and of those they hold, each written once."""
    names: dict[int, str] = {}
    for one in nested(*graphs):
        names[id(one)] = _identifier(one.name, set(names.values()))
    lines: list[str] = []
    for one in nested(*graphs):
        lines += _GraphWriter(one, names, constant).lines()
    return lines, [names[id(graph)] for graph in graphs]


def _identifier(name: str, taken: set[str]) -> str:
    """A name that the grammar allows and that no other graph has."""
    stem = re.sub(r"\W", "_", name, flags=re.ASCII) or "main"
    stem = f"_{stem}" if stem[0].isdigit() else stem
    numbered = (f"{stem}_{i}" for i in range(2, len(taken) + 3))
    return next(one for one in (stem, *numbered) if one not in taken)


class _GraphWriter:
    """Writes one graph; ``graphs`` names the graphs that attributes may hold."""

    def __init__(
        self, graph: Graph, graphs: dict[int, str], constant: Callable[[Value], str]
    ) -> None:
        self.graph = graph
        self.graphs = graphs
        self.constant = constant
        self.names = graph.names()

    def lines(self) -> list[str]:
        inputs = ", ".join(map(self._typed, self.graph.inputs))
        lines = [f"graph {self.graphs[id(self.graph)]}({inputs}) {{"]
        for value in self.graph.constants():
            if value not in self.graph.inputs:
                lines.append(f"  {self._typed(value)} = constant {self.constant(value)}")
        lines += [self._node(node) for node in self.graph.nodes]
        lines.append(f"  return {', '.join(map(self._name, self.graph.outputs))}".rstrip())
        return [*lines, "}"]

    def _name(self, value: Value) -> str:
        if value not in self.names:
            raise ProgramError(
                "the graph uses a value that belongs to another graph; trace the function again"
            )
        return self.names[value]

    def _typed(self, value: Value) -> str:
        return f"{self._name(value)}: {value.spec}"

    def _node(self, node: Node) -> str:
        left = ", ".join(map(self._typed, node.outputs))
        operands = ", ".join(map(self._name, node.inputs))
        text = f"  {left} = {node.op.name}@{node.op.version}({operands})"
        if node.attributes:
            pairs = (f"{key}={self._literal(node, v)}" for key, v in node.attributes.items())
            text += f" {{{', '.join(pairs)}}}"
        if node.location:
            text += f"  # {_short(node.location)}"
        return text

    def _literal(self, node: Node, value: Any) -> str:
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Dim | FloatDim):
            return str(value)
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, float):
            return repr(float(value))
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, DType):
            return value.name
        if isinstance(value, Graph):
            return f"@{self.graphs[id(value)]}"
        if isinstance(value, tuple):
            inner = ", ".join(self._literal(node, item) for item in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        raise ProgramError(
            f"op {node.op.name} has an attribute of type {type(value).__name__}, which a program "
            "file cannot hold; attributes are bool, int, float, str, None, dtypes and tuples"
        )


def _short(location: str) -> str:
    """``file.py:12``: the folder is the author's business; one printable line."""
    path, colon, line = location.rpartition(":")
    text = f"{PurePath(path).name}:{line}" if colon else location
    return "".join(c if " " <= c <= "~" else "?" for c in text)
