"""``dovetail plugins``: what is installed, what works, and why the rest does not."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail.op import REGISTRY
from dovetail.plugins import PluginRecord, records

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "plugins",
        help="list plugins: version, device ABI, devices, ops, state",
        description="Load every installed plugin and tell how it fares. A bug report needs this.",
    )
    verb.add_argument("--json", action="store_true", help="as JSON, for programs")
    verb.add_argument("-v", "--verbose", action="store_true", help="also files and ops")
    verb.add_argument(
        "--recheck", action="store_true", help="try each library in a child process again"
    )
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    found = records(load_all=True, again=chosen.recheck)
    known = known_ops()
    if chosen.json:
        print(json.dumps([_as_data(record, known) for record in found], indent=2))
        return 0
    rows: list[tuple[str, ...]] = [
        ("NAME", "DISTRIBUTION", "VERSION", "ABI (NEEDS)", "DEVICES", "OPS", "STATE")
    ]
    rows += [_row(record, known) for record in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
        if number > 0:
            _details(found[number - 1], known, chosen.verbose)
    return 0


def known_ops() -> frozenset[str]:
    """The ops a device may bring kernels for."""
    return frozenset(name for name, op in REGISTRY.items() if op.claim != "view")


def _row(record: PluginRecord, known: frozenset[str]) -> tuple[str, ...]:
    abi = f"{record.abi} ({record.abi_required})" if record.abi else "-"
    ops = f"{len(known.intersection(record.ops))}/{len(known)}" if record.ops else "-"
    return (
        record.name,
        record.distribution or ("-" if record.path is None else "(by path)"),
        record.version or "-",
        abi,
        "-" if record.devices is None else str(record.devices),
        ops,
        record.state + (f", {record.variant}" if record.variant else ""),
    )


def _details(record: PluginRecord, known: frozenset[str], verbose: bool) -> None:
    if record.reason:
        print(f"    {record.reason}")
    if not verbose:
        return
    if record.path is not None:
        print(f"    library: {record.path}")
    if record.ops:
        print(f"    ops: {' '.join(op for op in record.ops if op in known)}")
        unknown = [op for op in record.ops if op not in known]
        if unknown:
            print(f"    ops this Dovetail does not know: {' '.join(unknown)}")


def _as_data(record: PluginRecord, known: frozenset[str]) -> dict[str, Any]:
    data = asdict(record)
    data["path"] = None if record.path is None else str(record.path)
    data["ops"] = list(record.ops)
    data["ops_known"] = len(known.intersection(record.ops))
    data["ops_total"] = len(known)
    return data
