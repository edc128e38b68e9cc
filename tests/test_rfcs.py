"""The RFCs pass their checker; it names file, line and rule of each kind of mistake."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from workspace import ROOT

CHECKER = ROOT / "rfcs" / "check_rfcs.py"


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    spec = spec_from_file_location("check_rfcs", CHECKER)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["check_rfcs"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_every_rfc_passes() -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


GOOD = """\
---
rfc: 7
title: A thing
status: accepted
kind: api
sig: release
champion: somebody
authors: somebody
created: 2020-01-01
decide-by: 2020-02-01
decided: 2020-01-20
implemented-in:
proof: rfcs/0000-template.md
supersedes:
superseded-by:
---

## Summary

S.

## Motivation

M.

## How a user sees it

```text
## not a heading
```

## Design

[a link](0000-template.md)

## ABI and compatibility

A.

## Cost

C.

## Alternatives

A.

## How we will know

H.

## Open questions

None.
"""


@pytest.fixture
def findings(repository: Path, checker: ModuleType) -> Callable[..., list[str]]:
    """``findings(text, name)``: what the checker says of a tree that holds this one page."""
    (repository / "rfcs").mkdir()
    (repository / "sigs" / "release").mkdir(parents=True)
    (repository / "sigs" / "release" / "CHARTER.md").write_text("")
    shutil.copy(ROOT / "rfcs" / "0000-template.md", repository / "rfcs")
    index = f"{checker.BEGIN}\n{checker.END}\n"
    (repository / "rfcs" / "README.md").write_text(index, encoding="utf-8")

    def look(text: str, name: str = "0007-a-thing.md", write: bool = True) -> list[str]:
        (repository / "rfcs" / name).write_text(text, encoding="utf-8")
        return [str(finding) for finding in checker.check(repository, write=write)]

    return look


def test_a_good_page_passes(findings: Callable[..., list[str]]) -> None:
    assert findings(GOOD) == []


LONG = GOOD.replace("M.", "word " * 1500)
DRAFT = GOOD.replace("accepted", "draft").replace("decided: 2020-01-20", "decided:")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("rfc: 7", "rfc: 8"), "0007-a-thing.md:2: name: 'rfc' must be 7"),
        (GOOD.replace("kind: api\n", ""), "header: its keys must be, in this order: rfc, title"),
        ("no header", "header: its keys must be"),
        (GOOD.replace("accepted", "approved"), ":4: header: status is 'approved'; choose of draft"),
        (GOOD.replace("kind: api", "kind: x"), ":5: header: kind is 'x'; choose of abi"),
        (GOOD.replace("sig: release", "sig: x"), ":6: header: sig is 'x'; choose of release"),
        (GOOD.replace("champion: somebody", "champion:"), ":7: status: status 'accepted' needs"),
        (GOOD.replace("champion: somebody", "champion: @name"), ":7: status: champion is the"),
        (GOOD.replace("decided: 2020-01-20", "decided:"), ":11: status: status 'accepted' needs"),
        (GOOD.replace("accepted", "implemented"), "status 'implemented' needs 'implemented-in'"),
        (GOOD.replace("accepted", "superseded"), "status 'superseded' needs 'superseded-by'"),
        (
            GOOD.replace("accepted", "draft").replace("2020-02-01", "2999-02-01"),
            ":11: status: status 'draft' with 'decided': empty it",
        ),
        (
            GOOD.replace("2020-01-20", "January"),
            ":11: dates: decided is 'January'; write 2026-11-24",
        ),
        (GOOD.replace("2020-02-01", "2020-01-10"), ":10: dates: decide-by must be 14 days after"),
        (GOOD.replace("accepted", "implemented").replace("by:\n---", "by: 7\n---"), "empty it, or"),
        (GOOD.replace("by:\n---", "by: 7\n---"), ":15: status: status 'accepted' with 'superseded"),
        (DRAFT.replace("by:\n---", "by: 7\n---"), ":15: status: status 'draft' with 'superseded"),
        (
            GOOD.replace("## not a", "[a](gone.md)\n## not a").replace("H.", ""),
            "'How we will know'",
        ),
        (GOOD.replace("2020-01-20", "2019-12-31"), ":11: dates: it was decided before"),
        (DRAFT, ":10: overdue: it was to be decided by 2020-02-01; somebody decides, or sets"),
        (GOOD.replace("## Cost\n", "## Price\n"), "sections: its headings must be, in this order"),
        (GOOD.replace("C.", ""), "sections: 'Cost' is empty; write at least why"),
        (LONG, "length: 15"),
        (
            GOOD.replace("proof: rfcs/0000-template.md", "proof: tests/x.py"),
            ":13: proof: tests/x.py",
        ),
        (
            GOOD.replace("(0000-template.md)", "(0000-gone.md)"),
            ":34: links: 0000-gone.md is not there",
        ),
        (
            GOOD.replace("supersedes:", "supersedes: 0003"),
            ":14: supersession: supersedes: there is no",
        ),
        (GOOD.replace("superseded-by:", "superseded-by: 7"), "0007-a-thing.md must say supersedes"),
    ],
)
def test_each_mistake_is_named(findings: Callable[..., list[str]], text: str, says: str) -> None:
    found = findings(text)
    assert any(says in one for one in found), found


def test_a_page_is_named_by_number_and_words(findings: Callable[..., list[str]]) -> None:
    assert "call the file 0012-some-words.md" in findings(GOOD, "thing.md")[0]


def test_a_number_is_used_once(findings: Callable[..., list[str]]) -> None:
    findings(GOOD)
    [one] = findings(GOOD, "0007-another.md")
    assert one.startswith("rfcs/0007-another.md:1: numbers: 0007-a-thing.md has this number")


def test_people_have_time_to_answer(findings: Callable[..., list[str]]) -> None:
    hasty = GOOD.replace("2020-01-20", "2020-01-14")
    assert findings(hasty.replace("rfc: 7", "rfc: 14"), "0014-a-founding-one.md") == []
    [one] = findings(hasty.replace("rfc: 7", "rfc: 15"), "0015-a-later-one.md")
    assert one.startswith("rfcs/0015-a-later-one.md:11: dates: people have 14 days after created")
    assert findings(GOOD.replace("rfc: 7", "rfc: 15"), "0015-a-later-one.md") == []


def test_an_index_that_is_out_of_date_is_named(findings: Callable[..., list[str]]) -> None:
    [one] = findings(GOOD, write=False)
    assert one.startswith(
        "rfcs/README.md:1: made: it is out of date; run python rfcs/check_rfcs.py"
    )


def test_a_draft_in_time_is_left_alone(findings: Callable[..., list[str]]) -> None:
    assert findings(DRAFT.replace("2020-02-01", "2999-02-01")) == []


def test_links_in_code_are_not_links(findings: Callable[..., list[str]]) -> None:
    assert findings(GOOD.replace("H.", "`[x](y)` and `a`")) == []
    assert findings(GOOD.replace("H.", "```text\n[x](y)\n```")) == []


def test_the_command_writes_the_next_page(tmp_path: Path, checker: ModuleType) -> None:
    shutil.copytree(ROOT / "rfcs", tmp_path / "rfcs")
    shutil.copytree(ROOT / "sigs", tmp_path / "sigs")
    inside = tmp_path / "rfcs"
    command = [
        sys.executable,
        "-m",
        "dovetail",
        "rfc",
        "new",
        "  Types of 4 bits: \\1 & more ",
        "--sig",
    ]
    done = subprocess.run(
        [*command, "release"], cwd=inside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = max(path.name[:4] for path in (ROOT / "rfcs").glob("[0-9]*.md"))
    page = inside / f"{int(last) + 1:04d}-types-of-4-bits-1-more.md"
    assert page.name in done.stdout
    made = checker.read(page)
    assert made.fields["title"] == r"Types of 4 bits: \1 & more" and made.fields["sig"] == "release"
    left = {
        str(finding).split(": ")[1] for rule in checker.RULES for finding in rule(made, tmp_path)
    }
    assert left == {"sections", "status"}, "what is left is what its author writes"
    refused = subprocess.run(
        [*command, "nobody"], cwd=inside, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1 and "there is no SIG 'nobody'" in refused.stderr
    unknown = [*command, "release", "--kind", "feature"]
    refused = subprocess.run(unknown, cwd=inside, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "invalid choice: 'feature'" in refused.stderr


def test_the_command_wants_a_repository(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dovetail", "rfc", "new", "Title"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "run this inside a clone of the repository" in done.stderr
