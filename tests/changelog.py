"""Changelog fragments: one file for one change, collected into CHANGELOG.md at a release.

A change that users meet adds ``<folder>/changes/<word>.<kind>.md`` beside its distribution's
pyproject.toml: one or more sentences of Markdown, without a bullet. ``python tests/changelog.py``
checks all fragments; ``--collect [ENV ...]`` moves them into CHANGELOG.md.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, Distribution, distributions

KINDS = ("added", "changed", "deprecated", "removed", "fixed")
NAME = re.compile(rf"[a-z0-9]+(?:-[a-z0-9]+)*\.({'|'.join(KINDS)})\.md")
UNRELEASED = "## Unreleased"
WIDTH = 140


def fragments(one: Distribution) -> list[Path]:
    """The files of a distribution's folder ``changes``, by kind and then by name."""
    found = [p for p in (one.folder / "changes").glob("*") if p.name != ".gitkeep"]
    return sorted(found, key=lambda p: (_kind(p), p.name))


def _kind(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    return KINDS.index(match[1]) if match else len(KINDS)


def check(one: Distribution, root: Path = ROOT) -> Iterator[str]:
    """What is wrong with a distribution's fragments: file, line, rule, and what to do."""
    for path in fragments(one):
        where = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        if not NAME.fullmatch(path.name):
            yield (
                f"{where}:1: name: call it <word>.<kind>.md, where kind is one of "
                f"{', '.join(KINDS)}; for example fallback.added.md"
            )
        if not text.strip():
            yield f"{where}:1: empty: say in a sentence what users meet"
        for number, line in enumerate(text.splitlines(), 1):
            if re.match(r"\s*([-*#]|\d+\.)\s", line):
                yield f"{where}:{number}: markup: write sentences; collecting makes the bullet"


def entry(path: Path) -> str:
    """A fragment as a bullet of CHANGELOG.md."""
    words = " ".join(path.read_text(encoding="utf-8").split())
    match = NAME.fullmatch(path.name)
    kind = match[1] if match else ""
    lead = "" if kind in ("added", "changed") else f"{kind.capitalize()}: "
    return textwrap.fill(
        f"- {lead}{words}",
        WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def collect(text: str, one: Distribution) -> str:
    """The changelog with a distribution's fragments under its version, newest first."""
    entries = "".join(f"{entry(path)}\n" for path in fragments(one))
    if not entries:
        return text
    title = f"### {one.name} {one.project['version']}"
    before, mark, rest = text.partition(f"{UNRELEASED}\n")
    if not mark:
        raise SystemExit(f"CHANGELOG.md has no line {UNRELEASED!r} to collect under")
    section, following, later = rest.partition("\n## ")
    if f"{title}\n" in section:
        section = section.replace(f"{title}\n\n", f"{title}\n\n{entries}", 1)
    else:
        section = f"\n{title}\n\n{entries}{section}"
    return before + mark + section + following + later


def main(arguments: list[str]) -> int:
    """Check, or check and collect."""
    wanted = [one for one in arguments if one != "--collect"]
    known = [one.env for one in distributions()]
    if set(wanted) - set(known):
        print(f"usage: changelog.py [--collect] [ENV ...], where ENV is one of {', '.join(known)}")
        return 2
    chosen = [one for one in distributions() if not wanted or one.env in wanted]
    found = [finding for one in chosen for finding in check(one)]
    print("\n".join(found), end="\n" if found else "")
    if found or "--collect" not in arguments:
        return 1 if found else 0
    path = ROOT / "CHANGELOG.md"
    text = path.read_text(encoding="utf-8")
    for one in chosen:
        text = collect(text, one)
    path.write_text(text, encoding="utf-8")
    for one in chosen:
        for fragment in fragments(one):
            fragment.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
