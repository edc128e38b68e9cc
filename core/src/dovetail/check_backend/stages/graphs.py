"""Whole graphs: what is claimed is compiled, right, alone and beside others, and leaves nothing."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import CallFailed, RawDevice
from dovetail.check_backend.drive.graph import Executable, RawGraph, subgraph
from dovetail.check_backend.drive.process import resident_bytes
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.raw import normalised
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages.random_graphs import (
    OPS,
    Offer,
    interrupted_op,
    random_graph,
    repeated_op,
)
from dovetail.check_backend.subject import Subject
from dovetail.dtypes import float32, float64
from dovetail.graph import Graph, Node, Value
from dovetail.reference import evaluate
from dovetail.testing.closeness import assert_close

__all__ = ["STAGE", "Group", "some_group", "wrong"]

_SHAPES = ((3, 5), (17,), (1,), (2, 3, 4), ())
_GRAPHS, _QUICK_GRAPHS = 40, 8
_ULPS = 512.0  # of the largest element, after some ops one behind the other
_THREADS, _ROUNDS = 4, 10
_CYCLES, _QUICK_CYCLES = 500, 60
_BETWEEN = ("tanh", "abs", "sin")  # the first that is not wanted
_GROWTH = 4 << 20

Found = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that the library wants as one executable, and values for their inputs."""

    graph: Graph
    arrays: tuple[np.ndarray[Any, Any], ...]
    want: tuple[np.ndarray[Any, Any], ...]


def _run(subject: Subject) -> Iterator[Finding]:
    api = normalised(subject.plugin.graph, "dvt_graph_api")
    if api == ffi.NULL:
        subject.skip("graphs: the library has no graph table; kernels run one by one")
        return
    device = RawDevice(subject)
    if not api.partition:
        subject.skip("claims: the graph table has no partition; whole graphs are offered")
    count, compiled = _QUICK_GRAPHS if subject.quick else _GRAPHS, 0
    subject.doing("partition of one op at a time")
    ops = _wanted(device, api)
    if not ops:
        subject.skip(
            f"most of graphs: none of the ops that are offered is wanted: {', '.join(OPS)}"
        )
    seen: set[str] = set()
    offers = _offers(count, ops)
    for name in subject.each(offers):
        try:
            for code, what in _graph(device, api, offers[name]()):
                if code == "compiled":
                    compiled += 1
                elif code not in seen:
                    seen.add(code)
                    yield Finding(code, STAGE.name, what, name)
        except CallFailed as failure:
            yield Finding(failure.code("graphs"), STAGE.name, str(failure), name)
    for name in subject.each(["executables on threads", "executables that come and go"], "{}"):
        try:
            for code, what in _more(subject, device, api, name):
                yield Finding(code, STAGE.name, what, name)
        except CallFailed as failure:
            yield Finding(failure.code("graphs"), STAGE.name, str(failure), name)
    subject.fact("graphs", {"compiled": compiled, "ops": list(ops)})


def _wanted(device: RawDevice, api: Any) -> tuple[str, ...]:
    """The ops that the library wants as a part of graphs; all where it is not asked."""
    found = []
    for name in OPS:
        graph = repeated_op(name, float32)
        claims, _ = RawGraph(device, graph).partition(api)
        if claims is None or any(c.group for c in claims):
            found.append(name)
    return tuple(found)


# ---- claims --------------------------------------------------------------------------------------


def _offers(count: int, ops: Sequence[str]) -> dict[str, Callable[[], Offer]]:
    """What is offered, by name: random graphs, and what may make groups that are not convex."""
    found: dict[str, Callable[[], Offer]] = {
        f"random graph {seed}": functools.partial(_random, seed, ops) for seed in range(count)
    }
    between = next((name for name in _BETWEEN if name not in ops), None)
    if between is not None:
        for name in ops:
            make = functools.partial(interrupted_op, name, between, float32, _SHAPES[0])
            found[f"{name}, {between} and {name}"] = make
    return found


def _random(seed: int, ops: Sequence[str]) -> Offer:
    shape = _SHAPES[seed % len(_SHAPES)]
    # Every second graph holds only what is wanted, so that groups grow large.
    only = ops if seed % 2 else ()
    return random_graph(seed, float32 if seed % 3 else float64, shape, only)


