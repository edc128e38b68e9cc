"""What it publishes: sizes, names, kernel rows, slots that belong together, extensions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dovetail._abi import ffi
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.raw import HOST_MAX, string, version_text
from dovetail.check_backend.rows import check_rows
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.errors import PluginError

__all__ = ["STAGE"]

_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_ABSURD = 65536
# The last member that every plugin has to reach: what 1.0 calls mandatory.
_MANDATORY = {
    "dvt_plugin": "graph",
    "dvt_device_api": "device_info",
    "dvt_graph_api": "destroy",
    "dvt_kernel_def": "prepare",
}
_MUST = {
    "dvt_device_api": ("device_open", "device_info"),
    "dvt_graph_api": ("compile", "execute", "destroy"),
}
# (filled, then this one must be, what it is for)
_PAIRS = {
    "dvt_device_api": (
        ("alloc", "release", "memory of alloc is given back through release"),
        ("release", "alloc", "release gives back what alloc gave"),
        ("map", "unmap", "what is mapped is unmapped"),
        ("unmap", "map", "there is nothing to unmap"),
        ("unimport_memory", "import_memory", "there is nothing to unimport"),
        ("stream_create", "stream_sync", "without it the host takes all work for synchronous"),
        ("stream_destroy", "stream_sync", "a stream that can be destroyed can be waited for"),
        ("event_create", "event_record", "an event that is never recorded never passes"),
        ("event_create", "event_sync", "an event that nobody can wait for orders nothing"),
        ("event_record", "event_create", "there are no events to record"),
        ("event_elapsed", "event_create", "there are no events to measure between"),
    ),
    "dvt_graph_api": (
        ("load", "save", "there is nothing to load"),
        ("save", "load", "what is saved is loaded again"),
    ),
}
_EXTENSIONS = {
    "dvt.collectives": ("dvt_collectives_api", ("create", "destroy")),
    "dvt.profiler": ("dvt_profiler_api", ("start", "stop")),
    "dvt.capture": ("dvt_capture_api", ("begin", "end", "replay", "destroy")),
    "dvt.custom_types": ("dvt_custom_types_api", ()),
}


def _run(subject: Subject) -> Iterator[Finding]:
    raw = subject.plugin
    subject.doing("reading dvt_plugin")
    yield from _size("dvt_plugin", int(raw.struct_size), int(raw.abi_version))
    plugin = ffi.new("dvt_plugin *")
    ffi.memmove(plugin, raw, min(int(raw.struct_size), ffi.sizeof("dvt_plugin")))
    yield from _names(subject, plugin)
    yield from _zero(plugin, "dvt_plugin", ("flags", "reserved"))
    subject.doing("reading the kernel rows")
    yield from _rows(subject, plugin)
    tables = [
        word
        for word, kind in (("device", "dvt_device_api"), ("graph", "dvt_graph_api"))
        if getattr(plugin, word) != ffi.NULL
    ]
    subject.fact("tables", tables)
    if not tables and not plugin.n_kernels:
        what = "it offers no kernel row, no device table and no graph table"
        yield Finding("structs/null-slot", STAGE.name, what, "dvt_plugin")
    for word in tables:
        subject.doing(f"reading the {word} table")
        yield from _table(getattr(plugin, word), f"dvt_{word}_api", int(raw.abi_version))
    yield from _extensions(subject, plugin)
    yield from _loader(subject)


# ---- sizes and fields ----------------------------------------------------------------------------


def _size(kind: str, size: int, built: int) -> Iterator[Finding]:
    """A struct's size against the header of the version that it was built with."""
    ours, least = ffi.sizeof(kind), _reach(kind, _MANDATORY[kind])
    field = "kernel_def_size" if kind == "dvt_kernel_def" else "struct_size"
    if size < least or size >= _ABSURD:
        what = f"its {field} of {kind} is {size}; the mandatory part takes {least} bytes"
    elif size % ffi.alignof(kind):
        what = f"its {field} of {kind} is {size}, no multiple of {ffi.alignof(kind)}"
    elif built == HOST_MAX and size != ours:
        what = f"its {field} of {kind} is {size}; in ABI {version_text(built)} it has {ours} bytes"
    elif built > HOST_MAX and size < ours:
        what = f"its {field} of {kind} is {size}; structs only grow, and it has {ours} bytes here"
    else:
        return
    yield Finding("structs/size", STAGE.name, what, f"{kind}.{field}")


def _reach(kind: str, member: str) -> int:
    fields = dict(ffi.typeof(kind).fields)
    return int(fields[member].offset) + int(ffi.sizeof(fields[member].type))


def _zero(table: Any, kind: str, members: tuple[str, ...]) -> Iterator[Finding]:
    for member in members:
        value = int(getattr(table, member))
        if value:
            what = f"{kind}.{member} is {value:#x}; nothing is defined there"
            yield Finding("structs/reserved", STAGE.name, what, f"{kind}.{member}")


