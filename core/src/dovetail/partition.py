"""Which nodes a device takes as groups: its claims, checked for convexity, in an order to run."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail import _fast, settings
from dovetail.graph import Graph, Node, Value

__all__ = ["Group", "flat_graph", "groups"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Group:
    """Nodes that run together and what crosses their border; one plain node has no executable."""

    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    executable: Any = None
    reason: str = ""


def flat_graph(
    device: Any, nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]
) -> Any:
    """The graph in the form that crosses the ABI; constants stay alive with it."""
    index: dict[Value, int] = {}
    for value in (*inputs, *(v for n in nodes for v in (*n.inputs, *n.outputs)), *outputs):
        index.setdefault(value, len(index))
    values = tuple((v.spec.dtype, v.spec.shape, v.constant) for v in index)
    rows = tuple(
        (
            n.op.name,
            n.op.version,
            tuple(index[v] for v in n.inputs),
            tuple(index[v] for v in n.outputs),
            {} if n.op.claim == "structured" else dict(n.attributes),
            n.location,
        )
        for n in nodes
    )
    return _fast.FlatGraph(
        device,
        values,
        rows,
        tuple(index[v] for v in inputs),
        tuple(index[v] for v in outputs),
        settings.device_options(device.name),
    )


def groups(graph: Graph, device: Any, flags: int = 0) -> list[Group]:
    """Every node of the graph in exactly one group, in an order that respects dependence."""
    claims = _claims(graph, device, flags)
    members: dict[int, list[Node]] = {}
    for i, node in enumerate(graph.nodes):
        number = claims[i][0]
        members.setdefault(number if number > 0 else -1 - i, []).append(node)
    place = {n: i for i, n in enumerate(graph.nodes)}
    members = _convex(members, place)
    order = _order(members, place)
    reads = _outside_reads(graph, members)
    reasons = {n: claims[i][1] or "" for i, n in enumerate(graph.nodes)}
    found = []
    for key in order:
        nodes = members[key]
        # A single node runs as a kernel where there is one, which costs less than a graph.
        whole = len(nodes) > 1 or (
            claims[place[nodes[0]]][0] > 0 and nodes[0].op.name not in device.rows
        )
        made = _compiled(nodes, reads, device, flags) if whole else ""
        if isinstance(made, Group):
            found.append(made)
            continue
        found.extend(
            Group(nodes=(n,), inputs=n.inputs, outputs=n.outputs, reason=made or reasons[n])
            for n in nodes
        )
    return found


def _claims(graph: Graph, device: Any, flags: int) -> Sequence[tuple[int, str | None]]:
    nothing: tuple[int, str | None] = (0, None)
    if not device.has_graph or not graph.nodes:
        return [nothing] * len(graph.nodes)
    flat = flat_graph(device, graph.nodes, graph.inputs, graph.outputs)
    found = flat.partition(flags)
    if found is None:  # no partition slot: the whole graph is offered to compile
        return [(1, None)] * len(graph.nodes)
    claims: Sequence[tuple[int, str | None]] = found
    return claims


def _dependences(members: Mapping[int, Sequence[Node]]) -> dict[int, set[int]]:
    home = {v: k for k, nodes in members.items() for n in nodes for v in n.outputs}
    return {
        k: {home[v] for n in nodes for v in n.inputs if v in home} - {k}
        for k, nodes in members.items()
    }


def _order(members: Mapping[int, Sequence[Node]], place: Mapping[Node, int]) -> list[int]:
    """Keys in an order that respects dependence, by the place of each group's last node; shorter
    than ``members`` when groups depend on each other in a circle."""
    needs = _dependences(members)
    users: dict[int, list[int]] = {k: [] for k in members}
    for k, before in needs.items():
        for b in before:
            users[b].append(k)
    waiting = {k: len(before) for k, before in needs.items()}
    last = {k: max(place[n] for n in nodes) for k, nodes in members.items()}
    ready = [(last[k], k) for k in members if waiting[k] == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, k = heapq.heappop(ready)
        order.append(k)
        for user in users[k]:
            waiting[user] -= 1
            if waiting[user] == 0:
                heapq.heappush(ready, (last[user], user))
    return order


def _convex(members: dict[int, list[Node]], place: Mapping[Node, int]) -> dict[int, list[Node]]:
    """Take apart claimed groups that depend on themselves through nodes outside."""
    while len(order := _order(members, place)) < len(members):
        stuck = [k for k in members if k not in set(order) and k > 0]
        nodes = members.pop(max(stuck, key=lambda k: len(members[k])))
        levels = _levels(nodes, place)
        apart = len(set(levels.values())) == 1  # a circle of several groups has no level to cut at
        for node in nodes:
            part = _PARTS + place[nodes[0]] * len(place) + levels[node]
            members.setdefault(-1 - place[node] if apart else part, []).append(node)
    return members


_PARTS = 1 << 40  # keys of parts of groups: plugins number theirs with 32 bits


def _levels(nodes: Sequence[Node], place: Mapping[Node, int]) -> dict[Node, int]:
    """How often a path of dependence left the group and came back, at most, before each node.

    The nodes of one level depend on each other through each other alone: a level is convex.
    """
    inside, made = set(nodes), set[Value]()
    found: dict[Node, int] = {}
    reached: dict[Value, int] = {}  # the level of a node inside that reads the value, at least
    for node in place:  # in the graph's order, which respects dependence
        here = node in inside
        before = [reached[v] + (v in made and not here) for v in node.inputs if v in reached]
        if here:
            found[node] = max(before, default=0)
            made.update(node.outputs)
        if here or before:
            reached.update(dict.fromkeys(node.outputs, max(before, default=0)))
    return found


def _outside_reads(graph: Graph, members: Mapping[int, Sequence[Node]]) -> dict[Value, set[int]]:
    """For each value the groups that read it; -0 stands for the graph's results."""
    reads: dict[Value, set[int]] = {}
    for k, nodes in members.items():
        for node in nodes:
            for v in node.inputs:
                reads.setdefault(v, set()).add(k)
    for v in graph.outputs:
        reads.setdefault(v, set()).add(0)
    return reads


def _compiled(
    nodes: Sequence[Node], reads: Mapping[Value, set[int]], device: Any, flags: int
) -> Group | str:
    """The nodes as one executable of the device, or why it refuses them."""
    made = {v for n in nodes for v in n.outputs}
    inputs = tuple(
        dict.fromkeys(v for n in nodes for v in n.inputs if v not in made and v.constant is None)
    )
    outputs = tuple(v for n in nodes for v in n.outputs if _escapes(v, reads, nodes))
    executable = flat_graph(device, nodes, inputs, outputs).compile(flags)
    if isinstance(executable, str):
        return executable
    return Group(nodes=tuple(nodes), inputs=inputs, outputs=outputs, executable=executable)


def _escapes(value: Value, reads: Mapping[Value, set[int]], nodes: Sequence[Node]) -> bool:
    """Whether anything outside the group reads the value."""
    here = any(value in n.inputs for n in nodes)
    return len(reads.get(value, ())) > (1 if here else 0)
