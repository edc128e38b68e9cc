"""``dovetail new-backend NAME``: a ready project for a device of your own."""

from __future__ import annotations

import argparse
from pathlib import Path

from dovetail.errors import DovetailError

__all__ = ["add"]

_NEXT = """\
{folder} holds a backend for the device {word}: {count} files, of which {source} is the one to read.
Next:
  cd {folder}
  pip install .
  pip install pytest && pytest tests"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "new-backend",
        help="write a ready project for a device of your own",
        description="Write a project: library, manifest, packaging, tests and a page to read.",
    )
    verb.add_argument("name", nargs="?", metavar="NAME", help="the device word: a-z, 0-9 and _")
    verb.add_argument("--lang", default="c", help="c (default), cpp, rust or zig")
    verb.add_argument(
        "--template",
        default="kernel",
        help="kernel (default): one op on host memory; accelerator: own memory, streams and graphs",
    )
    verb.add_argument(
        "--out", type=Path, metavar="DIR", help="the project's folder; dovetail-NAME unless given"
    )
    verb.add_argument(
        "--bindings",
        metavar="LANG",
        help="write no project: print dovetail.h in rust or zig, for a newer header",
    )
    verb.add_argument(
        "--header", type=Path, metavar="FILE", help="for --bindings: another dovetail.h"
    )
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from dovetail.new_backend import BINDINGS, bindings, create  # noqa: PLC0415  for this verb only

    if chosen.bindings:
        if chosen.name is not None:
            raise DovetailError("--bindings prints a file and writes no project: leave NAME out")
        if chosen.bindings not in BINDINGS:
            raise DovetailError(
                f"there are no bindings in {chosen.bindings!r}; there are {', '.join(BINDINGS)}. C "
                f"and C++ include dovetail.h itself"
            )
        print(bindings(chosen.bindings, chosen.header), end="")
        return 0
    if chosen.header is not None:
        raise DovetailError("--header belongs to --bindings; a project takes the installed header")
    if chosen.name is None:
        raise DovetailError(
            "new-backend needs a device word, such as `dovetail new-backend mychip`"
        )
    folder = create(chosen.name, language=chosen.lang, template=chosen.template, folder=chosen.out)
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    print(
        _NEXT.format(
            folder=folder, word=chosen.name, count=len(files), source=_source(files, chosen.name)
        )
    )
    return 0


def _source(files: list[str], word: str) -> str:
    """The file that holds the entry point."""
    likely = [
        f"csrc/{word}.c",
        f"csrc/{word}.cpp",
        "src/lib.rs",
        f"src/{word}.zig",
        "csrc/plugin.c",
    ]
    return next((name for name in likely if name in files), "README.md")
