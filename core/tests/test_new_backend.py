"""``dovetail new-backend``: the words and folders it refuses, and the text of what it writes.

`test_new_backend_languages.py` compiles and uses it, `test_new_backend_projects.py` packages it.
"""

import doctest
import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail.cli import main
from dovetail.errors import DovetailError
from dovetail.new_backend import LANGUAGES, create
from dovetail.new_backend.names import check_word
from dovetail.new_backend.rendering import project

HELLO = Path(__file__).parents[2] / "plugins" / "hello" / "csrc" / "hello.c"
LONGEST = "chip_" + 27 * "x"
CODE = (".c", ".h", ".cpp", ".py", ".rs", ".zig", ".toml")


# ---- the word ------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["a", "mychip", "my_chip", "npu2", LONGEST])
def test_a_device_word_is_taken(word: str) -> None:
    check_word(word)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("", "is no device word"),
        ("3d", "is no device word"),
        ("My-Chip", 'device="my_chip:0"'),
        ("a" * 33, "1 to 32 of the characters"),
        ("çip", "is no device word"),
        ("a/b", 'device="a_b:0"'),
        ("chip\n", "is no device word"),
        ("a__b", "write 'a_b'"),
        ("chip_", "write 'chip'"),
        ("cpu", "the built-in device"),
        ("abi", "the header's distribution"),
    ],
)
def test_a_word_that_cannot_be_is_refused(word: str, said: str) -> None:
    with pytest.raises(DovetailError, match=re.escape(said)):
        check_word(word)


def test_a_word_that_somebody_has_is_refused(
    install: Callable[..., Path], look_again: Callable[..., None]
) -> None:
    install("taken", manifest="not even toml", distribution="dovetail-other")
    look_again()
    with pytest.raises(DovetailError, match="'taken' is there already, from dovetail-other"):
        check_word("taken")
    install("kernels", entry="")
    with pytest.raises(DovetailError, match="dovetail-kernels is installed here already, though"):
        check_word("kernels")


# ---- what is refused -----------------------------------------------------------------------------


def test_refusals_are_sentences_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    refused = {
        "new-backend": "needs a device word",
        "new-backend chip --lang go": "no template in 'go'; there are c, cpp, rust, zig",
        "new-backend chip --template gpu": "no template 'gpu'; there are kernel, accelerator",
        "new-backend chip --template accelerator --lang zig": "written in C, not in zig",
        "new-backend chip --out full": "the folder full is not empty",
        "new-backend chip --out file": "file is a file; name a folder",
        "new-backend chip --out file/chip": "cannot be written",
        "new-backend chip --header dovetail.h": "--header belongs to --bindings",
        "new-backend chip --bindings rust": "leave NAME out",
        "new-backend --bindings go": "no bindings in 'go'; there are rust, zig",
        "new-backend --bindings rust --header file": "file is no dovetail.h",
        "new-backend --bindings rust --header nowhere": "nowhere cannot be read",
    }
    for command, said in refused.items():
        assert main(command.split()) == 1, command
        told = capsys.readouterr()
        assert told.out == "" and said in told.err, command
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "thesis.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    assert main(["new-backend", "my_chip", "--out", str(folder)]) == 0
    assert "csrc/my_chip.c is the one to read" in capsys.readouterr().out
    assert (folder / "csrc" / "my_chip.c").is_file()


def test_the_folder_is_named_after_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert create("my_chip") == Path("dovetail-my-chip")
    assert (tmp_path / "dovetail-my-chip" / "pyproject.toml").is_file()


# ---- what is written -----------------------------------------------------------------------------

PROJECTS = [(language, "kernel") for language in LANGUAGES] + [("c", "accelerator")]


@pytest.mark.parametrize(("language", "template"), PROJECTS)
@pytest.mark.parametrize("word", ["q", "my_chip", LONGEST])
def test_the_word_is_everywhere_and_the_placeholder_nowhere(
    language: str, template: str, word: str
) -> None:
    files = project(word, language, template)
    left = re.compile("acme" if template == "kernel" else "acme|accelerator", re.IGNORECASE)
    for name, text in files.items():
        # The page names the other template; the header has an example with a vendor's name.
        if name not in ("README.md", "src/dovetail.rs", "src/dovetail.zig"):
            assert not left.search(name + text), name
        if template == "kernel" and name.endswith(CODE):
            long = [line for line in text.splitlines() if len(line) > 100]
            assert not long, f"{name} with a word of {len(word)} letters"
        assert text.endswith("\n") or not text, name
        assert not re.search(r"[ \t]$", text, re.MULTILINE), name
    needed = {"README.md", "LICENSE", ".gitignore", "CMakeLists.txt", f"tests/test_{word}.py"}
    assert needed <= set(files)
    table = tomllib.loads(files["pyproject.toml"])
    assert table["project"]["name"] == f"dovetail-{word.replace('_', '-')}"
    assert table["project"]["entry-points"]["dovetail.backends"] == {word: f"dovetail_{word}"}
    manifest = tomllib.loads(files[f"src/dovetail_{word}/dovetail-backend.toml"])
    assert manifest["name"] == word
    assert [one["file"] for one in manifest["libraries"]] == [f"libdovetail_{word}.so"]
    assert f"src/dovetail_{word}/__init__.py" in files
    for name in (n for n in files if n.endswith(".py")):
        compile(files[name], name, "exec")


def test_the_project_in_c_is_the_plugin_hello() -> None:
    written = project("hello")["csrc/hello.c"]
    assert written == HELLO.read_text(encoding="utf-8"), "change template and hello together"
    code = [line for line in written.splitlines() if line.strip(" };")]
    assert len(code) <= 27, "one comment, and about 25 lines that say something"


def test_links_of_a_page_lead_to_files_of_the_project() -> None:
    for language, template in PROJECTS:
        files = project("chip", language, template)
        for link in re.findall(r"\]\(([^)#]+)\)", files["README.md"]):
            assert link in files or re.match("https?:", link), (language, template, link)


@pytest.mark.parametrize("module", ["names", "header", "rust_bindings", "zig_bindings"])
def test_examples_in_the_code_are_right(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"dovetail.new_backend.{module}"))
    assert found.attempted and not found.failed
