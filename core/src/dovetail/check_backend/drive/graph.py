"""A graph of the core in the form that crosses the ABI, and what a library makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.attributes import Attributes
from dovetail.check_backend.drive.device import Buffer, RawDevice
from dovetail.check_backend.drive.problem import stored, unstored
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.drive.view import contiguous_strides, pointers
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.raw import string
from dovetail.graph import Graph, Node, Value

__all__ = ["Claim", "Executable", "RawGraph", "subgraph"]


def subgraph(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """Some nodes as a graph of their own: what comes from outside is an input, what is read
    outside, or is a result, an output."""
    made = {v for n in nodes for v in n.outputs}
    others = [n for n in graph.nodes if n not in nodes]
    read = {v for n in others for v in n.inputs} | set(graph.outputs)
    inputs = dict.fromkeys(
        v for n in nodes for v in n.inputs if v not in made and v.constant is None
    )
    outputs = [v for n in nodes for v in n.outputs if v in read]
    return Graph(list(inputs), list(nodes), outputs, graph.name)


@dataclass(frozen=True, slots=True)
class Claim:
    """partition's answer for one node."""

    group: int
    reason: str | None


class RawGraph:
    """``pointer`` is the ``dvt_graph *``; its constants lie in the device's memory."""

    def __init__(self, device: RawDevice, graph: Graph) -> None:
        self.device, self.graph = device, graph
        self._keep: list[Any] = []
        self._attributes: list[Attributes] = []
        self.constants: list[Buffer] = []
        index: dict[Value, int] = {}
        used = (v for n in graph.nodes for v in (*n.inputs, *n.outputs))
        for value in (*graph.inputs, *used, *graph.outputs):
            index.setdefault(value, len(index))
        values = [self._value(v) for v in index]
        nodes = [self._node(n, index) for n in graph.nodes]
        raw = self._new("dvt_graph *")
        raw.struct_size = ffi.sizeof("dvt_graph")
        raw.name = self._new("char[]", (graph.name or "main").encode())
        raw.nodes = self._new("dvt_node *[]", nodes or [ffi.NULL])
        raw.values = self._new("dvt_value *[]", values or [ffi.NULL])
        raw.inputs = self._indices([index[v] for v in graph.inputs])
        raw.outputs = self._indices([index[v] for v in graph.outputs])
        raw.n_nodes, raw.n_values = len(nodes), len(values)
        raw.n_inputs, raw.n_outputs = len(graph.inputs), len(graph.outputs)
        self.pointer = raw

    def _new(self, kind: str, content: Any = None) -> Any:
        made = ffi.new(kind) if content is None else ffi.new(kind, content)
        self._keep.append(made)
        return made

    def _indices(self, numbers: list[int]) -> Any:
        return self._new("uint32_t[]", [*numbers, 0])

    def _value(self, value: Value) -> Any:
        spec, raw = value.spec, self._new("dvt_value *")
        raw.struct_size = ffi.sizeof("dvt_value")
        raw.spec.place.type, raw.spec.place.id = self.device.place
        raw.spec.ndim = spec.ndim
        raw.spec.dtype.code, raw.spec.dtype.bits = spec.dtype.code, spec.dtype.bits
        raw.spec.dtype.lanes = 1
        raw.spec.shape = self._new("int64_t[]", [*spec.shape, 0])
        raw.spec.strides = self._new("int64_t[]", [*contiguous_strides(spec.shape), 0])
        if value.constant is not None:
            content = stored(np.asarray(value.constant), spec.dtype).tobytes()
            buffer = self.device.buffer(len(content))
            self.device.put(buffer, content)
            self.constants.append(buffer)
            raw.flags = lib.DVT_VALUE_CONSTANT
            raw.spec.data, raw.spec.byte_offset = buffer.data, buffer.offset
        return raw

    def _node(self, node: Node, index: dict[Value, int]) -> Any:
        raw, attributes = self._new("dvt_node *"), Attributes(node.attributes)
        self._attributes.append(attributes)
        raw.struct_size, raw.version = ffi.sizeof("dvt_node"), node.op.version
        raw.op = self._new("char[]", node.op.name.encode())
        raw.location = self._new("char[]", (node.location or "check.py:1 in graph").encode())
        raw.inputs = self._indices([index[v] for v in node.inputs])
        raw.outputs = self._indices([index[v] for v in node.outputs])
        raw.n_inputs, raw.n_outputs = len(node.inputs), len(node.outputs)
        raw.attrs, raw.n_attrs = attributes.pointer, attributes.count
        return raw

    def _desc(self) -> Any:
        desc = self._new("dvt_compile_desc *")
        desc.struct_size, desc.graph = ffi.sizeof("dvt_compile_desc"), self.pointer
        desc.devices = self._new("dvt_device *[]", [self.device.handle])
        desc.host, desc.n_devices = self.device.host.pointer, 1
        return desc

    def partition(self, api: Any) -> tuple[list[Claim] | None, str]:
        """The claims, None when there is no such slot; and what was written outside them."""
        if not api.partition:
            return None, ""
        count = len(self.graph.nodes)
        rows = ffi.new("dvt_claim[]", count + 2)  # one more on each side, to see writes there
        order = ffi.new("dvt_claim *[]", count + 1)
        for i in range(count + 2):
            rows[i].struct_size = ffi.sizeof("dvt_claim")
        for i in range(count + 1):
            order[i] = ffi.addressof(rows, i + 1)
        self.device.checked("partition", api.partition, self._desc(), order)
        outside = ""
        for i, where in ((0, "before the first"), (count + 1, "behind the last")):
            if rows[i].group or rows[i].reason or rows[i].reserved:
                outside = f"it wrote a claim {where} of {count} nodes"
        wrong = [i for i in range(count) if rows[i + 1].struct_size != ffi.sizeof("dvt_claim")]
        if wrong:
            outside = f"it changed the struct_size of claim {wrong[0]}, which is the host's"
        return [Claim(int(r.group), string(r.reason)) for r in rows[1 : count + 1]], outside

    def compile(self, api: Any) -> Executable | str:
        """An executable, or the reason of the refusal."""
        info, out = _info(), ffi.new("dvt_executable **")
        status, error = self.device.answer(api.compile, self._desc(), out, info)
        accepted = self.device.either("compile", status, error, lib.DVT_UNSUPPORTED)
        return Executable(self.device, self, api, out[0], info) if accepted else "UNSUPPORTED"

    def drop_constants(self) -> None:
        """Overwrite and give back what constants lie in."""
        for buffer in self.constants:
            self.device.put(buffer, b"\x77" * buffer.size)
            self.device.drop(buffer)
        self.constants = []


