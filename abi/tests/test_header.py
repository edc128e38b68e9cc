"""Rules of the header that a compiler does not know."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import cffi
import header
import pytest

FIELDS = [field for fields in header.structs().values() for field in fields]
SLOTS = [
    field
    for field in FIELDS
    if header.is_function_pointer(field.declaration, header.function_types())
]
# Frozen for the major version, so that they need no size: the tensor view has DLPack's layout, in
# which dtype and place are embedded; rows of kernels have their stride published in dvt_plugin.
UNSIZED = {"dvt_tensor", "dvt_dtype", "dvt_place", "dvt_attr", "dvt_kernel_def"}


def macro(name: str) -> str:
    """Return the text of a macro without its comment."""
    [value] = re.findall(rf"^#\s*define\s+{name}\s+([^/\n]+)", header.text(), re.MULTILINE)
    return value.strip()


def declared_version() -> str:
    """Return the version that pyproject.toml declares."""
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]


def test_the_parser_sees_the_header() -> None:
    """Were the parser blind, every rule below would hold."""
    assert {"dvt_plugin", "dvt_tensor", "dvt_kernel_def", "dvt_host"} <= set(header.structs())
    written = re.findall(r"\(\*(\w+)\)\(", header.COMMENT.sub(" ", header.cdef()))
    assert {field.name for field in SLOTS} >= set(written) - header.function_types()
    assert {"run", "prepare"} <= {field.name for field in SLOTS}, "slots declared through a typedef"


def test_cffi_takes_the_marked_part_unchanged() -> None:
    ffi = cffi.FFI()
    ffi.cdef(header.cdef())
    assert ffi.sizeof("dvt_plugin") > 0


def test_the_marked_part_defines_no_function() -> None:
    """A function would have to exist when the core's cffi module is linked."""
    functions = [
        node.name for node in header.declarations() if type(node.type).__name__ == "FuncDecl"
    ]
    assert functions == []


@pytest.mark.parametrize("name", sorted(header.structs().keys() - UNSIZED))
def test_struct_begins_with_size_and_flags(name: str) -> None:
    first = header.structs()[name][:2]
    assert [field.name for field in first] == ["struct_size", "flags"]
    assert [field.declaration.type.names for field in first] == [["uint32_t"], ["uint32_t"]]


def test_the_exceptions_exist() -> None:
    assert header.structs().keys() >= UNSIZED


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.where)
def test_field_has_a_comment(field: header.Field) -> None:
    assert field.comment.strip("/* \n"), f"{field.where} has no comment beside or above it"


@pytest.mark.parametrize("field", SLOTS, ids=lambda field: field.where)
def test_slot_says_thread_owner_and_null(field: header.Field) -> None:
    comment = re.sub(r"\s+(\*\s)?\s*", " ", field.comment)
    missing = [word for word in ("Thread:", "Owner:", "If null:") if word not in comment]
    assert not missing, f"{field.where}: its comment lacks {', '.join(missing)}"
    [thread] = re.findall(r"Thread: ([\w-]+)", comment)
    assert thread in {"any", "per-object", "hot", "may-block"}, field.where


def test_no_type_of_uncertain_size() -> None:
    code = header.COMMENT.sub(" ", header.cdef())
    code = re.sub(r"^#.*$", "", code, flags=re.MULTILINE)
    words = {"bool", "_Bool", "size_t", "long", "short", "enum", "union", "int", "unsigned"}
    assert words.isdisjoint(re.findall(r"\w+", code))
    assert "..." not in code
    assert not re.search(r"\w\s*:\s*\d+\s*;", code), "a bit-field"


def test_version_is_one_integer() -> None:
    major, minor = int(macro("DVT_ABI_MAJOR")), int(macro("DVT_ABI_MINOR"))
    assert int(macro("DVT_ABI_VERSION")) == major * 65536 + minor


def test_distribution_and_header_have_the_same_version() -> None:
    assert declared_version().split(".")[:2] == [macro("DVT_ABI_MAJOR"), macro("DVT_ABI_MINOR")]


def test_installed_version_is_the_one_of_the_tree() -> None:
    assert version("dovetail-abi") == declared_version()
