"""``dovetail migrate FILE...``: rewrite uses of tf.contrib."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from dovetail.hookspecs import hook
from dovetail_contrib_migrated.migrate import migrate

__all__ = ["dovetail_add_verbs"]


@hook
def dovetail_add_verbs(subparsers: Any) -> None:
    """Add the verb."""
    verb = subparsers.add_parser(
        "migrate",
        help="rewrite uses of tf.contrib in Python files",
        description="Rewrite what has a new name; report the rest by line. Exit status 1 when "
        "something is left to do by hand, 2 when a file cannot be read.",
    )
    verb.add_argument("files", nargs="+", type=Path, metavar="FILE")
    verb.add_argument("--diff", action="store_true", help="show the changes, write nothing")
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    status = 0
    for path in chosen.files:
        status = max(status, _one(path, chosen.diff))
    return status


def _one(path: Path, diff: bool) -> int:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # as it is, line ends included
            text = file.read()
        found = migrate(text, str(path))
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return 2
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        print(f"{path}:{line}: not Python of today ({error}); 2to3 comes first", file=sys.stderr)
        return 2
    if diff and found.text != text:
        old, new = text.splitlines(keepends=True), found.text.splitlines(keepends=True)
        sys.stdout.writelines(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"))
    elif found.text != text:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(found.text)
        print(f"{path}: {found.edits} changes")
    lines = [line for line, _ in found.leftovers] if diff else found.lines
    for line, (_, sentence) in zip(lines, found.leftovers, strict=True):
        print(f"{path}:{line}: {sentence}")
    return 1 if found.leftovers else 0
