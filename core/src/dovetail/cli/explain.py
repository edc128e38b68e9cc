"""``dovetail explain FILE``: what a program file holds and how a device runs it."""

from __future__ import annotations

import argparse

from dovetail.errors import ProgramError

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "explain", help="a program file's graph, its steps on a device, their cost and memory"
    )
    verb.add_argument("file", help="a file that dt.save wrote")
    verb.add_argument("--device", help="such as cpu:0; the current device unless given")
    verb.add_argument("--svg", metavar="OUT", help="also draw the graph into this file")
    verb.add_argument("--memory", metavar="OUT", help="also draw the arena over time")
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from dovetail.program import load  # noqa: PLC0415  other verbs need no programs

    try:
        program = load(chosen.file)
        if chosen.device:
            program = program.to_device(chosen.device)
        found = program.explain()
        if chosen.svg:
            found.to_svg(chosen.svg)
        if chosen.memory:
            found.memory_svg(chosen.memory)
    except OSError as error:
        raise ProgramError(f"{error.filename}: {error.strerror}") from error
    print(found)
    return 0
