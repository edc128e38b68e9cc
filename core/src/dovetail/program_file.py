"""One file that holds a program: a readable graph, its containers, its weights and a checksum.

The layout is that of safetensors; the graph and everything else about the program are strings of
the header's ``__metadata__``. core/docs/program-file.md is the specification.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dovetail import container, dtypes, entry_list
from dovetail.errors import ProgramError
from dovetail.graph import Graph, Value
from dovetail.graph_parse import parse_graphs
from dovetail.graph_text import nested, program_lines
from dovetail.op import REGISTRY, Spec
from dovetail.safetensors import Layout, Tensor, header_size, layout, parse_header

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "OPSET",
    "Constants",
    "Entry",
    "ProgramFile",
    "Signature",
    "copy_program",
    "read_program",
    "write_program",
]

FORMAT = "dovetail-program"
FORMAT_VERSION = 2
"""The newest format this Dovetail reads. A file says the oldest that has what it uses: 2 for
several entry points or named sizes, else 1."""

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
class Entry:
    """One function of a program."""

    name: str
    graph: Graph
    signature: Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramFile:
    """What a file says; ``data`` are the bytes of its weights, still mapped."""

    path: str
    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]
    data: memoryview

    @property
    def text(self) -> str:
        """The graphs as they stand in the file."""
        return "\n".join(self.metadata[k] for k in sorted(self.metadata) if k.startswith("graph."))

    @property
    def symbols(self) -> dict[str, int]:
        """The names of sizes, each with a size that the program was traced at."""
        with _named(self.path):
            return entry_list.read_symbols(self.metadata)

    def entries(
        self, constants: Constants, sizes: Mapping[str, int] | None = None
    ) -> dict[str, Entry]:
        """Build the graphs of all entry points for sizes of the symbols, and check everything."""
        with _named(self.path):
            _check_ops(_entry(self.metadata, "ops"))
            sizes = self.symbols if sizes is None else sizes
            if "entries" not in self.metadata:
                graph = parse_graphs(self.text, constants, sizes=sizes)[0]
                parts = {k: _entry(self.metadata, k) for k in entry_list.PARTS}
                return {"main": Entry(name="main", graph=graph, signature=_read(parts, graph))}
            rows = entry_list.read(self.metadata["entries"])
            names = [row.graph for row in rows]
            graphs = parse_graphs(self.text, constants, entries=names, sizes=sizes)
            found = {}
            for row, graph in zip(rows, graphs, strict=True):
                signature = _read(row.parts, graph)
                found[row.name] = Entry(name=row.name, graph=graph, signature=signature)
            return found


def _read(parts: Mapping[str, str], graph: Graph) -> Signature:
    """The containers of a function, checked against its graph."""
    inputs = container.read(parts["inputs"], len(graph.inputs))
    outputs = container.read(parts["outputs"], len(graph.outputs))
    if not all(isinstance(one, dict) and "tuple" in one for one in (inputs, outputs)):
        raise ProgramError("inputs and outputs must each be a tuple; the file is damaged")
    return Signature(
        inputs=inputs,
        outputs=outputs,
        input_names=container.read_names(parts["input_names"], inputs),
        output_names=container.read_names(parts["output_names"], outputs),
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


class Constants:
    """Looks up the tensors that a graph names; a tensor used twice becomes one Array."""

    def __init__(
        self, file: ProgramFile, array: Callable[[memoryview, Spec], Any], verify: bool
    ) -> None:
        self.file = file
        self.array = array
        self.verify = verify
        self.made: dict[str, Any] = {}

    def __call__(self, spec: Spec, name: str, checksum: str) -> Any:
        """The array of a tensor, which must be of this spec."""
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
    entries: Sequence[Entry],
    version: str,
    symbols: Mapping[str, int] | None = None,
) -> None:
    """Write functions and their constants to ``path``, all or nothing.

    ``version`` is that of the writing Dovetail, ``symbols`` the sizes at which numbers of the
    graphs that depend on them have their values. The file appears under its name only when whole.
    """
    graphs = [entry.graph for entry in entries]
    constants = _name_constants(graphs)
    plan = layout((name, value.spec.dtype, value.spec.shape) for name, value in constants.values())
    bits = {name: _bits(value) for name, value in constants.values()}

    def constant(value: Value) -> str:
        name, _ = constants[_identity(value)]
        note = ""
        if 0 < value.spec.size <= _NOTE_SIZE:
            note = f"  # {np.asarray(value.constant).tolist()}"
        return f"'{name}' crc32='{zlib.crc32(bits[name].data):08x}'{note}"

    lines, names = program_lines(graphs, constant)
    used = {(node.op.name, node.op.version) for one in nested(*graphs) for node in one.nodes}
    newer = bool(symbols) or len(entries) != 1
    metadata = {
        "sha256": "0" * _DIGEST,
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION if newer else 1),
        "dovetail_version": version,
        "opset": str(OPSET),
        "ops": ", ".join(f"{op}@{v}" for op, v in sorted(used)),
    }
    parts = [_parts(entry.signature) for entry in entries]
    if newer:
        rows = zip((entry.name for entry in entries), names, parts, strict=True)
        metadata |= entry_list.written(rows, symbols or {})
    else:
        metadata |= parts[0]
    metadata |= {f"graph.{i:06d}": line for i, line in enumerate(lines)}
    header = plan.header(metadata)
    prefix = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(prefix + header).hexdigest().encode()
    at = len(_START)
    header = header[:at] + digest + header[at + _DIGEST :]
    _write(Path(path), prefix + header, plan, bits)


def _parts(signature: Signature) -> dict[str, str]:
    return {
        "inputs": container.write(signature.inputs),
        "outputs": container.write(signature.outputs),
        "input_names": container.write(list(signature.input_names)),
        "output_names": container.write(list(signature.output_names)),
    }


def copy_program(file: ProgramFile, path: str | os.PathLike[str]) -> None:
    """Write the bytes of a file under another name, all or nothing."""
    target = Path(path)
    with _replacing(target) as out, Path(file.path).open("rb") as source:
        shutil.copyfileobj(source, out)


def _identity(value: Value) -> tuple[Any, ...]:
    """What two constants of different traces share when they are one array."""
    x = value.constant
    return (x._address, value.spec.shape, value.spec.dtype)


def _name_constants(graphs: Sequence[Graph]) -> dict[tuple[Any, ...], tuple[str, Value]]:
    """Identity of each constant Array -> its tensor's name and a value that holds it."""
    found: dict[tuple[Any, ...], tuple[str, Value]] = {}
    taken: set[str] = set()
    for one in nested(*graphs):
        for value in one.constants():
            if _identity(value) in found:
                continue
            stem = "".join(c if c.isalnum() or c in "._-" else "." for c in value.name).strip(".")
            if not stem.isascii() or not stem or stem.startswith(("_", "padding.")):
                stem = "constant"
            name, i = stem, 2
            while name in taken:
                name, i = f"{stem}.{i}", i + 1
            taken.add(name)
            found[_identity(value)] = (name, value)
    return found


def _bits(value: Value) -> NDArray[Any]:
    """The bytes of a constant, one-dimensional, row-major, little-endian."""
    array = np.asarray(value.constant)
    if value.spec.dtype is dtypes.bfloat16 and array.dtype == np.float32:
        array = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when all has been written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        # A plain open: the umask decides who may read the file, as for any other the user writes.
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(path: Path, start: bytes, plan: Layout, bits: Mapping[str, NDArray[Any]]) -> None:
    with _replacing(path) as file:
        file.write(start)
        at = 0
        for tensor in plan.tensors:
            file.write(bytes(tensor.start - at))
            file.write(bits[tensor.name].data)
            at = tensor.end


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
