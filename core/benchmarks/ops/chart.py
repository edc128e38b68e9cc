"""The ratios as bars in an SVG: `python -m ops.chart results.json results.svg`."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ops.report import BAR, seconds

COLOURS = {"better": "#12806a", "within": "#6b8fd6", "over": "#d9822b"}
WIDTH, LEFT, RIGHT = 860, 230, 190
ROW, THICK = 15, 10
LOW, HIGH = 1 / 64, 8.0


def _x(ratio: float) -> float:
    share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bar(row: dict[str, Any], top: float) -> list[str]:
    ratio = row["ratio"]
    colour = "better" if ratio < 1 else "within" if ratio <= BAR else "over"
    one, end = _x(1.0), _x(ratio)
    start, length = min(one, end), max(1.0, abs(end - one))
    name = f"{row['op']} {row['kind']}"
    label = f"{ratio:.2f}  ({seconds(row['ours'])}, numpy {seconds(row['theirs'])})"
    at = max(one, end) + 6
    return [
        f'<text x="{LEFT - 8}" y="{top + 9}" class="name">{escape(name)}</text>',
        f'<rect x="{start:.1f}" y="{top}" width="{length:.1f}" height="{THICK}" '
        f'fill="{COLOURS[colour]}"/>',
        f'<text x="{at:.1f}" y="{top + 9}">{escape(label)}</text>',
    ]


def draw(results: dict[str, Any]) -> str:
    """The whole drawing, the worst ratio first."""
    top = 58.0
    height = int(top + ROW * len(results["rows"]) + 10)
    parts = []
    for ratio in (1 / 64, 1 / 16, 1 / 4, 1.0, BAR, HIGH):
        x = _x(ratio)
        dash = "" if ratio in (1.0, BAR) else ' stroke-dasharray="2 4"'
        label = f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:.0f}"
        parts += [
            f'<path d="M{x:.1f} 50V{height - 8}" class="line"{dash}/>',
            f'<text x="{x:.1f}" y="44" class="tick">{label}</text>',
        ]
    for row in results["rows"]:
        parts += _bar(row, top)
        top += ROW
    note = "provisional" if results["note"] else results["date"]
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'aria-label="Time of each op over that of numpy">',
        "<style>text{font:11px sans-serif;fill:#222}.name{text-anchor:end}.small{fill:#666}"
        ".tick{text-anchor:middle;fill:#666}.line{stroke:#c4c9cf;fill:none}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="14" y="20" class="small">Time over numpy\'s, {escape(note)}, one thread, '
        f"{results['size']:,} elements; a logarithmic scale; to the left is faster than "
        "numpy.</text>",
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    target.write_text(draw(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
