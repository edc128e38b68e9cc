"""dovetail.h in Zig: structs, constants and function types, with their layout asserted.

`zig translate-c` could write it, too: in some versions it is wrong about arrays in structs, in
others it compiles itself for minutes first, and in none does it keep the header's comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pycparser import c_ast

from dovetail.new_backend.header import Header, Record, doc_lines, installed_header, read_header

__all__ = ["zig_bindings"]

WIDTH = 100

_SCALARS = {f"{u}int{bits}_t": f"{u or 'i'}{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)}
_SCALARS |= {"char": "u8", "double": "f64", "float": "f32"}
_KEYWORDS = {"align", "and", "const", "error", "export", "fn", "or", "test", "union", "var"}

_HEAD = """\
//! The device ABI of Dovetail, version {version}, as dovetail.h declares it.
//!
//! `dovetail new-backend --bindings zig` wrote this file from the header; do not edit it. The
//! contract (ownership, threads, growth) stands at the top of dovetail.h.

const std = @import("std");
"""


def zig_bindings(header: Path | None = None) -> str:
    """The text of ``dovetail.zig`` for a header; the installed one unless given.

    >>> "pub const dvt_plugin = extern struct {" in zig_bindings()
    True
    """
    read = read_header(header or installed_header())
    functions = resources.files("dovetail.new_backend") / "inline_functions.zig"
    types = _Types(read)
    return "\n".join(
        [
            _HEAD.format(version=read.version),
            "".join(f"pub const {name} = {value};\n" for name, value, _ in read.constants),
            "".join(types.aliases()),
            *("".join(types.struct(one)) for one in read.records),
            functions.read_text(encoding="utf-8"),
        ]
    )


class _Types:
    """Zig's words for the header's types; a handle, having no size, has pointers of its own."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._opaque = {one.name for one in header.records if not one.members}
        self._structs = {one.name for one in header.records if one.members}

    def aliases(self) -> Iterator[str]:
        for name, kind, comment in self._header.aliases:
            yield from doc_lines(comment, "", WIDTH)
            yield from self._declaration("", f"pub const {_name(name)} =", kind, ";")

    def struct(self, record: Record) -> Iterator[str]:
        name = record.name
        if name in self._opaque:
            yield f"pub const {name} = opaque {{}};\n"
            return
        yield from doc_lines(record.comment, "", WIDTH)
        yield f"pub const {name} = extern struct {{\n"
        for member in record.members:
            yield from doc_lines(member.comment, "    ", WIDTH)
            zero = f" = {self._zero(member.type)},"
            yield from self._declaration("    ", f"{_name(member.name)}:", member.type, zero)
        yield "};\n\ncomptime {\n    if (@sizeOf(usize) == 8) {\n"
        yield f"        std.debug.assert(@sizeOf({name}) == {record.size});\n"
        for member in record.members:
            where = f'@offsetOf({name}, "{member.name}")'
            yield f"        std.debug.assert({where} == {member.offset});\n"
        yield "    }\n}\n"

    def _declaration(self, indent: str, start: str, kind: Any, end: str) -> Iterator[str]:
        """One declaration; what is too long is a pointer to a function, one parameter a line."""
        line = f"{indent}{start} {self._type(kind)}{end}"
        if len(line) > WIDTH:
            opening, _, rest = line.partition("fn (")
            parameters, _, result = rest.rpartition(") callconv")
            broken = "".join(f"{indent}    {one},\n" for one in parameters.split(", "))
            line = f"{opening}fn (\n{broken}{indent}) callconv{result}"
        yield f"{line}\n"

    def _type(self, node: Any) -> str:
        if isinstance(node, c_ast.PtrDecl):
            inner = node.type
            if isinstance(inner, c_ast.FuncDecl):
                return f"?*const {self._function(inner)}"
            pointed = self._type(inner)
            const = "const " if "const" in inner.quals else ""
            if pointed == "void":
                return f"?*{const}anyopaque"
            return f"{'?*' if pointed in self._opaque else '[*c]'}{const}{pointed}"
        if isinstance(node, c_ast.ArrayDecl):
            return f"[{node.dim.value}]{self._type(node.type)}"
        if isinstance(node.type, c_ast.Struct):
            return str(node.type.name)
        [word] = node.type.names
        name = str(word)
        return _SCALARS.get(name, name)

    def _function(self, node: c_ast.FuncDecl) -> str:
        given = node.args.params if node.args is not None else []
        taken = [one for one in given if one.name is not None]  # f(void) has one without a name
        parameters = ", ".join(f"{_name(one.name)}: {self._type(one.type)}" for one in taken)
        return f"fn ({parameters}) callconv(.c) {self._type(node.type)}"

    def _zero(self, node: Any) -> str:
        kind = self._type(node)
        if isinstance(node, c_ast.ArrayDecl):
            return f"std.mem.zeroes({kind})"
        if kind in self._structs:
            return ".{}"
        return "0" if kind in _SCALARS.values() else "null"


def _name(name: str) -> str:
    return f'@"{name}"' if name in _KEYWORDS else name