def _names(subject: Subject, plugin: Any) -> Iterator[Finding]:
    for member, needed in (("name", True), ("version", True), ("vendor", False)):
        pointer = getattr(plugin, member)
        if pointer == ffi.NULL:
            if needed:
                what = f"dvt_plugin.{member} is null"
                yield Finding("structs/bad-name", STAGE.name, what, member)
            continue
        text = ffi.string(pointer)
        try:
            subject.fact(member, text.decode())
        except UnicodeDecodeError:
            what = f"dvt_plugin.{member} is {text!r}, which is not UTF-8"
            yield Finding("structs/bad-name", STAGE.name, what, member)
            continue
        if member == "name" and not _WORD.match(text.decode()):
            what = f"it calls its device {text.decode()!r}, which is no device word"
            yield Finding("structs/bad-name", STAGE.name, what, member)
    subject.fact("abi", version_text(plugin.abi_version))
    subject.fact("abi_required", version_text(plugin.abi_required))


def _rows(subject: Subject, plugin: Any) -> Iterator[Finding]:
    count = int(plugin.n_kernels)
    subject.fact("kernel_rows", count)
    if (plugin.kernels == ffi.NULL) != (count == 0):
        pointer = "null" if plugin.kernels == ffi.NULL else "set"
        what = f"n_kernels is {count}, and kernels is {pointer}"
        yield Finding("structs/bad-array", STAGE.name, what, "dvt_plugin.kernels")
        return
    if not count:
        return
    stride = int(plugin.kernel_def_size)
    bad = list(_size("dvt_kernel_def", stride, int(plugin.abi_version)))
    yield from bad
    if not bad:
        for code, what, where in check_rows(plugin):
            yield Finding(code, STAGE.name, what, where)


def _table(raw: Any, kind: str, built: int) -> Iterator[Finding]:
    bad = list(_size(kind, int(raw.struct_size), built))
    yield from bad
    if bad:
        return
    table = ffi.new(f"{kind} *")
    ffi.memmove(table, raw, min(int(raw.struct_size), ffi.sizeof(kind)))
    yield from _zero(table, kind, ("flags",))
    for slot in _MUST[kind]:
        if getattr(table, slot) == ffi.NULL:
            what = f"{kind}.{slot} is null; it is mandatory where the table exists"
            yield Finding("structs/null-slot", STAGE.name, what, slot)
    for slot, other, why in _PAIRS[kind]:
        if getattr(table, slot) != ffi.NULL and getattr(table, other) == ffi.NULL:
            what = f"{kind}.{slot} is filled and {other} is null: {why}"
            yield Finding("structs/half-pair", STAGE.name, what, other)


# ---- extensions ----------------------------------------------------------------------------------


def _extensions(subject: Subject, plugin: Any) -> Iterator[Finding]:
    count = int(plugin.n_extensions)
    if count and plugin.extensions == ffi.NULL:
        what = f"n_extensions is {count}, and extensions is null"
        yield Finding("structs/bad-array", STAGE.name, what, "dvt_plugin.extensions")
        return
    subject.doing("reading the names of extensions")
    names = [string(plugin.extensions[i]) for i in range(min(count, 1000))]
    subject.fact("call_extensions", names)
    for i, name in enumerate(names):
        if not name or not ("." in name or name.startswith("x-")):
            what = f"extensions[{i}] is {name!r}; names begin with 'dvt.', 'com.vendor.' or 'x-'"
            yield Finding("structs/bad-name", STAGE.name, what, f"extensions[{i}]")
    if plugin.get_extension == ffi.NULL:
        return
    for unknown in ("x-dovetail-check-backend", "dvt.", "dvt.capture.none", ""):
        subject.doing(f"get_extension({unknown!r})")
        if plugin.get_extension(unknown.encode()) != ffi.NULL:
            what = f"get_extension({unknown!r}) is not null, and there is no such extension"
            yield Finding("structs/extension-for-unknown", STAGE.name, what, unknown)
    offered = []
    for name, (kind, slots) in _EXTENSIONS.items():
        subject.doing(f"get_extension({name!r})")
        found = plugin.get_extension(name.encode())
        if found == ffi.NULL:
            continue
        offered.append(name)
        table = ffi.cast(f"const {kind} *", found)
        for slot in slots:
            if int(table.struct_size) < _reach(kind, slot):
                what = f"struct_size of {kind} is {int(table.struct_size)}; it ends before {slot}"
                yield Finding("structs/size", STAGE.name, what, name)
                break
            if getattr(table, slot) == ffi.NULL:
                what = f"{kind}.{slot} is null; it is mandatory where the table exists"
                yield Finding("structs/null-slot", STAGE.name, what, name)
    subject.fact("extensions", offered)


# ---- the core's own word -------------------------------------------------------------------------


def _loader(subject: Subject) -> Iterator[Finding]:
    from dovetail import _fast  # noqa: PLC0415  the core's loader, for this alone
    from dovetail.kernel_row import read_rows  # noqa: PLC0415

    subject.doing("loading it as Dovetail does")
    try:
        capsule = _fast.load_plugin(str(subject.path))
        read_rows(_fast.plugin_address(capsule), subject.name)
    except PluginError as refusal:
        yield Finding("structs/refused-by-loader", STAGE.name, str(refusal))
        raise subject.stop("Dovetail's loader refuses it") from refusal


STAGE = Stage(
    "structs", "Sizes, names, rows and slots are as the header says", _run, ("load", "query")
)
