"""Which kernel of a device runs an op on given operands, or why none does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail import _fast
from dovetail.op import Op, Spec

if TYPE_CHECKING:
    from dovetail.kernel_row import KernelRow

__all__ = ["Operand", "Refusal", "Strided", "reads_host", "runs_on_host", "select"]

_STRIDED = 1  # DVT_KERNEL_STRIDED
_ON_HOST = 8  # DVT_KERNEL_ON_HOST


@dataclass(frozen=True, slots=True)
class Operand:
    """A spec with its layout; ``strides`` None means contiguous."""

    spec: Spec
    strides: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """No kernel: one reason per row that was asked."""

    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.reasons) or "it has no kernel of that name"


@dataclass(frozen=True, slots=True)
class Strided:
    """A kernel would run if the operands in ``mask`` were contiguous."""

    mask: int


def runs_on_host(kernel: Any) -> bool:
    """Whether a kernel works in host memory: the CPU's, and what a device's row runs there."""
    return kernel.device.host_visible or bool(kernel.row_flags & _ON_HOST)


def reads_host(kernel: Any, i: int) -> bool:
    """Whether a kernel reads operand ``i`` in host memory."""
    return runs_on_host(kernel) or bool(kernel.host_inputs >> i & 1)


def _hosted(row: KernelRow, n: int) -> int:
    """Mask of the operands that a row reads in host memory where its device has its own."""
    return (1 << n) - 1 if row.flags & _ON_HOST else row.host_inputs


def _fits(row: KernelRow, op: Op, inputs: Sequence[Operand], outputs: Sequence[Spec]) -> str:
    """Empty when the row takes these types, else the reason it does not."""
    if not row.min_version <= op.version <= row.max_version:
        return f"it knows versions {row.min_version} to {row.max_version}, not {op.version}"
    if row.types is None:
        return ""
    bound = dict(zip(op.words(len(inputs)), (o.spec.dtype.word for o in inputs), strict=True))
    bound.update(zip(op.results, (s.dtype.word for s in outputs), strict=True))
    for variable, words in row.types.items():
        if variable in bound and bound[variable] not in words:
            return f"it takes {variable} = {' or '.join(sorted(words))}, not {bound[variable]}"
    return ""


def select(
    device: Any,
    op: Op,
    inputs: Sequence[Operand],
    outputs: Sequence[Spec],
    attributes: Mapping[str, Any],
    *,
    flags: int = 0,
) -> Any:
    """A `_fast.Kernel`, `Strided` when operands must be copied first, or a `Refusal`.

    On the CPU an op that no row takes runs by its numpy meaning.
    """
    reasons = []
    strided = sum(1 << i for i, o in enumerate(inputs) if o.strides is not None)
    if op.build is not None:
        if not device.host_visible:
            return Refusal(
                (f"{op.name} runs where the host can read memory, {device.name} cannot",)
            )
        specs = [o.spec for o in inputs]
        return Strided(strided) if strided else op.build(device, specs, outputs, attributes)
    for row in device.rows.get(op.name, ()):
        reason = _fits(row, op, inputs, outputs)
        if not reason:
            # What is copied to the host for the kernel arrives there row by row.
            copied = 0 if device.host_visible else _hosted(row, len(inputs))
            if strided & ~copied and not row.flags & _STRIDED:
                if not op.lays_out:
                    return Strided(strided & ~copied)
                reasons.append("it copies what is contiguous, not what is strided")
                continue
            kernel = _fast.prepare(
                device,
                row.index,
                op.name,
                op.version,
                tuple(
                    (o.spec.dtype, o.spec.shape, None if copied >> i & 1 else o.strides)
                    for i, o in enumerate(inputs)
                ),
                tuple((s.dtype, s.shape) for s in outputs),
                dict(attributes),
                flags,
            )
            if not isinstance(kernel, str):
                return kernel
            reason = kernel
        if reason not in reasons:
            reasons.append(reason)
    if device.name == "cpu:0" and op.claim != "view" and (op.host or op.decomposition is None):
        from dovetail.host_kernel import host_kernel  # noqa: PLC0415  loads the reference

        return host_kernel(device, op, [o.spec for o in inputs], outputs, attributes)
    return Refusal(tuple(reasons))
