"""From a graph to a flat plan: groups and kernels in order, views resolved, memory laid out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail import _fast
from dovetail.arena import Interval, layout
from dovetail.devices import device as find_device
from dovetail.graph import Graph
from dovetail.partition import groups
from dovetail.plan_builder import Builder, run_group
from dovetail.plan_memory import ARENA, HOST, INPUT, OUTPUT, Step, Storage, Tensor
from dovetail.shapes import contiguous_strides

__all__ = ["Planned", "plan"]

_FOREVER = 1 << 60


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan and how it came to be."""

    plan: Any
    steps: tuple[tuple[str, str, int], ...]
    """What runs, why as it does, estimated nanoseconds (0: unknown)."""
    donated: tuple[bool, ...]
    reused: int
    """Bytes of results that take donated memory."""
    temporaries: int
    """Bytes of temporaries without sharing; the arena holds them all in ``plan.arena_size``."""
    device: Any = None
    made: tuple[Step, ...] = field(default=(), repr=False)
    """The steps with their memory, as they were assembled: what `dovetail.explain` reads."""

    def __str__(self) -> str:
        lines = [
            f"plan: {len(self.steps)} steps, arena {self.plan.arena_size} bytes for "
            f"{self.temporaries} bytes of temporaries, {self.reused} bytes reused from donations"
        ]
        for i, (what, why, cost) in enumerate(self.steps):
            estimate = f"  ~{cost / 1000:.1f} us" if cost else ""
            lines.append(f"  {i}: {what}{estimate}" + (f"  ({why})" if why else ""))
        return "\n".join(lines)


def _results(builder: Builder, graph: Graph) -> list[Tensor]:
    """Result tensors: contiguous, and never in the arena."""
    results = []
    for value in graph.outputs:
        t = builder.at(builder.tensor(value), builder.device.host_visible)
        t = builder.contiguous(t)
        if t.storage.kind == ARENA:
            if t.spec.nbytes < t.storage.size:  # a part of a temporary: do not keep the whole
                t = builder.copied(t, "copy of a part")
            t.storage.kind = OUTPUT
        t.storage.last = _FOREVER
        results.append(t)
    return results


def _may_alias(step: Step, output: Tensor, donor: Storage) -> bool:
    """Whether the step may write ``output`` over every operand that lies in ``donor``."""
    o = step.outputs.index(output)
    readers = [i for i, t in enumerate(step.inputs) if t.storage is donor]
    return (
        o < 8
        and output.whole
        and bool(readers)
        and all(
            i < 8
            and step.may_alias >> (8 * o + i) & 1
            and step.inputs[i].whole
            and step.inputs[i].spec.dtype.itemsize == output.spec.dtype.itemsize
            for i in readers
        )
    )


def _share_in_place(builder: Builder) -> None:
    """Let an output take the place of an operand that dies with the step."""
    for at, step in enumerate(builder.steps):
        for k, output in enumerate(step.outputs):
            for operand in step.inputs:
                old = operand.storage
                if (
                    old.kind == ARENA
                    and output.storage.kind == ARENA
                    and all(t.storage is not old for t in step.outputs)
                    and old.last == at
                    and old.first < at
                    and old.size == output.storage.size
                    and output.storage.first == at
                    and _may_alias(step, output, old)
                ):
                    _merge(builder, old, output.storage)
                    output = step.outputs[k]  # noqa: PLW2901  its storage was replaced
                    break


def _merge(builder: Builder, keep: Storage, gone: Storage) -> None:
    keep.last = max(keep.last, gone.last)

    def moved(t: Tensor) -> Tensor:
        return Tensor(keep, t.spec, t.strides, t.offset) if t.storage is gone else t

    for step in builder.steps:
        step.inputs = tuple(map(moved, step.inputs))
        step.outputs = tuple(map(moved, step.outputs))
    builder.storages.remove(gone)


