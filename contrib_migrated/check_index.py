"""Check the index of tf.contrib: ``python contrib_migrated/check_index.py``; ``--write`` makes the
table of README.md anew. Standard library only.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "rfcs"), str(ROOT / "sigs")]
from check_rfcs import DECIDED, Finding, made, newest_commit, read  # noqa: E402  the same findings
from check_sigs import owned_by, owner  # noqa: E402

FATES: dict[str, frozenset[str]] = {
    "core": frozenset({"home", "evidence"}),
    "plugin": frozenset({"home", "evidence", "plugin"}),
    "shim": frozenset({"home", "evidence", "replacement", "removed-in", "leave-by"}),
    "planned": frozenset({"plugin", "rfc"}),
    "unwanted": frozenset(),
}
ALWAYS = {"project", "fate", "sig", "reason", "proposed"}
TITLES = {
    "core": "In the core",
    "plugin": "In a plugin",
    "shim": "Here, for a while",
    "planned": "Planned",
    "unwanted": "Not wanted",
}
BEGIN = "<!-- table: python contrib_migrated/check_index.py --write -->"
END = "<!-- end of the table -->"
NUMBER = 109
"""Projects that tf.contrib had when its sunset was proposed."""

Row = Mapping[str, Any]


def rows(root: Path) -> list[tuple[int, Row]]:
    """Every row with its line."""
    path = root / "contrib_migrated" / "INDEX.toml"
    text = path.read_text(encoding="utf-8")
    lines = [i for i, line in enumerate(text.splitlines(), 1) if line.strip() == "[[project]]"]
    return list(zip(lines, tomllib.loads(text)["project"], strict=True))


def of_row(row: Row, root: Path) -> Iterator[tuple[str, str]]:
    """(rule, sentence) for what is wrong with one row."""
    name, fate = row.get("project", "?"), row.get("fate")
    if fate not in FATES:
        yield "fate", f"{name}: fate is {fate!r}; choose of {', '.join(FATES)}"
        return
    wanted = ALWAYS | FATES[fate]
    for key in sorted(wanted - row.keys()):
        yield "keys", f"{name}: a row with fate {fate!r} needs {key!r}"
    for key in sorted(row.keys() - wanted):
        yield "keys", f"{name}: {key!r} says nothing in a row with fate {fate!r}; take it out"
    if not row.get("reason"):
        yield "keys", f"{name}: the reason is empty; one sentence tells the user"
    for key in ("home", "evidence"):
        if key in row and not (root / row[key]).exists():
            yield key, f"{name}: {row[key]} is not there; name a path of the repository"
    if "sig" in row and not (root / "sigs" / row["sig"] / "CHARTER.md").is_file():
        yield "sig", f"{name}: there is no SIG {row['sig']!r}"
    if fate == "plugin" and not (root / "plugins" / row.get("plugin", "?")).is_dir():
        yield "plugin", f"{name}: plugins/{row.get('plugin')} is not there"
    if fate == "planned":
        yield from _planned(row, root)
    if fate == "shim":
        yield from _guest(row, root)


def _planned(row: Row, root: Path) -> Iterator[tuple[str, str]]:
    name, number = row["project"], row.get("rfc", 0)
    path = next(iter(root.glob(f"rfcs/{number:04d}-*.md")), None)
    if path is None:
        yield "rfc", f"{name}: there is no RFC {number}"
        return
    page = read(path)
    if page.fields.get("status") not in DECIDED:
        yield "rfc", f"{name}: {path.name} is not accepted, so nothing is planned"
    if f"`{row.get('plugin')}`" not in page.body:
        yield "rfc", f"{name}: {path.name} does not name the plugin `{row.get('plugin')}`"


def _guest(row: Row, root: Path) -> Iterator[tuple[str, str]]:
    name, due, today = row["project"], row.get("leave-by"), newest_commit(root)
    if "leave-by" in row and not isinstance(due, date):
        yield "leave-by", f"{name}: leave-by must be a date, such as 2027-11-24 without quotes"
    elif isinstance(due, date) and today is not None and due < today:
        yield "leave-by", f"{name}: it was to graduate or leave by {due}: move it, or remove it"
    end, now = row.get("removed-in", "0.6.0"), _version(root)
    if not re.fullmatch(r"\d+\.\d+\.\d+", end):
        yield "removed-in", f"{name}: removed-in is a version, such as 0.6.0"
    elif _numbers(now) >= _numbers(end):
        yield "removed-in", f"{name}: this is version {now}, and {end} was to remove it"
    if "replacement" in row and not _is_or_will_be(row["replacement"], root):
        text = "begin it with a module of core (dovetail.nn) or with a plugin that an RFC plans"
        yield "replacement", f"{name}: {row['replacement']!r} names nothing; {text}"
    charters = map(read, sorted(root.glob("sigs/*/CHARTER.md")))
    sig = owner(str(row.get("home")), owned_by(charters))
    if "home" in row and sig != row.get("sig"):
        yield "sig", f"{name}: by the charters {sig} owns {row['home']}; sig must say so"


def _version(root: Path) -> str:
    text = (root / "contrib_migrated" / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def _is_or_will_be(replacement: str, root: Path) -> bool:
    """Whether it begins with ``dovetail.module`` that is there, or a ``dovetail_plugin``."""
    core, plugin = re.match(r"(?:dovetail\.(\w+)|dovetail_(\w+)|)", replacement).groups()
    if core:
        inside = root / "core" / "src" / "dovetail"
        return (inside / core).is_dir() or (inside / f"{core}.py").is_file()
    planned = (read(path) for path in root.glob("rfcs/[0-9]*.md")) if plugin else ()
    return any(f"`{plugin}`" in p.body and p.fields.get("status") in DECIDED for p in planned)


def table(index: list[Row]) -> str:
    """The table of README.md."""
    count = Counter(row.get("fate") for row in index)
    text = f"{BEGIN}\n"
    for fate, title in TITLES.items():
        if not count[fate]:
            continue
        text += f"\n### {title}: {count[fate]}\n\n| tf.contrib | where | why | owner |\n"
        text += "|---|---|---|---|\n"
        for row in index:
            if row.get("fate") == fate:
                cells = (row["project"], _where(row), row.get("reason"), row.get("sig"))
                text += f"| {' | '.join(map(str, cells))} |\n"
    return f"{text}\n{END}"


def _where(row: Row) -> str:
    if row["fate"] == "planned":
        return f"`plugins/{row.get('plugin')}`, [RFC {row.get('rfc')}](../rfcs/)"
    home = str(row.get("home", ""))
    return f"[{home}](../{home})" if home else "-"


def check(root: Path, *, write: bool = False, number: int = NUMBER) -> list[Finding]:
    """Return what is wrong with the index."""
    path = Path("contrib_migrated/INDEX.toml")
    found, seen = [], set[str]()
    index = rows(root)
    for line, row in index:
        for rule, text in of_row(row, root):
            found.append(Finding(path=path, line=line, rule=rule, text=text))
        if row.get("project") in seen:
            text = f"{row['project']} has a row already"
            found.append(Finding(path=path, line=line, rule="twice", text=text))
        seen.add(row.get("project", ""))
    if len(seen) != number:
        text = f"{len(seen)} projects; tf.contrib had {number}, and each has its row"
        found.append(Finding(path=path, line=1, rule="number", text=text))
    readme = root / "contrib_migrated" / "README.md"
    text = table([row for _, row in index])
    for one in made(readme, (BEGIN, END), text, "contrib_migrated/check_index.py", write):
        place = readme.relative_to(root)
        found.append(Finding(path=place, line=one.line, rule=one.rule, text=one.text))
    return found


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 when there are any."""
    if set(arguments) - {"--write"}:
        print("usage: check_index.py [--write]", file=sys.stderr)
        return 2
    found = check(ROOT, write="--write" in arguments)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
