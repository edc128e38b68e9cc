"""Data of a recording: as it was, or made up where the recording does not hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.dtypes import DType
from dovetail.replay_calls.reader import Recording
from dovetail.replay_calls.words import dtype_of

__all__ = ["Contents", "as_array", "contents", "count_of", "size_of", "stored"]

_Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Contents:
    """Bytes, row-major. ``known``: they are what was recorded."""

    data: bytes
    known: bool


def count_of(shape: Sequence[int]) -> int:
    """Number of elements."""
    n = 1
    for extent in shape:
        n *= extent
    return n


def size_of(view: Mapping[str, Any]) -> int:
    """Bytes of a view's elements; types below 8 bits are packed."""
    _, bits, lanes = view["dtype"]
    total: int = count_of(view["shape"]) * bits * lanes
    return (total + 7) // 8


def stored(recording: Recording, member: Mapping[str, Any]) -> bytes | None:
    """The bytes that a member with "data" names; None where the recording does not hold them."""
    return recording.data(int(member["data"])) if "data" in member else None


def contents(recording: Recording, view: Mapping[str, Any]) -> Contents:
    """What a view held. Unknown data come from a seed: equal digests give equal data."""
    size = size_of(view)
    if size == 0:
        return Contents(b"", known=True)
    data = stored(recording, view)
    if data is not None and len(data) == size:
        return Contents(data, known=True)
    return Contents(_made_up(view, str(view.get("digest", view.get("missing", "")))), known=False)


def _made_up(view: Mapping[str, Any], seed: str) -> bytes:
    """Values that most ops take: floats in [0.5, 1.5), integers 1: a divisor, mostly an index."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little")
    random = np.random.default_rng(number)
    kind, count = dtype_of(view["dtype"]), count_of(view["shape"])
    if kind is None:
        return bytes(size_of(view))
    if kind.kind == "bool":
        return random.integers(0, 2, count, np.uint8).tobytes()
    if kind.kind in ("int", "uint"):
        return np.ones(count, kind.name).tobytes()
    values: _Array = 0.5 + random.random(count)
    if kind.kind == "complex":
        values = values + 1j * (0.5 + random.random(count))
    if kind.name == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return values.astype(kind.name).tobytes()


def as_array(data: bytes, kind: DType, shape: Sequence[int]) -> _Array:
    """Bytes as numbers; bfloat16, which numpy lacks, as float32."""
    if kind.name == "bfloat16":
        wide = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    return np.frombuffer(data, kind.name).reshape(shape)
