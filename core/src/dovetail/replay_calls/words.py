"""Words for what a recording holds: dtypes, views, attributes, statuses, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dovetail.dtypes import DTYPES, DType

__all__ = [
    "dtype_of",
    "dtype_text",
    "is_contiguous",
    "op_of",
    "ops_of_graph",
    "short",
    "size_text",
    "status_text",
    "time_text",
    "view_text",
]

_STATUS = {
    0: "ok",
    1: "UNSUPPORTED",
    2: "PENDING",
    -1: "INVALID_ARGUMENT",
    -2: "OUT_OF_MEMORY",
    -3: "INTERNAL",
    -4: "DEVICE_LOST",
    -5: "CANCELLED",
    -6: "INCOMPATIBLE",
    -7: "TIMEOUT",
    -8: "IO",
}
_BY_CODE = {(t.code, t.bits, 1): t for t in DTYPES}


def dtype_of(code: Sequence[int]) -> DType | None:
    """Dovetail's dtype of a recorded (code, bits, lanes); None for one that it has not."""
    return _BY_CODE.get((code[0], code[1], code[2]))


def dtype_text(code: Sequence[int]) -> str:
    """A dtype's name, or its numbers."""
    kind = dtype_of(code)
    return kind.name if kind is not None else f"dtype{tuple(code)}"


def view_text(view: Mapping[str, Any] | None) -> str:
    """``float32[3, 4]``, with its strides where it is not contiguous."""
    if view is None:
        return "none"
    text = f"{dtype_text(view['dtype'])}[{', '.join(map(str, view['shape']))}]"
    strides = view.get("strides")
    if strides is not None and not is_contiguous(view["shape"], strides):
        text += f" strides {tuple(strides)}"
    return text


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether strides in elements are those of a row-major array."""
    step = 1
    for extent, stride in zip(reversed(shape), reversed(strides), strict=True):
        if extent != 1 and stride != step:
            return 0 in shape
        step *= extent
    return True


def status_text(status: int | None) -> str:
    """A status by its name in dovetail.h, without DVT_."""
    return "did not come back" if status is None else _STATUS.get(status, f"status {status}")


def ops_of_graph(graph: Mapping[str, Any]) -> tuple[str, ...]:
    """The ops of a graph's nodes, in order."""
    return tuple(node["op"] for node in graph["nodes"])


def op_of(call: Any, makers: Mapping[int, Any]) -> tuple[str, ...]:
    """The ops a call is about: one of a kernel, those of a graph, none of a copy."""
    begin = call.begin
    if "op" in begin:
        return (begin["op"],)
    if "graph" in begin:
        return ops_of_graph(begin["graph"])
    maker = makers.get(int(begin.get("kernel") or begin.get("executable") or 0))
    return op_of(maker, {}) if maker is not None else ()


def short(name: str) -> str:
    """A name cut to what a table has room for."""
    return name if len(name) <= 32 else f"{name[:29]}..."


def time_text(nanoseconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def size_text(size: float) -> str:
    """Bytes in the unit that suits them."""
    for unit, one in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= one:
            return f"{size / one:.3g} {unit}"
    return f"{size:.0f} B"
