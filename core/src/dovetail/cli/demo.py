"""``dovetail demo``: the tour lives in `dovetail.demo` and is imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser("demo", help="train small models and show what happens", add_help=False)
    verb.set_defaults(run=_run, takes_rest=True)


def _run(chosen: argparse.Namespace) -> int:
    demo = importlib.import_module("dovetail.demo")
    status: int | None = demo.main(chosen.rest)
    return status or 0