def _donate(builder: Builder, results: Sequence[Tensor], inputs: Sequence[Storage]) -> int:
    """Give donated inputs' memory to results of the same size; bytes reused."""
    free = list(inputs)
    reused = 0
    made = {
        t.storage: (at, step, t)
        for at, step in enumerate(builder.steps)
        for t in step.outputs
        if t.storage.kind == OUTPUT
    }
    for in_place in (True, False):  # the exact partner first, then any memory that is free by then
        for storage, (at, step, tensor) in made.items():
            if storage.index >= 0:
                continue
            for donor in free:
                if donor.size != storage.size:
                    continue
                if in_place and donor.last == at and _may_alias(step, tensor, donor):
                    pass
                elif in_place or donor.last >= at:
                    continue
                storage.index = donor.index
                reused += storage.size
                free.remove(donor)
                break
    return reused


def plan(graph: Graph, device: Any, donated: frozenset[int] = frozenset()) -> Planned:
    """The plan of an optimised graph. ``donated`` are positions of inputs it may overwrite."""
    builder = Builder(device)
    inputs = []
    for i, value in enumerate(graph.inputs):
        storage = Storage(INPUT, value.spec.nbytes, i, visible=device.host_visible)
        builder.storages.append(storage)
        inputs.append(storage)
        builder.tensors[value] = Tensor(storage, value.spec, contiguous_strides(value.spec.shape))
    for group in groups(graph, device):
        run_group(builder, group)
    results = _results(builder, graph)
    temporaries = sum(s.size for s in builder.storages if s.kind in (ARENA, HOST))
    reused = _donate(builder, results, [inputs[i] for i in sorted(donated)])
    _share_in_place(builder)
    sizes = [_lay_out(builder, kind) for kind in (ARENA, HOST)]
    _tell(builder)
    return Planned(
        plan=_assemble(builder, graph, results, sizes),
        steps=tuple((s.what, s.why, s.cost_ns) for s in builder.steps),
        donated=tuple(i in donated for i in range(len(graph.inputs))),
        reused=reused,
        temporaries=temporaries,
        device=device,
        made=tuple(builder.steps),
    )


def _lay_out(builder: Builder, kind: int) -> int:
    """Offsets of the temporaries of one memory; its bytes."""
    arena = [s for s in builder.storages if s.kind == kind]
    offsets, size = layout([Interval(size=s.size, first=s.first, last=s.last) for s in arena])
    for storage, offset in zip(arena, offsets, strict=True):
        storage.offset = offset
    return size


def _tell(builder: Builder) -> None:
    """One warning per plan for what a device leaves to the CPU."""
    if builder.lacking:
        copies = sum(s.crosses for s in builder.steps)
        ops = ", ".join(sorted(builder.lacking))
        between = (
            "" if builder.device.host_visible else f", with {copies} copies between the memories"
        )
        warnings.warn(
            f"{builder.device.name} has no kernel for {ops}: they run on cpu:0{between}; explain() "
            f'shows where and why, fallback="error" (DOVETAIL_FALLBACK) forbids it',
            RuntimeWarning,
            stacklevel=2,
        )


def _assemble(
    builder: Builder, graph: Graph, results: Sequence[Tensor], sizes: Sequence[int]
) -> Any:
    """The C object: everything by number."""
    storage_index = {id(s): i for i, s in enumerate(builder.storages)}
    rows: list[tuple[Any, ...]] = []
    numbers: dict[Any, int] = {}

    def number(t: Tensor) -> int:
        key = (id(t.storage), t.spec, t.strides, t.offset)
        if key not in numbers:
            numbers[key] = len(rows)
            byte_offset = t.offset * t.spec.dtype.itemsize
            rows.append(
                (storage_index[id(t.storage)], byte_offset, t.spec.dtype, t.spec.shape, t.strides)
            )
        return numbers[key]

    steps = tuple(
        (
            s.target,
            tuple(map(number, s.inputs)),
            tuple(map(number, s.outputs)),
            -1 if s.workspace is None else s.workspace.offset,
            s.what,
        )
        for s in builder.steps
    )
    outputs = tuple(map(number, results))
    storages = tuple(
        (s.kind, s.offset if s.kind in (ARENA, HOST) else s.index, s.size) for s in builder.storages
    )
    return _fast.Plan(
        builder.device,
        storages,
        tuple(builder.constants),
        tuple(rows),
        tuple((v.spec.dtype, v.spec.shape) for v in graph.inputs),
        steps,
        outputs,
        sizes[0],
        None if builder.device.host_visible else find_device("cpu:0"),
        sizes[1],
    )
