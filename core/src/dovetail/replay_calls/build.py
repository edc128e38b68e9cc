"""Structs of dovetail.h from their JSON: views, attributes, graphs.

A `Scope` owns what is made for one call: when it is closed, memory of the device goes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail._abi import ffi, lib
from dovetail.replay_calls.reader import Recording
from dovetail.replay_calls.target import ALIGNMENT, Block, Device, Target, new_struct
from dovetail.replay_calls.values import Contents, contents, size_of, stored
from dovetail.replay_calls.words import is_contiguous

__all__ = ["Placed", "Scope"]

_POISON = 0xAA  # what outputs hold before a call: what it leaves unwritten shows


@dataclass(slots=True)
class Placed:
    """A view with memory behind it."""

    tensor: Any
    view: Mapping[str, Any]
    block: Block
    layout: _Layout


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the elements of a view lie in a block of ``size`` bytes, the first at ``start``."""

    strides: tuple[int, ...]
    start: int
    size: int

    def elements(self, storage: np.ndarray[Any, Any], view: Mapping[str, Any]) -> Any:
        item = _item(view)
        steps = [stride * item for stride in self.strides]
        return np.ndarray(
            tuple(view["shape"]), f"V{item}", storage.data, offset=self.start, strides=steps
        )


def _item(view: Mapping[str, Any]) -> int:
    _, bits, lanes = view["dtype"]
    return int(bits) * int(lanes) // 8


