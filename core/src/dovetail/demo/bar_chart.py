"""Horizontal bars as SVG: the name above each bar, the value at its end, zero at the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.demo.markup import Markup, tag

__all__ = ["Bar", "bar_chart"]

_WIDTH, _ROW, _BAR, _VALUE = 460, 52, 18, 92


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar; ``text`` is the value as it is written, ``quiet`` draws it in grey."""

    name: str
    value: float
    text: str
    quiet: bool = False


def bar_chart(bars: Sequence[Bar], *, label: str) -> Markup:
    """The bars in the given order, the longest as wide as there is room."""
    longest = max((bar.value for bar in bars), default=0) or 1
    parts = []
    for i, bar in enumerate(bars):
        y = i * _ROW
        length = max((_WIDTH - _VALUE) * bar.value / longest, 2)
        parts.append(tag("text", bar.name, x=0, y=y + 15, class_="class"))
        parts.append(
            tag(
                "rect",
                x=0,
                y=y + 23,
                width=length,
                height=_BAR,
                rx=3,
                class_="bar quiet" if bar.quiet else "bar",
            )
        )
        parts.append(tag("text", bar.text, x=length + 8, y=y + 37, class_="value"))
    height = max(len(bars) * _ROW, 1)
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label=label,
        class_="chart",
    )
