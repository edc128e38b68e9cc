"""dovetail.h in Rust and Zig: everything in it is there, with what the header says about it.

That the text compiles is tested with the projects it belongs to.
"""

import re
from pathlib import Path

import pytest

import dovetail_abi
from dovetail import _abi
from dovetail.errors import DovetailError
from dovetail.new_backend import BINDINGS, bindings
from dovetail.new_backend.header import installed_header, read_header

TEXT = (dovetail_abi.include_dir() / "dovetail.h").read_text(encoding="utf-8")


def rewritten(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """A header that differs from ours."""
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = tmp_path / "dovetail.h"
    path.write_text(text, encoding="utf-8")
    return path


def test_structs_and_layouts_are_those_of_the_compiled_host() -> None:
    """cffi's own idea of a layout against what the C compiler made of the header."""
    records = {one.name: one for one in read_header(installed_header()).records}
    assert {"dvt_plugin", "dvt_graph", "dvt_host", "dvt_stream"} <= set(records)
    assert len(records) > 30
    for name, record in records.items():
        for member in record.members:
            assert member.offset == _abi.ffi.offsetof(name, member.name), (name, member.name)
        if record.members:
            assert record.size == _abi.ffi.sizeof(name), name
    assert not records["dvt_stream"].members, "a handle"


def test_constants_are_those_of_the_compiled_host() -> None:
    read = read_header(installed_header())
    values = {name: value for name, value, _ in read.constants}
    compiled = {name for name in dir(_abi.lib) if name.startswith("DVT_")}
    assert set(values) == compiled and len(compiled) > 60
    assert all(getattr(_abi.lib, name) == value for name, value in values.items())
    signed = {name for name, _, kind in read.constants if kind == "int32_t"}
    assert {"DVT_OK", "DVT_IO"} <= signed and "DVT_BOOL" not in signed


@pytest.mark.parametrize("language", BINDINGS)
def test_nothing_of_the_header_is_missing(language: str) -> None:
    text = bindings(language)
    read = read_header(installed_header())
    for record in read.records:
        assert re.search(rf"\b{record.name}\b.*\{{", text)
        for member in record.members:
            place = rf"{record.name}, \"?{member.name}_?\"?\) == {member.offset}\b"
            assert re.search(place, text), f"{record.name}.{member.name}"
    for name, value, _ in read.constants:
        assert re.search(rf"\b{name}\b.* = {value};", text)
    inline = set(re.findall(r"static inline .*?\b(dvt_\w+)\(", TEXT))
    assert inline and inline <= set(re.findall(r"fn (dvt_\w+)", text))
    assert max(map(len, text.splitlines())) <= 100
    assert "version 1.0" in text.splitlines()[0]


@pytest.mark.parametrize("language", BINDINGS)
def test_what_the_header_says_stands_beside_each_slot(language: str) -> None:
    text = " ".join(re.sub(r"^\s*///", "", bindings(language), flags=re.MULTILINE).split())
    assert "Stream-ordered allocation. Thread: any. Owner: caller, release." in text
    assert "number of axes, 0..64" in text
    assert "---- " not in text.partition("// ---- the inline")[0], (
        "a heading is no comment of a type"
    )


@pytest.mark.parametrize("language", BINDINGS)
def test_a_newer_header_gives_newer_bindings(language: str, tmp_path: Path) -> None:
    newer = rewritten(
        tmp_path,
        ("#define DVT_ABI_MINOR 0\n", "#define DVT_ABI_MINOR 7\n"),
        (
            "} dvt_alias;",
            "    /* What for. */\n"
            "    int32_t (*why)(const dvt_alias_note *const *notes, double weight);\n"
            "} dvt_alias;",
        ),
        (
            "#define DVT_ALIAS_MUST 1",
            "typedef struct dvt_alias_note dvt_alias_note;\n#define DVT_ALIAS_MUST 1",
        ),
    )
    text = bindings(language, newer)
    assert "version 1.7" in text.splitlines()[0]
    assert re.search(r'dvt_alias, "?why"?\) == 16\b', text)
    assert "/// What for." in text
    assert "dvt_alias_note" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("/* </cdef> */", ""), "lacks the markers"),
        (("typedef struct dvt_alias {", "typedef struct dvt_alias ("), "cannot be parsed"),
        (("#define DVT_ABI_MINOR 0\n", ""), "cannot be parsed: it lacks DVT_ABI_MINOR"),
    ],
)
def test_what_is_no_header_is_refused(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DovetailError, match=said):
        read_header(rewritten(tmp_path, change))
