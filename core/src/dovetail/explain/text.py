"""A part as text: the graph with the graphs inside it, a table of steps, a table of memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dovetail.explain.part import Part
from dovetail.graph import Graph, Node, Value

__all__ = ["bodies", "graph_text", "node_words", "part_lines"]


def bodies(node: Node) -> list[tuple[str, Graph]]:
    """(attribute, graph) for each graph that a node holds: what loops repeat, what branches do."""
    found = []
    for key, value in node.attributes.items():
        if isinstance(value, Graph):
            found.append((key, value))
        elif isinstance(value, tuple):
            graphs = [one for one in value if isinstance(one, Graph)]
            found += [(f"{key}[{i}]", one) for i, one in enumerate(graphs)]
    return found


def node_words(node: Node, names: dict[Value, str]) -> str:
    """A node's call without its results: ``sum(%1) {axis=(0,)}``."""
    operands = ", ".join(names.get(v, "?") for v in node.inputs)
    plain = {k: _plain(v) for k, v in node.attributes.items()}
    attributes = ", ".join(f"{k}={v}" for k, v in plain.items())
    return f"{node.op.name}({operands})" + (f" {{{attributes}}}" if attributes else "")


def _plain(value: Any) -> str:
    if isinstance(value, Graph):
        return f"{value.name or 'graph'} below"
    if isinstance(value, tuple) and any(isinstance(one, Graph) for one in value):
        return f"({', '.join(map(_plain, value))})"
    return str(value)


def graph_text(graph: Graph, indent: str = "") -> list[str]:
    """The graph line by line; a graph that a node holds follows the node, further to the right."""
    names = graph.names()

    def typed(value: Value) -> str:
        return f"{names[value]}: {value.spec}"

    lines = [f"{indent}graph {graph.name or 'main'}({', '.join(map(typed, graph.inputs))}) {{"]
    for value in graph.constants():
        if value not in graph.inputs:
            lines.append(f"{indent}  {typed(value)} = constant {value.name}".rstrip())
    for node in graph.nodes:
        left = ", ".join(map(typed, node.outputs))
        where = f"  # {node.location}" if node.location else ""
        lines.append(f"{indent}  {left} = {node_words(node, names)}{where}")
        for key, body in bodies(node):
            inner = graph_text(body, indent + "      ")
            lines += [f"{indent}      {key} = {inner[0].lstrip()}", *inner[1:]]
    lines.append(f"{indent}  return {', '.join(names[v] for v in graph.outputs)}".rstrip())
    return [*lines, f"{indent}}}"]


def part_lines(part: Part) -> list[str]:
    """Graph, steps and memory of a part."""
    reused = f", {part.reused:,} bytes of results reuse donated memory" if part.reused else ""
    lines = [part.title] if part.title else []
    lines += [
        *graph_text(part.graph),
        "",
        f"plan: {len(part.steps)} steps on {part.device}, {part.total}; arena of {part.arena:,} "
        f"bytes for {part.temporaries:,} bytes of temporaries{reused}",
        *_steps(part),
    ]
    nodes = len(part.graph.nodes)
    views = nodes - sum(len(step.nodes) for step in part.steps)
    if views:
        lines.append(f"  {views} of {nodes} nodes cost no step: they are views, or empty")
    if part.blocks:
        most, at = part.peak
        lines += [
            "",
            f"memory: at most {most:,} bytes are needed at once, in step {at}",
            *_memory(part),
        ]
    return lines


def _steps(part: Part) -> list[str]:
    rows = [("step", "device", "runs as", "about", "what")]
    notes: dict[str, list[int]] = {}
    for step in part.steps:
        at = f"  # {step.location}" if step.location else ""
        rows.append((str(step.number), step.device, step.where, step.cost, step.what + at))
        if step.why:
            notes.setdefault(step.why, []).append(step.number)
        if step.description:
            notes.setdefault(f"{step.device} says: {step.description}", []).append(step.number)
    lines = _table(rows if len(rows) > 1 else [])
    for why, numbers in notes.items():
        lines.append(f"  {_numbers(numbers)}: {why}")
    return lines


def _numbers(numbers: Sequence[int]) -> str:
    """``steps 0 to 3, 7``: runs of numbers, shortened."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return ("steps " if len(numbers) > 1 else "step ") + ", ".join(words)


def _memory(part: Part) -> list[str]:
    rows = [("offset", "bytes", "steps", "holds")]
    for b in part.blocks:
        span = str(b.first) if b.first == b.last else f"{b.first} to {b.last}"
        rows.append((f"{b.offset:,}", f"{b.size:,}", span, b.holds))
    return _table(rows, right=(0, 1))


def _table(rows: Iterable[Sequence[str]], right: Sequence[int] = (0,)) -> list[str]:
    """Columns that line up; the last is as wide as it likes."""
    table = list(rows)
    if not table:
        return []
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]) - 1)]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  " + "  ".join([*cells, row[-1]]))
    return lines
