"""Runs in a child process: open a device library and ask it, so that a crash happens here.

Usage: python -I -S probe_child.py LIBRARY FD HOST_MIN HOST_MAX

Writes one JSON object to the file descriptor FD: what the library says about itself, or in
``refused`` why it cannot be asked. It imports nothing of Dovetail and needs no compiled module:
ctypes reads the frozen head of each table of dovetail.h.
"""

import ctypes
import json
import os
import resource
import sys
from typing import Any

P, U32, U64, I32, I64 = (
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_uint64,
    ctypes.c_int32,
    ctypes.c_int64,
)
TEXT = ctypes.c_char_p
RANGE = ctypes.CFUNCTYPE(None, P, U64, U64, U32)


class Error(ctypes.Structure):
    """dvt_error."""

    _fields_ = [
        ("struct_size", U32),
        ("flags", U32),
        ("code", I32),
        ("reserved", U32),
        ("native_code", I64),
        ("tag", U64),
        ("message", ctypes.c_char * 480),
    ]


LOG = ctypes.CFUNCTYPE(None, P, I32, TEXT)
FAIL = ctypes.CFUNCTYPE(I32, P, ctypes.POINTER(Error), I32, TEXT)
EXTENSION = ctypes.CFUNCTYPE(P, P, TEXT)
PARALLEL = ctypes.CFUNCTYPE(None, P, U64, U64, RANGE, P)
ALLOC = ctypes.CFUNCTYPE(P, P, U64, U64)
FREE = ctypes.CFUNCTYPE(None, P, P, U64)


class Host(ctypes.Structure):
    """dvt_host."""

    _fields_ = [
        ("struct_size", U32),
        ("flags", U32),
        ("abi_version", U32),
        ("n_threads", U32),
        ("name", TEXT),
        ("version", TEXT),
        ("context", P),
        ("log", LOG),
        ("fail", FAIL),
        ("get_extension", EXTENSION),
        ("parallel_for", PARALLEL),
        ("host_alloc", ALLOC),
        ("host_free", FREE),
    ]


class Row(ctypes.Structure):
    """The head of dvt_kernel_def."""

    _fields_ = [("op", TEXT), ("types", TEXT), ("min_version", U32), ("max_version", U32)]


class Plugin(ctypes.Structure):
    """The head of dvt_plugin."""

    _fields_ = [
        ("struct_size", U32),
        ("flags", U32),
        ("abi_version", U32),
        ("abi_required", U32),
        ("name", TEXT),
        ("version", TEXT),
        ("vendor", TEXT),
        ("kernels", P),
        ("n_kernels", U32),
        ("kernel_def_size", U32),
    ]


def make_host(newest: int) -> tuple[Host, dict[str, Any]]:
    """A host that serves from one thread; the second result keeps its functions alive."""
    libc = ctypes.CDLL(None)
    libc.aligned_alloc.restype, libc.aligned_alloc.argtypes = P, (ctypes.c_size_t, ctypes.c_size_t)
    libc.free.restype, libc.free.argtypes = None, (P,)

    def fail(_host: Any, error: Any, code: int, text: bytes | None) -> int:
        error.contents.code = code
        error.contents.message = (text or b"")[:479]
        return code

    def alloc(_host: Any, size: int, alignment: int) -> Any:
        alignment = max(alignment, 64)
        return libc.aligned_alloc(alignment, (size + alignment) // alignment * alignment)

    slots = {
        "log": LOG(lambda _host, _level, _text: None),
        "fail": FAIL(fail),
        "get_extension": EXTENSION(lambda _host, _name: None),
        "parallel_for": PARALLEL(lambda _host, n, _grain, fn, context: fn(context, 0, n, 0)),
        "host_alloc": ALLOC(alloc),
        "host_free": FREE(lambda _host, data, _size: libc.free(data)),
    }
    host = Host(ctypes.sizeof(Host), 0, newest, 1, b"dovetail", b"probe", None, **slots)
    return host, slots


def text(value: bytes | None) -> str | None:
    """A C string as text."""
    return None if value is None else value.decode("utf-8", "replace")


def describe(plugin: Plugin) -> dict[str, Any]:
    """What the table says, read row by row so that a bad pointer shows here."""
    rows = []
    if plugin.kernels and 24 <= plugin.kernel_def_size < 65536 and plugin.n_kernels <= 1000000:
        for i in range(plugin.n_kernels):
            row = Row.from_address(plugin.kernels + i * plugin.kernel_def_size)
            rows.append([text(row.op), text(row.types), row.min_version, row.max_version])
    return {
        "name": text(plugin.name),
        "version": text(plugin.version),
        "vendor": text(plugin.vendor),
        "abi": plugin.abi_version,
        "abi_required": plugin.abi_required or plugin.abi_version & 0xFFFF0000,
        "rows": rows,
    }


def ask(path: str, oldest: int, newest: int) -> dict[str, Any]:
    """The answer of the library at ``path``."""
    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as failure:
        return {"refused": str(failure), "opened": False}
    try:
        query = library.dvt_plugin_query
    except AttributeError:
        return {"refused": "it exports no dvt_plugin_query", "opened": True}
    host, keep = make_host(newest)
    query.restype = ctypes.POINTER(Plugin)
    query.argtypes = (U32, U32, P, P)
    error = Error(ctypes.sizeof(Error))
    answer = query(oldest, newest, ctypes.addressof(host), ctypes.addressof(error))
    del keep
    if not answer:
        return {"refused": text(error.message) or "it gave no reason", "opened": True}
    plugin = answer.contents
    if plugin.struct_size < ctypes.sizeof(Plugin):
        return {"refused": "its dvt_plugin is too short", "opened": True}
    if plugin.abi_version >> 16 != newest >> 16:  # another major: only the head is known
        return {"abi": plugin.abi_version, "abi_required": plugin.abi_required, "rows": []}
    return describe(plugin)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is an answer, not an accident
    answer = json.dumps(ask(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]))).encode()
    with os.fdopen(int(sys.argv[2]), "wb") as channel:
        channel.write(answer)
    os._exit(0)  # what the library registered to run at exit is not ours to test
