"""A graph as a picture: boxes in layers, fused groups and bodies of control flow as boxes of boxes.

Constants have no box: the text of a node names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dovetail.demo.markup import Markup, number, tag
from dovetail.explain.layered import Layout, Point, arrange
from dovetail.explain.part import Part, Step
from dovetail.explain.sheet import CHARACTER, LINE, fitted, sheet, words
from dovetail.explain.text import bodies, node_words
from dovetail.graph import Graph, Node, Value

__all__ = ["draw_graphs"]

LETTERS = 54
"""The longest line of a box; its title tells the rest."""

_PAD = 10.0


@dataclass(frozen=True, slots=True)
class _Picture:
    """Something drawn with its upper left corner at the origin."""

    width: float
    height: float
    content: Markup


def draw_graphs(parts: Sequence[Part]) -> str:
    """The graphs of all parts, one below the other, as one SVG picture."""
    pictures = []
    for part in parts:
        title = part.title or part.graph.name or "graph"
        text = f"{title} on {part.device}: {len(part.steps)} steps, {part.total}"
        pictures.append(_stack([_line(text), _graph(part.graph, part.steps)]))
    whole = _stack(pictures, gap=40)
    return sheet(whole.width, whole.height, _label(parts), whole.content)


def _label(parts: Sequence[Part]) -> str:
    counts = ", ".join(f"{p.graph.name or 'graph'}: {len(p.graph.nodes)} nodes" for p in parts)
    return f"Drawing of {counts}"


def _line(text: str) -> _Picture:
    return _Picture(len(text) * CHARACTER, LINE, words(text, 0, 11, "strong"))


def _stack(pictures: Iterable[_Picture], gap: float = 14) -> _Picture:
    """Pictures one below the other."""
    at, width, content = 0.0, 0.0, []
    for one in pictures:
        content.append(_moved(one, 0, at))
        at += one.height + gap
        width = max(width, one.width)
    return _Picture(width, max(0.0, at - gap), Markup("".join(content)))


def _moved(picture: _Picture, x: float, y: float) -> Markup:
    return tag("g", picture.content, transform=f"translate({number(x)} {number(y)})")


def _frame(width: float, height: float, style: str) -> Markup:
    return tag("rect", width=width, height=height, rx=5, class_=f"box {style}")


def _box(lines: Sequence[tuple[str, str]], style: str) -> _Picture:
    """A box of lines, each (text, style); texts that are cut stand in its tooltip."""
    shown = [(fitted(text, LETTERS), look) for text, look in lines if text]
    width = max(len(text) for text, _ in shown) * CHARACTER + 2 * _PAD
    height = LINE * len(shown) + 10
    content = [_frame(width, height, style)]
    content += [words(text, _PAD, 17 + LINE * i, look) for i, (text, look) in enumerate(shown)]
    if any(len(text) > LETTERS for text, _ in lines):
        content.append(tag("title", "\n".join(text for text, _ in lines)))
    return _Picture(width, height, tag("g", *content))


def _around(title: Sequence[tuple[str, str]], inner: Sequence[_Picture], style: str) -> _Picture:
    """A box of boxes: lines above, pictures side by side below."""
    shown = [(fitted(text, LETTERS), look) for text, look in title if text]
    top = LINE * len(shown) + 12
    width = sum(p.width + _PAD for p in inner) + _PAD
    width = max(width, max((len(t) for t, _ in shown), default=0) * CHARACTER + 2 * _PAD)
    height = top + max(p.height for p in inner) + _PAD
    content = [_frame(width, height, style)]
    content += [words(text, _PAD, 17 + LINE * i, look) for i, (text, look) in enumerate(shown)]
    at = _PAD
    for one in inner:
        content.append(_moved(one, at, top))
        at += one.width + _PAD
    return _Picture(width, height, Markup("".join(content)))


def _graph(graph: Graph, steps: Sequence[Step]) -> _Picture:
    """A graph: its inputs, a box for each step and for each view, its results."""
    names = graph.names()
    labels = dict(names)
    for value in graph.constants():
        if value not in graph.inputs:
            labels[value] = value.name or _constant(value, names[value])
    step_of = {node: step for step in steps for node in step.nodes}
    units: list[tuple[Node, ...]] = []
    seen: set[Node] = set()
    for node in graph.nodes:
        if node not in seen:
            together = step_of[node].nodes if node in step_of else (node,)
            seen.update(together)
            units.append(tuple(together))
    units = _ordered(units)
    pictures = [
        _box([(f"{names[v]}: {v.spec}", "strong"), (v.name, "quiet")], "input")
        for v in graph.inputs
    ]
    pictures += [_unit(nodes, step_of.get(nodes[0]), labels) for nodes in units]
    results = ", ".join(labels[v] for v in graph.outputs)
    pictures.append(_box([(f"return {results}".rstrip(), "strong")], "input"))
    home = {v: i for i, v in enumerate(graph.inputs)}
    first = len(graph.inputs)
    for i, nodes in enumerate(units, first):
        home.update((v, i) for node in nodes for v in node.outputs)
    return _network(pictures, _edges(units, first, graph.outputs, home))


def _constant(value: Value, name: str) -> str:
    """A constant in the text of a node: its value when it is one number."""
    return str(value.constant.item()) if value.spec.size == 1 else name


def _edges(
    units: Sequence[tuple[Node, ...]],
    first: int,
    results: Sequence[Value],
    home: Mapping[Value, int],
) -> list[tuple[int, int]]:
    found: dict[tuple[int, int], None] = {}
    for i, nodes in enumerate(units, first):
        for node in nodes:
            for v in node.inputs:
                if v in home and home[v] != i:
                    found[home[v], i] = None
    last = first + len(units)
    for v in results:
        if v in home:
            found[home[v], last] = None
    return list(found)


def _ordered(units: Sequence[tuple[Node, ...]]) -> list[tuple[Node, ...]]:
    """The units in an order that respects dependence, which groups of a plan do not keep."""
    home = {v: i for i, nodes in enumerate(units) for n in nodes for v in n.outputs}
    needs = [{home[v] for n in nodes for v in n.inputs if v in home} for nodes in units]
    order: list[int] = []
    done: set[int] = set()
    stack = list(range(len(units) - 1, -1, -1))
    while stack:
        i = stack[-1]
        missing = sorted(k for k in needs[i] - done if k != i)
        if i in done or not missing:
            stack.pop()
            if i not in done:
                done.add(i)
                order.append(i)
        else:
            stack += missing
    return [units[i] for i in order]


_STYLES = (("kernel", "kernel"), ("fused", "inner"), ("numpy", "host"))


def _unit(nodes: Sequence[Node], step: Step | None, labels: Mapping[Value, str]) -> _Picture:
    """One node as a box, or the nodes of a step as a box of boxes."""
    if len(nodes) == 1:
        return _node(nodes[0], step, labels)
    names = {id(v): i for i, n in enumerate(nodes) for v in n.outputs}
    edges = {
        (names[id(v)], i): None for i, n in enumerate(nodes) for v in n.inputs if id(v) in names
    }
    inner = _network([_node(n, None, labels, "inner") for n in nodes], list(edges))
    title = [(_where(step), "strong")] if step else []
    return _around(title, [inner], "fused")


def _where(step: Step | None) -> str:
    return "" if step is None else f"step {step.number}: {step.where}, {step.cost}"


def _node(node: Node, step: Step | None, labels: Mapping[Value, str], style: str = "") -> _Picture:
    if not style:
        style = next((look for word, look in _STYLES if step and step.where.startswith(word)), "")
    results = ", ".join(f"{labels[v]}: {v.spec}" for v in node.outputs)
    lines = [
        (node_words(node, dict(labels)), "strong"),
        (results, ""),
        (node.location, "quiet"),
        (_where(step), "quiet"),
    ]
    inner = [
        _around([(f"{key}: {body.name or 'graph'}", "strong")], [_graph(body, ())], "plain")
        for key, body in bodies(node)
    ]
    return _around(lines, inner, "body") if inner else _box(lines, style)


def _network(pictures: Sequence[_Picture], edges: Sequence[tuple[int, int]]) -> _Picture:
    """Pictures in layers, with the edges between them."""
    found: Layout = arrange([(p.width, p.height) for p in pictures], edges)
    content = [_path(route) for route in found.routes if route]
    content += [_moved(p, x, y) for p, (x, y) in zip(pictures, found.corners, strict=True)]
    return _Picture(found.width, found.height, Markup("".join(content)))


def _path(route: Sequence[Point]) -> Markup:
    """A line that leaves and arrives straight down and bends between the layers."""
    (x, y), *rest = route
    parts = [f"M{number(x)} {number(y)}"]
    for at_x, at_y in rest:
        half = (y + at_y) / 2
        if at_x == x:
            parts.append(f"V{number(at_y)}")
        else:
            parts.append(
                f"C{number(x)} {number(half)} {number(at_x)} {number(half)} "
                f"{number(at_x)} {number(at_y)}"
            )
        x, y = at_x, at_y
    return tag("path", d="".join(parts), class_="edge", marker_end="url(#dt-head)")
