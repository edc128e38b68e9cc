"""One file that holds a program: a readable graph, its containers, its weights and a checksum.

The layout is that of safetensors; the graph and everything else about the program are strings of
the header's ``__metadata__``. core/docs/program-file.md is the specification.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dovetail import container, dtypes
from dovetail.errors import ProgramError
from dovetail.graph import Graph, Value
from dovetail.graph_parse import parse_graph
from dovetail.graph_text import graph_lines, nested
from dovetail.op import REGISTRY, Spec
from dovetail.safetensors import Layout, Tensor, header_size, layout, parse_header

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "OPSET",
    "ProgramFile",
    "Signature",
    "read_program",
    "write_program",
]

FORMAT = "dovetail-program"
FORMAT_VERSION = 1
OPSET = 1

_START = '{"__metadata__": {\n"sha256": "'
_DIGEST = 64
_NOTE_SIZE = 4  # constants up to this many elements are also shown as a comment


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What a program takes and gives: container descriptions, and names of their outermost items.

    ``inputs`` describes the tuple of arguments, ``outputs`` a tuple that holds the one result.
    """

    inputs: Any
    outputs: Any
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramFile:
    """What a file says; ``data`` are the bytes of its weights, still mapped."""

    path: str
    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]
    data: memoryview

    @property
    def text(self) -> str:
        """The graph as it stands in the file."""
        return "\n".join(self.metadata[k] for k in sorted(self.metadata) if k.startswith("graph."))

    def graph(self, array: Callable[[memoryview, Spec], Any], verify: bool = False) -> Graph:
        """Build the graph; ``array(bytes, spec)`` makes a constant of mapped memory."""
        with _named(self.path):
            _check_ops(_entry(self.metadata, "ops"))
            return parse_graph(self.text, _Constants(self, array, verify))

    def signature(self, graph: Graph) -> Signature:
        """The containers of the program, checked against the graph."""
        with _named(self.path):
            inputs = container.read(_entry(self.metadata, "inputs"), len(graph.inputs))
            outputs = container.read(_entry(self.metadata, "outputs"), len(graph.outputs))
            if not all(isinstance(one, dict) and "tuple" in one for one in (inputs, outputs)):
                raise ProgramError("inputs and outputs must each be a tuple; the file is damaged")
            return Signature(
                inputs=inputs,
                outputs=outputs,
                input_names=container.read_names(_entry(self.metadata, "input_names"), inputs),
                output_names=container.read_names(_entry(self.metadata, "output_names"), outputs),
            )


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Put the file's name in front of an error about it."""
    try:
        yield
    except ProgramError as error:
        raise ProgramError(f"{path}: {error}") from error


def _check_ops(text: str) -> None:
    """Name every op that is missing at once; the parser would stop at the first."""
    names = [word.partition("@")[0] for word in text.split(", ")] if text else []
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        raise ProgramError(
            f"this Dovetail has no op named {', '.join(unknown)}; install the version or the "
            "plugin that brings it"
        )


class _Constants:
    """Looks up the tensors that a graph names; a tensor used twice becomes one Array."""

    def __init__(
        self, file: ProgramFile, array: Callable[[memoryview, Spec], Any], verify: bool
    ) -> None:
        self.file = file
        self.array = array
        self.verify = verify
        self.made: dict[str, Any] = {}

    def __call__(self, spec: Spec, name: str, checksum: str) -> Any:
        tensor = self.file.tensors.get(name)
        if tensor is None:
            raise ProgramError(f"the file holds no tensor named {name!r}")
        if (tensor.shape, tensor.dtype) != (spec.shape, spec.dtype):
            found = Spec(tensor.shape, tensor.dtype)
            raise ProgramError(f"tensor {name!r} is {found}, the graph says {spec}")
        if name not in self.made:
            data = self.file.data[tensor.start : tensor.end]
            if self.verify and f"{zlib.crc32(data):08x}" != checksum:
                raise ProgramError(
                    f"the data of tensor {name!r} was damaged after it was written "
                    "(its CRC-32 differs); copy the file again or save the program again"
                )
            if tensor.dtype is dtypes.bool_ and np.any(np.frombuffer(data, np.uint8) > 1):
                raise ProgramError(f"tensor {name!r} holds bytes that are no bool; it is damaged")
            self.made[name] = self.array(data, spec)
        return self.made[name]


# ---- writing -------------------------------------------------------------------------------------


