"""Charters and owners pass their checker, which names each kind of mistake."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from workspace import ROOT

CHECKER = ROOT / "sigs" / "check_sigs.py"
CHARTER = """\
---
sig: one
lead: vacant
second: vacant
owns: a/**
chartered: 2020-01-01
review-by: 2999-01-01
---

# one

**Scope.** All.

**Not in scope.** Nothing.

**Decisions.** Lazy.

**Joining.** Ask.
"""
README = "<!-- table: python sigs/check_sigs.py --write -->\n<!-- end of the table -->\n"
REST = CHARTER.replace("sig: one", "sig: rest").replace("a/**", "sigs/**, CODEOWNERS")


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    sys.path.insert(0, str(CHECKER.parent))
    try:
        import check_sigs
    finally:
        sys.path.remove(str(CHECKER.parent))
    return check_sigs


def test_every_charter_passes() -> None:
    command = [sys.executable, str(CHECKER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def findings(repository: Path, checker: ModuleType) -> Callable[..., list[str]]:
    """``findings(text, **files)``: what is said of a tree with this charter and these files."""

    def look(text: str, *files: str, rest: str = REST, write: bool = True) -> list[str]:
        pages = {
            "sigs/one/CHARTER.md": text,
            "sigs/rest/CHARTER.md": rest,
            "sigs/README.md": README,
        }
        for name, content in {**pages, **dict.fromkeys(("a/file", *files), "")}.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return [str(finding) for finding in checker.check(repository, write=write)]

    return look


def test_a_good_tree_passes(findings: Callable[..., list[str]], tmp_path: Path) -> None:
    assert findings(CHARTER) == []
    assert "/a/         @dovetail/one" in (tmp_path / "CODEOWNERS").read_text(encoding="utf-8")
    assert "| [one](one/CHARTER.md) | vacant | `a/**` |" in (
        tmp_path / "sigs" / "README.md"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            CHARTER.replace("lead: vacant\n", ""),
            "header: its keys must be, in this order: sig, lead",
        ),
        (CHARTER.replace("sig: one", "sig: two"), ":2: header: sig must be one, its folder"),
        (CHARTER.replace("lead: vacant", "lead:"), ":3: header: lead is empty; write vacant"),
        (CHARTER.replace("2020-01-01", "soon"), "header: chartered and review-by are dates"),
        (CHARTER.replace("2999-01-01", "2019-01-01"), ":7: header: review-by must come after"),
        (
            CHARTER.replace("2999-01-01", "2020-02-01"),
            ":7: review: its review was due on 2020-02-01",
        ),
        (CHARTER.replace("**Joining.**", "**Join.**"), "body: it has the paragraphs Scope. Not in"),
        (CHARTER.replace("All.", "all " * 400), "body: 4"),
        (CHARTER.replace("a/**", "a/**, b/**"), ":5: owner: b/** matches no file; take it out"),
        (CHARTER.replace("a/**", "a/**, sigs/**"), "owner: one owns sigs/**, too; one of them"),
    ],
)
def test_each_mistake_is_named(findings: Callable[..., list[str]], text: str, says: str) -> None:
    found = findings(text)
    assert any(says in one for one in found), found


def test_a_file_that_is_deleted_needs_no_owner(
    findings: Callable[..., list[str]], tmp_path: Path
) -> None:
    findings(CHARTER, "b/c/file")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    (tmp_path / "b" / "c" / "file").unlink()
    assert findings(CHARTER) == []


def test_a_path_without_owner_is_named(findings: Callable[..., list[str]]) -> None:
    [one] = findings(CHARTER, "b/c/file")
    assert one.startswith("b/c/file:1: owner: b/c has no owner") and "add it to 'owns'" in one


def test_a_plugin_has_one_owner(findings: Callable[..., list[str]]) -> None:
    files = ("plugins/x/y", "plugins/x/z")
    assert findings(CHARTER.replace("a/**", "a/**, plugins/**"), *files) == []
    both = CHARTER.replace("a/**", "a/**, plugins/**")
    [one] = findings(both, *files, rest=REST.replace("CODEOWNERS", "CODEOWNERS, plugins/x/y"))
    assert "plugins/x belongs to one, rest; a folder of plugins/ has one owner" in one


def test_tables_out_of_date_are_named(findings: Callable[..., list[str]]) -> None:
    found = findings(CHARTER, write=False)
    assert {one.split(": ")[1] for one in found} >= {"made"}
    assert any("run python sigs/check_sigs.py --write" in one for one in found)


def test_the_most_specific_pattern_owns(checker: ModuleType) -> None:
    owned = {"core/**": "a", "core/src/random/**": "b", "core/src/r*.py": "c", "core/src/r.py": "d"}
    assert checker.owner("core/x", owned) == "a"
    assert checker.owner("core/src/random/x/y", owned) == "b"
    assert checker.owner("core/src/ra.py", owned) == "c"
    assert checker.owner("core/src/r.py", owned) == "d"
    assert checker.owner("core/src/r/a.py", owned) == "a", "a star stops at a slash"
    assert checker.owner("elsewhere", owned) is None
