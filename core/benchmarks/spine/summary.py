"""From samples to medians, and from medians to verdicts."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from spine.bars import Bar, Row, describe


@dataclass(kw_only=True)
class Cell:
    """All that one peer said about one row: a list of samples for each round it ran in."""

    rounds: dict[int, list[float]] = field(default_factory=dict)
    how: str = ""
    basis: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def medians(self) -> dict[int, float]:
        return {n: statistics.median(values) for n, values in self.rounds.items() if values}

    def record(self) -> dict[str, Any]:
        """For results.json."""
        values = sorted(v for one in self.rounds.values() for v in one)
        found: dict[str, Any] = {"how": self.how}
        if values:
            at = lambda share: values[min(len(values) - 1, int(share * len(values)))]  # noqa: E731
            found |= {
                "median": statistics.median(values),
                "p10": at(0.1),
                "p90": at(0.9),
                "samples": len(values),
                "rounds": [self.medians()[n] for n in sorted(self.medians())],
                "basis": sorted(set(self.basis)),
            }
        if self.errors:
            found["errors"] = sorted(set(self.errors))
        return found


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``ratio``: dovetail over the peer, the median of the rounds' ratios, or over the bar itself.

    ``low`` and ``high`` are the least and the greatest of the rounds. None where it cannot be told.
    """

    bar: str
    met: bool | None
    ratio: float | None
    low: float | None = None
    high: float | None = None


def verdict(bar: Bar, row: Row, cells: dict[str, Cell]) -> Verdict:
    """Whether dovetail meets a bar: rounds are compared one by one, since machines drift."""
    words = describe(bar, row.unit)
    ours = cells["dovetail"].medians() if "dovetail" in cells else {}
    theirs = cells[bar.peer].medians() if bar.peer in cells and bar.peer else {}
    if bar.peer is not None:
        ours = {n: v for n, v in ours.items() if n in theirs}
    if not ours:
        return Verdict(bar=words, met=None, ratio=None)
    excess, ratios = [], []
    for n, value in ours.items():
        base = theirs[n] if bar.peer is not None else bar.plus
        limit = bar.factor * theirs[n] + bar.plus if bar.peer is not None else bar.plus
        excess.append(value - limit)
        if base:
            ratios.append(value / base)
    met = statistics.median(excess) <= 0
    if not ratios:
        return Verdict(bar=words, met=met, ratio=None)
    return Verdict(
        bar=words,
        met=met,
        ratio=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
    )


def summarise(rows: tuple[Row, ...], cells: dict[str, dict[str, Cell]]) -> list[dict[str, Any]]:
    """A record for each row that any peer has: what results.json holds."""
    found = []
    for row in rows:
        have = cells.get(row.name, {})
        if not have:
            continue
        found.append(
            {
                "name": row.name,
                "title": row.title,
                "unit": row.unit,
                "peers": {peer: cell.record() for peer, cell in have.items()},
                "bars": [asdict(verdict(bar, row, have)) for bar in row.bars],
            }
        )
    return found
