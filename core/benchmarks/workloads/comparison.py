"""One workload's cells as a record: the best peer, the limit of the machine, gate and stretch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from spine.bars import Bar, Row
from spine.summary import Cell, verdict

from workloads.workload import Target, Workload

OURS = "dovetail"
BASE = "base"
"""The name under which what dovetail is held against is given to `verdict`."""


def fastest(cells: dict[str, Cell], among: Iterable[str] = ()) -> tuple[str, Cell]:
    """The least median of each round among the peers, and the peer that most rounds have it from.

    Of all peers but dovetail if none are named. Without a median the name is empty.
    """
    names = list(among) or [name for name in cells if name != OURS]
    medians = {name: cells[name].medians() for name in names if name in cells}
    found, winners = Cell(), []
    for number in sorted({n for one in medians.values() for n in one}):
        have = {name: one[number] for name, one in medians.items() if number in one}
        winner = min(have, key=have.__getitem__)
        found.rounds[number] = [have[winner]]
        winners.append(winner)
    return (statistics.mode(winners) if winners else ""), found


def _against(base: Cell, cells: dict[str, Cell]) -> dict[str, float | None]:
    """The median of the rounds' ratios, the least and the greatest; None without a common round."""
    row = Row(name=BASE, title=BASE)
    have = {BASE: base} | ({OURS: cells[OURS]} if OURS in cells else {})
    found = verdict(Bar(peer=BASE), row, have)
    return {"ratio": found.ratio, "low": found.low, "high": found.high}


def _held(target: Target, cells: dict[str, Cell]) -> dict[str, Any]:
    peer, base = fastest(cells, target.peers)
    found = _against(base, cells)
    ratio = found["ratio"]
    return {
        **asdict(target),
        "peer": peer,
        **found,
        "met": None if ratio is None else ratio <= target.gate,
        "reached": None if ratio is None else ratio <= target.stretch,
    }


def record(
    family: str, work: Workload, cells: dict[str, Cell], limits: dict[int, float]
) -> dict[str, Any]:
    """For results.json. ``limits``: the least seconds that each round's machine allows."""
    peer, base = fastest(cells)
    floor = Cell(rounds={n: [seconds] for n, seconds in limits.items()})
    return {
        "name": work.name,
        "family": family,
        "title": work.title,
        "unit": "s",
        "peers": {name: cell.record() for name, cell in cells.items()},
        "best": {"peer": peer, **_against(base, cells)},
        "limit": {
            "seconds": statistics.median(limits.values()) if limits else None,
            **_against(floor, cells),
        },
        "target": _held(work.target, cells) if work.target else None,
    }