def write_program(
    path: str | os.PathLike[str],
    graph: Graph,
    signature: Signature,
    version: str,
) -> None:
    """Write ``graph`` and its constants to ``path``, all or nothing.

    ``version`` is that of the writing Dovetail. The file appears under its name only when whole.
    """
    constants = _name_constants(graph)
    plan = layout((name, value.spec.dtype, value.spec.shape) for name, value in constants.values())
    bits = {name: _bits(value) for name, value in constants.values()}

    def constant(value: Value) -> str:
        name, _ = constants[id(value.constant)]
        note = ""
        if 0 < value.spec.size <= _NOTE_SIZE:
            note = f"  # {np.asarray(value.constant).tolist()}"
        return f"'{name}' crc32='{zlib.crc32(bits[name].data):08x}'{note}"

    lines = graph_lines(graph, constant)
    used = {(node.op.name, node.op.version) for one in nested(graph) for node in one.nodes}
    metadata = {
        "sha256": "0" * _DIGEST,
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "dovetail_version": version,
        "opset": str(OPSET),
        "ops": ", ".join(f"{op}@{v}" for op, v in sorted(used)),
        "inputs": container.write(signature.inputs),
        "outputs": container.write(signature.outputs),
        "input_names": container.write(list(signature.input_names)),
        "output_names": container.write(list(signature.output_names)),
    }
    metadata |= {f"graph.{i:06d}": line for i, line in enumerate(lines)}
    header = plan.header(metadata)
    prefix = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(prefix + header).hexdigest().encode()
    at = len(_START)
    header = header[:at] + digest + header[at + _DIGEST :]
    _write(Path(path), prefix + header, plan, bits)


def _name_constants(graph: Graph) -> dict[int, tuple[str, Value]]:
    """Identity of each constant Array -> its tensor's name and a value that holds it."""
    found: dict[int, tuple[str, Value]] = {}
    taken: set[str] = set()
    for one in nested(graph):
        for value in one.constants():
            if id(value.constant) in found:
                continue
            stem = "".join(c if c.isalnum() or c in "._-" else "." for c in value.name).strip(".")
            if not stem.isascii() or not stem or stem.startswith(("_", "padding.")):
                stem = "constant"
            name, i = stem, 2
            while name in taken:
                name, i = f"{stem}.{i}", i + 1
            taken.add(name)
            found[id(value.constant)] = (name, value)
    return found


def _bits(value: Value) -> NDArray[Any]:
    """The bytes of a constant, one-dimensional, row-major, little-endian."""
    array = np.asarray(value.constant)
    if value.spec.dtype is dtypes.bfloat16 and array.dtype == np.float32:
        array = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _write(path: Path, start: bytes, plan: Layout, bits: Mapping[str, NDArray[Any]]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        # A plain open: the umask decides who may read the file, as for any other the user writes.
        with temporary.open("xb") as file:
            file.write(start)
            at = 0
            for tensor in plan.tensors:
                file.write(bytes(tensor.start - at))
                file.write(bits[tensor.name].data)
                at = tensor.end
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


# ---- reading -------------------------------------------------------------------------------------


def read_program(path: str | os.PathLike[str]) -> ProgramFile:
    """Map the file at ``path`` and check everything but the weights."""
    name = os.fspath(path)
    with _named(name):
        buffer = memoryview(_map(Path(path)))
        size = header_size(buffer)
        header = bytes(buffer[8 : 8 + size])
        _check_digest(bytes(buffer[:8]), header)
        metadata, tensors = parse_header(header, len(buffer) - 8 - size)
        _check_version(metadata)
    return ProgramFile(path=name, metadata=metadata, tensors=tensors, data=buffer[8 + size :])


def _map(path: Path) -> Any:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _entry(metadata: Mapping[str, str], key: str) -> str:
    if key not in metadata:
        raise ProgramError(f"the header has no {key!r}; the file is damaged")
    return metadata[key]


def _check_digest(prefix: bytes, header: bytes) -> None:
    start = _START.encode()
    if not header.startswith(start):
        if header.startswith(b"{"):
            raise ProgramError(
                "this is no Dovetail program; it may be a safetensors file that holds only "
                "weights, or the start of its header is damaged"
            )
        raise ProgramError("this is no Dovetail program, or the start of its header is damaged")
    at = len(start)
    written = header[at : at + _DIGEST]
    blank = header[:at] + b"0" * _DIGEST + header[at + _DIGEST :]
    if hashlib.sha256(prefix + blank).hexdigest().encode() != written:
        raise ProgramError(
            "the header was damaged after it was written (its SHA-256 differs); copy the file "
            "again or save the program again"
        )


def _check_version(metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise ProgramError(f"the format is {metadata.get('format')!r}, not {FORMAT!r}")
    version = metadata.get("format_version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise ProgramError(f"{version!r} is no version of the format; the file is damaged")
    if int(version) > FORMAT_VERSION:
        raise ProgramError(
            f"the file was written in format {version} by dovetail "
            f"{metadata.get('dovetail_version', 'of unknown version')}; this one reads format "
            f"{FORMAT_VERSION}: install a newer dovetail"
        )
