"""A grey image as SVG: one path for each shade, so that an image takes a kilobyte."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.demo.markup import Markup, tag

__all__ = ["digit_image"]


def digit_image(pixels: Sequence[Sequence[int]], *, deepest: int, label: str) -> Markup:
    """The image, with ``deepest`` as full ink; the colour is the text's."""
    shades: dict[int, list[str]] = {}
    for y, row in enumerate(pixels):
        x = 0
        while x < len(row):
            run = x
            while run < len(row) and row[run] == row[x]:
                run += 1
            if row[x]:
                shades.setdefault(row[x], []).append(f"M{x} {y}h{run - x}v1h-{run - x}z")
            x = run
    paths = [
        tag("path", d="".join(runs), fill_opacity=shade / deepest)
        for shade, runs in sorted(shades.items())
    ]
    return tag(
        "svg",
        *paths,
        viewBox=f"0 0 {len(pixels[0])} {len(pixels)}",
        role="img",
        aria_label=label,
        class_="digit",
        shape_rendering="crispEdges",
    )
