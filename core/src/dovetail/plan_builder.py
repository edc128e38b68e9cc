"""Steps of a plan as they are made: which kernel, on what memory, with which copies before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dovetail import _fast, settings
from dovetail.devices import device as find_device
from dovetail.dispatch import HINT
from dovetail.errors import DeviceError
from dovetail.graph import Node, Value
from dovetail.op import REGISTRY, Op, Spec
from dovetail.partition import Group
from dovetail.plan_memory import ARENA, CONSTANT, HOST, Step, Storage, Tensor
from dovetail.selection import Operand, Refusal, Strided, reads_host, runs_on_host, select
from dovetail.shapes import contiguous_strides

__all__ = ["Builder", "run_group"]

_EMPTY = 4  # DVT_KERNEL_EMPTY


@dataclass(eq=False, slots=True)
class Builder:
    """A plan for one device. Where that has memory of its own, what it lacks runs on the CPU, and
    values cross over once in each direction, as they are needed."""

    device: Any
    tensors: dict[Value, Tensor] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    elsewhere: dict[Any, Tensor] = field(default_factory=dict)
    """Copies of tensors in the other memory."""
    lacking: dict[str, str] = field(default_factory=dict)
    """Op -> why the device left it to the CPU."""

    def new(self, spec: Spec, visible: bool | None = None) -> Tensor:
        """Memory for a temporary: the device's, or the host's on request."""
        own = self.device.host_visible
        visible = own if visible is None else visible
        kind = HOST if visible and not own else ARENA
        storage = Storage(kind, spec.nbytes, first=len(self.steps), visible=visible)
        self.storages.append(storage)
        return Tensor(storage, spec, contiguous_strides(spec.shape))

    def tensor(self, value: Value) -> Tensor:
        """Where a value lies; a constant is taken in at its first use."""
        found = self.tensors.get(value)
        if found is None:
            assert value.constant is not None
            found = self.tensors[value] = self.constant(value.constant, value.spec)
        return found

    def constant(self, x: Any, spec: Spec) -> Tensor:
        """An array that every call reads."""
        visible = x.device.host_visible
        storage = Storage(CONSTANT, spec.nbytes, len(self.constants), visible=visible)
        self.storages.append(storage)
        self.constants.append(x)
        return Tensor(storage, spec, x._strides)

    def emit(self, step: Step) -> None:
        """Append a step; storages it touches live at least until it."""
        at = len(self.steps)
        self.steps.append(step)
        for t in (*step.inputs, *step.outputs):
            t.storage.last = max(t.storage.last, at)
        for t in step.outputs:
            t.storage.first = at
        size = getattr(step.target, "workspace_size", 0)
        if size:
            visible = _works_on_host(step.target)
            kind = HOST if visible and not self.device.host_visible else ARENA
            slack = step.target.workspace_alignment  # the plan moves up to an address that fits
            step.workspace = Storage(kind, size + slack, first=at, last=at, visible=visible)
            self.storages.append(step.workspace)

    def at(self, t: Tensor, visible: bool) -> Tensor:
        """The tensor in the memory that a step asks for, copied there at most once."""
        if t.storage.visible == visible:
            return t
        key = (t.storage, t.spec, t.strides, t.offset)
        if key not in self.elsewhere and t.storage.kind == CONSTANT and t.offset == 0:
            x = self.constants[t.storage.index]
            if x.shape == t.spec.shape and x._strides == t.strides:  # once, not at every call
                home = find_device("cpu:0") if visible else self.device
                self.elsewhere[key] = self.constant(_fast.transfer(x, home), t.spec)
        if key not in self.elsewhere:
            result = self.new(t.spec, visible)
            there = "the host" if visible else self.device.name
            if t.spec.size:
                why = "read on the host" if visible else f"read or returned on {self.device.name}"
                self.emit(Step(self.device, (t,), (result,), f"copy {t.spec} to {there}", why))
            self.elsewhere[key] = result
        return self.elsewhere[key]

    def contiguous(self, t: Tensor) -> Tensor:
        """The tensor row by row, copied when it is not so already."""
        return t if t.contiguous else self.copied(t, "copy to contiguous memory")

    def copied(self, t: Tensor, what: str) -> Tensor:
        """The tensor in memory of its own, row by row."""
        if t.storage.back:
            return self.at(t, visible=False)
        if t.storage.visible:
            (result,) = self.run_op(REGISTRY["copy"], (t,), (t.spec,), {}, what=what)
            return result
        result = self.new(t.spec)
        if t.spec.size:
            self.emit(Step(self.device, (t,), (result,), what))
        return result

    def run_op(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        results: tuple[Spec, ...],
        attributes: Mapping[str, Any],
        *,
        what: str,
        why: str = "",
    ) -> tuple[Tensor, ...]:
        """Append the kernel call for one op, on this device or the CPU; where its results lie."""
        if op.lays_out and not inputs[0].storage.visible:  # its copy slot does it, as elsewhere
            return (self.copied(inputs[0], what),)
        kernel, inputs, where = self.kernel(op, inputs, results, attributes)
        visible = runs_on_host(kernel)
        outputs = tuple(self.new(s, visible) for s in results)
        for t in outputs:
            t.storage.back = kernel.device is self.device and t.storage.kind == HOST
        if outputs and all(s.size == 0 for s in results) and not kernel.row_flags & _EMPTY:
            return outputs
        note = "; ".join(x for x in (why, where) if x)
        self.emit(Step(kernel, inputs, outputs, what, note))
        return outputs

    def kernel(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        results: tuple[Spec, ...],
        attributes: Mapping[str, Any],
    ) -> tuple[Any, tuple[Tensor, ...], str]:
        """The kernel, its operands in the memory and layout it reads, and why it is another's."""
        reasons: list[str] = []
        for device in self._candidates(op, inputs):
            found: Any = Strided(0)
            mine = inputs
            while isinstance(found, Strided):
                if found.mask:
                    mine = tuple(
                        self.contiguous(t) if found.mask >> i & 1 else t for i, t in enumerate(mine)
                    )
                operands = [Operand(t.spec, self._layout(t, device)) for t in mine]
                found = select(device, op, operands, results, attributes)
            if not isinstance(found, Refusal):
                mine = tuple(self._operand(t, found, i) for i, t in enumerate(mine))
                if device is self.device:
                    return found, mine, ""
                note = "; ".join(reasons) or "its operands have left the device's memory already"
                if reasons and not self._own(op):
                    self.lacking.setdefault(op.name, note)
                return found, mine, f"on {device.name}: {note}"
            reasons.append(f"{device.name}: {found}")
        specs = ", ".join(str(t.spec) for t in inputs)
        hint = "" if self.device.name == "cpu:0" or settings.fallback() == "cpu" else f"; {HINT}"
        raise DeviceError(f"no kernel for {op.name}({specs}): {'; '.join(reasons)}{hint}")

    def _own(self, op: Op) -> bool:
        """Whether it is the core's own job: laying shared memory out row by row."""
        return op.lays_out and self.device.host_visible

    def _layout(self, t: Tensor, device: Any) -> tuple[int, ...] | None:
        """Strides as the kernel will see them: a copy from the other memory is contiguous."""
        return t.layout if t.storage.visible == device.host_visible else None

    def _operand(self, t: Tensor, kernel: Any, i: int) -> Tensor:
        """The tensor where a kernel reads it; row by row where `select` counted on a copy."""
        on_host = reads_host(kernel, i)
        if on_host and t.storage.visible and not kernel.device.host_visible:
            t = self.contiguous(t)
        return self.at(t, on_host)

    def _candidates(self, op: Op, inputs: tuple[Tensor, ...]) -> list[Any]:
        """The device, then the CPU; the CPU first for what has left the device already."""
        if self.device.name == "cpu:0":
            return [self.device]
        cpu = find_device("cpu:0")
        if self._own(op):
            return [self.device, cpu]
        left = all(t.storage.visible and not t.storage.back for t in inputs)
        if not self.device.host_visible and inputs and left:
            return [cpu] if settings.fallback() == "cpu" else [self.device]
        return [self.device, cpu] if settings.fallback() == "cpu" else [self.device]


