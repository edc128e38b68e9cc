"""dovetail.h in Rust: structs, constants and function types, with their layout asserted."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pycparser import c_ast

from dovetail.new_backend.header import Header, Record, doc_lines, installed_header, read_header

__all__ = ["rust_bindings"]

WIDTH = 100

_SCALARS = {f"{u}int{bits}_t": f"{u or 'i'}{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)}
_SCALARS |= {"char": "c_char", "double": "f64", "float": "f32"}
_KEYWORDS = {"as", "fn", "in", "loop", "match", "move", "mut", "ref", "self", "type", "use"}

_HEAD = """\
//! The device ABI of Dovetail, version {version}, as dovetail.h declares it.
//!
//! `dovetail new-backend --bindings rust` wrote this file from the header; do not edit it. The
//! contract (ownership, threads, growth) stands at the top of dovetail.h.

#![allow(dead_code, non_camel_case_types, clippy::missing_safety_doc)]

use core::ffi::{{c_char, c_void}};
use core::mem::{{offset_of, size_of, zeroed}};
"""


def rust_bindings(header: Path | None = None) -> str:
    """The text of ``dovetail.rs`` for a header; the installed one unless given.

    >>> "pub struct dvt_plugin {" in rust_bindings()
    True
    """
    read = read_header(header or installed_header())
    functions = resources.files("dovetail.new_backend") / "inline_functions.rs"
    parts = [
        _HEAD.format(version=read.version),
        "".join(_constants(read)),
        "".join(_aliases(read)),
        *("".join(_struct(one)) for one in read.records),
        functions.read_text(encoding="utf-8"),
    ]
    return "\n".join(parts)


def _constants(header: Header) -> Iterator[str]:
    for name, value, kind in header.constants:
        yield f"pub const {name}: {_SCALARS[kind]} = {value};\n"


def _aliases(header: Header) -> Iterator[str]:
    for name, kind, comment in header.aliases:
        yield from doc_lines(comment, "", WIDTH)
        yield from _declaration("", f"pub type {name} =", kind, ";")


def _struct(record: Record) -> Iterator[str]:
    name = record.name
    if not record.members:
        yield f"#[repr(C)]\npub struct {name} {{\n    _opaque: [u8; 0],\n}}\n"
        return
    yield from doc_lines(record.comment, "", WIDTH)
    yield f"#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {name} {{\n"
    for member in record.members:
        yield from doc_lines(member.comment, "    ", WIDTH)
        yield from _declaration("    ", f"pub {_name(member.name)}:", member.type, ",")
    yield "}\n\n"
    yield f'impl {name} {{\n    /// All zero, which means "default" everywhere.\n'
    yield "    pub const ZERO: Self = unsafe { zeroed() };\n}\n\n"
    yield '#[cfg(target_pointer_width = "64")]\nconst _: () = {\n'
    yield f"    assert!(size_of::<{name}>() == {record.size});\n"
    for member in record.members:
        yield f"    assert!(offset_of!({name}, {_name(member.name)}) == {member.offset});\n"
    yield "};\n"


def _declaration(indent: str, start: str, kind: Any, end: str) -> Iterator[str]:
    """One declaration, broken where rustfmt would break it."""
    line = f"{indent}{start} {_type(kind)}{end}"
    below = f"{indent}    {_type(kind)}{end}"
    if len(line) <= WIDTH:
        yield f"{line}\n"
    elif len(below) <= WIDTH:
        yield f"{indent}{start}\n{below}\n"
    else:  # what is so long is a pointer to a function
        yield f"{indent}{start} Option<\n"
        function = f"{indent}    {_function(kind.type)},"
        if len(function) > WIDTH:
            opening, _, rest = function.partition("fn(")
            parameters, _, result = rest.rpartition(")")
            lines = "".join(f"{indent}        {one},\n" for one in parameters.split(", "))
            function = f"{opening}fn(\n{lines}{indent}    ){result}"
        yield f"{function}\n{indent}>{end}\n"


def _name(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name


def _type(node: Any) -> str:
    """A C type in Rust."""
    if isinstance(node, c_ast.PtrDecl):
        inner = node.type
        if isinstance(inner, c_ast.FuncDecl):
            return f"Option<{_function(inner)}>"
        return f"*{'const' if 'const' in inner.quals else 'mut'} {_type(inner)}"
    if isinstance(node, c_ast.ArrayDecl):
        return f"[{_type(node.type)}; {node.dim.value}]"
    if isinstance(node.type, c_ast.Struct):
        return str(node.type.name)
    [name] = node.type.names
    return "c_void" if name == "void" else _SCALARS.get(name, name)


def _function(node: c_ast.FuncDecl) -> str:
    given = node.args.params if node.args is not None else []
    taken = [one for one in given if one.name is not None]  # f(void) has one without a name
    parameters = ", ".join(f"{_name(one.name)}: {_type(one.type)}" for one in taken)
    result = _type(node.type)
    arrow = "" if result == "c_void" else f" -> {result}"
    return f'unsafe extern "C" fn({parameters}){arrow}'
