"""The sheet a drawing stands on: its colours on light and dark pages, its letters, its frame."""

from __future__ import annotations

from dovetail.demo.markup import Markup, tag

__all__ = ["CHARACTER", "LINE", "fitted", "sheet", "words"]

CHARACTER = 7.0
"""Width of a letter at 11 pixels; the family is monospaced so that boxes fit their text."""

LINE = 15.0
MARGIN = 16.0

_STYLE = """
.dt-drawing { --paper: #ffffff; --ink: #1c2733; --quiet: #5b6b7b; --line: #8595a5;
 --plain: #f4f6f8; --input: #e6f4ea; --kernel: #e8f0fb; --fused: #fff4d6; --group: #fdf9ec;
 --host: #f9e7e4; --body: #f3e8f7; background: #ffffff }
@media (prefers-color-scheme: dark) { .dt-drawing { --paper: #14181d; --ink: #e4eaf0;
 --quiet: #9aa8b5; --line: #6b7a88; --plain: #222930; --input: #1d3527; --kernel: #1f3049;
 --fused: #44381a; --group: #2a2618; --host: #472a26; --body: #33263c; background: #14181d } }
.dt-drawing text { font: 11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
 fill: var(--ink) }
.dt-drawing .quiet { fill: var(--quiet) }
.dt-drawing .strong { font-weight: bold }
.dt-drawing .box { stroke: var(--line); stroke-width: 1; fill: var(--plain) }
.dt-drawing .input { fill: var(--input) }
.dt-drawing .kernel { fill: var(--kernel) }
.dt-drawing .inner { fill: var(--fused) }
.dt-drawing .fused { fill: var(--group); stroke-dasharray: 5 3 }
.dt-drawing .host { fill: var(--host) }
.dt-drawing .body { fill: var(--body) }
.dt-drawing .edge { stroke: var(--line); stroke-width: 1.2; fill: none }
.dt-drawing .head { fill: var(--line) }
.dt-drawing .most { stroke: var(--ink); stroke-width: 1.5; fill: none }
"""


def fitted(text: str, length: int) -> str:
    """At most so many letters; an ellipsis stands for the rest."""
    return text if len(text) <= length else text[: max(1, length - 1)] + "…"


def words(text: str, x: float, y: float, style: str = "", anchor: str | None = None) -> Markup:
    """One line of text."""
    return tag("text", text, x=x, y=y, class_=style or None, text_anchor=anchor)


def sheet(width: float, height: float, label: str, *parts: str) -> str:
    """The whole picture, in its own size: a long graph makes a long picture, not a small one."""
    whole_width, whole_height = width + 2 * MARGIN, height + 2 * MARGIN
    head = tag(
        "marker",
        tag("path", d="M0 0L10 5L0 10z", class_="head"),
        id="dt-head",
        viewBox="0 0 10 10",
        refX="9",
        refY="5",
        markerWidth="6",
        markerHeight="6",
        orient="auto",
    )
    return tag(
        "svg",
        tag("title", label),
        tag("style", Markup(_STYLE)),
        tag("defs", head),
        tag("rect", width=whole_width, height=whole_height, style="fill: var(--paper)"),
        tag("g", *parts, transform=f"translate({MARGIN:g} {MARGIN:g})"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {whole_width:.0f} {whole_height:.0f}",
        width=f"{whole_width:.0f}",
        height=f"{whole_height:.0f}",
        role="img",
        class_="dt-drawing",
    )