def _info() -> Any:
    info = ffi.new("dvt_executable_info *")
    info.struct_size = ffi.sizeof("dvt_executable_info")
    return info


class Executable:
    """What compile or load gave."""

    def __init__(
        self, device: RawDevice, graph: RawGraph, api: Any, handle: Any, info: Any
    ) -> None:
        self.device, self.graph, self.api = device, graph, api
        self.handle, self.info = handle, info

    @property
    def flags(self) -> int:
        """DVT_EXECUTABLE_..."""
        return int(self.info.flags)

    def run(
        self, arrays: Sequence[np.ndarray[Any, Any]], stream: Stream | None = None
    ) -> tuple[list[np.ndarray[Any, Any]], str]:
        """Results of one execute, and what was written outside them in words."""
        device, graph = self.device, self.graph.graph
        specs = [v.spec for v in (*graph.inputs, *graph.outputs)]
        buffers = [device.buffer(s.nbytes) for s in specs]
        contents = [
            stored(x, v.spec.dtype).tobytes() for x, v in zip(arrays, graph.inputs, strict=True)
        ]
        for buffer, content in zip(buffers, contents, strict=False):
            device.put(buffer, content)
        views = [device.view(b, s.shape, s.dtype) for b, s in zip(buffers, specs, strict=True)]
        n = len(contents)
        ins, outs = pointers(views[:n]), pointers(views[n:])
        call = ffi.new("dvt_call *")
        call.struct_size, call.host = ffi.sizeof("dvt_call"), device.host.pointer
        call.device, call.inputs, call.outputs = device.handle, ins, outs
        call.n_inputs, call.n_outputs = n, len(views) - n
        call.workspace_size = self.info.workspace_size
        alignment = int(self.info.workspace_alignment)
        work, call.workspace = device.workspace(int(call.workspace_size), alignment)
        if stream is not None:
            call.stream = stream.handle
        device.checked("execute", self.api.execute, self.handle, call)
        if stream is not None:
            stream.sync()
        results = [unstored(device.get(b), s) for b, s in zip(buffers[n:], specs[n:], strict=True)]
        outside = self._outside(buffers, contents, work)
        for one in (*buffers, work):
            device.drop(one)
        return results, outside

    def _outside(self, buffers: list[Buffer], contents: list[bytes], work: Buffer | None) -> str:
        for i, content in enumerate(contents):
            if self.device.get(buffers[i]) != content:
                return f"input {i} holds other values afterwards"
        for i, buffer in enumerate(buffers):
            if where := self.device.guards(buffer):
                return f"operand or result {i}: {where}"
        where = self.device.guards(work) if work is not None else ""
        return f"the workspace: {where}" if where else ""

    def save(self) -> bytes:
        """What it writes."""
        pieces: list[bytes] = []

        def write(_context: Any, data: Any, size: int) -> int:
            pieces.append(bytes(ffi.buffer(data, size)))
            return int(lib.DVT_OK)

        callback = ffi.callback("dvt_status(void *, const void *, uint64_t)", write)
        blob = self._blob()
        blob.write = callback
        self.device.checked("save", self.api.save, self.handle, blob)
        return b"".join(pieces)

    def load(self, content: bytes) -> tuple[int, ErrorBuffer, Executable | None]:
        """The answer of load for some bytes."""
        info, out, blob = _info(), ffi.new("dvt_executable **"), self._blob()
        memory = ffi.new("char[]", content + b"\0")  # the byte behind is no part of it
        blob.bytes, blob.size = memory, len(content)
        status, error = self.device.answer(self.api.load, blob, out, info)
        ffi.memmove(memory, b"\x66" * len(content), len(content))  # valid during the call only
        if status != lib.DVT_OK:
            return status, error, None
        return status, error, Executable(self.device, self.graph, self.api, out[0], info)

    def _blob(self) -> Any:
        blob = ffi.new("dvt_blob *")
        blob.struct_size, blob.device = ffi.sizeof("dvt_blob"), self.device.handle
        blob.host = self.device.host.pointer
        return blob

    def destroy(self) -> None:
        """End it."""
        self.api.destroy(self.handle)