def _packed_strides(shape: Sequence[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


def _layout(view: Mapping[str, Any], *, contiguous: bool) -> _Layout:
    """As recorded, the offset from a 64-byte boundary included; or packed."""
    shape = view["shape"]
    strides = tuple(view.get("strides") or _packed_strides(shape))
    size = size_of(view)
    if contiguous or is_contiguous(shape, strides):
        strides, low, high = _packed_strides(shape) if contiguous else strides, 0, size
    else:
        item = _item(view)
        ends = [(extent - 1) * stride * item for extent, stride in zip(shape, strides, strict=True)]
        low, high = sum(e for e in ends if e < 0), sum(e for e in ends if e > 0) + item
    lead = int(view.get("offset", 0))
    if view["place"][0] == 1:
        lead += int(view.get("address", 0))
    if contiguous:
        lead = 0
    start = -(low // ALIGNMENT) * ALIGNMENT + lead % ALIGNMENT
    return _Layout(strides, start, start + high)


class Scope:
    """What one call needs, and what it has to give back."""

    def __init__(self, target: Target, device: Device, recording: Recording) -> None:
        self.target, self.device, self.recording = target, device, recording
        self.known = True
        """Whether all data that went into it are those of the recording."""
        self._keep: list[Any] = []
        self._stack = ExitStack()

    def __enter__(self) -> Scope:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._stack.close()

    def keep(self, thing: Any) -> Any:
        """Hold on to a cffi object as long as the scope."""
        self._keep.append(thing)
        return thing

    def text(self, text: str | None) -> Any:
        """A C string, null for None."""
        return ffi.NULL if text is None else self.keep(ffi.new("char[]", text.encode()))

    def block(self, size: int, *, on_host: bool = False) -> Block:
        """Memory that is given back with the scope."""
        return self._stack.enter_context(self.target.block(self.device, size, on_host=on_host))

    # ---- views -----------------------------------------------------------------------------------

    def tensor(
        self,
        view: Mapping[str, Any],
        *,
        data: Any = ffi.NULL,
        place: tuple[int, int] | None = None,
        strides: Sequence[int] | None = None,
        offset: int = 0,
    ) -> Any:
        """A dvt_tensor; without ``data`` it is a spec."""
        t = self.keep(ffi.new("dvt_tensor *"))
        shape = view["shape"]
        extents = [*shape, *(strides if strides is not None else _packed_strides(shape))]
        numbers = self.keep(ffi.new("int64_t[]", extents or [0]))
        t.data, t.ndim, t.byte_offset = data, len(shape), offset
        t.dtype.code, t.dtype.bits, t.dtype.lanes = view["dtype"]
        t.place.type, t.place.id = place or self.device.place
        t.shape, t.strides = numbers, numbers + len(shape)
        return t

    def spec(self, view: Mapping[str, Any], *, contiguous: bool) -> Any:
        """What prepare sees; a constant operand comes with its data."""
        if "address" in view:
            return self.given(view, contiguous=contiguous).tensor
        strides = None if contiguous else view.get("strides")
        return self.tensor(view, strides=strides)

    def given(
        self, view: Mapping[str, Any], *, contiguous: bool = False, on_host: bool = False
    ) -> Placed:
        """An input with its recorded data."""
        held = contents(self.recording, view)
        self.known = self.known and held.known
        return self._placed(view, held, contiguous=contiguous, on_host=on_host)

    def wanted(
        self, view: Mapping[str, Any], *, contiguous: bool = False, on_host: bool = False
    ) -> Placed:
        """An output to be written."""
        return self._placed(view, None, contiguous=contiguous, on_host=on_host)

    def _placed(
        self, view: Mapping[str, Any], held: Contents | None, *, contiguous: bool, on_host: bool
    ) -> Placed:
        layout = _layout(view, contiguous=contiguous)
        block = self.block(layout.size, on_host=on_host)
        storage = np.full(layout.size, _POISON, np.uint8)
        if held is not None and held.data:
            if is_contiguous(view["shape"], layout.strides):
                storage[layout.start :] = np.frombuffer(held.data, np.uint8)
            else:
                values = np.frombuffer(held.data, f"V{_item(view)}").reshape(view["shape"])
                layout.elements(storage, view)[...] = values
        self.target.write(self.device, block, storage.tobytes())
        tensor = self.tensor(
            view,
            data=block.address,
            place=(1, 0) if on_host else None,
            strides=layout.strides,
            offset=layout.start,
        )
        return Placed(tensor, view, block, layout)

    def read(self, placed: Placed) -> bytes:
        """The elements of a view, row-major."""
        layout, view = placed.layout, placed.view
        if size_of(view) == 0:
            return b""
        whole = self.target.read(self.device, placed.block, layout.size)
        if is_contiguous(view["shape"], layout.strides):
            return whole[layout.start :]
        elements = layout.elements(np.frombuffer(whole, np.uint8).copy(), view)
        return bytes(elements.tobytes())

    def pointers(self, tensors: Sequence[Any]) -> Any:
        """An array of pointers to tensors."""
        return self.keep(ffi.new("dvt_tensor *[]", list(tensors) or [ffi.NULL]))

    # ---- attributes ------------------------------------------------------------------------------

    def attrs(self, attributes: Sequence[Mapping[str, Any]]) -> tuple[Any, int]:
        """An array of dvt_attr and its length."""
        array = self.keep(ffi.new("dvt_attr[]", max(len(attributes), 1)))
        for row, attribute in zip(array, attributes, strict=False):
            row.name, row.kind = self.text(attribute["name"]), attribute["kind"]
            row.values, row.is_list = self._attribute_values(attribute), attribute["list"]
            is_bytes = attribute["kind"] == lib.DVT_ATTR_BYTES
            row.count = attribute["count"] if is_bytes else len(attribute["values"])
        return array, len(attributes)

    def _attribute_values(self, attribute: Mapping[str, Any]) -> Any:
        kind, values = attribute["kind"], attribute.get("values", [])
        if kind == lib.DVT_ATTR_BYTES:
            data, count = stored(self.recording, attribute), attribute["count"]
            self.known = self.known and (data is not None or count == 0)
            whole = data is not None and len(data) == count
            return self.keep(ffi.new("uint8_t[]", data if whole else bytes(max(count, 1))))
        if kind == lib.DVT_ATTR_INT64:
            made = ffi.new("int64_t[]", values or [0])
        elif kind == lib.DVT_ATTR_FLOAT64:
            made = ffi.new("double[]", [float(v) for v in values] or [0.0])
        elif kind == lib.DVT_ATTR_STRING:
            made = ffi.new("char *[]", [self.text(v) for v in values] or [ffi.NULL])
        elif kind == lib.DVT_ATTR_DTYPE:
            made = ffi.new("dvt_dtype[]", [tuple(v) for v in values] or [(0, 0, 0)])
        elif kind == lib.DVT_ATTR_TENSOR:
            made = self.pointers([self.given(v, on_host=True).tensor for v in values])
        elif kind == lib.DVT_ATTR_GRAPH:
            made = ffi.new("dvt_graph *[]", [self.graph(v) for v in values] or [ffi.NULL])
        else:
            made = ffi.new("int64_t[]", [0])
        return self.keep(made)

    # ---- graphs ----------------------------------------------------------------------------------

    def graph(self, said: Mapping[str, Any]) -> Any:
        """A dvt_graph with its constants on the device."""
        graph = self.keep(
            new_struct("dvt_graph", flags=said["flags"], name=self.text(said.get("name")))
        )
        for plural, make in (
            ("values", self._value),
            ("nodes", self._node),
            ("symbols", self._symbol),
            ("aliases", self._alias),
        ):
            rows = [make(row) for row in said[plural]]
            kind = {"values": "value", "nodes": "node", "symbols": "symbol", "aliases": "alias"}[
                plural
            ]
            setattr(graph, plural, self.keep(ffi.new(f"dvt_{kind} *[]", rows or [ffi.NULL])))
            setattr(graph, f"n_{plural}", len(rows))
        for name in ("inputs", "outputs"):
            setattr(graph, name, self._indices(said[name]))
            setattr(graph, f"n_{name}", len(said[name]))
        return graph

    def _indices(self, numbers: Sequence[int]) -> Any:
        return self.keep(ffi.new("uint32_t[]", list(numbers) or [0]))

    def _value(self, said: Mapping[str, Any]) -> Any:
        value = self.keep(new_struct("dvt_value", flags=said["flags"]))
        value.name = self.text(said.get("name"))
        view = said["spec"]
        constant = said["flags"] & lib.DVT_VALUE_CONSTANT and size_of(view) > 0
        value.spec = (self.given(view).tensor if constant else self.tensor(view))[0]
        if "quant" in said:
            quant = self.keep(new_struct("dvt_quant", axis=said["quant"]["axis"]))
            for name in ("scale", "zero_point"):
                view = said["quant"][name]
                setattr(quant, name, ffi.NULL if view is None else self.given(view).tensor)
            value.quant = quant
        return value

    def _node(self, said: Mapping[str, Any]) -> Any:
        node = self.keep(new_struct("dvt_node", flags=said["flags"], version=said["version"]))
        for name in ("op", "name", "location"):
            setattr(node, name, self.text(said.get(name)))
        for name in ("inputs", "outputs"):
            setattr(node, name, self._indices(said[name]))
            setattr(node, f"n_{name}", len(said[name]))
        node.attrs, node.n_attrs = self.attrs(said["attrs"])
        return node

    def _symbol(self, said: Mapping[str, Any]) -> Any:
        symbol = self.keep(new_struct("dvt_symbol", name=self.text(said.get("name"))))
        for name in ("min", "typical", "max", "multiple_of"):
            setattr(symbol, name, said[name])
        return symbol

    def _alias(self, said: Sequence[int]) -> Any:
        return self.keep(new_struct("dvt_alias", input=said[0], output=said[1], flags=said[2]))
