"""``unsupported.toml`` beside a library: known failures, which are tolerated until they pass.

[[unsupported]]
op = "divide"
dtype = "float16"        # left out: every dtype
reason = "the chip rounds quotients twice"
issue = "https://example.com/issues/7"
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.dtypes import dtype
from dovetail.errors import DovetailError, PluginError

__all__ = ["FILE_NAME", "KnownFailure", "find", "read"]

FILE_NAME = "unsupported.toml"
_KEYS = {"op", "dtype", "reason", "issue"}


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFailure:
    """One entry."""

    op: str
    dtype: str | None
    reason: str
    issue: str

    def __str__(self) -> str:
        return f"{self.op}{f' of {self.dtype}' if self.dtype else ''}: {self.reason} ({self.issue})"


def read(file: Path) -> tuple[KnownFailure, ...]:
    """The entries of a file; none when it is not there. A `PluginError` names what is wrong."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise PluginError(f"{file} cannot be read: {error}") from error
    entries = data.pop("unsupported", [])
    if data or not isinstance(entries, list):
        raise PluginError(f"{file} holds tables [[unsupported]] and nothing else")
    return tuple(_entry(file, number, entry) for number, entry in enumerate(entries, 1))


def _entry(file: Path, number: int, entry: Any) -> KnownFailure:
    where = f"{file}, entry {number}"
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        raise PluginError(f"{where}: it must be a table of strings")
    unknown = entry.keys() - _KEYS
    missing = _KEYS - {"dtype"} - entry.keys()
    if unknown or missing:
        what = f"it lacks {', '.join(sorted(missing))}" if missing else f"what is {min(unknown)}?"
        raise PluginError(f"{where}: {what}; the keys are op, dtype, reason and issue")
    name = entry.get("dtype")
    try:
        kind = None if name is None else dtype(name).name
    except DovetailError as error:
        raise PluginError(f"{where}: {error}") from error
    return KnownFailure(op=entry["op"], dtype=kind, reason=entry["reason"], issue=entry["issue"])


def find(known: Sequence[KnownFailure], op: str, kind: str) -> KnownFailure | None:
    """The entry that covers an op in a dtype."""
    return next((k for k in known if k.op == op and k.dtype in (None, kind)), None)
