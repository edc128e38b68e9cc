"""RFCs keep the form that rfcs/README.md gives: header, headings, dates, proof."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from workspace import ROOT, short, tracked

TEMPLATE = ROOT / "rfcs" / "0000-template.md"
RFCS = [p for p in tracked() if p.parent == TEMPLATE.parent and re.match(r"\d{4}-", p.name)]
WRITTEN = [path for path in RFCS if path != TEMPLATE]
STATUS = {"draft", "accepted", "implemented", "rejected", "withdrawn", "superseded"}
KINDS = {"abi", "api", "process", "informational"}


def header(path: Path) -> dict[str, str]:
    """Return the header's keys and values, comments left out."""
    _, text, _ = path.read_text(encoding="utf-8").split("---\n", 2)
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: re.sub(r"(^|\s)#.*", "", value).strip() for key, _, value in pairs}


def headings(path: Path) -> list[str]:
    """Return the titles of the second level."""
    return re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_rfcs() -> None:
    assert TEMPLATE in RFCS
    assert WRITTEN
    numbers = [path.name[:4] for path in RFCS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("path", WRITTEN, ids=short)
def test_header(path: Path) -> None:
    found = header(path)
    assert list(found) == list(header(TEMPLATE)), "the template's keys, in its order"
    assert int(found["rfc"]) == int(path.name[:4])
    assert found["status"] in STATUS
    assert found["kind"] in KINDS
    assert (ROOT / "sigs" / found["sig"] / "CHARTER.md").is_file(), "a SIG with a charter"
    assert found["champion"]
    assert found["authors"]
    asked = date.fromisoformat(found["created"])
    assert date.fromisoformat(found["decide-by"]) >= asked + timedelta(days=14)
    if found["status"] in ("accepted", "implemented", "rejected", "superseded"):
        assert date.fromisoformat(found["decided"]) >= asked
    if found["status"] == "implemented":
        assert found["implemented-in"]
        assert found["proof"]


@pytest.mark.parametrize("path", WRITTEN, ids=short)
def test_headings_are_the_templates(path: Path) -> None:
    assert headings(path) == headings(TEMPLATE)


@pytest.mark.parametrize("path", WRITTEN, ids=short)
def test_every_proof_exists(path: Path) -> None:
    named = [one.strip() for one in header(path)["proof"].split(",") if one.strip()]
    assert not [one for one in named if not (ROOT / one).exists()]


@pytest.mark.parametrize("path", WRITTEN, ids=short)
def test_supersession_is_named_on_both_sides(path: Path) -> None:
    for key, back in (("supersedes", "superseded-by"), ("superseded-by", "supersedes")):
        other = header(path)[key]
        if other:
            [there] = [one for one in WRITTEN if one.name.startswith(other[:4])]
            assert header(there)[back][:4] == path.name[:4]
