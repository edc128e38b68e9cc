"""The header compiles by itself, as C and as C++, without a warning and without padding."""

import shutil
import subprocess
from pathlib import Path

import pytest

import dovetail_abi

INCLUDE = dovetail_abi.include_dir()
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]

# The smallest program that uses every part of the header that is code.
PROGRAM = """\
#include "dovetail.h"
const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, (uint32_t)DVT_ABI_VERSION, error);
    return (const dvt_plugin *)DVT_NULL;
}
"""

PACKAGES = {"gcc": "gcc", "g++": "g++", "clang": "clang", "clang++": "clang"}


def compile_text(tmp_path: Path, compiler: str, language: str, options: list[str]) -> str:
    """Return what the compiler says about PROGRAM; nothing when it is content."""
    if shutil.which(compiler) is None:
        package = PACKAGES[compiler]
        pytest.fail(f"{compiler} was not found: 'apt install {package}' or 'dnf install {package}'")
    source = tmp_path / "program"
    source.write_text(PROGRAM, encoding="utf-8")
    command = [compiler, "-x", language, *STRICT, *options, f"-I{INCLUDE}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


# clang is checked where it is installed; gcc must be.
C_COMPILERS = ["gcc"] + (["clang"] if shutil.which("clang") else [])
CXX_COMPILERS = ["g++"] + (["clang++"] if shutil.which("clang++") else [])


@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
@pytest.mark.parametrize("compiler", C_COMPILERS)
def test_compiles_as_c(tmp_path: Path, compiler: str, standard: str) -> None:
    assert compile_text(tmp_path, compiler, "c", [f"-std={standard}"]) == ""


@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", CXX_COMPILERS)
def test_compiles_as_cxx(tmp_path: Path, compiler: str, standard: str) -> None:
    assert compile_text(tmp_path, compiler, "c++", [f"-std={standard}"]) == ""


@pytest.mark.parametrize("compiler", C_COMPILERS)
def test_compiles_without_a_c_library(tmp_path: Path, compiler: str) -> None:
    assert compile_text(tmp_path, compiler, "c", ["-std=c99", "-ffreestanding"]) == ""


@pytest.mark.parametrize("compiler", C_COMPILERS)
def test_no_struct_has_hidden_padding(tmp_path: Path, compiler: str) -> None:
    assert compile_text(tmp_path, compiler, "c", ["-std=c99", "-Wpadded"]) == ""


def test_the_compiler_would_complain(tmp_path: Path) -> None:
    """The options above do reject what they are meant to reject."""
    hole = "struct hole { char c; long l; };\n"
    source = tmp_path / "hole.c"
    source.write_text(hole, encoding="utf-8")
    command = ["gcc", *STRICT, "-std=c99", "-Wpadded", str(source)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
