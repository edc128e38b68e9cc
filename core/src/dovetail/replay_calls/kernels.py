"""Asking a library for the kernel that a recorded prepare was about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.raw import string
from dovetail.errors import PluginError
from dovetail.kernel_row import KernelRow, misfit, parse_types
from dovetail.op import REGISTRY
from dovetail.replay_calls.build import Scope
from dovetail.replay_calls.target import Device, Target, error_text, new_error, new_struct
from dovetail.replay_calls.words import dtype_of, dtype_text

__all__ = ["Answer", "Prepared", "ask", "destroy"]


@dataclass(slots=True)
class Prepared:
    """A kernel, and what its runs need. Its attributes live in the scope."""

    row: KernelRow
    run: Any
    kernel: Any
    destroy: Any
    attrs: tuple[Any, int]
    contiguous: bool
    workspace: tuple[int, int]
    """Size and alignment."""
    may_alias: int
    scope: Scope

    @property
    def known(self) -> bool:
        """Whether its attributes hold the recorded data."""
        return self.scope.known

    def on_host(self, index: int) -> bool:
        """Whether an input has to lie where the host can read it."""
        everywhere = self.row.flags & lib.DVT_KERNEL_ON_HOST
        return bool(everywhere or (index < 64 and self.row.host_inputs >> index & 1))


@dataclass(slots=True)
class Answer:
    """Of one or several rows: a kernel, or a status and its text."""

    prepared: Prepared | None
    status: int
    text: str


def ask(target: Target, device: Device, scope: Scope, begin: Mapping[str, Any]) -> Answer:
    """Ask the rows that fit, the one that was recorded first; ``scope`` stays with the kernel."""
    op, reasons = begin["op"], []
    rows = sorted(target.rows.get(op, ()), key=lambda row: not _is(row, begin["row"]))
    for row in rows:
        reason = _misfit(row, begin)
        if not reason:
            answer = _prepare(target, device, scope, begin, row)
            if answer.status != lib.DVT_UNSUPPORTED:
                return answer
            reason = answer.text
        if reason not in reasons:
            reasons.append(reason)
    return Answer(None, lib.DVT_UNSUPPORTED, "; ".join(reasons) or f"it has no kernel of {op}")


def _is(row: KernelRow, recorded: Mapping[str, Any]) -> bool:
    try:
        types = None if recorded["types"] is None else parse_types(recorded["types"])
    except ValueError:
        return False
    return (row.types, row.min_version, row.max_version, row.flags, row.priority) == (
        types,
        recorded["min_version"],
        recorded["max_version"],
        recorded["flags"],
        recorded["priority"],
    )


def _misfit(row: KernelRow, begin: Mapping[str, Any]) -> str:
    """Why the row is not asked about these types, as the core would decide it; else empty."""
    if _is(row, begin["row"]):
        return ""
    op = REGISTRY.get(begin["op"])
    if op is None and row.types is not None:
        return "its row is not the recorded one, and Dovetail does not know the op's types"
    return misfit(row, op, begin["version"], _words(begin["inputs"]), _words(begin["outputs"]))


def _words(views: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = ((view["dtype"], dtype_of(view["dtype"])) for view in views)
    return [kind.word if kind is not None else dtype_text(code) for code, kind in kinds]


def _prepare(
    target: Target, device: Device, scope: Scope, begin: Mapping[str, Any], row: KernelRow
) -> Answer:
    definition = target.table.kernels[row.index]
    contiguous = not row.flags & lib.DVT_KERNEL_STRIDED
    attrs = scope.attrs(begin["attrs"])
    inputs = [scope.spec(view, contiguous=contiguous) for view in begin["inputs"]]
    outputs = [scope.spec(view, contiguous=contiguous) for view in begin["outputs"]]
    op = scope.keep(new_struct("dvt_op", flags=begin["flags"], name=scope.text(begin["op"])))
    op.version, op.device, op.host = begin["version"], device.handle, target.host
    op.inputs, op.n_inputs = scope.pointers(inputs), len(inputs)
    op.outputs, op.n_outputs = scope.pointers(outputs), len(outputs)
    op.attrs, op.n_attrs = attrs
    info, error = scope.keep(new_struct("dvt_kernel_info")), new_error()
    if definition.prepare != ffi.NULL:
        status = definition.prepare(op, info, error)
        if status != lib.DVT_OK:
            return Answer(None, status, string(info.reason) or error_text(error))
    run = info.run if info.run != ffi.NULL else definition.run
    if run == ffi.NULL:
        raise PluginError(f"kernel row {row.index} of {target.path} gives no function to run")
    prepared = Prepared(
        row=row,
        run=run,
        kernel=info.kernel,
        destroy=definition.destroy,
        attrs=attrs,
        contiguous=contiguous,
        workspace=(info.workspace_size, info.workspace_alignment or 64),
        may_alias=info.may_alias,
        scope=scope,
    )
    return Answer(prepared, lib.DVT_OK, "")


def destroy(prepared: Prepared) -> None:
    """Give a kernel back."""
    if ffi.NULL not in (prepared.kernel, prepared.destroy):
        prepared.destroy(prepared.kernel)
    prepared.scope.close()
