"""``dovetail replay FILE LIB``: make the calls of a recording again, without the user's model."""

from __future__ import annotations

import argparse
import json

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "replay",
        help="make recorded calls again on a device library (see DOVETAIL_RECORD)",
        description="A program that runs with DOVETAIL_RECORD=bug.dvr leaves a recording of every "
        "call into each device plugin. This makes the calls again on a library, in child "
        "processes, and compares outputs, statuses and reasons. Without a library it sums the "
        "recording up. The exit status is 0 when all went as recorded, 1 when something did not.",
    )
    verb.add_argument("file", metavar="FILE", help="a recording, or what DOVETAIL_RECORD named")
    verb.add_argument(
        "library",
        metavar="LIB",
        nargs="?",
        help="a library, a dovetail-backend.toml, or the word of an installed device such as cpu",
    )
    verb.add_argument(
        "--ops", metavar="OPS", default="", help="only calls about these ops, such as add,matmul"
    )
    verb.add_argument(
        "--tolerance",
        metavar="ULP",
        type=float,
        help="units in the last place an output may be off; default: twice the op's own tolerance",
    )
    verb.add_argument("--show", action="store_true", help="list the recorded calls instead")
    verb.add_argument("--json", action="store_true", help="as JSON, for programs")
    verb.add_argument(
        "--patience", metavar="S", type=float, default=60.0, help="seconds a call may take (60)"
    )
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from dovetail.replay_calls import find, listing, read  # noqa: PLC0415  others need none of it

    recording = read(find(chosen.file))
    ops = frozenset(word.strip() for word in chosen.ops.split(",") if word.strip())
    if chosen.show or chosen.library is None:
        if chosen.json:
            print(json.dumps(listing.as_data(recording, ops), indent=2))
            return 0
        for line in listing.head(recording):
            print(line)
        for line in listing.show(recording, ops) if chosen.show else listing.timeline(recording):
            print(line)
        return 0
    from dovetail.check_backend import target  # noqa: PLC0415  as above
    from dovetail.replay_calls import contained, report  # noqa: PLC0415  as above

    library = target.find(chosen.library).path
    result = contained.replay(
        recording,
        library,
        listing.chosen_calls(recording, ops),
        tolerance=chosen.tolerance,
        seconds=chosen.patience,
    )
    if chosen.json:
        print(json.dumps(report.as_data(result), indent=2))
    else:
        for line in (*listing.head(recording), *report.lines(result)):
            print(line)
    return 0 if report.is_good(result) else 1
