"""Check charters and ownership: ``python sigs/check_sigs.py``; ``--write`` makes the tables anew.

Standard library only. Each path of the repository has exactly one owner: the charter with the most
specific pattern that matches it. CODEOWNERS and the table in README.md are made from the charters.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "rfcs"))
from check_rfcs import Finding, Rfc, made, newest_commit, read  # noqa: E402  the same kind of page

KEYS = ["sig", "lead", "second", "owns", "chartered", "review-by"]
PARTS = ["Scope.", "Not in scope.", "Decisions.", "Joining."]
MOST_WORDS = 400
BEGIN, END = "<!-- table: python sigs/check_sigs.py --write -->", "<!-- end of the table -->"
OWNERS = "CODEOWNERS"
HEAD = """\
# Made from sigs/*/CHARTER.md by `python sigs/check_sigs.py --write`; the last match counts.
# A team stands for a SIG; where the forge has no such team, the maintainers answer.
"""


def patterns(charter: Rfc) -> list[str]:
    """Return the globs that a charter owns."""
    return [p for p in (x.strip() for x in charter.fields.get("owns", "").split(",")) if p]


def matches(path: str, pattern: str) -> bool:
    """Whether a glob takes a path; ``folder/**`` takes all below, ``*`` stops at a slash."""
    if pattern.endswith("/**"):
        return path.startswith(pattern[:-2])
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def rank(pattern: str) -> tuple[int, int, int]:
    """Return a key that grows with how specific a glob is: depth, letters, fewer stars."""
    plain = pattern.removesuffix("/**")
    return (
        plain.count("/") + (not pattern.endswith("/**")),
        len(plain.replace("*", "")),
        -plain.count("*"),
    )


def owner(path: str, owned: dict[str, str]) -> str | None:
    """Return the SIG of a path, by the most specific of the patterns ``owned``."""
    fitting = [pattern for pattern in owned if matches(path, pattern)]
    return owned[max(fitting, key=rank)] if fitting else None


def owned_by(charters: Iterable[Rfc]) -> dict[str, str]:
    """Return the SIG of each pattern, as the charters say."""
    return {pattern: c.path.parent.name for c in charters for pattern in patterns(c)}


def tracked(root: Path) -> list[str]:
    """Return the files that git knows or would add."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return sorted(name for name in done.stdout.split("\0") if (root / name).is_file())


# ---- rules --------------------------------------------------------------------------------------


def header(charter: Rfc, root: Path) -> Iterator[Finding]:
    """The header has its keys in order, filled, with dates that are dates."""
    if list(charter.fields) != KEYS:
        yield charter.finding("header", f"its keys must be, in this order: {', '.join(KEYS)}")
        return
    if charter.fields["sig"] != charter.path.parent.name:
        yield charter.finding(
            "header", f"sig must be {charter.path.parent.name}, its folder", "sig"
        )
    for key, value in charter.fields.items():
        if not value:
            word = "; write vacant where nobody has the seat" if key in ("lead", "second") else ""
            yield charter.finding("header", f"{key} is empty{word}", key)
    try:
        begun, due = (date.fromisoformat(charter.fields[k]) for k in ("chartered", "review-by"))
    except ValueError:
        yield charter.finding("header", "chartered and review-by are dates, such as 2026-11-24")
        return
    if due <= begun:
        yield charter.finding("header", "review-by must come after chartered", "review-by")
    today = newest_commit(root)
    if today is not None and due < today:
        text = f"its review was due on {due}; renew it, or give its paths to another SIG and end it"
        yield charter.finding("review", text, "review-by")


def body(charter: Rfc, root: Path) -> Iterator[Finding]:
    """One page with its four paragraphs."""
    found = re.findall(r"^\*\*(.+?)\*\*", charter.body, re.MULTILINE)
    if found != PARTS:
        yield charter.finding("body", f"it has the paragraphs {' '.join(PARTS)}, in this order")
    words = len(charter.body.split())
    if words > MOST_WORDS:
        yield charter.finding("body", f"{words} words; at most {MOST_WORDS}")


def ownership(charters: list[Rfc], root: Path) -> Iterator[Finding]:
    """Every pattern owns something, no two charters the same, and no path has no owner."""
    files = tracked(root)
    owned: dict[str, str] = {}
    for charter in charters:
        sig = charter.path.parent.name
        for pattern in patterns(charter):
            if pattern in owned:
                text = f"{owned[pattern]} owns {pattern}, too; one of them gives it up"
                yield charter.finding("owner", text, "owns")
                continue
            owned[pattern] = sig
            if not any(matches(path, pattern) for path in files):
                text = f"{pattern} matches no file; take it out, or mend it"
                yield charter.finding("owner", text, "owns")
    missing: dict[str, str] = {}
    for path in files:
        if owner(path, owned) is None:
            missing.setdefault("/".join(path.split("/")[:2]), path)
    for folder, path in missing.items():
        text = f"{folder} has no owner ({path}); add it to 'owns' of one sigs/*/CHARTER.md"
        yield Finding(path=root / path, line=1, rule="owner", text=text)
    for parent in ("plugins", "contrib_migrated"):
        for folder in sorted({"/".join(p.split("/")[:2]) for p in files if p.count("/") > 1}):
            if folder.startswith(f"{parent}/"):
                inside = {owner(p, owned) for p in files if p.startswith(f"{folder}/")}
                if len(inside) > 1:
                    names = ", ".join(sorted(map(str, inside)))
                    text = f"{folder} belongs to {names}; a folder of {parent}/ has one owner"
                    yield Finding(path=root / folder, line=1, rule="owner", text=text)


