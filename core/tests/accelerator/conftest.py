"""The simulated accelerator of the templates, built with gcc, and its table called as by a host."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dovetail
import dovetail_abi
from dovetail._abi import ffi, lib

SOURCES = Path(dovetail.__file__).parent / "templates" / "accelerator" / "csrc"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
CODES = {"f": lib.DVT_FLOAT, "i": lib.DVT_INT, "u": lib.DVT_UINT, "b": lib.DVT_BOOL}
CODES["c"] = lib.DVT_COMPLEX


def sized(kind: str) -> Any:
    """A zeroed struct that says how large it is."""
    made = ffi.new(f"{kind} *")
    made.struct_size = ffi.sizeof(kind)
    return made


def address(pointer: Any) -> int:
    return int(ffi.cast("uintptr_t", pointer))


class Answer(Exception):
    """A call that did not answer DVT_OK."""

    def __init__(self, status: int, error: Any) -> None:
        self.status, self.tag = status, int(error.tag)
        self.text = ffi.string(error.message).decode()
        super().__init__(f"{status}: {self.text}")


def refused(call: Callable[..., Any], *arguments: Any, **words: Any) -> Answer:
    """What a call answers that must not succeed."""
    with pytest.raises(Answer) as caught:
        call(*arguments, **words)
    return caught.value


def ok(function: Any, *arguments: Any) -> None:
    """Call a slot whose last parameter is an error; raise `Answer` unless it answers DVT_OK."""
    error = sized("dvt_error")
    status = function(*arguments, error)
    if status != lib.DVT_OK:
        raise Answer(status, error)


class View:
    """A dvt_tensor over a place; `array` gives shape, type and strides."""

    def __init__(self, data: Any, array: np.ndarray, place: int, offset: int = 0) -> None:
        self.tensor = ffi.new("dvt_tensor *")
        self.shape = ffi.new("int64_t[]", list(array.shape) or [0])
        self.strides = ffi.new("int64_t[]", [s // array.itemsize for s in array.strides] or [0])
        self.tensor.data, self.tensor.byte_offset = data, offset
        self.tensor.ndim, self.tensor.shape = array.ndim, self.shape
        self.tensor.strides, self.tensor.place.type = self.strides, place
        kind = self.tensor.dtype
        kind.code, kind.bits, kind.lanes = CODES[array.dtype.kind], 8 * array.itemsize, 1

    def spoil(self) -> None:
        """What was passed into a call is valid during the call only: this comes after it."""
        for i in range(self.tensor.ndim):
            self.shape[i] = self.strides[i] = -(1 << 40)
        self.tensor.data = ffi.NULL
        self.tensor.ndim = 99


def on_host(array: np.ndarray) -> View:
    return View(ffi.cast("void *", array.ctypes.data), array, lib.DVT_PLACE_CPU)


def attributes(values: dict[str, Any]) -> tuple[Any, list[Any]]:
    """dvt_attr rows of integers, texts and lists of integers, and what keeps them alive."""
    rows = ffi.new("dvt_attr[]", max(len(values), 1))
    keep: list[Any] = [rows]
    for row, (name, value) in zip(rows, values.items(), strict=False):
        keep.append(ffi.new("char[]", name.encode()))
        row.name, row.count = keep[-1], 1
        if isinstance(value, str):
            keep.append(ffi.new("char[]", value.encode()))
            keep.append(ffi.new("char *[]", [keep[-1]]))
            row.kind = lib.DVT_ATTR_STRING
        else:
            numbers = list(value) if isinstance(value, tuple) else [int(value)]
            keep.append(ffi.new("int64_t[]", numbers or [0]))
            row.kind, row.count = lib.DVT_ATTR_INT64, len(numbers)
            row.is_list = isinstance(value, tuple)
        row.values = keep[-1]
    return rows, keep


class Chip:
    """One opened device."""

    def __init__(self, plugin: Any, host: Any, ordinal: int, options: dict[str, Any]) -> None:
        self.plugin, self.api, self.graph = plugin, plugin.device, plugin.graph
        self.host, self.handle, self.ordinal = host, ffi.NULL, ordinal
        desc = sized("dvt_device_desc")
        desc.ordinal, desc.host, desc.n_options = ordinal, host, len(options)
        desc.options, keep = attributes(options)
        out = ffi.new("dvt_device **")
        ok(self.api.device_open, desc, out)
        self.handle = out[0]
        self._streams: list[Any] = []
        self._events: list[Any] = []
        del keep

    def close(self) -> None:
        if self.handle != ffi.NULL:
            for stream in self._streams:
                self.api.stream_destroy(stream)
            for event in self._events:
                self.api.event_destroy(event)
            self.api.device_close(self.handle)
        self.handle, self._streams, self._events = ffi.NULL, [], []

    def alloc(self, size: int, *, space: int = 0, stream: Any = ffi.NULL) -> Any:
        desc, out = sized("dvt_alloc_desc"), ffi.new("void **")
        desc.size, desc.space, desc.stream = size, space, stream
        ok(self.api.alloc, self.handle, desc, out)
        return out[0]

    def release(self, data: Any, size: int, *, space: int = 0, stream: Any = ffi.NULL) -> None:
        desc = sized("dvt_alloc_desc")
        desc.data, desc.size, desc.space, desc.stream = data, size, space, stream
        self.api.release(self.handle, desc)

    def free_bytes(self, space: int = 0) -> int:
        have, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        ok(self.api.device_memory, self.handle, space, have, total)
        return int(have[0])

    def stream(self) -> Any:
        out = ffi.new("dvt_stream **")
        ok(self.api.stream_create, self.handle, sized("dvt_stream_desc"), out)
        self._streams.append(out[0])
        return out[0]

    def sync(self, stream: Any) -> None:
        ok(self.api.stream_sync, stream)

    def view(self, data: Any, array: np.ndarray, offset: int = 0) -> View:
        return View(data, array, lib.DVT_PLACE_EXTENSION, offset)

    def copy(
        self,
        source: View,
        destination: View,
        ends: Sequence[Any],
        stream: Any = ffi.NULL,
        tag: int = 0,
    ) -> None:
        copy = sized("dvt_copy")
        copy.source, copy.destination = source.tensor, destination.tensor
        copy.source_device, copy.destination_device = (
            one.handle if isinstance(one, Chip) else ffi.NULL for one in ends
        )
        copy.stream, copy.tag = stream, tag
        ok(self.api.copy, self.handle, copy)
        source.spoil()
        destination.spoil()

    def put(self, array: np.ndarray, stream: Any = ffi.NULL, tag: int = 0) -> Any:
        """A host array's values in new memory here."""
        data = self.alloc(max(array.nbytes, 1), stream=stream)
        dense = np.empty(array.shape, array.dtype)
        self.copy(on_host(array), self.view(data, dense), (None, self), stream, tag)
        return data

    def get(self, data: Any, like: np.ndarray, stream: Any = ffi.NULL) -> np.ndarray:
        """Values as a new host array; with a stream it is filled when that is synced."""
        array = np.zeros(like.shape, like.dtype)
        self.copy(self.view(data, array), on_host(array), (self, None), stream)
        return array

    def fill(
        self, data: Any, like: np.ndarray, value: Any, stream: Any = ffi.NULL, offset: int = 0
    ) -> None:
        fill = sized("dvt_fill")
        pattern = np.full(1, value, like.dtype)
        view = self.view(data, like, offset)
        fill.destination, fill.stream = view.tensor, stream
        fill.pattern = ffi.cast("void *", pattern.ctypes.data)
        ok(self.api.fill, self.handle, fill)
        view.spoil()
        pattern[:] = 99

    def event(self) -> Any:
        out = ffi.new("dvt_event **")
        ok(self.api.event_create, self.handle, out)
        self._events.append(out[0])
        return out[0]

    def forget(self, event: Any) -> None:
        """Destroy an event before the device is closed, whatever still waits for it."""
        self._events.remove(event)
        self.api.event_destroy(event)

    def record(self, event: Any, stream: Any) -> None:
        ok(self.api.event_record, event, stream)

    def wait(self, stream: Any, event: Any) -> None:
        ok(self.api.stream_wait, stream, event)

    def kernel(
        self, op: str, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], **attrs: Any
    ) -> "Kernel":
        return Kernel(self, op, inputs, outputs, attrs)


