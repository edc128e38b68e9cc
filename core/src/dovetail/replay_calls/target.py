"""The library that a recording is replayed on: its tables, its devices and memory in them.

Runs in the child process. Nothing here goes through the core's dispatch: a replay makes exactly the
recorded call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail import _fast
from dovetail._abi import ffi, lib
from dovetail.errors import DovetailError
from dovetail.kernel_row import KernelRow, read_rows
from dovetail.replay_calls.words import status_text

__all__ = [
    "Block",
    "Device",
    "ReplayError",
    "Target",
    "error_text",
    "load",
    "new_error",
    "new_struct",
    "timed",
]

ALIGNMENT = 64


class ReplayError(DovetailError):
    """The library did not do what a replay needs: memory, a copy, an open device."""


def new_error() -> Any:
    """An empty dvt_error."""
    error = ffi.new("dvt_error *")
    error.struct_size = ffi.sizeof("dvt_error")
    return error


def error_text(error: Any) -> str:
    """Its message."""
    text: bytes = ffi.string(error.message)
    return text.decode("utf-8", "replace")


def new_struct(kind: str, **members: Any) -> Any:
    """A struct of dovetail.h with its struct_size and some members."""
    struct = ffi.new(f"{kind} *")
    struct.struct_size = ffi.sizeof(kind)
    for name, value in members.items():
        setattr(struct, name, value)
    return struct


def timed(function: Any, *arguments: Any) -> tuple[int, str, int]:
    """Call a slot that ends with a dvt_error: its status, its text, its time."""
    error = new_error()
    before = time.perf_counter_ns()
    status = function(*arguments, error)
    spent = time.perf_counter_ns() - before
    return status, error_text(error), spent


@dataclass(slots=True)
class Device:
    """An opened device, or the host of a plugin without a device table."""

    handle: Any
    visible: bool = True
    place: tuple[int, int] = (1, 0)
    alignment: int = ALIGNMENT
    stream: Any = ffi.NULL
    """For the replay's own copies, as the core has one; null where the device has none."""


@dataclass(slots=True)
class Block:
    """Memory of a device or of the host."""

    address: Any
    size: int
    on_host: bool


