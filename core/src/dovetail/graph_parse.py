"""Reading the text that `graph_text` writes: a parser by hand that builds graphs, nothing else.

Every op is looked up in the registry by name, its version compared, its attributes put into
canonical form and its shape rule run again, so a file that was written by a stranger builds a graph
that Dovetail itself could have traced, or raises ProgramError with the line and what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dovetail.dtypes import DTYPES, DType
from dovetail.errors import ProgramError
from dovetail.graph import Graph, Value
from dovetail.graph_tokens import Line
from dovetail.node_check import checked_node
from dovetail.op import Spec
from dovetail.symbols import Dim, FloatDim

__all__ = ["parse_graph", "parse_graphs"]

_MAX_AXES = 64
_MAX_DEPTH = 8
_DTYPES = {t.name: t for t in DTYPES}


def parse_graph(text: str, constant: Callable[[Spec, str, str], Any]) -> Graph:
    """The graph that ``text`` describes; graphs before the last are those its attributes name.

    ``constant(spec, tensor, crc32)`` gives the Array for a constant, or raises ProgramError.
    """
    return parse_graphs(text, constant)[-1]


def parse_graphs(
    text: str,
    constant: Callable[[Spec, str, str], Any],
    *,
    entries: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
) -> list[Graph]:
    """The graphs named ``entries``; without names, the last of the text.

    ``sizes`` has a value for each symbol of the text. Every graph must be an entry or be used.
    """
    reader = _Reader(text, constant, sizes or {})
    while reader.more():
        reader.graph()
    if not reader.graphs:
        raise ProgramError("the program holds no graph; the file is damaged")
    wanted = list(entries) or [list(reader.graphs)[-1]]
    missing = [name for name in wanted if name not in reader.graphs]
    if missing:
        raise ProgramError(f"the program holds no graph {missing[0]!r}; the file is damaged")
    unused = reader.graphs.keys() - reader.used - set(wanted)
    if unused:
        raise ProgramError(f"graph {min(unused)!r} is used by no other; the file is damaged")
    return [reader.graphs[name] for name in wanted]


class _Reader:
    """Builds graphs line by line."""

    def __init__(
        self, text: str, constant: Callable[[Spec, str, str], Any], sizes: Mapping[str, int]
    ) -> None:
        self.rows = text.split("\n")
        self.at = 0
        self.constant = constant
        self.sizes = sizes
        self.graphs: dict[str, Graph] = {}
        self.used: set[str] = set()
        self.values: dict[str, Value] = {}

    def more(self) -> bool:
        """Whether a line is left that is not blank."""
        while self.at < len(self.rows) and not self.rows[self.at].strip():
            self.at += 1
        return self.at < len(self.rows)

    def line(self) -> Line:
        """The next line."""
        if not self.more():
            raise ProgramError("the graph ends before its closing brace; the file is truncated")
        self.at += 1
        return Line(self.rows[self.at - 1], self.at)

    def graph(self) -> None:
        """``graph name(%0: type, ...) {`` lines ``return %1, ... }``."""
        line = self.line()
        line.word("graph")
        name = line.take("word", "the name of the graph")
        if name in self.graphs:
            raise line.fail(f"there are two graphs named {name!r}")
        self.values = {}
        graph = Graph(name=name)
        line.mark("(")
        if not line.accept(")"):
            graph.inputs = self.define(line, self.typed_list(line))
            line.mark(")")
        line.mark("{")
        line.end()
        while not self.statement(graph):
            pass
        line = self.line()
        line.mark("}")
        line.end()
        self.graphs[name] = graph

    def typed_list(self, line: Line) -> list[tuple[str, Value]]:
        """``%0: float32[2, 3], %1: ...``."""
        values = [self.typed(line)]
        while line.accept(","):
            values.append(self.typed(line))
        return values

    def define(self, line: Line, typed: list[tuple[str, Value]]) -> list[Value]:
        """From here on the names mean these values."""
        for name, value in typed:
            if name in self.values:
                raise line.fail(f"{name} is defined twice")
            self.values[name] = value
        return [value for _, value in typed]

    def typed(self, line: Line) -> tuple[str, Value]:
        """``%0: float32[2, 3]``."""
        name = line.take("value", "a value such as %0")
        line.mark(":")
        word = line.take("word", "a dtype")
        dtype = _DTYPES.get(word)
        if dtype is None:
            raise line.fail(f"{word!r} names no dtype of this version")
        line.mark("[")
        shape: list[int] = []
        while not line.accept("]"):
            if shape:
                line.mark(",")
            extent = self.number(line)
            if not isinstance(extent, int) or not 0 <= extent < 2**63:
                raise line.fail(f"an extent must be a whole number, not {extent}")
            shape.append(extent)
        if len(shape) > _MAX_AXES:
            raise line.fail(f"{len(shape)} axes are more than the {_MAX_AXES} an array can have")
        return name, Value(Spec(tuple(shape), dtype))

    def value(self, line: Line) -> Value:
        """A value that was defined before."""
        name = line.take("value", "a value such as %0")
        if name not in self.values:
            raise line.fail(f"{name} is used before it is defined")
        return self.values[name]

    def value_list(self, line: Line) -> list[Value]:
        """Values with commas between them, possibly none, up to a mark or the end of the line."""
        values: list[Value] = []
        while line.peek() == "value":
            values.append(self.value(line))
            if not line.accept(","):
                break
        return values

    def statement(self, graph: Graph) -> bool:
        """One line of a graph's body; True when it was the ``return``."""
        line = self.line()
        if line.peek() == "word":
            line.word("return")
            graph.outputs = self.value_list(line)
            line.end()
            return True
        typed = self.typed_list(line)
        results = [value for _, value in typed]
        line.mark("=")
        if line.peek_text() == "constant":
            self.constant_line(line, results)
        else:
            self.node_line(line, graph, results)
        self.define(line, typed)
        line.end()
        return False

    def constant_line(self, line: Line, results: list[Value]) -> None:
        """``constant 'tensor' crc32='1a2b3c4d'``."""
        line.word("constant")
        tensor = line.string()
        line.word("crc32")
        line.mark("=")
        checksum = line.string()
        if len(results) != 1:
            raise line.fail("a constant defines one value")
        result = results[0]
        result.name = tensor
        try:
            result.constant = self.constant(result.spec, tensor, checksum)
        except ProgramError as error:
            raise line.fail(str(error)) from error

    def node_line(self, line: Line, graph: Graph, results: list[Value]) -> None:
        """``op@1(%0, %1) {axis=(0,), keepdims=false}  # where``."""
        op = line.take("word", "the name of an op")
        line.mark("@")
        version = line.number()
        line.mark("(")
        inputs = self.value_list(line)
        line.mark(")")
        attributes: dict[str, Any] = {}
        if line.accept("{"):
            while not line.accept("}"):
                if attributes:
                    line.mark(",")
                key = line.take("word", "the name of an attribute")
                if key in attributes:
                    raise line.fail(f"attribute {key!r} is given twice")
                line.mark("=")
                attributes[key] = self.literal(line, 0)
        node = checked_node(
            line, op, version, inputs=inputs, attributes=attributes, outputs=results
        )
        node.location = line.comment
        graph.nodes.append(node)

    def literal(self, line: Line, depth: int) -> Any:
        """The value of an attribute."""
        kind = line.peek()
        if kind == "string":
            return line.string()
        if kind == "number" or line.peek_text() in self.sizes:
            return self.number(line)
        if line.accept("@"):
            name = line.take("word", "the name of a graph")
            if name not in self.graphs:
                raise line.fail(f"graph @{name} is used before it is defined")
            self.used.add(name)
            return self.graphs[name]
        if line.accept("("):
            return self.tuple(line, depth + 1)
        if self.sizes and line.peek_text() == "float":
            return self.float(line)
        return _word(line)

    def number(self, line: Line) -> int | float:
        """A number, or the sum of multiples of symbols: ``2*n+1``."""
        terms: dict[str, int] = {}
        constant = self.term(line, terms)
        if not self.sizes or isinstance(constant, float):
            return constant
        while line.accept("+") or (line.peek() == "number" and line.peek_text()[0] == "-"):
            more = self.term(line, terms)
            if isinstance(more, float):
                raise line.fail("a sum of sizes has whole numbers only")
            constant += more
        if not terms:
            return constant
        value = constant + sum(k * self.sizes[name] for name, k in terms.items())
        return Dim(value, tuple(terms.items()), constant)

    def term(self, line: Line, terms: dict[str, int]) -> int | float:
        """``3``, ``n`` or ``2*n``; multiples of symbols are added to ``terms``."""
        if line.peek_text() in self.sizes:
            name, times = line.take("word", "the name of a size"), 1
        else:
            number = line.number()
            if not line.accept("*"):
                return number
            name = line.take("word", "the name of a size")
            if isinstance(number, float):
                raise line.fail(f"{number} is no whole multiple of {name}")
            if name not in self.sizes:
                raise line.fail(f"{name!r} names no size of this program")
            times = number
        terms[name] = terms.get(name, 0) + times
        return 0

    def float(self, line: Line) -> FloatDim:
        """``float(2*n)``."""
        line.word("float")
        line.mark("(")
        found = self.number(line)
        line.mark(")")
        if not isinstance(found, Dim) or abs(found) > 2**53:
            raise line.fail(f"float() holds a size of this program, not {found}")
        return FloatDim(found)

    def tuple(self, line: Line, depth: int) -> tuple[Any, ...]:
        """``()``, ``(1,)`` or ``(1, 2)`` after its opening parenthesis."""
        if depth > _MAX_DEPTH:
            raise line.fail(f"tuples are nested more than {_MAX_DEPTH} deep")
        items: list[Any] = []
        while not line.accept(")"):
            if items:
                line.mark(",")
                if line.accept(")"):
                    break
            items.append(self.literal(line, depth))
        return tuple(items)


def _word(line: Line) -> bool | DType | None:
    word = line.take("word", "an attribute's value")
    plain = {"none": None, "true": True, "false": False}
    if word in plain:
        return plain[word]
    if word not in _DTYPES:
        raise line.fail(f"{word!r} is no value; values are numbers, 'strings', dtypes, true, false")
    return _DTYPES[word]