def _works_on_host(target: Any) -> bool:
    """Whether a step's workspace is host memory."""
    return runs_on_host(target) if isinstance(target, _fast.Kernel) else target.device.host_visible


def _view(builder: Builder, node: Node) -> None:
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
    builder.tensors[node.outputs[0]] = Tensor(
        source.storage, spec, tuple(strides), source.offset + offset
    )


def run_group(builder: Builder, group: Group) -> None:
    """Append what runs a group: nothing for a view, else a kernel or an executable."""
    if group.executable is None:
        node = group.nodes[0]
        if node.op.claim == "view":
            _view(builder, node)
            return
        inputs = tuple(builder.tensor(v) for v in node.inputs)
        specs = tuple(v.spec for v in node.outputs)
        what = f"{node.op.name}{_shapes(node)} at {node.location or 'an unknown place'}"
        before = len(builder.steps)
        outputs = builder.run_op(
            node.op, inputs, specs, node.attributes, what=what, why=group.reason
        )
        if len(builder.steps) > before:
            builder.steps[-1].group = group
        builder.tensors.update(zip(node.outputs, outputs, strict=True))
        return
    own = builder.device.host_visible
    inputs = tuple(builder.at(builder.contiguous(builder.tensor(v)), own) for v in group.inputs)
    outputs = tuple(builder.new(v.spec) for v in group.outputs)
    names = ", ".join(n.op.name for n in group.nodes)
    last = group.nodes[-1].location or "an unknown place"
    if any(v.spec.size for v in group.outputs):
        what = f"fused [{names}] at {last}"
        builder.emit(Step(group.executable, inputs, outputs, what, group=group))
    builder.tensors.update(zip(group.outputs, outputs, strict=True))


def _shapes(node: Node) -> str:
    return f"({', '.join(str(v.spec) for v in node.inputs)})"
