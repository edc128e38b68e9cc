"""The kernel rows of a plugin, one by one: what the header and the op records say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail._abi import ffi, lib
from dovetail.check_backend.raw import HOST_MAX, string
from dovetail.dtypes import DTYPES
from dovetail.kernel_row import parse_types
from dovetail.op import REGISTRY, Op

__all__ = ["check_rows", "row_at"]

Fault = tuple[str, str, str]  # code of the catalogue, sentence, where

_FLAGS = (
    lib.DVT_KERNEL_STRIDED
    | lib.DVT_KERNEL_UNALIGNED
    | lib.DVT_KERNEL_EMPTY
    | lib.DVT_KERNEL_ON_HOST
)
_MOST = 1_000_000
# Type words of the header that this Dovetail has no dtype for yet.
_OTHER_WORDS = re.compile(r"(i4|u4|f8_\w+|f6_\w+|f4_\w+)\Z")


def row_at(plugin: Any, index: int) -> Any:
    """A full-size copy of a row, whatever its stride."""
    row = ffi.new("dvt_kernel_def *")
    stride = int(plugin.kernel_def_size)
    at = ffi.cast("char *", plugin.kernels) + index * stride
    ffi.memmove(row, at, min(stride, ffi.sizeof("dvt_kernel_def")))
    return row


def check_rows(plugin: Any) -> Iterator[Fault]:
    """Everything wrong with the rows of a dvt_plugin."""
    seen: dict[tuple[Any, ...], int] = {}
    for index in range(min(int(plugin.n_kernels), _MOST)):
        row = row_at(plugin, index)
        op = string(row.op)
        where = f"row {index} ({op})"
        if not op:
            yield "structs/bad-row", f"kernel row {index} names no op", where
            continue
        for code, what in _one(row, op, int(plugin.abi_version)):
            yield code, f"kernel row {index} ({op}) {what}", where
        key = (op, string(row.types), row.min_version, row.max_version, row.priority)
        if row.prepare == ffi.NULL and seen.setdefault(key, index) != index:
            what = f"kernel row {index} ({op}) is never asked: row {seen[key]} takes the same"
            yield "structs/shadowed-row", what, where


def _one(row: Any, op: str, built: int) -> Iterator[tuple[str, str]]:
    least, most = int(row.min_version), int(row.max_version)
    if most and most < least:
        yield "structs/bad-row", f"covers op versions {least} to {most}, which is no range"
    if ffi.NULL == row.run and ffi.NULL == row.prepare:
        yield "structs/null-slot", "has neither run nor prepare"
    unknown = int(row.flags) & ~_FLAGS
    if unknown and built == HOST_MAX:
        yield "structs/reserved", f"sets flags {unknown:#x}, which are not defined"
    record = REGISTRY.get(op)
    words = string(row.types)
    if words is not None:
        try:
            types = parse_types(words)
        except ValueError as fault:
            yield "structs/bad-types", f"has types {words!r}: {fault}"
        else:
            yield from _types(types, record)
    elif ffi.NULL == row.prepare:
        yield (
            "structs/any-type",
            "has neither types nor prepare: it is given every type, also those to come",
        )
    if record is None:
        return
    arity = len(record.operands)
    variadic = any("*" in name for name, _ in record.operands)
    beyond = int(row.host_inputs) >> arity
    if beyond and not variadic:
        yield (
            "structs/bad-row",
            f"reads inputs {int(row.host_inputs):#b} on the host; {op} has {arity}",
        )


def _types(types: dict[str, frozenset[str]], record: Op | None) -> Iterator[tuple[str, str]]:
    known = {kind.word for kind in DTYPES}
    for variable, words in types.items():
        odd = sorted(w for w in words if w not in known and not _OTHER_WORDS.match(w))
        if odd:
            yield "structs/unknown-type", f"names the types {', '.join(odd)}, which do not exist"
        if record is None or words == _variables(record):  # a variable for the op's only type
            continue
        if variable not in _variables(record):
            there = ", ".join(sorted(_variables(record)))
            yield (
                "structs/unknown-type",
                f"restricts {variable}, but the op's variables are {there} ({record.signature})",
            )


def _variables(record: Op) -> set[str]:
    return {word for _, word in record.operands} | set(record.results)
