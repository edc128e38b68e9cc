"""Kernels and calls of the device under test, by its raw tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.attributes import Attributes
from dovetail.check_backend.drive.device import Buffer, CallFailed, RawDevice
from dovetail.check_backend.drive.layout import Placed, placed
from dovetail.check_backend.drive.problem import Problem, fits, stored, unstored
from dovetail.check_backend.drive.view import View, pointers
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.raw import string
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow, read_rows
from dovetail.op import REGISTRY, Op, Spec

__all__ = ["Driver", "Kernel", "Launch"]


@dataclass(slots=True)
class Kernel:
    """What prepare gave for one problem."""

    row: KernelRow
    problem: Problem
    info: Any
    free: Callable[[Any], None] | None
    attributes: Attributes
    keep: list[Any] = field(default_factory=list)

    @property
    def flags(self) -> int:
        """DVT_INFO_..."""
        return int(self.info.flags)

    def destroy(self) -> None:
        """Give it back, once."""
        if self.info.kernel != ffi.NULL and self.free is not None:
            self.free(self.info.kernel)
        self.info.kernel = ffi.NULL


@dataclass(slots=True)
class Launch:
    """The memory and the dvt_call of one run."""

    kernel: Kernel
    inputs: list[Buffer]
    outputs: list[Buffer]
    contents: list[bytes]
    """What the inputs hold."""
    workspace: Buffer | None
    call: Any
    views: list[View]
    keep: list[Any]


class Driver(RawDevice):
    """A device and what its kernel rows can do."""

    def __init__(self, subject: Subject, host: KitHost | None = None) -> None:
        super().__init__(subject, host)
        self._read_rows(subject.name)

    def _read_rows(self, name: str) -> None:
        count, stride = int(self.plugin.n_kernels), int(self.plugin.kernel_def_size)
        self.defs: Any = ffi.new("dvt_kernel_def[]", max(count, 1))
        base = ffi.cast("char *", self.plugin.kernels)
        for i in range(count):
            size = min(stride, ffi.sizeof("dvt_kernel_def"))
            ffi.memmove(ffi.addressof(self.defs, i), base + i * stride, size)
            row = self.defs[i]
            row.min_version = row.min_version or 1  # zero means default, as in the loader
            row.max_version = row.max_version or row.min_version
        self.plugin.kernels = self.defs
        self.rows = read_rows(int(ffi.cast("uintptr_t", self.plugin)), name)

    # ---- kernels ---------------------------------------------------------------------------------

    def on_host(self, row: KernelRow) -> bool:
        """Whether a row's kernels run on host memory."""
        return bool(row.flags & lib.DVT_KERNEL_ON_HOST) or not self.separate

    def places(self, row: KernelRow, count: int) -> list[bool]:
        """For each operand whether it lies in host memory."""
        on_host = self.on_host(row)
        return [on_host or bool(row.host_inputs >> i & 1) for i in range(count)]

    def prepare(
        self,
        row: KernelRow,
        problem: Problem,
        layouts: Sequence[Placed] | None = None,
        flags: int = 0,
    ) -> Kernel | str:
        """A kernel, or the reason of the refusal."""
        strides = [None] * len(problem.specs) if layouts is None else [p.strides for p in layouts]
        hosts = self.places(row, len(problem.specs))
        views = [
            View(ffi.NULL, s.shape, s.dtype, strides=t, place=self.place_of(h))
            for s, t, h in zip(problem.specs, strides, hosts, strict=True)
        ]
        results = [
            View(ffi.NULL, s.shape, s.dtype, place=self.place_of(self.on_host(row)))
            for s in problem.results
        ]
        attributes = Attributes(problem.attributes)
        name = ffi.new("char[]", problem.op.name.encode())
        ins, outs = pointers(views), pointers(results)
        op = ffi.new("dvt_op *")
        op.struct_size, op.flags, op.name = ffi.sizeof("dvt_op"), flags, name
        op.version = problem.op.version
        op.n_inputs, op.n_outputs, op.n_attrs = len(views), len(results), attributes.count
        op.inputs, op.outputs, op.attrs = ins, outs, attributes.pointer
        op.device, op.host = self.handle, self.host.pointer
        info = ffi.new("dvt_kernel_info *")
        info.struct_size = ffi.sizeof("dvt_kernel_info")
        raw = self.defs[row.index]
        if raw.prepare != ffi.NULL:
            status, error = self.answer(raw.prepare, op, info)
            if status == lib.DVT_UNSUPPORTED:
                return string(info.reason) or "it gave no reason"
            if status != lib.DVT_OK:
                raise CallFailed(f"prepare of {problem}", status, error.text)
        if info.run == ffi.NULL:
            info.run = raw.run
        free = None if raw.destroy == ffi.NULL else raw.destroy
        return Kernel(row, problem, info, free, attributes)

    def kernel(self, problem: Problem, **options: Any) -> Kernel | str:
        """The first kernel that a claiming row prepares, or the last refusal."""
        reason = "no row claims it"
        for row in self.rows.get(problem.op.name, ()):
            if fits(row, problem):
                found = self.prepare(row, problem, **options)
                if isinstance(found, Kernel):
                    return found
                reason = found
        return reason

    def kernel_rows(self, ops: Mapping[str, Op]) -> Iterator[tuple[Op, KernelRow]]:
        """The rows whose op this Dovetail knows, in a fixed order."""
        for name, rows in sorted(self.rows.items()):
            op = ops.get(name)
            if op is not None:
                yield from ((op, row) for row in rows)

    def each_row(self, subject: Subject, what: str, **codes: str) -> Iterator[tuple[Op, KernelRow]]:
        """The rows whose op this Dovetail knows, each a step of `Subject.each`."""
        rows = {f"{op.name} (row {row.index})": (op, row) for op, row in self.kernel_rows(REGISTRY)}
        for label in subject.each(rows, what, **codes):
            yield rows[label]

    # ---- calls -----------------------------------------------------------------------------------

    def launch(
        self,
        kernel: Kernel,
        *,
        layouts: Sequence[Placed] | None = None,
        stream: Any = ffi.NULL,
        tag: int = 0,
        shift: int = 0,
        alias: tuple[int, int] | None = None,
    ) -> Launch:
        """Memory for one run of a kernel, with the operands in it.

        ``shift``: so many bytes further on than alignment asks. ``alias``: (o, i), output o lies
        in the memory of input i.
        """
        problem, row = kernel.problem, kernel.row
        if layouts is None:
            layouts = [
                placed(stored(x, s.dtype))
                for x, s in zip(problem.values, problem.specs, strict=True)
            ]
        hosts = self.places(row, len(layouts))
        inputs = [
            self.buffer(len(p.content), on_host=h, shift=shift)
            for p, h in zip(layouts, hosts, strict=True)
        ]
        for buffer, one in zip(inputs, layouts, strict=True):
            self.put(buffer, one.content)
        on_host = self.on_host(row)
        outputs = [self.buffer(s.nbytes, on_host=on_host, shift=shift) for s in problem.results]
        if alias is not None:
            self.drop(outputs[alias[0]])
            outputs[alias[0]] = inputs[alias[1]]
        views = [
            View(
                b.data,
                s.shape,
                s.dtype,
                strides=p.strides,
                offset=b.offset + p.offset,
                place=self.place_of(b.on_host),
            )
            for b, s, p in zip(inputs, problem.specs, layouts, strict=True)
        ]
        views += [
            View(b.data, s.shape, s.dtype, offset=b.offset, place=self.place_of(b.on_host))
            for b, s in zip(outputs, problem.results, strict=True)
        ]
        asked = (int(kernel.info.workspace_size), int(kernel.info.workspace_alignment))
        workspace, start = self.workspace(*asked, on_host=on_host)
        n = len(inputs)
        ins, outs = pointers(views[:n]), pointers(views[n:])
        call = ffi.new("dvt_call *")
        call.struct_size, call.host = ffi.sizeof("dvt_call"), self.host.pointer
        call.device, call.stream, call.kernel = self.handle, stream, kernel.info.kernel
        call.inputs, call.outputs, call.attrs = ins, outs, kernel.attributes.pointer
        call.n_inputs, call.n_outputs = n, len(outputs)
        call.n_attrs, call.tag = kernel.attributes.count, tag
        call.workspace, call.workspace_size = start, kernel.info.workspace_size
        contents = [p.content for p in layouts]
        return Launch(kernel, inputs, outputs, contents, workspace, call, views, [ins, outs])

    def start(self, launch: Launch) -> tuple[int, ErrorBuffer]:
        """Call run."""
        return self.answer(launch.kernel.info.run, launch.call)

    def run(self, launch: Launch) -> None:
        """Call run; `CallFailed` unless it answers DVT_OK."""
        status, error = self.start(launch)
        if status != lib.DVT_OK:
            raise CallFailed(f"run of {launch.kernel.problem}", status, error.text)

    def preset(self, launch: Launch, byte: bytes) -> None:
        """Fill the outputs, to see afterwards what was written."""
        for buffer in launch.outputs:
            self.put(buffer, byte * buffer.size)

    def contents(self, launch: Launch) -> list[bytes]:
        """The bytes of the outputs."""
        return [self.get(b) for b in launch.outputs]

    def results(self, launch: Launch) -> list[np.ndarray[Any, Any]]:
        """The values of the outputs."""
        specs: Sequence[Spec] = launch.kernel.problem.results
        return [unstored(c, s) for c, s in zip(self.contents(launch), specs, strict=True)]

    def finish(self, launch: Launch) -> None:
        """Give the memory of a run back."""
        held = (*launch.inputs, *launch.outputs, launch.workspace)
        for buffer in {id(b): b for b in held}.values():  # an output may lie in an input
            self.drop(buffer)
