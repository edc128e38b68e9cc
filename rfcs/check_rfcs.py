"""Check every RFC and the index: ``python rfcs/check_rfcs.py``; ``--write`` makes the index anew.

Standard library only. Each finding is one line, ``file:line: rule: what is wrong, and what to do``.
A draft that is past its date is a finding too; the date it is compared with is that of the newest
commit, so that an old checkout never changes its mind.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import unquote

TEMPLATE = "0000-template.md"
INDEX = "README.md"
BEGIN, END = "<!-- index: python rfcs/check_rfcs.py --write -->", "<!-- end of the index -->"
STATUSES = ("draft", "accepted", "implemented", "rejected", "withdrawn", "superseded")
DECIDED = ("accepted", "implemented")
"""What may be built upon."""
KINDS = ("abi", "api", "process", "informational")
ALWAYS = ("rfc", "title", "status", "kind", "sig", "champion", "authors", "created", "decide-by")
DEMANDED = {
    "draft": (),
    "accepted": ("decided",),
    "implemented": ("decided", "implemented-in", "proof"),
    "rejected": ("decided",),
    "withdrawn": (),
    "superseded": ("decided", "superseded-by"),
}
FORBIDDEN = {
    "draft": ("decided", "implemented-in", "superseded-by"),
    "accepted": ("implemented-in", "superseded-by"),
    "implemented": ("superseded-by",),
}
MOST_WORDS = 1500
LEAST_DAYS = 14
FOUNDING = 14
"""Pages up to this number were decided on the day they were written: there was nobody to ask."""

LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)")
NAME = re.compile(r"(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    path: Path
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.line}: {self.rule}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Rfc:
    """One page, read."""

    path: Path
    fields: dict[str, str]
    lines: dict[str, int]
    """Field -> its line."""
    body: str
    first: int
    """Line of the body's first line."""

    @property
    def number(self) -> str:
        """Return the four digits of the file's name."""
        return self.path.name[:4]

    def finding(self, rule: str, text: str, field: str = "") -> Finding:
        """Return a finding at a field of the header."""
        return Finding(path=self.path, line=self.lines.get(field, 1), rule=rule, text=text)


def read(path: Path) -> Rfc:
    """Read header and body; a page without a header has no fields."""
    text = path.read_text(encoding="utf-8")
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        return Rfc(path=path, fields={}, lines={}, body=text, first=1)
    fields, lines = {}, {}
    for number, line in enumerate(parts[1].splitlines(), 2):
        key, _, value = line.partition(":")
        fields[key] = re.sub(r"(^|\s)#.*", "", value).strip()
        lines[key] = number
    return Rfc(path=path, fields=fields, lines=lines, body=parts[2], first=3 + parts[1].count("\n"))


def prose(rfc: Rfc) -> str:
    """Return the body with as many lines, where a mark stands for each block of code."""
    blocks = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    return blocks.sub(lambda match: "```" + "\n" * match[0].count("\n"), rfc.body)


def headings(rfc: Rfc) -> list[str]:
    """Return the titles of the second level."""
    return re.findall(r"^## (.+)$", prose(rfc), re.MULTILINE)


# ---- rules, each over one page ------------------------------------------------------------------