def _graph(device: RawDevice, api: Any, offer: Offer) -> Found:
    """Offer a graph; compile, run, destroy every group of it."""
    graph, arrays = offer
    raw = RawGraph(device, graph)
    claims, outside = raw.partition(api)
    if outside:
        yield "graphs/claims-outside", outside
    raw.drop_constants()
    if claims is not None:
        silent = {
            n.op.name
            for n, c in zip(graph.nodes, claims, strict=True)
            if not c.group and not c.reason
        }
        if silent:
            what = f"it does not want {', '.join(sorted(silent))} and gives no reason"
            yield "graphs/no-reason", what
    for nodes in _claimed_groups(graph, claims):
        if not _convex(graph, nodes):
            yield "graphs/not-convex", "a group depends on itself through nodes outside; it is cut"
            continue
        yield from _group(device, api, _with_values(graph, nodes, arrays), claims is not None)


def _claimed_groups(graph: Graph, claims: Sequence[Any] | None) -> list[list[Node]]:
    """The nodes of each group; all of them where nothing was asked."""
    if claims is None:
        return [list(graph.nodes)]
    found: dict[int, list[Node]] = {}
    for node, claim in zip(graph.nodes, claims, strict=True):
        if claim.group:
            found.setdefault(claim.group, []).append(node)
    return list(found.values())


def _convex(graph: Graph, nodes: Sequence[Node]) -> bool:
    inside = {id(n) for n in nodes}
    tainted: set[Value] = set()  # values outside that depend on the group
    for node in graph.nodes:
        reads = {v for v in node.inputs if v.producer is not None}
        if id(node) in inside:
            if reads & tainted:
                return False
        elif any(v in tainted or id(v.producer) in inside for v in reads):
            tainted.update(node.outputs)
    return True


def _with_values(
    graph: Graph, nodes: Sequence[Node], arrays: Sequence[np.ndarray[Any, Any]]
) -> Group:
    known: dict[Value, np.ndarray[Any, Any]] = dict(zip(graph.inputs, arrays, strict=True))
    for node in graph.nodes:
        operands = [known[v] if v.constant is None else np.asarray(v.constant) for v in node.inputs]
        found = evaluate(node.op, operands, [v.spec for v in node.inputs], node.attributes)
        known.update(zip(node.outputs, found, strict=True))
    part = subgraph(graph, nodes)
    return Group(part, tuple(known[v] for v in part.inputs), tuple(known[v] for v in part.outputs))


# ---- one group -----------------------------------------------------------------------------------


def _group(device: RawDevice, api: Any, group: Group, claimed: bool) -> Found:
    raw = RawGraph(device, group.graph)
    made = raw.compile(api)
    if isinstance(made, str):
        if claimed:
            ops = ", ".join(sorted({n.op.name for n in group.graph.nodes}))
            yield "graphs/claim-not-kept", f"partition wants {ops}, and compile says {made}"
        raw.drop_constants()
        return
    yield "compiled", ""
    for check in (_plain, _constants_gone, _two):
        found = list(check(made, group))
        yield from found
        if found:  # the next would only say so again
            break
    made.destroy()
    raw.drop_constants()


def _plain(made: Executable, group: Group) -> Found:
    yield from _checked(made, group, "graphs/wrong-result", "")


def _constants_gone(made: Executable, group: Group) -> Found:
    if made.flags & lib.DVT_EXECUTABLE_CONSTANTS_COPIED:
        made.graph.drop_constants()
        after = "after the constants had been overwritten, as CONSTANTS_COPIED allows, "
        yield from _checked(made, group, "graphs/constants", after)


def _two(made: Executable, group: Group) -> Found:
    """Another one of the same graph, and one that is ended meanwhile."""
    raws = [RawGraph(made.device, group.graph) for _ in range(2)]
    others = [raw.compile(made.api) for raw in raws]
    if isinstance(others[0], Executable):
        others[0].destroy()
    if isinstance(others[1], Executable):
        yield from _checked(others[1], group, "graphs/wrong-result", "beside two others: ")
        others[1].destroy()
    for raw in raws:
        raw.drop_constants()


def _checked(made: Executable, group: Group, code: str, when: str) -> Found:
    stream = Stream(made.device) if made.device.has_streams else None
    for one in (None,) if stream is None else (None, stream):
        got, outside = made.run(group.arrays, one)
        if outside:
            yield "graphs/writes-outside", f"{when}{outside}"
        if how := wrong(group, got):
            where = "on a stream, " if one is not None else ""
            yield code, f"{when}{where}{how}"
            break
    if stream is not None:
        stream.destroy()