# ---- what is made from the charters -------------------------------------------------------------


def codeowners(charters: list[Rfc]) -> str:
    """Return the text of CODEOWNERS: general patterns first."""
    rows = [
        (pattern.removesuffix("**"), sig)
        for pattern, sig in sorted(
            owned_by(charters).items(), key=lambda pair: (rank(pair[0]), pair[0])
        )
    ]
    width = max((len(path) for path, _ in rows), default=0) + 1
    return HEAD + "".join(f"/{path:<{width}}@dovetail/{sig}\n" for path, sig in rows)


def table(charters: list[Rfc]) -> str:
    """Return the table of README.md."""
    text = f"{BEGIN}\n\n| SIG | lead | owns |\n|---|---|---|\n"
    for charter in charters:
        name = charter.path.parent.name
        paths = ", ".join(f"`{pattern}`" for pattern in patterns(charter))
        text += f"| [{name}]({name}/CHARTER.md) | {charter.fields.get('lead')} | {paths} |\n"
    return f"{text}\n{END}"


def generated(charters: list[Rfc], root: Path, write: bool) -> Iterator[Finding]:
    """CODEOWNERS and the table are what the charters say."""
    command, readme, owners = "sigs/check_sigs.py", root / "sigs" / "README.md", root / OWNERS
    yield from made(readme, (BEGIN, END), table(charters), command, write)
    wanted = codeowners(charters)
    if write:
        owners.write_text(wanted, encoding="utf-8")
    elif not owners.is_file() or owners.read_text(encoding="utf-8") != wanted:
        what = f"it is out of date; run python {command} --write"
        yield Finding(path=owners, line=1, rule="made", text=what)


def check(root: Path, *, write: bool = False) -> list[Finding]:
    """Return what is wrong under ``root``/sigs."""
    charters = [read(path) for path in sorted(root.glob("sigs/*/CHARTER.md"))]
    found = [f for charter in charters for rule in (header, body) for f in rule(charter, root)]
    found += generated(charters, root, write)
    found += ownership(charters, root)
    return [
        Finding(path=f.path.relative_to(root), line=f.line, rule=f.rule, text=f.text) for f in found
    ]


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 when there are any."""
    if set(arguments) - {"--write"}:
        print("usage: check_sigs.py [--write]", file=sys.stderr)
        return 2
    found = check(ROOT, write="--write" in arguments)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
