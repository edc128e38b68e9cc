"""What alloc gives is aligned, nobody else's, comes back with release, and ends with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import CallFailed, RawDevice, status_word
from dovetail.check_backend.drive.view import View
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.dtypes import uint8

__all__ = ["STAGE"]

_SIZES = (1, 7, 64, 100, 4096, 5000, 4095, 70000, 1, 9000, 65537, 12345)
_HUGE = 1 << 60
_PIECE = 8 << 20
_LEAST = 1024  # less than this of a device says nothing
_SLACK = 1 << 20  # of counters: a driver keeps something for itself


def _run(subject: Subject) -> Iterator[Finding]:
    device = RawDevice(subject)
    if device.api == ffi.NULL or not device.api.alloc:
        subject.skip("memory: the host's allocator serves the library")
        return
    parts: dict[str, Callable[[RawDevice], Iterator[tuple[str, str]]]] = {
        "allocations side by side": _side_by_side,
        "alignment": _alignment,
        "more than there is": _huge,
        "counters, and memory given back": _counters,
    }
    for name in subject.each(parts, "{}"):
        try:
            for code, what in parts[name](device):
                yield Finding(code, STAGE.name, what, name)
        except CallFailed as failure:
            yield Finding(failure.code("memory"), STAGE.name, str(failure), name)
    if not device.api.device_memory:
        subject.skip("memory counters: the device table has no device_memory")


def _address(data: Any) -> int:
    return int(ffi.cast("uintptr_t", data))


def _side_by_side(device: RawDevice) -> Iterator[tuple[str, str]]:
    """Each holds its own bytes when all were written."""
    held = [(device.alloc(size), size) for size in _SIZES]
    for number, (data, size) in enumerate(held):
        _write(device, data, bytes([number + 1]) * size)
    for number, (data, size) in enumerate(held):
        got = _read(device, data, size)
        if got != bytes([number + 1]) * size:
            other = next(b for b in got if b != number + 1)
            yield (
                "memory/overlap",
                f"allocation {number + 1} of {size} bytes holds bytes of allocation {other}: "
                f"both were given the same memory",
            )
            break
    for data, size in held:
        device.release(data, size)


def _write(device: RawDevice, data: Any, content: bytes) -> None:
    if not device.api.copy:
        ffi.memmove(data, content, len(content))
        return
    source = View(ffi.cast("void *", ffi.from_buffer(content)), (len(content),), uint8)
    target = View(data, (len(content),), uint8, place=device.place)
    device.copy(source, ffi.NULL, target, device.handle)


def _read(device: RawDevice, data: Any, size: int) -> bytes:
    if not device.api.copy:
        return bytes(ffi.buffer(ffi.cast("char *", data), size))
    memory = ffi.new("char[]", size)
    target = View(ffi.cast("void *", memory), (size,), uint8)
    source = View(data, (size,), uint8, place=device.place)
    device.copy(source, device.handle, target, ffi.NULL)
    return bytes(ffi.buffer(memory, size))


def _alignment(device: RawDevice) -> Iterator[tuple[str, str]]:
    if device.space_flags & lib.DVT_SPACE_OPAQUE:
        return  # a handle has no alignment
    for asked in (0, 64, 256, 4096):
        # What is asked for counts; nothing asked for means the space's own.
        least = asked or device.alignment
        for size in (1, 100, 4096):
            data = device.alloc(size, asked)
            off = _address(data) % least
            device.release(data, size)
            if off:
                said = f"{asked} was asked for" if asked else f"the space says {least}"
                what = f"{size} bytes lie {off} bytes behind a multiple of {least}; {said}"
                yield "memory/alignment", what
                return


def _huge(device: RawDevice) -> Iterator[tuple[str, str]]:
    desc, out = device.alloc_desc(_HUGE), ffi.new("void **")
    status, error = device.answer(device.api.alloc, device.handle, desc, out)
    if status == lib.DVT_OUT_OF_MEMORY:
        if not error.text:
            yield "memory/fails-silently", f"alloc of {_HUGE} bytes is OUT_OF_MEMORY without a text"
        return
    if status == lib.DVT_OK:
        device.release(out[0], _HUGE)
    what = f"alloc of {_HUGE} bytes answered {status_word(status)}, not OUT_OF_MEMORY"
    yield "memory/no-limit", f"{what}: the host then cannot free its caches and try again"


def _free(device: RawDevice) -> tuple[int, int]:
    free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    device.checked("device_memory", device.api.device_memory, device.handle, 0, free, total)
    return int(free[0]), int(total[0])


def _counters(device: RawDevice) -> Iterator[tuple[str, str]]:
    if not device.api.device_memory:
        return
    before = _free(device)
    size = min(_PIECE, before[0] // 4)
    held = device.alloc(size) if size >= _LEAST else ffi.NULL
    readings = (before, _free(device))  # where nothing is in use, free and total are one number
    if held != ffi.NULL:
        device.release(held, size)
    for free, total in readings:
        if free > total:
            yield "memory/counters", f"{free} bytes are free of {total}"
            return
    if size < _LEAST or device.space_flags & lib.DVT_SPACE_POOLED:
        return
    for _ in range(3):  # what was held is the first
        device.release(device.alloc(size), size)
    if device.api.device_sync:
        device.checked("device_sync", device.api.device_sync, device.handle)
    after, _ = _free(device)
    if before[0] - after > size + _SLACK:
        yield (
            "memory/not-returned",
            f"after four times alloc and release of {size} bytes {before[0] - after} bytes less "
            f"are free",
        )


STAGE = Stage("memory", "Memory is aligned, exclusive, given back, and ends with a sentence", _run)
