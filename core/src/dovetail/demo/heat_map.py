"""A confusion matrix as SVG: hits in one colour, misses in another, every count written."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.demo.markup import Markup, tag

__all__ = ["confusion", "heat_map"]

_CELL, _LEFT, _TOP = 40, 52, 44


def confusion(labels: Sequence[int], predictions: Sequence[int], classes: int) -> list[list[int]]:
    """How often each true class (row) was taken for each class (column).

    >>> confusion([0, 0, 1], [0, 1, 1], 2)
    [[1, 1], [0, 1]]
    """
    counts = [[0] * classes for _ in range(classes)]
    for label, prediction in zip(labels, predictions, strict=True):
        counts[label][prediction] += 1
    return counts


def heat_map(counts: Sequence[Sequence[int]], *, label: str) -> Markup:
    """The matrix. Hits are shaded by their share of the row; misses are strong from the first one,
    because one miss in sixty would not be seen on the same scale."""
    parts: list[Markup] = []
    size = len(counts)
    worst = max((c for i, row in enumerate(counts) for j, c in enumerate(row) if i != j), default=0)
    for i, row in enumerate(counts):
        parts.append(_text(str(i), _LEFT - 14, _TOP + (i + 0.5) * _CELL, "class"))
        parts.append(_text(str(i), _LEFT + (i + 0.5) * _CELL, _TOP - 14, "class"))
        for j, count in enumerate(row):
            share = count / max(sum(row), 1) if i == j else 0.35 + 0.65 * count / max(worst, 1)
            parts += _cell(i, j, count, share)
    middle = _LEFT + size * _CELL / 2
    parts.append(_text("predicted", middle, 12, "name"))
    y = _TOP + size * _CELL / 2
    turned = tag(
        "text",
        "written",
        text_anchor="middle",
        class_="name",
        transform=f"translate(14 {y}) rotate(-90)",
    )
    parts.append(turned)
    extent = size * _CELL
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_LEFT + extent + 8} {_TOP + extent + 8}",
        role="img",
        aria_label=label,
        class_="chart heat",
    )


def _cell(i: int, j: int, count: int, share: float) -> list[Markup]:
    x, y = _LEFT + j * _CELL, _TOP + i * _CELL
    kind = "hit" if i == j else "miss"
    parts = [tag("rect", x=x + 1, y=y + 1, width=_CELL - 2, height=_CELL - 2, rx=4, class_="empty")]
    if count:
        parts.append(
            tag(
                "rect",
                tag("title", f"{count} times a {i} was taken for a {j}"),
                x=x + 1,
                y=y + 1,
                width=_CELL - 2,
                height=_CELL - 2,
                rx=4,
                class_=kind,
                fill_opacity=0.12 + 0.88 * share**2 if i == j else share,
            )
        )
        strong = share > 0.6
        parts.append(
            _text(str(count), x + _CELL / 2, y + _CELL / 2, "strong" if strong else "weak")
        )
    return parts


def _text(text: str, x: float, y: float, kind: str) -> Markup:
    return tag("text", text, x=x, y=y + 5, text_anchor="middle", class_=kind)
