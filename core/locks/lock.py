"""What core promises, written down: ``python core/locks/lock.py``; ``--write`` takes a change over.

Two files beside this one. ``op_set.toml`` has every op: version, signature, attributes. A change of
it needs an RFC, whose number stands in the file. ``public_names.toml`` has every public name, those
of the members of classes too, with its signature where there is one. A new name needs a changelog
fragment; one that is removed, or no longer takes the calls it took, needs an RFC and must have been
deprecated in a release before.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "rfcs"))
import check_rfcs
from promises import op_set, public_names

HERE = Path(__file__).resolve().parent
OPS, NAMES = "op_set.toml", "public_names.toml"
COMMAND = "python core/locks/lock.py --write"
RAISE = "raise its version and "

OPS_HEAD = """\
# The op set, as lock.py finds it in the records. A new op, or a change of one, needs an accepted
# RFC of kind api; `rfc` is the last one. Then: python core/locks/lock.py --write --rfc NUMBER
"""
NAMES_HEAD = """\
# The public names of core with their signatures, as lock.py finds them. A new name needs a fragment
# in core/changes. One that goes, or takes fewer calls, needs an RFC and a release in which it was
# in [deprecated] (name = "version since when"); it then stands in [removed] (name = RFC number).
"""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Both files, read."""

    rfc: int
    ops: Mapping[str, Mapping[str, Any]]
    names: Mapping[str, str]
    deprecated: Mapping[str, str]
    removed: Mapping[str, int]
    lines: Mapping[str, int]
    """``"file name"`` -> the line of that name, for messages."""

    def at(self, file: str, name: str) -> str:
        """Where a name stands, or the file's first line."""
        return f"core/locks/{file}:{self.lines.get(f'{file} {name}', 1)}"


def read(folder: Path) -> Lock:
    """Read the two files of a folder."""
    texts = {file: (folder / file).read_text(encoding="utf-8") for file in (OPS, NAMES)}
    ops, names = (tomllib.loads(texts[file]) for file in (OPS, NAMES))
    lines = {
        f"{file} {line.partition(' = ')[0].strip(chr(34))}": number
        for file, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
    }
    return Lock(
        lines=lines,
        rfc=ops["rfc"],
        ops=ops["ops"],
        names=names["names"],
        deprecated=names.get("deprecated", {}),
        removed=names.get("removed", {}),
    )


# ---- what may change how ------------------------------------------------------------------------


def takes_the_same_calls(before: str, after: str) -> bool:
    """Whether all that was possible still is: new parameters have defaults and come last."""
    if not before.startswith("(") or not after.startswith("("):
        return before == after
    old, new = _parameters(before), _parameters(after)
    if new[: len(old)] == old:
        return all("=" in one or one.startswith("*") for one in new[len(old) :])
    # Keyword-only parameters stand in no order.
    old_words, new_words = (p[p.index("*") + 1 :] if "*" in p else [] for p in (old, new))
    same_start = old[: len(old) - len(old_words)] == new[: len(new) - len(new_words)]
    added = [one for one in new_words if one not in old_words]
    return same_start and set(old_words) <= set(new_words) and all("=" in one for one in added)


def _parameters(signature: str) -> list[str]:
    """Split ``(a, b=(1, 2), *, c)`` at its own commas."""
    parts, depth, text = [], 0, ""
    for letter in signature[1:-1]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text.strip())
            text = ""
        else:
            text += letter
    return [*parts, text.strip()] if text.strip() else parts


