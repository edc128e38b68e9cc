"""Elements of HTML and SVG as text: escaped, well-formed, without a dependency."""

from __future__ import annotations

import html
import re

__all__ = ["Markup", "number", "tag"]


_CONTROL = re.compile("[^\\t\\n\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def number(value: float) -> str:
    """A coordinate: at most two decimals, no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _escape(text: str, quote: bool) -> str:
    """Escape the text; a character that no document may hold becomes a question mark."""
    return html.escape(_CONTROL.sub("?", text), quote=quote)


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """An element; ``class_`` and ``stroke_width`` become ``class`` and ``stroke-width``.

    >>> tag("text", "a < b", x=1.5, text_anchor="end")
    '<text x="1.5" text-anchor="end">a &lt; b</text>'
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else number(value)
        parts.append(f'{key.rstrip("_").replace("_", "-")}="{_escape(text, True)}"')
    inner = "".join(c if isinstance(c, Markup) else _escape(c, False) for c in children)
    opening = " ".join(parts)
    return Markup(f"<{opening}>{inner}</{name}>" if inner else f"<{opening}/>")
