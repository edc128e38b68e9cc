"""``dovetail rfc new "Title"``: the next page of a repository's ``rfcs`` folder, to be written."""

from __future__ import annotations

import argparse
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dovetail.errors import DovetailError

__all__ = ["add", "new_rfc"]

TEMPLATE = "0000-template.md"
KINDS = ("abi", "api", "process", "informational")
DAYS = 21
"""For people to answer; the process asks for 14 at least."""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser("rfc", help="propose a change of a contract: the next RFC")
    actions = verb.add_subparsers(metavar="ACTION", required=True)
    new = actions.add_parser("new", help="write the next page from the template")
    new.add_argument("title", help="what changes, in one line")
    new.add_argument("--sig", help="the interest group that decides, such as abi-core")
    new.add_argument("--kind", choices=KINDS, help="what it changes")
    new.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    root = _repository(Path.cwd())
    path = new_rfc(root, chosen.title, sig=chosen.sig, kind=chosen.kind)
    print(f"{path.relative_to(root).as_posix()}: write one page, then open a pull request")
    return 0


def _repository(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "rfcs" / TEMPLATE).is_file():
            return folder
    raise DovetailError(
        f"neither {start} nor a folder above it holds rfcs/{TEMPLATE}; run this inside a clone of "
        f"the repository"
    )


def new_rfc(root: Path, title: str, *, sig: str | None = None, kind: str | None = None) -> Path:
    """Write the next RFC under ``root/rfcs`` and return its path.

    Raises DovetailError when the title has no words, or ``sig`` no charter.
    """
    title = " ".join(title.split())
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    if not words:
        raise DovetailError(f"the title {title!r} has no words; say what changes, in one line")
    charters = sorted(path.parent.name for path in root.glob("sigs/*/CHARTER.md"))
    if sig is not None and sig not in charters:
        raise DovetailError(f"there is no SIG {sig!r}; there are {', '.join(charters) or 'none'}")
    folder = root / "rfcs"
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]-*.md")]
    number = max(numbers) + 1
    path = folder / f"{number:04d}-{'-'.join(words[:6])}.md"
    today = datetime.now(UTC).date()
    values = {
        "rfc": str(number),
        "title": title,
        "created": today.isoformat(),
        "decide-by": (today + timedelta(days=DAYS)).isoformat(),
        **({"sig": sig} if sig else {}),
        **({"kind": kind} if kind else {}),
    }
    text = (folder / TEMPLATE).read_text(encoding="utf-8")
    for key, value in values.items():
        line = re.search(rf"^({key}:[ ]*).*?([ ]*(?:#.*)?)$", text, re.MULTILINE)
        if line is None:
            raise DovetailError(f"{folder / TEMPLATE} has no line {key!r} to fill in")
        text = text[: line.end(1)] + value + text[line.start(2) :]
    path.write_text(text, encoding="utf-8")
    return path
