"""What ``dovetail new-backend`` writes, compiled as its page says and used, in every language.

A C and a C++ compiler must be there; Rust and Zig are skipped where theirs is not.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi
from dovetail._abi import ffi
from dovetail.devices import device, kernel_rows, load
from dovetail.new_backend import LANGUAGES, create
from dovetail.op import REGISTRY
from dovetail.testing.conformance import Conformance

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
ZIG_CACHE = str(Path.home() / ".cache" / "zig")  # where it is anyway: its own library, compiled


def find_tool(language: str) -> str:
    """The folder of a language's compiler; without C or C++ the test fails, others are skipped."""
    if language in ("c", "cpp"):
        name = {"c": "gcc", "cpp": "g++"}[language]
        found = shutil.which(name)
        if found is None:
            pytest.fail(f"{name} was not found: 'apt install {name}' or 'dnf install {name}'")
        return str(Path(found).parent)
    if language == "rust":
        path = os.pathsep.join([os.environ.get("PATH", ""), str(Path.home() / ".cargo" / "bin")])
        found = shutil.which("cargo", path=path)
        if found is None:
            pytest.skip("cargo is not installed: https://rustup.rs")
        return str(Path(found).parent)
    if find_spec("ziglang") is None:
        pytest.skip("the Python package ziglang is not installed")
    return ""


@dataclass(frozen=True)
class Made:
    """A project and the library that the commands of its page built."""

    word: str
    language: str
    folder: Path
    library: Path
    said: str


def build_as_the_page_says(folder: Path, language: str, programs: Path) -> tuple[Path, str]:
    """Run the shell block that needs no packaging; the library it names and what it printed."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [block] = [one for one in blocks if "DOVETAIL_BACKENDS=" in one]
    programs.mkdir()
    for name, words in (("python", ""), ("dovetail", "-m dovetail ")):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        script.chmod(0o755)
    path = os.pathsep.join([str(programs), find_tool(language), os.environ["PATH"]])
    cache = {"XDG_CACHE_HOME": str(programs / "cache"), "ZIG_GLOBAL_CACHE_DIR": ZIG_CACHE}
    done = subprocess.run(
        ["sh", "-eu", "-c", block],
        cwd=folder,
        env=os.environ | cache | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [library] = re.findall(r"DOVETAIL_BACKENDS=\$PWD/(\S+)", block)
    return folder / library, done.stdout


@pytest.fixture(scope="module", params=LANGUAGES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    language = request.param
    find_tool(language)
    word = f"made_in_{language}"
    base = tmp_path_factory.mktemp(word)
    folder = create(word, language=language, folder=base / "project")
    library, said = build_as_the_page_says(folder, language, base / "programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(base / "cache"))
        load(library)
        yield Made(word, language, folder, library, said)


def test_the_command_of_the_page_lists_it(made: Made) -> None:
    [row] = [line for line in made.said.splitlines() if line.startswith(f"{made.word} ")]
    assert row.split()[-1] == "ready" and "1.0 (1.0)" in row
    assert "ops: add" in made.said


def test_it_exports_one_symbol(made: Made) -> None:
    if shutil.which("nm") is None:
        pytest.fail("nm was not found: 'apt install binutils' or 'dnf install binutils'")
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", str(made.library)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[-1] for line in listing.stdout.splitlines()] == ["dvt_plugin_query"]


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0,)])
def test_it_adds(made: Made, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(3)
    left, right = random.standard_normal((2, *shape)).astype(np.float32)
    total = dt.asarray(left, device=made.word) + dt.asarray(right, device=made.word)
    assert total.device is device(made.word)
    np.testing.assert_array_equal(np.asarray(total), np.asarray(left + right))


def test_it_conforms(made: Made) -> None:
    found = Conformance(made.word)
    add = REGISTRY["add"]
    assert found.samples(add) and found.layouts(add) and found.large(add)
    assert found.findings["add"].runs_as == {"kernel"}
    assert found.findings["add"].worst == {"float32": 0.0}


def test_the_python_of_the_page_runs(made: Made) -> None:
    page = (made.folder / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", block],
        env=os.environ | {"DOVETAIL_BACKENDS": str(made.library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[2.0, 4.0]\n", done.stderr


def query(library: Path, low: int, high: int, error: Any) -> Any:
    address = ctypes.cast(ctypes.CDLL(str(library)).dvt_plugin_query, ctypes.c_void_p).value
    kind = "const dvt_plugin *(*)(uint32_t, uint32_t, const dvt_host *, dvt_error *)"
    return ffi.cast(kind, address)(low, high, ffi.NULL, error)


def new_error(size: int) -> Any:
    error = ffi.new("dvt_error *")
    error.struct_size = size
    return error


def test_it_refuses_hosts_of_other_versions(made: Made) -> None:
    for low, high in ((65536, 65536), (65536, 65540), (65536, 3 * 65536)):
        error = new_error(ffi.sizeof("dvt_error"))
        assert ffi.string(query(made.library, low, high, error).name).decode() == made.word
        assert error.code == 0
    for low, high in ((0, 65535), (2 * 65536, 2 * 65536)):
        error = new_error(ffi.sizeof("dvt_error"))
        assert query(made.library, low, high, error) == ffi.NULL
        assert error.code == -6
        assert b"another dovetail ABI version" in ffi.string(error.message)


@pytest.mark.parametrize(
    ("language", "command"), [("c", "gcc -std=c99 -x c"), ("cpp", "g++ -std=c++20")]
)
def test_the_source_has_no_warnings(language: str, command: str, tmp_path: Path) -> None:
    find_tool(language)
    folder = create("chip", language=language, folder=tmp_path / "project")
    # The project's CMakeLists.txt leaves this one out: zero means "default" in every table.
    words = ["-Wno-missing-field-initializers"] if language == "cpp" else []
    done = subprocess.run(
        [
            *command.split(),
            *STRICT,
            *words,
            f"-I{dovetail_abi.include_dir()}",
            *map(str, (folder / "csrc").glob("*.c*")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# ---- it fails, as kernels may --------------------------------------------------------------------

WORDS = "the adder is on fire, née feu"
# What is changed in the source of a project, so that its kernel fails.
FAILURES = {
    "c": [("    return DVT_OK;", f'    return dvt_set_error(error, DVT_INTERNAL, "{WORDS}");')],
    "cpp": [
        ("    kernel(*call);", f'    kernel(*call);\n    throw std::runtime_error("{WORDS}");')
    ],
    "rust": [("    Ok(())\n}\n\nunsafe", f'    panic!("{WORDS}")\n}}\n\nunsafe')],
    "zig": [
        ("_: [*c]dvt.dvt_error) callconv", "failure: [*c]dvt.dvt_error) callconv"),
        ("return dvt.DVT_OK;", f'return dvt.dvt_set_error(failure, dvt.DVT_INTERNAL, "{WORDS}");'),
    ],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failure_in_a_kernel_is_an_error_with_its_text(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Returned, thrown or panicked: it does not cross the border, whatever the error's size."""
    find_tool(language)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    word = f"fails_in_{language}"
    folder = create(word, language=language, folder=tmp_path / "project")
    names = {"rust": "src/lib.rs", "zig": f"src/{word}.zig"}
    source = folder / names.get(language, f"csrc/{word}.{language}")
    text = source.read_text(encoding="utf-8")
    for old, new in FAILURES[language]:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    source.write_text(text, encoding="utf-8")
    library, _ = build_as_the_page_says(folder, language, tmp_path / "programs")
    load(library)
    x = dt.asarray([1.0, 2.0], dtype=dt.float32, device=word)
    with pytest.raises(dt.DeviceError, match=f"add on {word}:0: .*{WORDS}"):
        x + x
    run = query(library, 65536, 65536, new_error(512)).kernels[0].run
    call, keep = call_of_one_element()
    whole = run_into(run, call, ffi.sizeof("dvt_error"))
    assert whole.endswith(WORDS)
    end = 33 + len(whole.encode())
    for size in (*range(32, 36), *range(end - 10, end + 2)):  # both sides of each byte of the é
        expected = whole.encode()[: max(size - 33, 0)].decode("utf-8", "ignore")
        assert run_into(run, call, size) == expected, size
    del keep


