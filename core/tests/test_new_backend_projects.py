"""What ``dovetail new-backend`` writes, as its maker goes on: packaged, installed, tested.

`tox -e templates` brings the tools; elsewhere what lacks its tool is skipped.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from dovetail.new_backend import LANGUAGES, create

PROJECTS = [(language, "kernel") for language in LANGUAGES] + [("c", "accelerator")]
WORDS = ["q", "my_chip", "chip_" + 27 * "x"]
CARGO = Path.home() / ".cargo" / "bin"
ROOT = Path(__file__).parents[2]


def tool(name: str, module: str) -> list[str]:
    """The command of a tool that comes as a Python package."""
    if find_spec(module) is None:
        pytest.skip(f"{name} is not installed: `tox -e templates` has it")
    found = Path(sys.executable).with_name(name)
    return [str(found)] if found.is_file() else [sys.executable, "-m", module]


def in_rust(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(CARGO))
    if found is None:
        pytest.skip(f"{name} is not installed: https://rustup.rs")
    return found


def need_compiler(language: str) -> None:
    if language == "rust":
        in_rust("cargo")
    elif language == "zig" and find_spec("ziglang") is None:
        pytest.skip("the Python package ziglang is not installed: `tox -e templates` has it")


def done(command: list[str], folder: Path, **variables: str) -> str:
    """Run a command, which must succeed; what it printed."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize(("language", "template"), PROJECTS)
def test_a_project_is_built_installed_and_passes_its_own_tests(
    language: str, template: str, tmp_path: Path
) -> None:
    """A wheel for every Python of the platform; the tests run against it alone."""
    for needed in ("scikit_build_core", "pip"):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed: `tox -e templates` has it")
    need_compiler(language)
    word = "sea_slug"
    folder = create(word, language=language, template=template, folder=tmp_path / "project")
    before = sorted(folder.rglob("*"))
    pip = [sys.executable, "-m", "pip"]
    # --no-deps: Dovetail itself is here already, and nothing is asked of a network.
    wheel_of = [*pip, "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    done([*wheel_of, "--wheel-dir", str(tmp_path / "dist"), str(folder)], tmp_path)
    assert sorted(folder.rglob("*")) == before, "building leaves nothing in the sources"
    [wheel] = (tmp_path / "dist").glob("dovetail_sea_slug-0.1.0-py3-none-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith("dovetail_sea_slug-")}
    package = {"__init__.py", "dovetail-backend.toml", "libdovetail_sea_slug.so", "py.typed"}
    assert names <= {f"dovetail_sea_slug/{name}" for name in package}
    assert "dovetail_sea_slug/libdovetail_sea_slug.so" in names
    site = tmp_path / "site"
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    done([*install, str(wheel)], tmp_path)
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    variables = {"PYTHONPATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = done([sys.executable, "-m", "dovetail", "plugins"], tmp_path, **variables)
    [row] = [line for line in said.splitlines() if line.startswith("sea_slug ")]
    assert row.split()[1:3] == ["dovetail-sea-slug", "0.1.0"] and "ready" in row
    # An installed Dovetail brings the options of its suite; a tree of sources is told where.
    known = any(one.value == "_dovetail_pytest" for one in entry_points(group="pytest11"))
    options = [] if known else ["-p", "_dovetail_pytest"]
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    said = done([*suite, str(folder / "tests")], tmp_path, **variables)
    assert " passed" in said and "skipped" not in said


@pytest.mark.parametrize(("language", "template"), PROJECTS)
@pytest.mark.parametrize("word", WORDS)
def test_python_is_formatted_whatever_the_word(
    word: str, language: str, template: str, tmp_path: Path
) -> None:
    ruff = tool("ruff", "ruff")
    folder = create(word, language=language, template=template, folder=tmp_path / "project")
    done([*ruff, "check", "--no-cache", "."], folder)
    done([*ruff, "format", "--no-cache", "--check", "."], folder)


@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize("word", WORDS)
def test_c_is_formatted_whatever_the_word(word: str, language: str, tmp_path: Path) -> None:
    clang_format = tool("clang-format", "clang_format")
    folder = create(word, language=language, folder=tmp_path / "project")
    style = (ROOT / ".clang-format").read_text(encoding="utf-8")
    assert "Language: C\n" in style
    if language == "cpp":
        style = style.replace("Language: C\n", "Language: Cpp\n")
    (folder / ".clang-format").write_text(style, encoding="utf-8")
    sources = [str(path) for path in (folder / "csrc").iterdir() if path.suffix != ".map"]
    done([*clang_format, "--dry-run", "-Werror", *sources], folder)


@pytest.mark.parametrize("word", WORDS)
def test_rust_is_formatted_whatever_the_word(word: str, tmp_path: Path) -> None:
    rustfmt = in_rust("rustfmt")
    folder = create(word, language="rust", folder=tmp_path / "project")
    done([rustfmt, "--check", "--edition", "2021", "src/lib.rs"], folder)


@pytest.mark.parametrize("word", WORDS)
def test_zig_is_formatted_whatever_the_word(word: str, tmp_path: Path) -> None:
    need_compiler("zig")
    folder = create(word, language="zig", folder=tmp_path / "project")
    done([sys.executable, "-m", "ziglang", "fmt", "--check", "src"], folder)


def test_every_declaration_in_zig_compiles(tmp_path: Path) -> None:
    """Zig looks at what is used; the file's own test uses all of it."""
    need_compiler("zig")
    folder = create("chip", language="zig", folder=tmp_path / "project")
    done([sys.executable, "-m", "ziglang", "test", "src/dovetail.zig"], folder)
