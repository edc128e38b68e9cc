"""One code of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means."""

    title: str
    """What is wrong, in a few words."""
    breaks: str
    """What goes wrong for users because of it."""
    advice: str
    """What the maker of the library does about it."""
    severity: str = "error"
    """Of a finding that states none."""