def call_of_one_element() -> tuple[Any, list[Any]]:
    data, extent = ffi.new("float[1]", [1.0]), ffi.new("int64_t[1]", [1])
    tensor = ffi.new("dvt_tensor *", {"data": data, "ndim": 1, "shape": extent, "strides": extent})
    tensor.dtype = {"code": 2, "bits": 32, "lanes": 1}
    several = ffi.new("const dvt_tensor *[2]", [tensor, tensor])
    call = ffi.new("dvt_call *", {"struct_size": ffi.sizeof("dvt_call")})
    call.inputs = call.outputs = several
    call.n_inputs, call.n_outputs = 2, 1
    return call, [data, extent, tensor, several]


def run_into(run: Any, call: Any, size: int) -> str:
    """The text that a failing kernel leaves in an error of a size, and nothing behind it."""
    error = new_error(size)
    ffi.buffer(error.message)[:] = b"\xff" * len(error.message)
    assert run(call, error) == -3 and error.code == -3
    written = bytes(ffi.buffer(error.message))
    assert set(written[max(size - 32, 0) :]) <= {0xFF}
    return written.partition(b"\0")[0].decode() if size > 32 else ""


# ---- the accelerator, and the bindings -----------------------------------------------------------


def test_the_accelerator_compiles_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does is tested where it is written; here its word changes, and it still works."""
    find_tool("c")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = create("sea_star", template="accelerator", folder=tmp_path / "project")
    library, said = build_as_the_page_says(folder, "c", tmp_path / "programs")
    assert any(line.startswith("sea_star ") for line in said.splitlines())
    one = load(library)
    assert not one.host_visible and one.has_graph
    found = Conformance("sea_star")
    for name in ("add", "matmul", "sum"):
        assert name in kernel_rows(one)
        assert found.samples(REGISTRY[name])


@pytest.mark.parametrize("language", ["rust", "zig"])
def test_a_layout_that_is_not_the_headers_does_not_compile(language: str, tmp_path: Path) -> None:
    tool = find_tool(language)
    folder = create("chip", language=language, folder=tmp_path / "project")
    [path] = folder.glob("src/dovetail.*")
    text = path.read_text(encoding="utf-8")
    fields = re.findall(r"    (?:pub )?priority: i32(?: = 0)?,\n", text)
    assert len(set(fields)) == 1
    path.write_text(text.replace(fields[0], fields[0].replace("i32", "i64")), encoding="utf-8")
    command = {
        "rust": [f"{tool}/cargo", "check", "--offline"],
        "zig": [sys.executable, "-m", "ziglang", "build-lib", "src/chip.zig", "-fno-emit-bin"],
    }[language]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": ZIG_CACHE}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "assert" in done.stderr, done.stderr
    assert "dvt_kernel_def" in done.stderr
