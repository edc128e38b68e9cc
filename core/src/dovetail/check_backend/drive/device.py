"""The device under test, by its raw tables: opening, memory, copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.view import View
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.raw import normalised
from dovetail.check_backend.subject import Subject
from dovetail.dtypes import DType, uint8

__all__ = ["Buffer", "CallFailed", "RawDevice", "status_word"]

GUARD = 256
_GUARD_BYTE = b"\xa5"
_STATUS = {
    getattr(lib, f"DVT_{word}"): word
    for word in (
        "OK UNSUPPORTED PENDING INVALID_ARGUMENT OUT_OF_MEMORY INTERNAL DEVICE_LOST CANCELLED "
        "INCOMPATIBLE TIMEOUT IO"
    ).split()
}


def status_word(status: int) -> str:
    """A dvt_status for people.

    >>> status_word(-2)
    'OUT_OF_MEMORY'
    """
    return _STATUS.get(status, f"status {status}")


class CallFailed(Exception):
    """A call answered something else than DVT_OK."""

    def __init__(self, call: str, status: int, text: str) -> None:
        super().__init__(
            f"{call} answered {status_word(status)}" + (f": {text}" if text else " without a text")
        )
        self.status, self.text = status, text

    def code(self, family: str) -> str:
        """The code of the catalogue: fails, or fails-silently, of ops, graphs, copies, ..."""
        return f"{family}/fails" if self.text else f"{family}/fails-silently"


@dataclass(slots=True)
class Buffer:
    """Memory with guard bytes on both sides; ``offset`` is where it begins in the allocation."""

    data: Any
    size: int
    offset: int
    total: int
    on_host: bool
    keep: Any = None


class RawDevice:
    """One open device, or host memory where the library has no device table."""

    def __init__(self, subject: Subject, host: KitHost | None = None) -> None:
        self.host, self.quick = host or subject.host, subject.quick
        raw = subject.plugin
        self.plugin: Any = normalised(raw, "dvt_plugin")
        self.api: Any = normalised(raw.device, "dvt_device_api")
        self.handle: Any = ffi.NULL
        self.place = (int(lib.DVT_PLACE_CPU), 0)
        self.alignment, self.separate, self.space_flags = 64, False, 0
        if self.api != ffi.NULL:
            self._open(subject)

    def _open(self, subject: Subject) -> None:
        desc = ffi.new("dvt_device_desc *")
        desc.struct_size, desc.ordinal = ffi.sizeof("dvt_device_desc"), subject.ordinal
        desc.host = self.host.pointer
        out = ffi.new("dvt_device **")
        self.checked("device_open", self.api.device_open, desc, out)
        self.handle = out[0]
        self.info: Any = ffi.new("dvt_device_info *")
        self.info.struct_size = ffi.sizeof("dvt_device_info")
        self.checked("device_info", self.api.device_info, self.handle, self.info)
        if self.info.spaces == ffi.NULL or self.info.n_spaces == 0:
            return
        space = normalised(self.info.spaces[0], "dvt_memory_space")
        self.place = (int(space.place.type), int(space.place.id))
        self.alignment = int(space.alignment) or 64
        self.space_flags = int(space.flags)
        both = lib.DVT_SPACE_HOST_VISIBLE | lib.DVT_SPACE_COHERENT
        self.separate = self.space_flags & both != both
        if self.separate and not self.api.copy:
            raise subject.stop("its memory is reached by map alone: that is not driven yet")

    def close(self) -> None:
        """Close the device."""
        if ffi.NULL not in (self.handle, self.api) and self.api.device_close != ffi.NULL:
            self.api.device_close(self.handle)
        self.handle = ffi.NULL

    @property
    def has_streams(self) -> bool:
        """Whether work can be queued."""
        return bool(self.api != ffi.NULL and self.api.stream_create)

    def checked(self, name: str, function: Any, *arguments: Any) -> None:
        """Call a slot that takes an error last; `CallFailed` unless it answers DVT_OK."""
        status, error = self.answer(function, *arguments)
        if status != lib.DVT_OK:
            raise CallFailed(name, status, error.text)

    def answer(self, function: Any, *arguments: Any) -> tuple[int, ErrorBuffer]:
        """The answer of a slot that takes an error last."""
        error = ErrorBuffer()
        return int(function(*arguments, error.pointer)), error

    @staticmethod
    def either(name: str, status: int, error: ErrorBuffer, other: int) -> bool:
        """True for DVT_OK, False for one other answer; `CallFailed` for the rest."""
        if status in (lib.DVT_OK, other):
            return bool(status == lib.DVT_OK)
        raise CallFailed(name, status, error.text)

    # ---- memory ----------------------------------------------------------------------------------

    def alloc(self, size: int, alignment: int = 0, stream: Any = ffi.NULL) -> Any:
        """Device memory by the library's own alloc."""
        desc = self.alloc_desc(size, alignment, stream)
        out = ffi.new("void **")
        self.checked(f"alloc of {size} bytes", self.api.alloc, self.handle, desc, out)
        return out[0]

    def release(self, data: Any, size: int, stream: Any = ffi.NULL) -> None:
        """Give device memory back."""
        if self.api.release != ffi.NULL:
            desc = self.alloc_desc(size, 0, stream)
            desc.data = data
            self.api.release(self.handle, desc)

    @staticmethod
    def alloc_desc(size: int, alignment: int = 0, stream: Any = ffi.NULL) -> Any:
        """A dvt_alloc_desc."""
        desc = ffi.new("dvt_alloc_desc *")
        desc.struct_size = ffi.sizeof("dvt_alloc_desc")
        desc.size, desc.alignment, desc.stream = size, alignment, stream
        return desc

    def buffer(self, size: int, *, on_host: bool = False, shift: int = 0) -> Buffer:
        """Memory with guards; ``shift`` bytes further on than its alignment asks."""
        guard = max(GUARD, self.alignment)
        total = size + 2 * guard + shift
        if self.separate and not on_host:
            made = Buffer(self.alloc(total), size, guard + shift, total, False)
        else:
            memory = ffi.new("char[]", total + guard)
            start = -(-int(ffi.cast("uintptr_t", memory)) // guard) * guard
            made = Buffer(ffi.cast("void *", start), size, guard + shift, total, True, keep=memory)
        self._put(made, _GUARD_BYTE * total, 0)
        return made

    def workspace(
        self, size: int, alignment: int, *, on_host: bool = False
    ) -> tuple[Buffer | None, Any]:
        """A workspace as a kernel or an executable asked for it, and the pointer to hand over."""
        if size == 0:
            return None, ffi.NULL
        if self.separate and not on_host and self.space_flags & lib.DVT_SPACE_OPAQUE:
            # A handle takes no arithmetic, so there is no room for guards.
            made = Buffer(self.alloc(size, alignment), size, 0, size, False)
            return made, made.data
        alignment = alignment or 64
        made = self.buffer(size + alignment, on_host=on_host)
        start = int(ffi.cast("uintptr_t", made.data)) + made.offset
        made.offset, made.size = made.offset + (-start) % alignment, size
        return made, ffi.cast("char *", made.data) + made.offset

    def drop(self, buffer: Buffer | None) -> None:
        """Give a buffer back."""
        if buffer is not None and not buffer.on_host:
            self.release(buffer.data, buffer.total)

    def put(self, buffer: Buffer, content: bytes) -> None:
        """Write all of a buffer."""
        self._put(buffer, content, buffer.offset)

    def _put(self, buffer: Buffer, content: bytes, at: int) -> None:
        if not content:
            return
        if buffer.on_host:
            ffi.memmove(ffi.cast("char *", buffer.data) + at, content, len(content))
            return
        memory = ffi.from_buffer(content)
        source = View(ffi.cast("void *", memory), (len(content),), uint8)
        target = self._bytes_view(buffer, at, len(content))
        self.copy(source, ffi.NULL, target, self.handle)

    def get(self, buffer: Buffer) -> bytes:
        """All of a buffer."""
        return self.get_whole(buffer)[buffer.offset : buffer.offset + buffer.size]

    def get_whole(self, buffer: Buffer) -> bytes:
        """A buffer and its guards."""
        if buffer.on_host:
            return bytes(ffi.buffer(ffi.cast("char *", buffer.data), buffer.total))
        memory = ffi.new("char[]", buffer.total)
        target = View(ffi.cast("void *", memory), (buffer.total,), uint8)
        self.copy(self._bytes_view(buffer, 0, buffer.total), self.handle, target, ffi.NULL)
        return bytes(ffi.buffer(memory, buffer.total))

    def _bytes_view(self, buffer: Buffer, at: int, size: int) -> View:
        return View(buffer.data, (size,), uint8, offset=at, place=self.place)

    def guards(self, buffer: Buffer) -> str:
        """Where the guards of a buffer were written, in words; empty when they were not."""
        whole = self.get_whole(buffer)
        before, after = whole[: buffer.offset], whole[buffer.offset + buffer.size :]
        if before.strip(_GUARD_BYTE):
            first = max(i for i, b in enumerate(before) if b != _GUARD_BYTE[0])
            return f"byte {buffer.offset - first} before its beginning was written"
        if after.strip(_GUARD_BYTE):
            first = min(i for i, b in enumerate(after) if b != _GUARD_BYTE[0])
            return f"byte {first + 1} behind its end was written"
        return ""

    # ---- copies ----------------------------------------------------------------------------------

    def copy(
        self,
        source: View,
        source_device: Any,
        destination: View,
        destination_device: Any,
        *,
        stream: Any = ffi.NULL,
        tag: int = 0,
    ) -> None:
        """One copy by the library; afterwards the descriptors show something else."""
        desc = ffi.new("dvt_copy *")
        desc.struct_size = ffi.sizeof("dvt_copy")
        desc.source, desc.destination = source.pointer, destination.pointer
        desc.source_device, desc.destination_device = source_device, destination_device
        desc.stream, desc.tag = stream, tag
        self.checked("copy", self.api.copy, self.handle, desc)

    def fill(self, destination: View, pattern: bytes, stream: Any = ffi.NULL) -> None:
        """One fill by the library."""
        desc = ffi.new("dvt_fill *")
        desc.struct_size = ffi.sizeof("dvt_fill")
        memory = ffi.new("char[]", pattern)
        desc.destination, desc.pattern, desc.stream = destination.pointer, memory, stream
        self.checked("fill", self.api.fill, self.handle, desc)
        ffi.memmove(memory, b"\x5a" * len(pattern), len(pattern))  # it may not be read later

    def view(self, buffer: Buffer, shape: Sequence[int], kind: DType, **options: Any) -> View:
        """A view of a buffer from its beginning."""
        offset = buffer.offset + int(options.pop("offset", 0))
        place = self.place_of(buffer.on_host)
        return View(buffer.data, shape, kind, offset=offset, place=place, **options)

    def place_of(self, on_host: bool) -> tuple[int, int]:
        """What views of memory on the host or on the device carry."""
        return (int(lib.DVT_PLACE_CPU), 0) if on_host else self.place
