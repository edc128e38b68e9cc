"""Graph rewrites, one per file, and the order in which they run."""

from __future__ import annotations

from typing import Any

from dovetail.graph import Graph
from dovetail.passes.common_subexpressions import common_subexpressions
from dovetail.passes.dead_code import dead_code
from dovetail.passes.decompose import decompose
from dovetail.passes.fold_constants import fold_constants
from dovetail.passes.known_operands import known_operands
from dovetail.passes.place_constants import place_constants
from dovetail.passes.schedule import schedule
from dovetail.passes.simplify import simplify

__all__ = ["optimise"]


def optimise(graph: Graph, device: Any) -> Graph:
    """A new graph of the same meaning for a device; inputs are the same values, all of them."""
    graph = place_constants(dead_code(graph), device)
    graph = decompose(graph, device)
    graph = simplify(graph)
    graph = known_operands(fold_constants(graph, device), device)
    graph = common_subexpressions(graph)
    return schedule(dead_code(graph))