def op_findings(lock: Lock, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What differs from the locked op set."""
    how = (
        f"an op's meaning changes by RFC: dovetail rfc new, 'kind: api', 'status: accepted', then "
        f"{COMMAND} --rfc NUMBER"
    )
    for name in sorted(lock.ops.keys() | found.keys()):
        before, after = lock.ops.get(name), found.get(name)
        where = lock.at(OPS, name)
        if before is None:
            yield f"{where}: op: {name} is new; {how}"
        elif after is None:
            yield f"{where}: op: {name} is gone; {how}"
        elif dict(before) != dict(after):
            parts = ", ".join(
                f"{k} was {before[k]!r} and is {after[k]!r}"
                for k in before
                if before[k] != after[k]
            )
            same = before["version"] == after["version"]
            yield f"{where}: op: {name}: {parts}; {RAISE if same else ''}say why: {how}"


def name_findings(
    lock: Lock, found: Mapping[str, str], fragments: str, current: str
) -> Iterator[str]:
    """What differs from the locked names. ``fragments``: the text of core/changes."""
    where = f"{lock.at(NAMES, '')}: name:"
    new = found.keys() - lock.names.keys()
    for name in sorted(new):
        owner = name.rpartition(".")[0]  # a new class is named with all that it has
        short = (owner if owner in new else name).removeprefix("dovetail.")
        if not re.search(rf"`(dt\.|dovetail\.)?{re.escape(short)}\b", fragments):
            yield (
                f"{where} {name} is new, and no file of core/changes names `{short}`; write "
                f"core/changes/<word>.added.md, then {COMMAND}"
            )
        else:
            yield f"{where} {name} is new; take it over with {COMMAND}"
    for name in sorted(lock.names):
        where = f"{lock.at(NAMES, name)}: name:"
        gone = name not in found
        if not gone and takes_the_same_calls(lock.names[name], found[name]):
            if lock.names[name] != found[name]:
                yield f"{where} {name} takes more than it did; take it over with {COMMAND}"
            continue
        what = "is gone" if gone else f"was {lock.names[name]} and is {found[name]}"
        since = lock.deprecated.get(name)
        if since is None or _release(since) >= _release(current):
            yield (
                f"{where} {name} {what}; it must be in [deprecated] for one release first: write "
                f'{name!r} = "{current}" there, warn with a DeprecationWarning that names the '
                f"replacement, and keep it"
            )
        elif name not in lock.removed:
            yield (
                f"{where} {name} {what}; put the number of the RFC ('kind: api', 'status: "
                f"accepted') that removes it under [removed]"
            )
        else:
            yield f"{where} {name} {what}; take it over with {COMMAND}"


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text.partition(".dev")[0])[:3])


def rfc_findings(lock: Lock, root: Path) -> Iterator[str]:
    """Every RFC that a lock names is there, of kind api, and decided."""
    for file, number in [(OPS, lock.rfc), *((NAMES, n) for n in lock.removed.values())]:
        where = lock.at(file, "rfc")
        path = next(iter(root.glob(f"rfcs/{number:04d}-*.md")), None)
        if path is None:
            yield f"{where}: rfc: there is no RFC {number}; name the one that decided"
            continue
        fields = check_rfcs.read(path).fields
        if fields.get("kind") not in ("api", "abi") or (
            fields.get("status") not in check_rfcs.DECIDED
        ):
            yield (
                f"{where}: rfc: {path.name} must say 'kind: api' and 'status: accepted' "
                f"or 'implemented'"
            )


# ---- writing ------------------------------------------------------------------------------------


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else str(value)


def write(folder: Path, rfc: int, lock: Lock | None) -> None:
    """Write what the installed core has."""
    text = f"{OPS_HEAD}rfc = {rfc}\n\n[ops]\n"
    for name, row in op_set().items():
        text += f"{name} = {{ {', '.join(f'{k} = {_toml(v)}' for k, v in row.items())} }}\n"
    (folder / OPS).write_text(text, encoding="utf-8")
    text = f"{NAMES_HEAD}\n[names]\n"
    text += "".join(f"{_toml(name)} = {_toml(what)}\n" for name, what in public_names().items())
    for title in ("deprecated", "removed"):
        text += f"\n[{title}]\n"
        rows = getattr(lock, title).items() if lock else ()
        text += "".join(f"{_toml(name)} = {_toml(value)}\n" for name, value in rows)
    (folder / NAMES).write_text(text, encoding="utf-8")


def check(root: Path) -> list[str]:
    """Every finding about the installed core and the locks of ``root``/core."""
    lock = read(root / "core" / "locks")
    changes = sorted((root / "core" / "changes").glob("*.md"))
    fragments = "\n".join(path.read_text(encoding="utf-8") for path in changes)
    return [
        *op_findings(lock, op_set()),
        *name_findings(lock, public_names(), fragments, version("dovetail")),
        *rfc_findings(lock, root),
    ]


def main(arguments: list[str]) -> int:
    """Check, or take over what may be taken over."""
    parser = argparse.ArgumentParser(description="check what core promises, or take a change over")
    parser.add_argument("--write", action="store_true", help="take over what may be")
    parser.add_argument("--rfc", type=int, help="the RFC that changes the op set")
    chosen = parser.parse_args(arguments)
    root = HERE.parent.parent
    found = check(root)
    if not chosen.write:
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    lock = read(HERE)
    number = lock.rfc if chosen.rfc is None else chosen.rfc
    asked = replace(lock, rfc=number)
    stays = [
        one
        for one in found
        if not one.endswith(f"take it over with {COMMAND}")
        and not (chosen.rfc is not None and ": op: " in one and RAISE not in one)
        and ": rfc:" not in one
    ]
    stays += rfc_findings(asked, root)
    if stays:
        print("\n".join(stays))
        return 1
    write(HERE, number, lock)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
