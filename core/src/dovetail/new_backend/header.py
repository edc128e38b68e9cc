"""dovetail.h as data: constants, types and their layout, with the comment of each.

pycparser, which comes with cffi, reads the declarations; cffi computes sizes and offsets.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cffi
from pycparser import c_ast, c_parser

from dovetail.errors import DovetailError

__all__ = ["Header", "Member", "Record", "doc_lines", "installed_header", "read_header"]

_BETWEEN_MARKERS = re.compile(r"/\* <cdef> \*/(.*)/\* </cdef> \*/", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CONSTANT = re.compile(r"#define[ \t]+(DVT_\w+)[ \t]+(-?\d+)\b")
_PRELUDE = "".join(
    f"typedef {sign}{base} {'u' if sign else ''}int{bits}_t;\n"
    for bits, base in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
    for sign in ("", "unsigned ")
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A field of a struct: its C type, its place, and what the header says about it."""

    name: str
    type: Any
    offset: int
    comment: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """A struct; without members it is a handle, of which only pointers exist."""

    name: str
    comment: str
    size: int = 0
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands between the markers of dovetail.h, in its order."""

    version: str
    constants: tuple[tuple[str, int, str], ...]
    """(name, value, type): type is that of dvt_status for a run of constants with negative ones."""
    aliases: tuple[tuple[str, Any, str], ...]
    """(name, C type, comment) of the typedefs that name no struct."""
    records: tuple[Record, ...] = field(default=())


def installed_header() -> Path:
    """The dovetail.h of the package dovetail-abi."""
    try:
        import dovetail_abi  # noqa: PLC0415  the core runs without the header
    except ImportError as error:
        raise DovetailError(
            "dovetail.h is not installed here; `pip install dovetail-abi` brings it, or name a "
            "file with --header"
        ) from error
    return dovetail_abi.include_dir() / "dovetail.h"


def read_header(path: Path) -> Header:
    """Read a dovetail.h of any version."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DovetailError(f"{path} cannot be read: {error}") from error
    between = _BETWEEN_MARKERS.search(text)
    if between is None:
        raise DovetailError(
            f"{path} is no dovetail.h: it lacks the markers /* <cdef> */ and /* </cdef> */"
        )
    try:
        return _Reader(between[1]).header()
    except KeyError as error:
        raise DovetailError(f"{path} cannot be parsed: it lacks {error.args[0]}") from error
    except (c_parser.ParseError, cffi.CDefError, cffi.FFIError) as error:
        raise DovetailError(f"{path} cannot be parsed: {error}") from error


def doc_lines(comment: str, indent: str, width: int) -> Iterator[str]:
    """A comment as Rust and Zig write what belongs to the next declaration.

    >>> list(doc_lines("number of axes", "  ", 100))
    ['  /// number of axes\\n']
    """
    for line in textwrap.wrap(comment, width - len(indent) - 4, break_on_hyphens=False):
        yield f"{indent}/// {line}\n"


class _Reader:
    """One pass over the text between the markers."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        blank = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        self._plain = blank.split("\n")
        declarations = re.sub(r"^[ \t]*#.*$", "", blank, flags=re.MULTILINE)
        source = f'{_PRELUDE}#line 1 "dovetail.h"\n{declarations}'
        parsed = c_parser.CParser().parse(source, "prelude")
        self._nodes = [node for node in parsed.ext if node.coord.file == "dovetail.h"]
        self._layout = cffi.FFI()
        self._layout.cdef(text)

    def header(self) -> Header:
        constants = self._constants()
        known = {name: value for name, value, _ in constants}
        aliases, records = [], {}
        for node in self._nodes:
            inner = getattr(node.type, "type", node.type)
            if isinstance(inner, c_ast.Struct):
                record = self._record(node, inner)
                if record.members or record.name not in records:
                    records[record.name] = record
            elif isinstance(node, c_ast.Typedef):
                aliases.append((node.name, node.type, self._comment(node.coord.line)))
        return Header(
            version=f"{known['DVT_ABI_MAJOR']}.{known['DVT_ABI_MINOR']}",
            constants=constants,
            aliases=tuple(aliases),
            records=tuple(records.values()),
        )

    def _constants(self) -> tuple[tuple[str, int, str], ...]:
        runs: list[list[tuple[str, int]]] = [[]]
        for line in self._plain:
            match = _CONSTANT.match(line)
            if match:
                runs[-1].append((match[1], int(match[2])))
            elif runs[-1]:
                runs.append([])
        return tuple(
            (name, value, "int32_t" if any(v < 0 for _, v in run) else "uint32_t")
            for run in runs
            for name, value in run
        )

    def _record(self, node: c_ast.Node, struct: c_ast.Struct) -> Record:
        name = struct.name
        if struct.decls is None:
            return Record(name=name, comment="")
        kind = f"struct {name}"
        fields: Any = self._layout.typeof(kind).fields
        offsets = {key: one.offset for key, one in fields}
        members = tuple(
            Member(
                name=one.name,
                type=one.type,
                offset=offsets[one.name],
                comment=self._comment(one.coord.line),
            )
            for one in struct.decls
        )
        comment = self._comment(struct.coord.line, beside=False)
        return Record(name=name, comment=comment, size=self._layout.sizeof(kind), members=members)

    def _comment(self, first: int, *, beside: bool = True) -> str:
        """The comment beside or directly above the declaration that begins at a line."""
        last = first
        while beside and ";" not in self._plain[last - 1]:
            last += 1
        found = _COMMENT.findall("\n".join(self._lines[first - 1 : last])) if beside else []
        if not found:
            above = "\n".join(self._lines[: first - 1]).rstrip(" ")
            match = re.search(r"/\*(?:(?!\*/).)*\*/\Z", above, re.DOTALL)
            found = [match[0]] if match else []
        words = " ".join(re.sub(r"^\s*\*\s?|/\*|\*/", "", c, flags=re.MULTILINE) for c in found)
        return "" if "----" in words else " ".join(words.split())