@dataclass(slots=True)
class Target:
    """A loaded library."""

    path: Path
    table: Any
    host: Any
    rows: dict[str, list[KernelRow]]
    name: str
    _devices: dict[int, Device] = field(default_factory=dict)
    _capsule: Any = None

    @property
    def api(self) -> Any:
        """Its device table; a null pointer when it has none."""
        return self.table.device

    @property
    def graphs(self) -> Any:
        """Its graph table; a null pointer when it has none."""
        return self.table.graph

    def offers(self, slot: str) -> bool:
        """Whether its device table has that slot."""
        return bool(self.api != ffi.NULL and getattr(self.api, slot) != ffi.NULL)

    # ---- devices ---------------------------------------------------------------------------------

    def device(self, ordinal: int = 0) -> Device:
        """The device of that ordinal, opened at first use."""
        if ordinal not in self._devices:
            self._devices[ordinal] = self._open(ordinal)
        return self._devices[ordinal]

    def _open(self, ordinal: int) -> Device:
        if self.api == ffi.NULL:
            return Device(ffi.NULL)
        out, error = ffi.new("dvt_device **"), new_error()
        desc = new_struct("dvt_device_desc", ordinal=ordinal, host=self.host)
        status = self.api.device_open(desc, out, error)
        self.check(status, error, f"device_open of device {ordinal}")
        device = Device(out[0])
        info = new_struct("dvt_device_info")
        status = self.api.device_info(device.handle, info, error)
        self.check(status, error, "device_info")
        if info.n_spaces > 0 and info.spaces != ffi.NULL:
            space = info.spaces[0]
            device.place = (space.place.type, space.place.id)
            device.alignment = space.alignment or ALIGNMENT
            both = lib.DVT_SPACE_HOST_VISIBLE | lib.DVT_SPACE_COHERENT
            device.visible = space.flags & both == both
        moves = self.offers("copy") or (self.offers("map") and self.offers("unmap"))
        if not device.visible and not (self.offers("alloc") and self.offers("release") and moves):
            raise ReplayError("its memory is not host-visible, but it offers no alloc and copy")
        if self.offers("stream_create") and self.offers("stream_sync"):
            stream = ffi.new("dvt_stream **")
            desc = new_struct("dvt_stream_desc")
            status = self.api.stream_create(device.handle, desc, stream, error)
            self.check(status, error, "stream_create")
            device.stream = stream[0]
        return device

    def close(self) -> None:
        """Close what was opened."""
        for device in self._devices.values():
            if device.stream != ffi.NULL and self.offers("stream_destroy"):
                self.api.stream_destroy(device.stream)
            if self.offers("device_close"):
                self.api.device_close(device.handle)
        self._devices.clear()

    def check(self, status: int, error: Any, what: str) -> None:
        """Raise unless a call that a replay depends on went well."""
        if status != 0:
            said = error_text(error)
            raise ReplayError(f"{what}: {status_text(status)}{': ' if said else ''}{said}")

    # ---- memory ----------------------------------------------------------------------------------

    @contextmanager
    def block(self, device: Device, size: int, *, on_host: bool = False) -> Iterator[Block]:
        """Memory for operands, for the length of a ``with`` block."""
        on_host = on_host or not self.offers("alloc")
        size = max(size, 1)
        block = Block(ffi.NULL, size, on_host)
        if on_host:
            block.address = self.host.host_alloc(self.host, size, max(ALIGNMENT, device.alignment))
            if block.address == ffi.NULL:
                raise ReplayError(f"the host has no memory for {size} bytes")
        else:
            out, error = ffi.new("void **"), new_error()
            status = self.api.alloc(
                device.handle, new_struct("dvt_alloc_desc", size=size), out, error
            )
            self.check(status, error, f"alloc of {size} bytes")
            block.address = out[0]
        try:
            yield block
        finally:
            if on_host:
                self.host.host_free(self.host, block.address, size)
            elif self.offers("release"):
                desc = new_struct("dvt_alloc_desc", size=size, data=block.address)
                self.api.release(device.handle, desc)

    def write(self, device: Device, block: Block, data: bytes) -> None:
        """Bytes into a block, from its start."""
        if not data:
            return
        if block.on_host or device.visible:
            ffi.memmove(block.address, data, len(data))
            return
        if not self.offers("copy"):
            with self._mapped(device, block, len(data), lib.DVT_MAP_WRITE) as address:
                ffi.memmove(address, data, len(data))
            return
        source = ffi.from_buffer(data)
        self._copy(device, (source, None), (block.address, device), len(data))

    def read(self, device: Device, block: Block, size: int) -> bytes:
        """The first bytes of a block."""
        if size == 0:
            return b""
        if block.on_host or device.visible:
            return bytes(ffi.buffer(block.address, size))
        if not self.offers("copy"):
            with self._mapped(device, block, size, lib.DVT_MAP_READ) as address:
                return bytes(ffi.buffer(address, size))
        into = ffi.new("char[]", size)
        self._copy(device, (block.address, device), (into, None), size)
        return bytes(ffi.buffer(into, size))

    def _copy(
        self,
        doer: Device,
        source: tuple[Any, Device | None],
        to: tuple[Any, Device | None],
        size: int,
    ) -> None:
        extents = ffi.new("int64_t[]", [size, 1])
        ends = []
        for address, device in (source, to):
            end = ffi.new("dvt_tensor *")
            end.data, end.ndim = address, 1
            end.dtype.code, end.dtype.bits, end.dtype.lanes = lib.DVT_UINT, 8, 1
            end.place.type, end.place.id = device.place if device is not None else (1, 0)
            end.shape, end.strides = extents, extents + 1
            ends.append(end)
        copy = new_struct("dvt_copy", source=ends[0], destination=ends[1])
        if source[1] is not None:
            copy.source_device = source[1].handle
        if to[1] is not None:
            copy.destination_device = to[1].handle
        copy.stream, error = doer.stream, new_error()
        status = self.api.copy(doer.handle, copy, error)
        if status == lib.DVT_OK and doer.stream != ffi.NULL:
            status = self.api.stream_sync(doer.stream, error)
        self.check(status, error, f"copy of {size} bytes")

    @contextmanager
    def _mapped(self, device: Device, block: Block, size: int, flags: int) -> Iterator[Any]:
        """The first bytes of a block as the host sees them."""
        desc = new_struct("dvt_map_desc", flags=flags, data=block.address, size=size)
        out, error = ffi.new("void **"), new_error()
        status = self.api.map(device.handle, desc, out, error)
        self.check(status, error, f"map of {size} bytes")
        yield out[0]
        self.check(self.api.unmap(device.handle, desc, error), error, "unmap")


def load(path: Path) -> Target:
    """Load a library in this process."""
    capsule = _fast.load_plugin(str(path.resolve()))
    address = _fast.plugin_address(capsule)
    table: Any = ffi.cast("dvt_plugin *", address)
    name: str = ffi.string(table.name).decode()
    return Target(
        path=path,
        table=table,
        host=ffi.cast("dvt_host *", _fast.host_address(capsule)),
        rows=read_rows(address, name),
        name=name,
        _capsule=capsule,
    )
