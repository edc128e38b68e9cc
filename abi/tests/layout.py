"""What a compiler makes of a header: fields of every struct with type, offset and size, on 64-bit
and 32-bit machines, and every constant. Two headers compared: what may change and what may not."""

from __future__ import annotations

import copy
import hashlib
import re
import shutil
import struct as binary
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from header import CLOSING, COMMENT, OPENING, PRELUDE
from pycparser import c_ast, c_generator, c_parser

__all__ = ["Abi", "Field", "Struct", "compare", "fingerprint", "measure"]

MODELS = {"LP64": "-m64", "ILP32": "-m32"}
FROZEN = frozenset({"dvt_tensor", "dvt_attr", "dvt_place", "dvt_dtype"})
"""Structs that never grow within a major: their arrays have a fixed stride, or DLPack's layout."""

STRIDED = frozenset({"dvt_kernel_def"})
"""Structs without a size of their own whose arrays carry their stride: they may grow."""

_DEFINE = re.compile(r"^#define (DVT_[A-Z0-9_]+) (-?\d+)\b", re.MULTILINE)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\w+|[^\w\s]')


@dataclass(frozen=True, kw_only=True)
class Field:
    """A member; offset and size in bytes by data model."""

    name: str
    type: str
    offset: Mapping[str, int]
    size: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Struct:
    """A struct with a body; size in bytes by data model."""

    name: str
    fields: tuple[Field, ...]
    size: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Abi:
    """All that binaries on both sides agree on."""

    structs: Mapping[str, Struct]
    types: Mapping[str, str]
    """Typedef -> what it stands for: function types, scalars, handles."""
    constants: Mapping[str, int]


def fingerprint(text: str) -> str:
    """A hash of the header's tokens: comments, spaces and line ends do not count.

    >>> fingerprint("int  a; /* of things */") == fingerprint("int a;")
    True
    """
    plain = COMMENT.sub(" ", text).replace("\\\n", " ")
    tokens = "\n".join(_TOKEN.findall(plain))
    return "sha256:" + hashlib.sha256(tokens.encode()).hexdigest()


def measure(header: Path, work: Path) -> Abi:
    """Read a header and compile it for every data model; ``work`` is a folder for object files.

    Raises AssertionError when a compiler is missing or fails: a gate that cannot run is shut.
    """
    text = header.read_text(encoding="utf-8")
    plain = COMMENT.sub(" ", text.split(OPENING)[1].split(CLOSING)[0])
    plain = re.sub(r"^[ \t]*#.*$", "", plain, flags=re.MULTILINE)
    tree = c_parser.CParser().parse(f'{PRELUDE}#line 1 "dovetail.h"\n{plain}', "prelude").ext
    nodes = [n for n in tree if n.coord.file == "dovetail.h"]
    bodies = dict(_bodies(nodes))
    numbers = {m: _numbers(header, bodies, work, m, o) for m, o in MODELS.items()}
    structs = {}
    for name, members in bodies.items():
        fields = tuple(
            Field(
                name=member.name,
                type=_type(member.type),
                offset={m: numbers[m][name, member.name, "offset"] for m in MODELS},
                size={m: numbers[m][name, member.name, "size"] for m in MODELS},
            )
            for member in members
        )
        size = {m: numbers[m][name, "", "size"] for m in MODELS}
        structs[name] = Struct(name=name, fields=fields, size=size)
    types = {n.name: _type(n.type) for n in nodes if isinstance(n, c_ast.Typedef)}
    constants = {name: int(value) for name, value in _DEFINE.findall(text)}
    return Abi(structs=structs, types=types, constants=constants)


def _bodies(nodes: list[c_ast.Node]) -> Iterator[tuple[str, list[c_ast.Decl]]]:
    for node in nodes:
        inner = node.type
        while not isinstance(inner, c_ast.Struct) and hasattr(inner, "type"):
            inner = inner.type
        if isinstance(inner, c_ast.Struct) and inner.decls is not None:
            yield inner.name, inner.decls


def _type(node: c_ast.Node) -> str:
    """A type in C words, without the names of members and parameters and without a body."""

    class Nameless(c_ast.NodeVisitor):
        def visit_TypeDecl(self, node: c_ast.TypeDecl) -> None:
            node.declname = None
            self.generic_visit(node)

        def visit_Decl(self, node: c_ast.Decl) -> None:
            node.name = None
            self.generic_visit(node)

        def visit_Struct(self, node: c_ast.Struct) -> None:
            node.decls = None

    bare = copy.deepcopy(node)
    Nameless().visit(bare)
    return " ".join(c_generator.CGenerator().visit(bare).split())


