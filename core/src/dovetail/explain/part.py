"""What a plan says about itself: steps with their cost and place, and the blocks of the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from dovetail import _fast
from dovetail.graph import Graph, Node
from dovetail.plan_memory import ARENA

__all__ = ["Block", "Part", "Placement", "Step", "part_of"]

_IN_PYTHON = 1 << 31  # DVF_INFO_PYTHON of csrc/fast/fast.h


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One call of a kernel, of numpy, or of a group that the device compiled whole."""

    number: int
    where: str
    """``kernel``, ``fused``, ``numpy on the host``, ``control flow`` (a loop or a branch in C over
    compiled graphs), ``kernel on`` another device, ``copy between memories``, or ``copy within
    memory`` to another layout."""
    what: str
    """The op with its operands; the ops of a group; a copy and its reason."""
    device: str
    """Which device runs it; of a copy between memories, whose copy it is."""
    location: str
    cost_ns: int | None
    """The device's estimate; None when it makes none."""
    why: str
    """Why it runs as it does, where that is no matter of course: the reasons of the device that was
    asked, or what reads a copy."""
    nodes: tuple[Node, ...]
    description: str = ""
    """What a device says of a group that it compiled whole, in a line."""
    code: str = ""
    """The code that it wrote for the group, in its own assembly language; empty where it shows
    none. A device tells it as the further lines of ``dvt_executable_info.description``."""

    @property
    def cost(self) -> str:
        """The estimate for people."""
        return duration(self.cost_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where one node of the graph runs."""

    node: Node
    device: str
    """Empty for a view, or what is empty: nothing runs."""
    step: int | None
    why: str
    """Where that is not the device asked for: that device's reasons."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Memory of a temporary: bytes ``offset`` to ``offset + size`` of the arena, needed from step
    ``first`` to step ``last``, both included."""

    offset: int
    size: int
    first: int
    last: int
    holds: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One graph and its plan on one device."""

    title: str
    graph: Graph
    device: str
    steps: tuple[Step, ...]
    blocks: tuple[Block, ...]
    arena: int
    """Bytes of the arena."""
    temporaries: int
    """Bytes of all temporaries, were none to share memory."""
    reused: int
    """Bytes of results that take the memory of donated arguments."""

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Each node of the graph with the device that runs it, those inside groups included."""
        homes = {id(node): step for step in self.steps for node in step.nodes}
        found = []
        for node in self.graph.nodes:
            step = homes.get(id(node))
            if step is None:
                found.append(Placement(node=node, device="", step=None, why=""))
                continue
            found.append(Placement(node=node, device=step.device, step=step.number, why=step.why))
        return tuple(found)

    @property
    def known_ns(self) -> int:
        """Sum of the known estimates."""
        return sum(step.cost_ns or 0 for step in self.steps)

    @property
    def unknown(self) -> int:
        """How many steps have no estimate."""
        return sum(step.cost_ns is None for step in self.steps)

    @property
    def total(self) -> str:
        """The estimate of the whole for people."""
        if not self.steps:
            return "no step to run"
        if self.unknown == len(self.steps):
            return "unknown"
        more = f" and {self.unknown} of unknown cost" if self.unknown else ""
        return f"about {duration(self.known_ns)}{more}"

    @property
    def peak(self) -> tuple[int, int]:
        """(bytes, step): the most that a step needs at once, and the first that does."""
        events = [0] * (len(self.steps) + 1)
        for block in self.blocks:
            events[block.first] += block.size
            events[block.last + 1] -= block.size
        live = list(accumulate(events[:-1]))
        most = max(live, default=0)
        return most, live.index(most) if live else 0


def duration(nanoseconds: float | None) -> str:
    """A time for people; None is unknown."""
    if nanoseconds is None:
        return "unknown"
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if nanoseconds >= factor * 0.9995:
            return f"{nanoseconds / factor:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def part_of(title: str, graph: Graph, planned: Any) -> Part:
    """The part that describes an optimised graph and the `plan.Planned` made of it."""
    names = graph.names()
    steps = tuple(_step(i, made, planned.device) for i, made in enumerate(planned.made))
    return Part(
        title=title,
        graph=graph,
        device=planned.device.name,
        steps=steps,
        blocks=tuple(_blocks(planned.made, names)),
        arena=planned.plan.arena_size,
        temporaries=planned.temporaries,
        reused=planned.reused,
    )


def _step(number: int, made: Any, device: Any) -> Step:
    target = made.target
    nodes = made.group.nodes if made.group else ()
    where = "kernel"
    if isinstance(target, _fast.Device):
        where = "copy between memories" if made.crosses else "copy within memory"
    elif isinstance(target, _fast.Executable):
        where = "fused"
    elif nodes and nodes[0].op.claim == "structured":
        where = "control flow"
    elif target.flags & _IN_PYTHON:
        where = "numpy on the host"
    elif target.device is not device:
        where = f"kernel on {target.device.name}"
    home = target if isinstance(target, _fast.Device) else target.device
    what, _, location = made.what.rpartition(" at ") if nodes else (made.what, "", "")
    if where == "fused":
        what = ", ".join(node.op.name for node in nodes)
    said = target.description if where == "fused" else ""
    return Step(
        number=number,
        where=where,
        what=what,
        device=home.name,
        location=location,
        cost_ns=made.cost_ns or None,
        why=made.why,
        nodes=tuple(nodes),
        description=said.partition("\n")[0],
        code=said.partition("\n")[2],
    )


def _blocks(made: Sequence[Any], names: Mapping[Any, str]) -> list[Block]:
    """The blocks of the arena in the order of their steps."""
    holds: dict[int, list[str]] = {}
    storages: dict[int, Any] = {}
    for number, step in enumerate(made):
        values = step.group.outputs if step.group else (None,) * len(step.outputs)
        for tensor, value in zip(step.outputs, values, strict=True):
            storage = tensor.storage
            if storage.kind == ARENA:
                storages[id(storage)] = storage
                what = f"a copy by step {number}" if value is None else names.get(value, "?")
                holds.setdefault(id(storage), []).append(what)
        if step.workspace is not None and step.workspace.kind == ARENA:
            storages[id(step.workspace)] = step.workspace
            holds[id(step.workspace)] = ["workspace"]
    blocks = [
        Block(
            offset=one.offset,
            size=one.size,
            first=one.first,
            last=min(one.last, len(made) - 1),
            holds=", then ".join(holds[key]),
        )
        for key, one in storages.items()
    ]
    return sorted(blocks, key=lambda b: (b.first, b.offset))
