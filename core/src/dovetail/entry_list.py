"""The keys of a program's header that tell its entry points and named sizes, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dovetail.errors import ProgramError
from dovetail.symbols import check_symbol

__all__ = ["PARTS", "Row", "check_name", "read", "read_symbols", "written"]

PARTS = ("inputs", "outputs", "input_names", "output_names")
"""Containers of a function; those of format 1 are keys of the header itself."""

_MAX_SIZE = 1 << 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One entry point: the name to call it by, its graph, and its containers as text."""

    name: str
    graph: str
    parts: Mapping[str, str]


def check_name(name: Any) -> str:
    """The name, or an error that says why an entry point cannot have it."""
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 200:
        raise ProgramError(
            f"{str(name)[:60]!r} cannot name an entry point: a name is letters, digits and _"
        )
    return name


def written(
    rows: Iterable[tuple[str, str, Mapping[str, str]]], symbols: Mapping[str, int]
) -> dict[str, str]:
    """The keys for rows of (name, graph, parts)."""
    entries = [
        {"name": name, "graph": graph, **{k: json.loads(v) for k, v in parts.items()}}
        for name, graph, parts in rows
    ]
    return {"entries": json.dumps(entries), "symbols": json.dumps(dict(symbols))}


def read(text: str) -> list[Row]:
    """The entry points, each with a name of its own and all parts."""
    rows = []
    for one in _loaded(text, "entries", list):
        keys = {"name", "graph", *PARTS}
        if not isinstance(one, dict) or not keys <= set(one) or not isinstance(one["graph"], str):
            raise ProgramError(f"{str(one)[:60]!r} describes no entry point; the file is damaged")
        parts = {key: json.dumps(one[key]) for key in PARTS}
        rows.append(Row(name=check_name(one["name"]), graph=one["graph"], parts=parts))
    if not rows or len({row.name for row in rows}) < len(rows):
        raise ProgramError("there is no entry point, or two have one name; the file is damaged")
    return rows


def read_symbols(metadata: Mapping[str, str]) -> dict[str, int]:
    """The names of sizes, each with a size to check the program at."""
    if "symbols" not in metadata:
        return {}
    found: dict[str, int] = {}
    for name, size in _loaded(metadata["symbols"], "symbols", dict).items():
        if type(size) is not int or not 0 <= size <= _MAX_SIZE:
            raise ProgramError(f"the size {size!r} of {name!r} is no size; the file is damaged")
        found[check_symbol(name)] = size
    return found


def _loaded(text: str, what: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"the {what} are not JSON ({error}); the file is damaged") from None
    if not isinstance(found, kind):
        raise ProgramError(f"the {what} are {text[:40]!r}, no {kind.__name__}; the file is damaged")
    return found