class Kernel:
    """A prepared kernel; `run` takes device memory."""

    def __init__(
        self,
        chip: Chip,
        op: str,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        attrs: dict[str, Any],
    ) -> None:
        self.chip, self.like = chip, [*inputs, *outputs]
        self.n_inputs = len(inputs)
        [self.row] = [
            row
            for row in chip.plugin.kernels[0 : chip.plugin.n_kernels]
            if ffi.string(row.op).decode() == op
        ]
        self.info = sized("dvt_kernel_info")
        request, name = sized("dvt_op"), ffi.new("char[]", op.encode())
        views = [View(ffi.NULL, one, lib.DVT_PLACE_EXTENSION) for one in self.like]
        specs = ffi.new("dvt_tensor *[]", [view.tensor for view in views])
        request.name, request.version = name, 1
        request.n_inputs, request.n_outputs = len(inputs), len(outputs)
        request.inputs, request.outputs = specs, specs + len(inputs)
        request.attrs, keep = attributes(attrs)
        request.n_attrs = len(attrs)
        request.device, request.host = chip.handle, chip.host
        ok(self.row.prepare, request, self.info)
        del keep

    def run(self, *data: Any, stream: Any = ffi.NULL, tag: int = 0, workspace: Any = None) -> None:
        views = [self.chip.view(one, like) for one, like in zip(data, self.like, strict=True)]
        operands = ffi.new("dvt_tensor *[]", [view.tensor for view in views])
        call = sized("dvt_call")
        call.host, call.device, call.stream = self.chip.host, self.chip.handle, stream
        call.kernel, call.tag = self.info.kernel, tag
        call.inputs, call.outputs = operands, operands + self.n_inputs
        call.n_inputs, call.n_outputs = self.n_inputs, len(data) - self.n_inputs
        if workspace is not None:
            call.workspace, call.workspace_size = workspace, self.info.workspace_size
        ok(self.info.run, call)
        for view in views:
            view.spoil()

    def destroy(self) -> None:
        self.row.destroy(self.info.kernel)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it lies in the tree, for the device word `table`."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("gcc was not found: 'apt install gcc' or 'dnf install gcc'")
    target = tmp_path_factory.mktemp("accelerator") / "libtable.so"
    command = [compiler, *STRICT, "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{dovetail_abi.include_dir()}", '-DDEVICE_WORD="table"']
    if "asan" in os.environ.get("LD_PRELOAD", ""):  # tests/sanitize.py
        command += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    sources = sorted(map(str, SOURCES.glob("*.c")))
    assert sources, "the installed dovetail lacks its templates"
    command += [*sources, "-o", str(target), "-lm", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def table() -> SimpleNamespace:
    """The words of this file, for tests that call the table directly."""
    words = (refused, ok, sized, address, attributes, on_host, View)
    return SimpleNamespace(**{word.__name__: word for word in words})


@pytest.fixture(scope="session")
def log() -> list[str]:
    """What the library told its host."""
    return []


@pytest.fixture(scope="session")
def host(log: list[str]) -> Any:
    table = sized("dvt_host")

    @ffi.callback(ffi.typeof(table.log))
    def write(_host: Any, _level: int, text: Any) -> None:
        log.append(ffi.string(text).decode())

    table.log, table.abi_version, table.n_threads = write, lib.DVT_ABI_VERSION, 1
    yield table
    del write


@pytest.fixture(scope="session")
def plugin(library: Path, host: Any) -> Any:
    query = ctypes.CDLL(str(library)).dvt_plugin_query
    query.restype = ctypes.c_void_p
    query.argtypes = [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p]
    version, error = lib.DVT_ABI_VERSION, sized("dvt_error")
    return ffi.cast("dvt_plugin *", query(version, version, address(host), address(error)))


@pytest.fixture
def chip(plugin: Any, host: Any) -> Iterator[Callable[..., Chip]]:
    """``chip(0, delay_us=50)``: a device of that ordinal and options, closed after the test."""
    opened: list[Chip] = []

    def open_one(ordinal: int = 0, **options: Any) -> Chip:
        opened.append(Chip(plugin, host, ordinal, options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
