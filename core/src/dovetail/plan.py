"""From a graph to a flat plan: groups and kernels in order, views resolved, memory laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail import _fast
from dovetail.arena import Interval, layout
from dovetail.devices import device as find_device
from dovetail.errors import DeviceError
from dovetail.graph import Graph, Node, Value
from dovetail.op import REGISTRY, Spec
from dovetail.partition import Group, groups
from dovetail.selection import Operand, Refusal, Strided, select
from dovetail.shapes import contiguous_strides

__all__ = ["Planned", "plan"]

_INPUT, _CONSTANT, _ARENA, _OUTPUT = range(4)
_EMPTY = 4  # DVT_KERNEL_EMPTY
_FOREVER = 1 << 60


@dataclass(eq=False, slots=True)
class _Storage:
    """A block of memory and the steps during which its content matters."""

    kind: int
    size: int
    index: int = -1
    """Input position, constant position, or the donated input whose memory an output takes."""
    first: int = 0
    last: int = -1
    offset: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    """A view of a storage."""

    storage: _Storage
    spec: Spec
    strides: tuple[int, ...]
    offset: int = 0  # elements

    @property
    def contiguous(self) -> bool:
        expected = 1
        for extent, stride in zip(self.spec.shape[::-1], self.strides[::-1], strict=True):
            if extent != 1 and stride != expected:
                return False
            expected *= extent
        return True

    @property
    def layout(self) -> tuple[int, ...] | None:
        """Strides, or None when contiguous, as kernels are asked."""
        return None if self.contiguous or self.spec.size == 0 else self.strides

    @property
    def whole(self) -> bool:
        """Whether it covers its storage exactly."""
        return self.contiguous and self.offset == 0 and self.spec.nbytes == self.storage.size


@dataclass(eq=False, slots=True)
class _Step:
    target: Any
    inputs: tuple[_Tensor, ...]
    outputs: tuple[_Tensor, ...]
    what: str
    why: str = ""
    workspace: _Storage | None = None
    group: Group | None = None
    """The nodes it runs; None for a copy that a layout asks for."""


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
    made: tuple[_Step, ...] = field(default=(), repr=False)
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


@dataclass(eq=False, slots=True)
class _Builder:
    device: Any
    tensors: dict[Value, _Tensor] = field(default_factory=dict)
    steps: list[_Step] = field(default_factory=list)
    storages: list[_Storage] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def new(self, spec: Spec) -> _Tensor:
        storage = _Storage(_ARENA, spec.nbytes, first=len(self.steps))
        self.storages.append(storage)
        return _Tensor(storage, spec, contiguous_strides(spec.shape))

    def tensor(self, value: Value) -> _Tensor:
        found = self.tensors.get(value)
        if found is None:
            assert value.constant is not None
            x = value.constant
            storage = _Storage(_CONSTANT, value.spec.nbytes, len(self.constants))
            self.storages.append(storage)
            self.constants.append(x)
            found = self.tensors[value] = _Tensor(storage, value.spec, x._strides)
        return found

    def emit(self, step: _Step) -> None:
        """Append a step; storages it touches live at least until it."""
        at = len(self.steps)
        self.steps.append(step)
        for t in (*step.inputs, *step.outputs):
            t.storage.last = max(t.storage.last, at)
        for t in step.outputs:
            t.storage.first = at
        size = step.target.workspace_size
        if size:
            step.workspace = _Storage(_ARENA, size + 64, first=at, last=at)
            self.storages.append(step.workspace)

    def contiguous(self, t: _Tensor) -> _Tensor:
        """The tensor row by row, copied when it is not so already."""
        if t.contiguous:
            return t
        result = self.new(t.spec)
        self.run_op(REGISTRY["copy"], (t,), (result,), {}, what="copy to contiguous memory")
        return result

    def run_op(
        self,
        op: Any,
        inputs: tuple[_Tensor, ...],
        outputs: tuple[_Tensor, ...],
        attributes: Any,
        *,
        what: str,
        why: str = "",
    ) -> None:
        """Append the kernel call for one op, on this device or, where memory is shared, the CPU."""
        kernel, inputs, where = self.kernel(op, inputs, outputs, attributes)
        if outputs and all(t.spec.size == 0 for t in outputs) and not kernel.row_flags & _EMPTY:
            return
        note = "; ".join(x for x in (why, where) if x)
        self.emit(_Step(kernel, inputs, outputs, what, note))

    def kernel(
        self, op: Any, inputs: tuple[_Tensor, ...], outputs: tuple[_Tensor, ...], attributes: Any
    ) -> tuple[Any, tuple[_Tensor, ...], str]:
        results = [t.spec for t in outputs]
        reasons: list[str] = []
        for device in self._candidates():
            found: Any = Strided(0)
            while isinstance(found, Strided):
                if found.mask:
                    inputs = tuple(
                        self.contiguous(t) if found.mask >> i & 1 else t
                        for i, t in enumerate(inputs)
                    )
                operands = [Operand(t.spec, t.layout) for t in inputs]
                found = select(device, op, operands, results, attributes)
            if not isinstance(found, Refusal):
                note = "" if device is self.device else f"on {device.name}: {'; '.join(reasons)}"
                return found, inputs, note
            reasons.append(f"{device.name}: {found}")
        specs = ", ".join(str(t.spec) for t in inputs)
        raise DeviceError(f"no kernel for {op.name}({specs}): {'; '.join(reasons)}")

    def _candidates(self) -> list[Any]:
        from dovetail import settings  # noqa: PLC0415

        found = [self.device]
        if (
            self.device.name != "cpu:0"
            and self.device.host_visible
            and settings.fallback() == "cpu"
        ):
            found.append(find_device("cpu:0"))
        return found


def _view(builder: _Builder, node: Node) -> None:
    """A view node costs nothing when the layout allows it, else one copy."""
    source = builder.tensor(node.inputs[0])
    spec = node.outputs[0].spec
    assert node.op.view is not None
    found = node.op.view(source.spec.shape, source.strides, **node.attributes)
    if found is None:
        source = builder.contiguous(source)
        found = node.op.view(source.spec.shape, source.strides, **node.attributes)
        assert found is not None
    _, strides, offset = found
    builder.tensors[node.outputs[0]] = _Tensor(
        source.storage, spec, tuple(strides), source.offset + offset
    )


def _run_group(builder: _Builder, group: Group) -> None:
    if group.executable is None:
        node = group.nodes[0]
        if node.op.claim == "view":
            _view(builder, node)
            return
        inputs = tuple(builder.tensor(v) for v in node.inputs)
        outputs = tuple(builder.new(v.spec) for v in node.outputs)
        what = f"{node.op.name}{_shapes(node)} at {node.location or 'an unknown place'}"
        before = len(builder.steps)
        builder.run_op(node.op, inputs, outputs, node.attributes, what=what, why=group.reason)
        if len(builder.steps) > before:
            builder.steps[-1].group = group
        for value, t in zip(node.outputs, outputs, strict=True):
            builder.tensors[value] = t
        return
    inputs = tuple(builder.contiguous(builder.tensor(v)) for v in group.inputs)
    outputs = tuple(builder.new(v.spec) for v in group.outputs)
    names = ", ".join(n.op.name for n in group.nodes)
    last = group.nodes[-1].location or "an unknown place"
    if any(v.spec.size for v in group.outputs):
        what = f"fused [{names}] at {last}"
        builder.emit(_Step(group.executable, inputs, outputs, what, group=group))
    builder.tensors.update(zip(group.outputs, outputs, strict=True))


def _shapes(node: Node) -> str:
    return f"({', '.join(str(v.spec) for v in node.inputs)})"


def _results(builder: _Builder, graph: Graph) -> list[_Tensor]:
    """Result tensors: contiguous, and never in the arena."""
    results = []
    for value in graph.outputs:
        t = builder.contiguous(builder.tensor(value))
        if t.storage.kind == _ARENA:
            if t.spec.nbytes < t.storage.size:  # a part of a temporary: do not keep the whole
                whole = builder.new(t.spec)
                builder.run_op(REGISTRY["copy"], (t,), (whole,), {}, what="copy of a part")
                t = whole
            t.storage.kind = _OUTPUT
        t.storage.last = _FOREVER
        results.append(t)
    return results


def _may_alias(step: _Step, output: _Tensor, donor: _Storage) -> bool:
    """Whether the step may write ``output`` over every operand that lies in ``donor``."""
    o = step.outputs.index(output)
    readers = [i for i, t in enumerate(step.inputs) if t.storage is donor]
    return (
        o < 8
        and output.whole
        and bool(readers)
        and all(
            i < 8
            and step.target.may_alias >> (8 * o + i) & 1
            and step.inputs[i].whole
            and step.inputs[i].spec.dtype.itemsize == output.spec.dtype.itemsize
            for i in readers
        )
    )


def _share_in_place(builder: _Builder) -> None:
    """Let an output take the place of an operand that dies with the step."""
    for at, step in enumerate(builder.steps):
        for k, output in enumerate(step.outputs):
            for operand in step.inputs:
                old = operand.storage
                if (
                    old.kind == _ARENA
                    and output.storage.kind == _ARENA
                    and output.storage is not old
                    and old.last == at
                    and old.first < at
                    and old.size == output.storage.size
                    and output.storage.first == at
                    and _may_alias(step, output, old)
                ):
                    _merge(builder, old, output.storage)
                    output = step.outputs[k]  # noqa: PLW2901  its storage was replaced
                    break


def _merge(builder: _Builder, keep: _Storage, gone: _Storage) -> None:
    keep.last = max(keep.last, gone.last)

    def moved(t: _Tensor) -> _Tensor:
        return _Tensor(keep, t.spec, t.strides, t.offset) if t.storage is gone else t

    for step in builder.steps:
        step.inputs = tuple(map(moved, step.inputs))
        step.outputs = tuple(map(moved, step.outputs))
    builder.storages.remove(gone)


def _donate(builder: _Builder, results: Sequence[_Tensor], inputs: Sequence[_Storage]) -> int:
    """Give donated inputs' memory to results of the same size; bytes reused."""
    free = list(inputs)
    reused = 0
    made = {
        t.storage: (at, step, t)
        for at, step in enumerate(builder.steps)
        for t in step.outputs
        if t.storage.kind == _OUTPUT
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
    builder = _Builder(device)
    inputs = []
    for i, value in enumerate(graph.inputs):
        storage = _Storage(_INPUT, value.spec.nbytes, i)
        builder.storages.append(storage)
        inputs.append(storage)
        builder.tensors[value] = _Tensor(storage, value.spec, contiguous_strides(value.spec.shape))
    for group in groups(graph, device):
        _run_group(builder, group)
    results = _results(builder, graph)
    temporaries = sum(s.size for s in builder.storages if s.kind == _ARENA)
    reused = _donate(builder, results, [inputs[i] for i in sorted(donated)])
    _share_in_place(builder)
    arena = [s for s in builder.storages if s.kind == _ARENA]
    offsets, size = layout([Interval(size=s.size, first=s.first, last=s.last) for s in arena])
    for storage, offset in zip(arena, offsets, strict=True):
        storage.offset = offset
    return Planned(
        plan=_assemble(builder, graph, results, size),
        steps=tuple((s.what, s.why, s.target.cost_ns) for s in builder.steps),
        donated=tuple(i in donated for i in range(len(graph.inputs))),
        reused=reused,
        temporaries=temporaries,
        device=device,
        made=tuple(builder.steps),
    )


def _assemble(builder: _Builder, graph: Graph, results: Sequence[_Tensor], size: int) -> Any:
    """The C object: everything by number."""
    storage_index = {id(s): i for i, s in enumerate(builder.storages)}
    rows: list[tuple[Any, ...]] = []
    numbers: dict[Any, int] = {}

    def number(t: _Tensor) -> int:
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
        (s.kind, s.offset if s.kind == _ARENA else s.index, s.size) for s in builder.storages
    )
    return _fast.Plan(
        builder.device,
        storages,
        tuple(builder.constants),
        tuple(rows),
        tuple((v.spec.dtype, v.spec.shape) for v in graph.inputs),
        steps,
        outputs,
        size,
    )
