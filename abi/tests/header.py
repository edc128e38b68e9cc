"""Reads dovetail.h: its declarations through pycparser, and the comment that belongs to each."""

import re
from dataclasses import dataclass
from functools import cache

from pycparser import c_ast, c_parser

import dovetail_abi

OPENING, CLOSING = "/* <cdef> */", "/* </cdef> */"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PRELUDE = "".join(
    f"typedef {base} {sign}int{bits}_t;\n"
    for bits, kind in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
    for sign, base in (("", f"signed {kind}"), ("u", f"unsigned {kind}"))
)


@cache
def text() -> str:
    """Return the whole header."""
    return (dovetail_abi.include_dir() / "dovetail.h").read_text(encoding="utf-8")


@cache
def cdef() -> str:
    """Return what stands between the markers."""
    assert text().count(OPENING) == 1, f"the marker {OPENING} must stand in dovetail.h once"
    assert text().count(CLOSING) == 1, f"the marker {CLOSING} must stand in dovetail.h once"
    return text().split(OPENING)[1].split(CLOSING)[0]


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


@dataclass(frozen=True)
class Field:
    """A member of a struct."""

    struct: str
    name: str
    declaration: c_ast.Node
    comment: str

    @property
    def where(self) -> str:
        """Return struct.field, for messages."""
        return f"{self.struct}.{self.name}"


@cache
def declarations() -> list[c_ast.Node]:
    """Return the top-level declarations between the markers."""
    plain = COMMENT.sub(_blank, cdef())
    plain = re.sub(r"^[ \t]*#.*$", "", plain, flags=re.MULTILINE)
    source = f'{PRELUDE}#line 1 "dovetail.h"\n{plain}'
    return [
        node
        for node in c_parser.CParser().parse(source, "prelude").ext
        if node.coord.file == "dovetail.h"
    ]


def _comment_of(lines: list[str], first: int, last: int) -> str:
    """Return the comment beside or directly above the lines first..last (counted from 1)."""
    beside = COMMENT.findall("\n".join(lines[first - 1 : last]))
    if beside:
        return " ".join(beside)
    above = "\n".join(lines[: first - 1]).rstrip(" ")
    match = re.search(r"/\*(?:(?!\*/).)*\*/\Z", above, re.DOTALL)
    return match[0] if match else ""


@cache
def structs() -> dict[str, list[Field]]:
    """Return every struct that has a body, with its fields in order."""
    lines = cdef().split("\n")
    plain = COMMENT.sub(_blank, cdef()).split("\n")
    found: dict[str, list[Field]] = {}

    class Visitor(c_ast.NodeVisitor):
        def visit_Struct(self, node: c_ast.Struct) -> None:
            if node.decls is None:
                return
            fields = []
            for one in node.decls:
                # pycparser gives the line of the name; the declaration runs to its semicolon.
                first = last = one.coord.line
                while ";" not in plain[last - 1]:
                    last += 1
                comment = _comment_of(lines, first, last)
                fields.append(Field(node.name, one.name, one.type, comment))
            found[node.name] = fields

    for node in declarations():
        Visitor().visit(node)
    return found


@cache
def function_types() -> frozenset[str]:
    """Return the typedef names that stand for pointers to functions."""
    return frozenset(
        node.name
        for node in declarations()
        if isinstance(node, c_ast.Typedef) and is_function_pointer(node.type, frozenset())
    )


def is_function_pointer(node: c_ast.Node, names: frozenset[str]) -> bool:
    """Whether a type is a pointer to a function, or one of the named typedefs of such."""
    if isinstance(node, c_ast.PtrDecl):
        return isinstance(node.type, c_ast.FuncDecl)
    if isinstance(node, c_ast.TypeDecl) and isinstance(node.type, c_ast.IdentifierType):
        return node.type.names[0] in names
    return False
