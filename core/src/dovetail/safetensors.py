"""The safetensors layout: an 8-byte length, a JSON header, then the data of every tensor.

Any reader of that format opens what is written here. Two things are stricter than the format asks:
data starts at a multiple of 64 bytes, so that a mapped tensor is as aligned as one of our own (the
gaps are tensors named ``padding.N``, because the format forbids holes), and the header is laid out
one entry a line, so that ``head`` shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dovetail import dtypes
from dovetail.dtypes import DType
from dovetail.errors import ProgramError

__all__ = ["ALIGNMENT", "MAX_HEADER", "Layout", "Tensor", "header_size", "layout", "parse_header"]

ALIGNMENT = 64
MAX_HEADER = 100_000_000
"""Bytes of header that a reader accepts; the limit of the format's own library."""

_NAMES: dict[DType, str] = {
    dtypes.bool_: "BOOL",
    dtypes.int8: "I8",
    dtypes.int16: "I16",
    dtypes.int32: "I32",
    dtypes.int64: "I64",
    dtypes.uint8: "U8",
    dtypes.uint16: "U16",
    dtypes.uint32: "U32",
    dtypes.uint64: "U64",
    dtypes.float16: "F16",
    dtypes.bfloat16: "BF16",
    dtypes.float32: "F32",
    dtypes.float64: "F64",
    dtypes.complex64: "C64",
    dtypes.complex128: "C128",
}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}
_PADDING = "padding."


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One entry of the header; ``start`` and ``end`` count bytes from the start of the data."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The tensors of a file in the order of their data, without the padding between them."""

    tensors: tuple[Tensor, ...]
    size: int

    def padding(self) -> Iterable[tuple[int, int]]:
        """Start and end of every gap that alignment leaves."""
        end = 0
        for tensor in self.tensors:
            if tensor.start > end:
                yield end, tensor.start
            end = tensor.end

    def header(self, metadata: Mapping[str, str]) -> bytes:
        """The whole header, padded with blanks so that the data after it is aligned."""
        lines = [f"{_quote(key)}: {_quote(value)}" for key, value in metadata.items()]
        entries = ['"__metadata__": {\n' + ",\n".join(lines) + "\n}"]
        rows = [(t.start, t.name, _NAMES[t.dtype], t.shape, t.end) for t in self.tensors]
        rows += [
            (start, f"{_PADDING}{i}", "U8", (end - start,), end)
            for i, (start, end) in enumerate(self.padding())
        ]
        for start, name, word, shape, end in sorted(rows, key=lambda row: (row[0], row[4])):
            entries.append(
                f'{_quote(name)}: {{"dtype": "{word}", "shape": {list(shape)}, '
                f'"data_offsets": [{start}, {end}]}}'
            )
        text = ("{" + ",\n".join(entries) + "}").encode()
        text += b" " * (-(8 + len(text)) % ALIGNMENT)
        if len(text) > MAX_HEADER:
            raise ProgramError(
                f"the header would take {len(text):,} bytes and readers stop at {MAX_HEADER:,}; "
                "split the program into several smaller ones"
            )
        return text


def _quote(text: str) -> str:
    return json.dumps(text)


def layout(tensors: Iterable[tuple[str, DType, tuple[int, ...]]]) -> Layout:
    """Place tensors one after the other, each at a multiple of `ALIGNMENT`."""
    placed: list[Tensor] = []
    seen: set[str] = set()
    end = 0
    for name, dtype, shape in tensors:
        if name in seen or name == "__metadata__" or name.startswith(_PADDING):
            raise ProgramError(f"a tensor cannot be named {name!r}: the name is taken")
        seen.add(name)
        start = end + -end % ALIGNMENT
        end = start + _nbytes(dtype, shape)
        placed.append(Tensor(name=name, dtype=dtype, shape=shape, start=start, end=end))
    return Layout(tensors=tuple(placed), size=end)


def _nbytes(dtype: DType, shape: Iterable[int]) -> int:
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    return size


def header_size(buffer: memoryview) -> int:
    """Length of the header of a file that lies in ``buffer``, checked against the file's size."""
    if len(buffer) < 8:
        raise ProgramError(
            f"the file has {len(buffer)} bytes and not even the length of its header; "
            "copy it again, it is truncated"
        )
    size = int.from_bytes(buffer[:8], "little")
    if size > MAX_HEADER:
        raise ProgramError(
            f"the header claims {size:,} bytes, more than the {MAX_HEADER:,} that are allowed; "
            "this is no program file, or its first bytes are damaged"
        )
    if 8 + size > len(buffer):
        raise ProgramError(
            f"the header should have {size:,} bytes but the file ends after "
            f"{len(buffer) - 8:,} of them; copy it again, it is truncated"
        )
    return size


def parse_header(header: bytes, data_size: int) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a header, every offset checked against ``data_size`` bytes of data.

    Raises ProgramError when the header is no JSON, repeats a name, has entries of another form, or
    when the tensors overlap, leave holes or end anywhere but at the end of the file.
    """
    entries = _json(header)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ProgramError("__metadata__ must hold strings only; the header is damaged")
    tensors = [_tensor(name, entry) for name, entry in entries.items()]
    end, last = 0, "the start of the data"
    for tensor in sorted(tensors, key=lambda t: (t.start, t.end)):
        if tensor.start != end:
            what = "overlaps" if tensor.start < end else "leaves a hole after"
            raise ProgramError(
                f"tensor {tensor.name!r} at bytes {tensor.start} to {tensor.end} {what} {last}, "
                f"which ends at {end}; the header is damaged"
            )
        end, last = tensor.end, f"tensor {tensor.name!r}"
    if end > data_size:
        raise ProgramError(
            f"{last} ends at byte {end:,} of the data but the file holds only {data_size:,}; "
            "copy it again, it is truncated"
        )
    if end < data_size:
        raise ProgramError(
            f"{data_size - end:,} bytes follow {last}, which should be the last; "
            "something was appended to the file"
        )
    return metadata, {t.name: t for t in tensors if not t.name.startswith(_PADDING)}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ProgramError("the header repeats a name; it is damaged")
    return result


def _no_constant(word: str) -> Any:
    raise ProgramError(f"the header holds {word}, which is no JSON; it is damaged")


def _json(header: bytes) -> dict[str, Any]:
    try:
        text = header.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ProgramError(f"the header is not JSON ({error}); the file is damaged") from None
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        if isinstance(error, ProgramError):
            raise
        raise ProgramError(f"the header cannot be read ({error}); the file is damaged") from None
    if not isinstance(value, dict):
        raise ProgramError("the header is no JSON object; this is no program file")
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _tensor(name: str, entry: Any) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ProgramError(f"tensor {name!r} has no dtype, shape and data_offsets in the header")
    word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    dtype = _DTYPES.get(word) if isinstance(word, str) else None
    if dtype is None:
        known = ", ".join(_DTYPES)
        raise ProgramError(f"tensor {name!r} has dtype {word!r}; this version knows {known}")
    if not isinstance(shape, list) or not all(map(_is_count, shape)):
        raise ProgramError(f"tensor {name!r} has shape {shape!r}; extents must be whole numbers")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise ProgramError(
            f"tensor {name!r} has offsets {offsets!r}; two whole numbers belong here"
        )
    start, end = offsets
    if end - start != _nbytes(dtype, shape):
        raise ProgramError(
            f"tensor {name!r} is {dtype}{shape}, {_nbytes(dtype, shape)} bytes, but its offsets "
            f"{start} to {end} leave {end - start}; the header is damaged"
        )
    return Tensor(name=name, dtype=dtype, shape=tuple(shape), start=start, end=end)
