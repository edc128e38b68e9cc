"""A line chart as SVG: light grid, lines labelled where they end, no legend to look up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dovetail.demo.axis import Axis
from dovetail.demo.markup import Markup, number, tag

__all__ = ["Series", "line_chart", "smooth"]

_WIDTH, _HEIGHT = 460, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 16, 42


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Points of one line; ``style`` is a CSS class: ``raw``, ``main`` or ``mark``."""

    x: Sequence[float]
    y: Sequence[float]
    style: str = "main"
    dots: bool = False


def line_chart(
    series: Sequence[Series],
    *,
    label: str,
    x_label: str,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    logarithmic: bool = False,
    y_text: Callable[[float], str] = number,
    target: tuple[float, str] | None = None,
    note: str = "",
) -> Markup:
    """The chart. ``label`` is read out in place of the picture; ``target`` is a line to reach;
    ``note`` stands beside the end of the last series."""
    x_axis = Axis(low=x_range[0], high=x_range[1], start=_LEFT, end=_WIDTH - _RIGHT)
    y_axis = Axis(
        low=y_range[0],
        high=y_range[1],
        start=_HEIGHT - _BOTTOM,
        end=_TOP,
        logarithmic=logarithmic,
    )
    parts = _grid(x_axis, y_axis, x_label, y_text)
    if target is not None:
        parts += _target(x_axis, y_axis, *target)
    for one in series:
        parts += _line(one, x_axis, y_axis)
    if note and series and series[-1].x:
        last = series[-1]
        y = y_axis(last.y[-1])
        above = y - 10 if y - _TOP > 24 else y + 20
        parts.append(
            tag("text", note, x=x_axis(last.x[-1]), y=above, class_="note", text_anchor="end")
        )
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=label,
        class_="chart",
    )


def _grid(x_axis: Axis, y_axis: Axis, x_label: str, y_text: Callable[[float], str]) -> list[Markup]:
    parts = []
    for tick in y_axis.ticks():
        y = y_axis(tick)
        parts.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", y_text(tick), x=_LEFT - 8, y=y + 4, text_anchor="end"))
    base = _HEIGHT - _BOTTOM
    parts.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="axis"))
    for tick in x_axis.ticks():
        x = x_axis(tick)
        parts.append(tag("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis"))
        parts.append(tag("text", f"{tick:,g}", x=x, y=base + 18, text_anchor="middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(tag("text", x_label, x=middle, y=_HEIGHT - 6, text_anchor="middle", class_="name"))
    return parts


def _target(x_axis: Axis, y_axis: Axis, value: float, text: str) -> list[Markup]:
    y = y_axis(value)
    return [
        tag("line", x1=x_axis.start, x2=x_axis.end, y1=y, y2=y, class_="target"),
        tag("text", text, x=x_axis.start + 8, y=y + 15, class_="target-text"),
    ]


def _line(one: Series, x_axis: Axis, y_axis: Axis) -> list[Markup]:
    points = [(x_axis(x), y_axis(y)) for x, y in zip(one.x, one.y, strict=True)]
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) if points else "M0 0"
    parts = [tag("path", d=path, class_=f"line {one.style}")]
    if one.dots:
        parts += [tag("circle", cx=x, cy=y, r=2.6, class_=f"dot {one.style}") for x, y in points]
    elif points:
        x, y = points[-1]
        if one.style != "raw":
            parts.append(tag("circle", cx=x, cy=y, r=3.4, class_=f"dot {one.style}"))
    return parts


def smooth(values: Sequence[float], span: int) -> list[float]:
    """The mean of each value and up to ``span`` before it.

    >>> smooth([4, 2, 0], 1)
    [4.0, 3.0, 1.0]
    """
    result = []
    total = 0.0
    for i, value in enumerate(values):
        total += value
        if i > span:
            total -= values[i - span - 1]
        result.append(total / min(i + 1, span + 1))
    return result
