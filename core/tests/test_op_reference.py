"""The committed op reference is what the records say."""

import runpy
from pathlib import Path

import pytest

from dovetail.op import REGISTRY

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(str(DOCS / "make_ops.py"))["pages"]()
    return made


def test_the_pages_are_what_the_records_say(pages: dict[str, str]) -> None:
    committed = {p.name: p.read_text(encoding="utf-8") for p in (DOCS / "ops").glob("*.md")}
    stale = {
        name for name in pages.keys() | committed.keys() if pages.get(name) != committed.get(name)
    }
    assert not stale, f"python core/docs/make_ops.py; other than the records: {sorted(stale)}"


def test_every_op_has_a_section_with_its_facts(pages: dict[str, str]) -> None:
    for name, op in REGISTRY.items():
        (page,) = (text for text in pages.values() if f"\n## {name}\n" in text)
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert f"`{name}({op.signature})`" in section
        for fact in ("| gradient |", "| vmap |", "| kernels |", "| tolerance in ulp |", ">>> "):
            assert fact in section, f"{name} has no {fact}"
        for attribute in op.attributes:
            assert f"`{attribute}" in section
        assert f"#{name})" in pages["index.md"]
