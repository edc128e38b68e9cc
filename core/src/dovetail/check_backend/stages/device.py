"""Devices: counted, opened, described, closed and opened again; what does not exist is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.attributes import Attributes
from dovetail.check_backend.drive.device import status_word
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.raw import normalised, string
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]

_GUARD = 64
_FILL = b"\xa5"
_KINDS = range(lib.DVT_SPACE_DEVICE, lib.DVT_SPACE_MANAGED + 1)
_MOST_SPACES = 64


def _run(subject: Subject) -> Iterator[Finding]:
    api = normalised(subject.plugin.device, "dvt_device_api")
    if api == ffi.NULL:
        subject.fact("devices", 1)
        subject.skip("devices: it has no device table, so it is one device of host memory")
        return
    subject.doing("device_count")
    yield from _count(subject, api)
    for what, found in (
        ("device_open with an unknown option", _unknown_option),
        ("device_open of a device that does not exist", _wrong_ordinal),
    ):
        subject.doing(what)
        yield from found(subject, api)
    for time in ("device_open", "device_open after device_close"):
        subject.doing(time)
        status, error, device = _open(subject, api, subject.ordinal)
        if status != lib.DVT_OK or device == ffi.NULL:
            said = error.text or "no reason"
            code = "device/does-not-open" if time == "device_open" else "device/not-again"
            what = f"device {subject.ordinal}: {status_word(status)}: {said}"
            yield Finding(code, STAGE.name, what, time)
            raise subject.stop("the device does not open")
        yield from _described(subject, api, device)
        if api.device_close == ffi.NULL:
            subject.skip("opening again: there is no device_close")
            return
        subject.doing("device_close")
        api.device_close(device)
    left = subject.host.live_bytes
    if left:
        what = f"{left} bytes of host_alloc are left after the device was closed"
        yield Finding("alloc/leak", STAGE.name, what, "device_close")
    subject.host.check_live()
    for code, what in subject.host.take_faults():
        yield Finding(code, STAGE.name, what, "device_open to device_close")


def _count(subject: Subject, api: Any) -> Iterator[Finding]:
    if api.device_count == ffi.NULL:
        subject.fact("devices", 1)
        return
    error, count = ErrorBuffer(), ffi.new("uint32_t *")
    status = int(api.device_count(subject.host.pointer, count, error.pointer))
    for code, what in error.faults():
        yield Finding(code, STAGE.name, what, "device_count")
    if status != lib.DVT_OK:
        what = f"it answers {status_word(status)}: {error.text or 'no reason'}"
        yield Finding("device/count-fails", STAGE.name, what, "device_count")
        raise subject.stop("device_count fails")
    subject.fact("devices", int(count[0]))
    if count[0] == 0:
        if not error.text:
            what = "it counts no device and does not say why"
            yield Finding("error/empty", STAGE.name, what, "device_count")
        raise subject.stop(f"it has no device here: {error.text or 'no reason given'}")
    if subject.ordinal >= count[0]:
        raise subject.stop(f"there is no device {subject.ordinal}; it counts {count[0]}")


def _open(
    subject: Subject, api: Any, ordinal: int, options: Attributes | None = None
) -> tuple[int, ErrorBuffer, Any]:
    desc = ffi.new("dvt_device_desc *")
    desc.struct_size, desc.ordinal = ffi.sizeof("dvt_device_desc"), ordinal
    desc.host = subject.host.pointer
    if options is not None:
        desc.options, desc.n_options = options.pointer, options.count
    out, error = ffi.new("dvt_device **"), ErrorBuffer()
    status = int(api.device_open(desc, out, error.pointer))
    return status, error, out[0]


def _refused(
    opened: tuple[int, ErrorBuffer, Any], api: Any, code: str, what: str, where: str
) -> Iterator[Finding]:
    """A device_open that has to fail with INVALID_ARGUMENT or so, in words, and leave nothing."""
    status, error, device = opened
    for fault, told in error.faults():
        yield Finding(fault, STAGE.name, told, where)
    if status == lib.DVT_OK:
        yield Finding(code, STAGE.name, what, where)
        if ffi.NULL not in (device, api.device_close):
            api.device_close(device)
        return
    if not error.text:
        told = f"it answers {status_word(status)} without a sentence in error.message"
        yield Finding("error/empty", STAGE.name, told, where)
    if status != lib.DVT_INVALID_ARGUMENT:
        told = f"it answers {status_word(status)}, not INVALID_ARGUMENT"
        yield Finding("error/wrong-code", STAGE.name, told, where)
    if device != ffi.NULL:
        told = f"it answers {status_word(status)} and sets the handle"
        yield Finding("device/handle-on-failure", STAGE.name, told, where)


def _unknown_option(subject: Subject, api: Any) -> Iterator[Finding]:
    name = "x_dovetail_unknown"
    opened = _open(subject, api, subject.ordinal, Attributes({name: 3}))
    what = f"device {subject.ordinal} opens with the option {name}, which no device has"
    yield from _refused(opened, api, "device/unknown-option", what, "device_open")


def _wrong_ordinal(subject: Subject, api: Any) -> Iterator[Finding]:
    count = ffi.new("uint32_t *", 1)
    if api.device_count != ffi.NULL:
        api.device_count(subject.host.pointer, count, ErrorBuffer().pointer)
    opened = _open(subject, api, count[0] + 6)
    what = f"device {count[0] + 6} opens, although there are {count[0]}"
    yield from _refused(opened, api, "device/wrong-ordinal", what, "device_open")


# ---- device_info ---------------------------------------------------------------------------------


def _described(subject: Subject, api: Any, device: Any) -> Iterator[Finding]:
    texts = []
    for longer in (0, 32):
        subject.doing(f"device_info in a struct that is {longer} bytes longer than 1.0 has")
        size = int(ffi.sizeof("dvt_device_info")) + longer
        memory = ffi.new("char[]", _FILL * (size + 2 * _GUARD))
        ffi.memmove(memory + _GUARD, bytes(size), size)
        info = ffi.cast("dvt_device_info *", memory + _GUARD)
        info.struct_size = size
        error = ErrorBuffer()
        status = int(api.device_info(device, info, error.pointer))
        if status != lib.DVT_OK:
            what = f"it answers {status_word(status)}: {error.text or 'no reason'}"
            yield Finding("device/bad-info", STAGE.name, what, "device_info")
            return
        whole = bytes(ffi.buffer(memory, size + 2 * _GUARD))
        tail = whole[_GUARD + size - longer : _GUARD + size]
        if whole[:_GUARD] + whole[_GUARD + size :] != _FILL * 2 * _GUARD or tail.strip(b"\0"):
            what = f"it wrote beyond the {size - longer} bytes of dvt_device_info in 1.0"
            yield Finding("structs/overrun", STAGE.name, what, "device_info")
        elif int(info.struct_size) != size:
            what = f"it changed the host's struct_size {size} to {int(info.struct_size)}"
            yield Finding("structs/overrun", STAGE.name, what, "device_info")
        texts.append([string(getattr(info, word)) for word in ("name", "vendor", "architecture")])
    if texts[0] != texts[1]:
        what = f"it answered {texts[0]} and then {texts[1]}"
        yield Finding("device/bad-info", STAGE.name, what, "device_info")
    for code, what in _info(subject, api, info):
        yield Finding(code, STAGE.name, what, "device_info")
    yield from _memory(subject, api, device, int(info.n_spaces))


def _info(subject: Subject, api: Any, info: Any) -> Iterator[tuple[str, str]]:
    if not string(info.name):
        yield "device/bad-info", "it gives the device no name"
    subject.fact("device_name", string(info.name))
    subject.fact("architecture", string(info.architecture))
    if int(info.flags) or int(info.reserved):
        yield "structs/reserved", f"flags is {int(info.flags)}, reserved {int(info.reserved)}"
    if info.shapes > lib.DVT_SHAPES_SYMBOLIC:
        yield "device/bad-info", f"shapes is {int(info.shapes)}, which is not defined"
    for count, pointer, word in (
        (info.n_spaces, info.spaces, "spaces"),
        (info.n_properties, info.properties, "properties"),
    ):
        if count and pointer == ffi.NULL:
            yield "structs/bad-array", f"n_{word} is {int(count)}, and {word} is null"
            return
    names = []
    for i in range(min(int(info.n_spaces), _MOST_SPACES)):
        if info.spaces[i] == ffi.NULL:
            yield "structs/bad-array", f"spaces[{i}] is null"
            continue
        space = normalised(info.spaces[i], "dvt_memory_space")
        names.append(string(space.name) or f"space {i}")
        yield from _space(api, i, space)
    subject.fact("spaces", names)


def _space(api: Any, i: int, space: Any) -> Iterator[tuple[str, str]]:
    if space.struct_size < ffi.offsetof("dvt_memory_space", "name"):
        yield "structs/size", f"struct_size of space {i} is {int(space.struct_size)}"
    if space.kind not in _KINDS:
        yield "device/bad-info", f"the kind of space {i} is {int(space.kind)}; it is not defined"
    if int(space.alignment) & (int(space.alignment) - 1):
        yield "device/bad-info", f"the alignment of space {i} is {int(space.alignment)}"
    visible = space.flags & lib.DVT_SPACE_HOST_VISIBLE
    if i == 0 and not (visible and space.flags & lib.DVT_SPACE_COHERENT):
        mapped = visible and ffi.NULL not in (api.map, api.unmap)
        needed = ("alloc", "release") if mapped else ("alloc", "release", "copy")
        missing = [s for s in needed if getattr(api, s) == ffi.NULL]
        if missing:
            yield (
                "structs/null-slot",
                f"space 0 is not both host-visible and coherent, and {', '.join(missing)} of the "
                f"device table is null",
            )


def _memory(subject: Subject, api: Any, device: Any, spaces: int) -> Iterator[Finding]:
    if api.device_memory == ffi.NULL:
        return
    for space in (*range(max(min(spaces, _MOST_SPACES), 1)), max(spaces, 1) + 5):
        subject.doing(f"device_memory of space {space}")
        free, total, error = ffi.new("uint64_t *"), ffi.new("uint64_t *"), ErrorBuffer()
        status = int(api.device_memory(device, space, free, total, error.pointer))
        there = space < max(spaces, 1)
        where = f"device_memory({space})"
        for code, what in error.faults():
            yield Finding(code, STAGE.name, what, where)
        if status < 0 and not error.text:
            what = f"it answers {status_word(status)} without a sentence in error.message"
            yield Finding("error/empty", STAGE.name, what, where)
        if there and status == lib.DVT_OK and free[0] > total[0] > 0:
            what = f"{free[0]} of {total[0]} bytes are free"
            yield Finding("device/bad-memory", STAGE.name, what, where)
        if not there and status == lib.DVT_OK:
            what = f"it answers for space {space}, and there are {spaces}"
            yield Finding("device/bad-memory", STAGE.name, what, where, "warning")


STAGE = Stage("device", "Devices open, close and describe themselves; others are refused", _run)
