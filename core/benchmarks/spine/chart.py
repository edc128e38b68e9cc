"""The medians as bars in an SVG: `python -m spine.chart results.json results.svg`."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from spine.bars import PEER_ORDER, shown

COLOURS = {
    "numpy": "#8a8f98",
    "torch": "#d9822b",
    "torch.compile": "#e8b27a",
    "jax": "#6b8fd6",
    "dovetail": "#12806a",
}
WIDTH, LEFT, RIGHT = 860, 110, 210
BAR, GAP, HEAD = 15, 4, 22
MARGIN = 14


def _drawn(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with a time or a size of dovetail and of at least one peer."""
    return [
        row
        for row in results["rows"]
        if row["unit"] in ("s", "bytes")
        and sum("median" in cell and cell["median"] > 0 for cell in row["peers"].values()) > 1
        and "median" in row["peers"].get("dovetail", {})
    ]


def _group(row: dict[str, Any], top: float) -> tuple[list[str], float]:
    """One row's title and bars, each row on a logarithmic scale of its own."""
    cells = {
        peer: row["peers"][peer]
        for peer in PEER_ORDER
        if row["peers"].get(peer, {}).get("median", 0) > 0
    }
    ours = cells["dovetail"]["median"] if "dovetail" in cells else None
    low = min(cell["median"] for cell in cells.values()) / 3
    span = math.log(max(cell["median"] for cell in cells.values()) / low)
    parts = [f'<text x="{MARGIN}" y="{top + 13}" class="title">{escape(row["title"])}</text>']
    y = top + HEAD
    for peer, cell in cells.items():
        length = max(1.0, math.log(cell["median"] / low) / span * (WIDTH - LEFT - RIGHT))
        label = shown(cell["median"], row["unit"])
        if ours and peer != "dovetail":
            ratio = cell["median"] / ours
            label += f"  ({f'{ratio:.2g}' if ratio < 100 else f'{ratio:.0f}'} x dovetail)"
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 12}" class="peer">{escape(peer)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" '
            f'fill="{COLOURS[peer]}"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}">{escape(label)}</text>',
        ]
        y += BAR + GAP
    return parts, y + 10


def draw(results: dict[str, Any]) -> str:
    """The whole drawing."""
    parts: list[str] = []
    note = "provisional" if results["note"] else results["date"]
    top = 40.0
    for row in _drawn(results):
        group, top = _group(row, top)
        parts += group
    height = int(top + 6)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" '
        'aria-label="Medians of dovetail and its peers">',
        "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold}"
        ".peer{text-anchor:end}.small{fill:#666}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" class="small">Medians, {escape(note)}, '
        f"{results['threads']} thread(s); shorter is better; each group has a logarithmic scale "
        "of its own.</text>",
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    target.write_text(draw(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