def name(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """The file is called 0012-some-words.md, and its header says the same number."""
    if not NAME.fullmatch(rfc.path.name):
        yield rfc.finding("name", "call the file 0012-some-words.md: four digits, then words")
    elif rfc.fields.get("rfc", "").zfill(4) != rfc.number:
        yield rfc.finding(
            "name", f"'rfc' must be {int(rfc.number)}, as the file's name says", "rfc"
        )


def header(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """The header has the template's keys in the template's order, with values it knows."""
    keys = list(read(root / "rfcs" / TEMPLATE).fields)
    if list(rfc.fields) != keys:
        yield rfc.finding("header", f"its keys must be, in this order: {', '.join(keys)}")
        return
    for field, known in (("status", STATUSES), ("kind", KINDS)):
        if rfc.fields[field] not in known:
            yield rfc.finding(
                "header", f"{field} is {rfc.fields[field]!r}; choose of {', '.join(known)}", field
            )
    if not (root / "sigs" / rfc.fields["sig"] / "CHARTER.md").is_file():
        there = sorted(path.parent.name for path in root.glob("sigs/*/CHARTER.md"))
        yield rfc.finding(
            "header", f"sig is {rfc.fields['sig']!r}; choose of {', '.join(there)}", "sig"
        )


def status(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """The status says which fields are filled and which are empty."""
    word = rfc.fields.get("status", "")
    for field in (*ALWAYS, *DEMANDED.get(word, ())):
        if field in rfc.fields and not rfc.fields[field]:
            yield rfc.finding("status", f"status {word!r} needs {field!r}; fill it in", field)
    for field in ("champion", "authors"):
        if rfc.fields.get(field) == "@name":
            yield rfc.finding("status", f"{field} is the template's @name; who is it?", field)
    for field in FORBIDDEN.get(word, ()):
        if rfc.fields.get(field):
            yield rfc.finding(
                "status", f"status {word!r} with {field!r}: empty it, or change the status", field
            )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def dates(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """Dates are dates, in order, and leave people time to answer."""
    found = {}
    for field in ("created", "decide-by", "decided"):
        text = rfc.fields.get(field, "")
        if text:
            found[field] = _date(text)
            if found[field] is None:
                yield rfc.finding("dates", f"{field} is {text!r}; write 2026-11-24", field)
    created, due, decided = (found.get(k) for k in ("created", "decide-by", "decided"))
    if created and due and due < created + timedelta(days=LEAST_DAYS):
        yield rfc.finding(
            "dates", f"decide-by must be {LEAST_DAYS} days after created or later", "decide-by"
        )
    if created and decided and decided < created:
        yield rfc.finding("dates", "it was decided before it was created", "decided")
    elif created and decided and decided < created + timedelta(days=LEAST_DAYS):
        if int(rfc.fields["rfc"] or 0) > FOUNDING:
            text = f"people have {LEAST_DAYS} days after created to answer; decide later"
            yield rfc.finding("dates", text, "decided")


def overdue(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """A draft past its date is decided by its champion or withdrawn."""
    due = _date(rfc.fields.get("decide-by", ""))
    today = newest_commit(root) if rfc.fields.get("status") == "draft" else None
    if due and today and due < today:
        yield rfc.finding(
            "overdue",
            f"it was to be decided by {due}; {rfc.fields.get('champion')} decides, or sets the "
            f"status to withdrawn",
            "decide-by",
        )


def sections(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """The page has the template's headings in their order, none of them empty."""
    wanted = headings(read(root / "rfcs" / TEMPLATE))
    if headings(rfc) != wanted:
        yield rfc.finding("sections", f"its headings must be, in this order: {', '.join(wanted)}")
        return
    for title, text in re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", prose(rfc), re.MULTILINE):
        if not text.strip():
            yield rfc.finding("sections", f"{title!r} is empty; write at least why")


def length(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """One page: tables and code do not count."""
    words = len(re.sub(r"^\|.*$", "", prose(rfc), flags=re.MULTILINE).split())
    if words > MOST_WORDS:
        yield rfc.finding("length", f"{words} words; at most {MOST_WORDS}: split it or cut it")


def proof(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """What shows it is there."""
    for one in filter(None, (p.strip() for p in rfc.fields.get("proof", "").split(","))):
        if not (root / one).exists():
            yield rfc.finding(
                "proof", f"{one} is not there; name a path of the repository", "proof"
            )


def links(rfc: Rfc, root: Path) -> Iterator[Finding]:
    """Relative links lead to files."""
    text = re.sub(r"`[^`\n]*`", "", prose(rfc))
    for match in LINK.finditer(text):
        target = unquote(match[1]).partition("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (rfc.path.parent / target).exists():
            line = rfc.first + text[: match.start()].count("\n")
            yield Finding(path=rfc.path, line=line, rule="links", text=f"{target} is not there")


RULES = (name, header, status, dates, overdue, sections, length, proof, links)


# ---- rules over all pages -----------------------------------------------------------------------


def numbers(rfcs: list[Rfc]) -> Iterator[Finding]:
    """No number is used twice."""
    seen: dict[str, Rfc] = {}
    for rfc in rfcs:
        other = seen.setdefault(rfc.number, rfc)
        if other is not rfc:
            yield rfc.finding("numbers", f"{other.path.name} has this number; take the next free")


def supersession(rfcs: list[Rfc]) -> Iterator[Finding]:
    """Who supersedes whom is said on both sides."""
    by_number = {rfc.number: rfc for rfc in rfcs}
    for rfc in rfcs:
        for key, back in (("supersedes", "superseded-by"), ("superseded-by", "supersedes")):
            named = rfc.fields.get(key, "")
            if not named:
                continue
            other = by_number.get(named[:4].zfill(4))
            if other is None:
                yield rfc.finding("supersession", f"{key}: there is no RFC {named}", key)
            elif other.fields.get(back, "")[:4].zfill(4) != rfc.number:
                yield rfc.finding(
                    "supersession", f"{other.path.name} must say {back}: {rfc.number}", key
                )


def index_text(rfcs: list[Rfc]) -> str:
    """Return the index: what was accepted and is not built comes first."""
    groups = (
        ("Accepted, not yet built", ("accepted",)),
        ("In discussion", ("draft",)),
        ("Implemented", ("implemented",)),
        ("Rejected, withdrawn or superseded", ("rejected", "withdrawn", "superseded")),
    )
    text = f"{BEGIN}\n"
    for title, words in groups:
        rows = [rfc for rfc in rfcs if rfc.fields.get("status") in words]
        if not rows:
            continue
        text += f"\n### {title}\n\n| RFC | title | SIG | since |\n|---|---|---|---|\n"
        for rfc in rows:
            f = rfc.fields
            since = f.get("implemented-in") or f.get("decided") or f"decide by {f.get('decide-by')}"
            link = f"[{rfc.number}]({rfc.path.name})"
            text += f"| {link} | {f.get('title')} | {f.get('sig')} | {since} |\n"
    return f"{text}\n{END}"


def made(path: Path, marks: tuple[str, str], text: str, command: str, write: bool) -> list[Finding]:
    """What stands between two lines of a page is ``text``, or is made so."""
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, begin, rest = there.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        lacks = f"it lacks the lines {marks[0]} and {marks[1]}"
        return [Finding(path=path, line=1, rule="made", text=lacks)]
    wanted = before + text + after
    if write:
        path.write_text(wanted, encoding="utf-8")
    elif there != wanted:
        line = before.count("\n") + 1
        what = f"it is out of date; run python {command} --write"
        return [Finding(path=path, line=line, rule="made", text=what)]
    return []


@cache
def newest_commit(root: Path) -> date | None:
    """Return the date of the newest commit; None outside a repository."""
    command = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%cs"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return _date(done.stdout.strip())


def check(root: Path, *, write: bool = False) -> list[Finding]:
    """Return what is wrong under ``root``/rfcs."""
    folder = root / "rfcs"
    own = {TEMPLATE, INDEX}
    rfcs = [read(path) for path in sorted(folder.glob("*.md")) if path.name not in own]
    found = [finding for rfc in rfcs for rule in RULES for finding in rule(rfc, root)]
    found += [*numbers(rfcs), *supersession(rfcs)]
    found += made(folder / INDEX, (BEGIN, END), index_text(rfcs), "rfcs/check_rfcs.py", write)
    return [
        Finding(path=f.path.relative_to(root), line=f.line, rule=f.rule, text=f.text) for f in found
    ]


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 when there are any."""
    if set(arguments) - {"--write"}:
        print("usage: check_rfcs.py [--write]", file=sys.stderr)
        return 2
    found = check(Path(__file__).resolve().parent.parent, write="--write" in arguments)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