def _numbers(
    header: Path, bodies: Mapping[str, list[c_ast.Decl]], work: Path, model: str, option: str
) -> dict[tuple[str, str, str], int]:
    """Offsets and sizes as the compiler has them, read from a section of an object file."""
    keys: list[tuple[str, str, str]] = []
    values = []
    for name, members in bodies.items():
        keys.append((name, "", "size"))
        values.append(f"sizeof({name})")
        for member in members:
            keys += [(name, member.name, "offset"), (name, member.name, "size")]
            values.append(f"offsetof({name}, {member.name})")
            values.append(f"sizeof((({name} *)0)->{member.name})")
    source, built, raw = (work / f"layout-{model}{end}" for end in (".c", ".o", ".bin"))
    source.write_text(
        f'#include <stddef.h>\n#include "{header}"\n'
        f'__attribute__((section("layout"), used)) const unsigned int dvt_layout[] = {{\n'
        f"{', '.join(values)}}};\n",
        encoding="utf-8",
    )
    run("gcc", "-std=c11", "-ffreestanding", option, "-c", str(source), "-o", str(built))
    run("objcopy", "-O", "binary", "-j", "layout", str(built), str(raw))
    found = binary.unpack(f"<{len(values)}I", raw.read_bytes())
    return dict(zip(keys, found, strict=True))


def run(program: str, *arguments: str) -> str:
    """Run a program that the gates need and return what it prints."""
    assert shutil.which(program), f"{program} was not found, so this gate cannot run: install it"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program} failed, so this gate cannot run:\n{done.stderr}"
    return done.stdout


# ---- what may change -----------------------------------------------------------------------------


def compare(old: Abi, new: Abi) -> tuple[list[str], list[str]]:
    """(breaks, additions) in words, each with the name of what changed.

    Legal are new structs, types and constants, and fields appended to a struct that starts with its
    size, if the struct gets longer by them.
    """
    breaks: list[str] = []
    additions: list[str] = []
    for name, before in old.structs.items():
        if name not in new.structs:
            breaks.append(f"struct {name} is gone")
        else:
            _compare_struct(before, new.structs[name], breaks, additions)
    additions += [f"struct {name}" for name in new.structs if name not in old.structs]
    for word, left, right in (
        ("type", old.types, new.types),
        ("constant", old.constants, new.constants),
    ):
        for name, value in left.items():
            if name not in right:
                breaks.append(f"{word} {name} is gone")
            elif right[name] != value and not _version(name):
                breaks.append(f"{word} {name} was {value} and is {right[name]}")
        additions += [f"{word} {name}" for name in right if name not in left]
    return breaks, additions


def _version(name: str) -> bool:
    """Constants that count versions: they are meant to change."""
    return name in ("DVT_ABI_MINOR", "DVT_ABI_VERSION")


def _compare_struct(before: Struct, after: Struct, breaks: list[str], additions: list[str]) -> None:
    name = before.name
    names = [f.name for f in after.fields]
    for i, field in enumerate(before.fields):
        where = f"{name}.{field.name}"
        if field.name not in names:
            breaks.append(f"{where} was removed")
            return
        now = after.fields[i]
        if now.name != field.name:
            known = now.name in [f.name for f in before.fields]
            verb = "changed places with" if known else "was moved by the new"
            breaks.append(f"{where} {verb} {name}.{now.name}; fields are added at the end alone")
            return
        if now.type != field.type:
            breaks.append(f"{where} was of type {field.type} and is of type {now.type}")
        for model in MODELS:
            pair = (field.offset[model], field.size[model])
            other = (now.offset[model], now.size[model])
            if pair != other:
                breaks.append(
                    f"{where} was at offset {pair[0]} with {pair[1]} bytes and is at {other[0]} "
                    f"with {other[1]} ({model})"
                )
    added = names[len(before.fields) :]
    additions += [f"{name}.{one}" for one in added]
    if not added:
        return
    sized = before.fields[0].name == "struct_size" or name in STRIDED
    if name in FROZEN or not sized:
        breaks.append(f"{name}.{added[0]} is new, but {name} never grows: it has no struct_size")
    for model in MODELS:
        first = after.fields[len(before.fields)]
        if first.offset[model] < before.size[model]:
            breaks.append(
                f"{name}.{first.name} lies in what was padding ({model}), so that the struct's "
                f"size does not tell it is there; name the padding reserved and append after it"
            )
