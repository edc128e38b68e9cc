"""Ratios to the best peer as bars: `python -m workloads.chart results.json results.svg`."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from spine.bars import shown

from workloads.families import FAMILIES

COLOURS = {"faster": "#12806a", "slower": "#d9822b"}
WIDTH, LEFT, RIGHT, MARGIN = 900, 300, 220, 14
ROW, THICK, HEAD = 19, 12, 30
LOW, HIGH = 1 / 32, 4.0


def _x(ratio: float) -> float:
    share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bar(row: dict[str, Any], top: float) -> list[str]:
    """From 1 to the ratio; a thin line spans the rounds, an upright one marks the limit."""
    best, limit, target = row["best"], row["limit"]["ratio"], row["target"]
    ratio, one, end = best["ratio"], _x(1.0), _x(best["ratio"])
    colour = COLOURS["faster" if ratio <= 1 else "slower"]
    ours = shown(row["peers"]["dovetail"]["median"], "s")
    theirs = shown(row["peers"][best["peer"]]["median"], "s")
    middle = top + THICK / 2
    parts = [
        f'<text x="{LEFT - 8}" y="{top + 10}" class="name">{escape(row["title"])}</text>',
        f'<rect x="{min(one, end):.1f}" y="{top}" width="{max(1.0, abs(end - one)):.1f}" '
        f'height="{THICK}" fill="{colour}"/>',
        f'<path d="M{_x(best["low"]):.1f} {middle}H{_x(best["high"]):.1f}" stroke="#222"/>',
    ]
    if limit:
        x = _x(ratio / limit)
        parts.append(
            f'<path d="M{x:.1f} {top - 2}V{top + THICK + 2}" stroke="#222" stroke-width="2"/>'
        )
    if target and target["met"] is False:
        parts.append(f'<text x="{_x(LOW) + 2:.1f}" y="{top + 10}" class="bad">gate missed</text>')
    label = f"{ratio:.2f}  ({ours}, {best['peer']} {theirs})"
    at = max(one, end, _x(best["high"])) + 6
    return [*parts, f'<text x="{at:.1f}" y="{top + 10}">{escape(label)}</text>']


def _drawn(table: dict[str, Any], family: str) -> list[dict[str, Any]]:
    return [
        row for row in table["rows"] if row["family"] == family and row["best"]["ratio"] is not None
    ]


def draw(results: dict[str, Any]) -> str:
    """The whole drawing: a group for each family and each number of threads."""
    parts: list[str] = []
    top = 60.0
    for table in results["tables"]:
        for family, title in FAMILIES.items():
            rows = _drawn(table, family)
            if not rows:
                continue
            count = table["threads"]
            words = f"{title}, {count} thread{'s' if count > 1 else ''}"
            parts.append(f'<text x="{MARGIN}" y="{top + 18}" class="title">{escape(words)}</text>')
            top += HEAD
            for row in rows:
                parts += _bar(row, top)
                top += ROW
    height = int(top + 10)
    lines = []
    for ratio in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0):
        x = _x(ratio)
        dash = "" if ratio == 1.0 else ' stroke-dasharray="2 4"'
        label = f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:.0f}"
        lines += [
            f'<path d="M{x:.1f} 50V{height - 8}" class="line"{dash}/>',
            f'<text x="{x:.1f}" y="44" class="tick">{label}</text>',
        ]
    note = "provisional" if results["note"] else results["date"]
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'aria-label="Time of dovetail over that of its best peer">',
        "<style>text{font:11px sans-serif;fill:#222}.title{font-weight:bold}"
        ".name{text-anchor:end}.small{fill:#666}.tick{text-anchor:middle;fill:#666}"
        ".bad{fill:#b3261e}.line{stroke:#c4c9cf;fill:none}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="20" class="small">Time over the best peer\'s, {escape(note)}; a '
        "logarithmic scale; to the left is faster; a thin line spans the rounds, an upright one "
        "marks the machine's limit.</text>",
    ]
    return "\n".join([*head, *lines, *parts, "</svg>", ""])


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    target.write_text(draw(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
