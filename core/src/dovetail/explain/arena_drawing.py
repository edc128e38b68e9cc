"""The arena over time as a picture: a rectangle for each temporary, as wide as it is needed."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.demo.markup import Markup, number, tag
from dovetail.explain.part import Block, Part
from dovetail.explain.sheet import CHARACTER, LINE, fitted, sheet, words

__all__ = ["draw_arena"]

_LEFT, _HEIGHT = 96.0, 320.0
_BELOW = 3 * LINE
_STYLES = ("kernel", "inner", "input", "body", "host")


def draw_arena(parts: Sequence[Part]) -> str:
    """The arenas of all parts, one below the other, as one SVG picture."""
    content, at, width = [], 0.0, 0.0
    for part in parts:
        drawn, wide = _arena(part)
        content.append(tag("g", *drawn, transform=f"translate(0 {number(at)})"))
        at += _HEIGHT + _BELOW + 2 * LINE
        width = max(width, wide)
    return sheet(width, at, "The memory of temporaries, step by step", *content)


def _arena(part: Part) -> tuple[list[Markup], float]:
    """The picture of one arena, and its width."""
    most, at = part.peak
    title = (
        f"{part.title or part.graph.name or 'graph'} on {part.device}: arena of {part.arena:,} "
        f"bytes, {part.temporaries:,} without sharing, {most:,} needed at once (step {at})"
    )
    each = _step_width(part)
    width = max(_LEFT + each * len(part.steps), len(title) * CHARACTER)
    drawn = [words(title, 0, 11, "strong")]
    if not part.arena:
        drawn.append(words("no temporary needs memory", _LEFT, 3 * LINE, "quiet"))
        return drawn, width
    top = 2 * LINE
    scale = _HEIGHT / part.arena
    for i in range(5):
        y = top + _HEIGHT * (1 - i / 4)
        drawn.append(words(f"{part.arena * i // 4:,}", _LEFT - 8, y + 4, "quiet", "end"))
        across = f"M{number(_LEFT)} {number(y)}H{number(_LEFT + each * len(part.steps))}"
        drawn.append(tag("path", d=across, class_="edge", stroke_dasharray="2 4"))
    for number_, block in enumerate(part.blocks):
        drawn.append(_block(block, number_, each, top, scale))
    every = max(1, round(28 / each))
    for step in part.steps[::every]:
        x = _LEFT + each * (step.number + 0.5)
        drawn.append(words(str(step.number), x, top + _HEIGHT + 16, "quiet", "middle"))
    drawn.append(words("step", _LEFT - 8, top + _HEIGHT + 16, "quiet", "end"))
    drawn.append(_needed(part, each, top, scale))
    return drawn, width


def _step_width(part: Part) -> float:
    """Wide for a few steps, never so narrow that a step cannot be seen."""
    return min(90.0, max(8.0, 900 / max(1, len(part.steps))))


def _block(block: Block, turn: int, each: float, top: float, scale: float) -> Markup:
    x = _LEFT + each * block.first
    width = each * (block.last - block.first + 1)
    height = max(1.0, block.size * scale)
    y = top + _HEIGHT - block.offset * scale - height
    span = f"step {block.first}"
    if block.last > block.first:
        span = f"steps {block.first} to {block.last}"
    tip = f"{block.holds}: {block.size:,} bytes at {block.offset:,}, {span}"
    style = f"box {_STYLES[turn % len(_STYLES)]}"
    parts = [
        tag("rect", x=x, y=y, width=width, height=height, class_=style),
        tag("title", tip),
    ]
    room = int((width - 8) / CHARACTER)
    if height >= LINE and room >= min(3, len(block.holds)):
        parts.append(words(fitted(block.holds, room), x + 4, y + height / 2 + 4))
    if height >= 2.4 * LINE and room >= len(f"{block.size:,}"):
        parts.append(words(f"{block.size:,}", x + 4, y + height / 2 + 4 + LINE, "quiet"))
    return tag("g", *parts)


def _needed(part: Part, each: float, top: float, scale: float) -> Markup:
    """The bytes that are needed at each step, as a line of steps over the blocks."""
    live = [0] * (len(part.steps) + 1)
    for block in part.blocks:
        live[block.first] += block.size
        live[block.last + 1] -= block.size
    total, points = 0, []
    for i, change in enumerate(live[:-1]):
        total += change
        y = number(top + _HEIGHT - total * scale)
        points.append(f"{'M' if i == 0 else 'L'}{number(_LEFT + each * i)} {y}")
        points.append(f"H{number(_LEFT + each * (i + 1))}")
    return tag("path", d="".join(points), class_="most", stroke_dasharray="6 3")
