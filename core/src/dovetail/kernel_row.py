"""The capability rows of a plugin as Python records: which op, which types, in which order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail._abi import ffi
from dovetail.errors import PluginError
from dovetail.op import Op

__all__ = ["KernelRow", "misfit", "parse_types", "read_rows"]

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelRow:
    """One row. ``types`` maps a type variable to its words; one that is missing takes any type."""

    index: int
    """Its place in the plugin's table, which is how C code names it."""
    op: str
    types: Mapping[str, frozenset[str]] | None
    """None: any types; prepare decides."""
    min_version: int
    max_version: int
    flags: int
    priority: int
    host_inputs: int


def parse_types(text: str) -> dict[str, frozenset[str]]:
    """The variables of a row's types.

    >>> sorted(parse_types("T=f32|bf16;I=i64")["T"])
    ['bf16', 'f32']
    """
    found: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        variable, equals, words = part.partition("=")
        if not equals or not _VARIABLE.match(variable):
            raise ValueError(f"{part!r} is not of the form T=f32|bf16")
        if variable in found:
            raise ValueError(f"it names {variable} twice")
        alternatives = words.split("|")
        for word in alternatives:
            if not _WORD.match(word):
                raise ValueError(f"{word!r} is no type word such as f32 or i64")
        found[variable] = frozenset(alternatives)
    return found


def misfit(
    row: KernelRow, op: Op | None, version: int, inputs: Sequence[str], outputs: Sequence[str]
) -> str:
    """Why a row does not take an op of a version on these type words; "" when it does.

    Its prepare may refuse all the same. ``op`` None: an unknown one, whose types bind nothing.
    """
    if not row.min_version <= version <= row.max_version:
        return f"it knows versions {row.min_version} to {row.max_version}, not {version}"
    if row.types is None or op is None:
        return ""
    # Not strict: a recorded call may be of another version, with other operands.
    bound = dict(zip(op.words(len(inputs)), inputs, strict=False))
    bound.update(zip(op.results, outputs, strict=False))
    for variable, words in row.types.items():
        if variable in bound and bound[variable] not in words:
            return f"it takes {variable} = {' or '.join(sorted(words))}, not {bound[variable]}"
    return ""


def read_rows(address: int, name: str) -> dict[str, list[KernelRow]]:
    """Rows of the normalised dvt_plugin at ``address`` by op, in the order they are to be asked.

    Types that cannot be read make the whole plugin a `PluginError`: its maker would otherwise look
    for a missing op. Ops and type words that this Dovetail does not know simply match nothing.
    """
    table: Any = ffi.cast("dvt_plugin *", address)
    rows: dict[str, list[KernelRow]] = {}
    for index in range(table.n_kernels):
        raw = table.kernels[index]
        op = ffi.string(raw.op).decode("utf-8", "replace")
        types = None
        if raw.types != ffi.NULL:
            text = ffi.string(raw.types).decode("utf-8", "replace")
            try:
                types = parse_types(text)
            except ValueError as error:
                raise PluginError(
                    f"device {name}: the types {text!r} of kernel row {index} ({op}) cannot be "
                    f"read: {error}; its maker has to mend that row"
                ) from error
        row = KernelRow(
            index=index,
            op=op,
            types=types,
            min_version=raw.min_version,
            max_version=raw.max_version,
            flags=raw.flags,
            priority=raw.priority,
            host_inputs=raw.host_inputs,
        )
        rows.setdefault(op, []).append(row)
    for alternatives in rows.values():
        alternatives.sort(key=lambda row: (-row.priority, row.index))
    return rows
