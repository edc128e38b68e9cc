"""Documents are tests: each python block runs, each C block is compiled code, links lead somewhere.

A block is left out only where the document says so, with a reason, in the line above it:
<!-- skip: next "needs the plugin cuda" -->
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from workspace import ROOT, short, tracked

BLOCK = re.compile(r"^[ \t]*```python\b", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^([ \t]*)(```+|~~~+).*?^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"<!--+\s*skip:\s*(.*?)\s*--+>")


LINKED = [path for path in tracked() if path.suffix == ".md"]
RUN = [path for path in LINKED if path.name in ("README.md", "ARCHITECTURE.md")]
RUN += [path for path in LINKED if {"docs", "rfcs"} & set(path.relative_to(ROOT).parts)]
# The pages of templates speak of a device that is not there before a project is written and built;
# core/tests/test_new_backend.py runs their python blocks then.
RUN = [path for path in RUN if "templates" not in path.relative_to(ROOT).parts]


def test_the_first_pages_are_there() -> None:
    assert {"README.md", "ARCHITECTURE.md", "core/docs/settings.md"} <= set(map(short, RUN))
    assert any(BLOCK.search(path.read_text(encoding="utf-8")) for path in RUN)


@pytest.mark.parametrize("path", RUN, ids=short)
def test_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DOVETAIL_DISABLE", "DOVETAIL_BACKENDS", "DOVETAIL_FALLBACK"):
        monkeypatch.setenv(name, "")  # so that what a page sets is taken back
        monkeypatch.delenv(name)
    sybil = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], path=str(path.parent))
    document = sybil.parse(path)
    for example in document.examples():
        try:
            example.evaluate()
        except Exception as failure:
            skipped = type(failure).__name__ in ("SkipTest", "Skipped")
            if not skipped:
                raise AssertionError(f"{short(path)}:{example.line}: {failure!r}") from failure


FIGURES = [path for path in tracked() if path.match("docs/figures/*.py")]


@pytest.mark.parametrize("script", FIGURES, ids=short)
def test_a_figure_is_what_its_script_draws(script: Path) -> None:
    command = [sys.executable, str(script)]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    committed = script.with_suffix(".svg").read_text(encoding="utf-8")
    assert drawn == committed, f"python {short(script)} > {short(script.with_suffix('.svg'))}"


def test_every_figure_has_a_script() -> None:
    drawings = {path for path in tracked() if path.match("docs/figures/*.svg")}
    assert drawings == {script.with_suffix(".svg") for script in FIGURES}


@pytest.mark.parametrize("path", RUN, ids=short)
def test_every_skip_has_a_reason(path: Path) -> None:
    for skip in SKIP.findall(path.read_text(encoding="utf-8")):
        assert re.match(r"(next|start)\b.*[\"'].{8,}[\"']|end$", skip), f"{short(path)}: {skip}"


def heading_anchors(text: str) -> set[str]:
    """Return the anchors that a forge makes from headings."""
    titles = re.findall(r"^#{1,6}\s+(.*?)\s*#*$", FENCE.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()) for title in titles]
    return {title.replace(" ", "-") for title in plain}


C_BLOCK = re.compile(r"^```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)
C_CODE = [path.read_text(encoding="utf-8") for path in tracked() if path.suffix in (".c", ".h")]


@pytest.mark.parametrize("path", LINKED, ids=short)
def test_c_blocks_are_cut_from_code_that_is_compiled(path: Path) -> None:
    for block in C_BLOCK.findall(path.read_text(encoding="utf-8")):
        assert any(block.strip() in code for code in C_CODE), f"{short(path)} shows:\n{block}"


def test_some_document_shows_c() -> None:
    assert any(C_BLOCK.search(path.read_text(encoding="utf-8")) for path in LINKED)


@pytest.mark.parametrize("path", LINKED, ids=short)
def test_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    text = re.sub(r"`[^`\n]*`", "", text)
    broken = []
    for match in LINK.finditer(text):
        link = unquote(match[1] or match[2])
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        if not there.exists() or ROOT not in (there, *there.parents):
            broken.append(link)
        elif anchor and there.suffix == ".md":
            if anchor not in heading_anchors(there.read_text(encoding="utf-8")):
                broken.append(link)
    assert not broken