def wrong(group: Group, got: Sequence[np.ndarray[Any, Any]]) -> str:
    """How results differ from the reference, in words."""
    values = zip(got, group.want, group.graph.outputs, strict=True)
    for number, (one, other, value) in enumerate(values):
        tolerance: Mapping[str, Any] = {"norm": True, value.spec.dtype.name: _ULPS}
        try:
            assert_close(one, other, value.spec.dtype, tolerance, f"result {number}")
        except AssertionError as error:
            return str(error)
    return ""


# ---- many ----------------------------------------------------------------------------------------


def some_group(device: RawDevice, api: Any) -> tuple[Group, Executable] | None:
    """A group that compiles, of as many nodes as are easily found."""
    best: tuple[Group, Executable] | None = None
    ops = _wanted(device, api)
    for seed in range(_QUICK_GRAPHS):
        graph, arrays = random_graph(seed, float32, (3, 5), ops)
        raw = RawGraph(device, graph)
        claims, _ = raw.partition(api)
        raw.drop_constants()
        for nodes in _claimed_groups(graph, claims):
            if not _convex(graph, nodes) or (best and len(nodes) <= len(best[0].graph.nodes)):
                continue
            group = _with_values(graph, nodes, arrays)
            made = RawGraph(device, group.graph).compile(api)
            if not isinstance(made, str):
                if best is not None:
                    best[1].destroy()
                best = group, made
    return best


def _more(subject: Subject, device: RawDevice, api: Any, name: str) -> Found:
    chosen = some_group(device, api)
    if chosen is None:
        subject.skip(f"{name}: no graph that was offered is compiled")
        return
    group, made = chosen
    if name == "executables that come and go":
        made.destroy()
        yield from _cycles(device, api, group, _QUICK_CYCLES if subject.quick else _CYCLES)
        return
    if wrong(group, made.run(group.arrays)[0]):
        subject.skip(f"{name}: the executable is wrong on one thread already")
    elif made.flags & lib.DVT_EXECUTABLE_CONCURRENT:
        yield from _threads(device, [made] * _THREADS, group)
    else:
        others = [RawGraph(device, group.graph).compile(api) for _ in range(_THREADS - 1)]
        yield from _threads(
            device, [made, *(m for m in others if isinstance(m, Executable))], group
        )
        for one in others:
            if isinstance(one, Executable):
                one.destroy()
    made.destroy()


def _threads(device: RawDevice, made: Sequence[Executable], group: Group) -> Found:
    """Each thread has an executable of its own, or all have one that may run on several streams."""
    graph, start = group.graph, threading.Barrier(len(made))
    turned = ([np.roll(x, number) for x in group.arrays] for number in range(len(made)))
    groups = [_with_values(graph, graph.nodes, arrays) for arrays in turned]
    streams = [Stream(device) if device.has_streams else None for _ in made]

    def work(one: Executable, own: Group, stream: Stream | None) -> str:
        start.wait(timeout=60)
        try:
            runs = (wrong(own, one.run(own.arrays, stream)[0]) for _ in range(_ROUNDS))
            return next(filter(None, runs), "")
        except CallFailed as failure:
            return str(failure)

    with ThreadPoolExecutor(len(made)) as pool:
        told = [how for how in pool.map(work, made, groups, streams) if how]
    for stream in streams:
        if stream is not None:
            stream.destroy()
    if told:
        shared = "one executable" if made[0] is made[-1] else "an executable each"
        yield "graphs/race", f"{len(made)} threads with {shared}: {told[0]}"


def _cycles(device: RawDevice, api: Any, group: Group, cycles: int) -> Found:
    raw = RawGraph(device, group.graph)

    def cycle(times: int) -> tuple[int, int]:
        for _ in range(times):
            made = raw.compile(api)
            if isinstance(made, Executable):
                made.destroy()
        return len(device.host.live), resident_bytes() or 0

    start, middle, end = cycle(8), cycle(cycles // 2), cycle(cycles // 2)
    raw.drop_constants()
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in ((start, middle), (middle, end))]
    blocks, more = min(s[0] for s in steps), min(s[1] for s in steps)
    if blocks >= cycles // 2:
        yield (
            "graphs/leak",
            f"{end[0] - start[0]} blocks of host_alloc are left of {cycles} executables",
        )
    elif more >= _GROWTH // 2:
        yield (
            "graphs/leak",
            f"the process uses {2 * more >> 10} KiB more after {cycles} executables",
        )


STAGE = Stage("graphs", "Graphs are claimed, compiled and executed as promised", _run)
