"""Numbers as people read them: three digits and a unit."""

from __future__ import annotations

__all__ = ["count", "duration", "percent", "size", "tiny"]


def duration(seconds: float | None) -> str:
    """A time span.

    >>> duration(0.000312), duration(4.12), duration(95)
    ('312 µs', '4.12 s', '95.0 s')
    """
    if seconds is None:
        return "–"
    if seconds == 0:
        return "0 ns"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{_three(seconds / scale)} {unit}"
    return f"{_three(seconds / 1e-9)} ns"


def size(n: int) -> str:
    """Bytes.

    >>> size(28_412)
    '28.4 KB'
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if n >= scale:
            return f"{_three(n / scale)} {unit}"
    return f"{n} B"


def percent(share: float | None) -> str:
    """A share with one decimal.

    >>> percent(0.98665)
    '98.7 %'
    """
    return "–" if share is None else f"{100 * share:.1f} %"


def tiny(value: float | None) -> str:
    """A difference, as a power of ten."""
    if value is None:
        return "–"
    return "0" if value == 0 else f"{value:.1e}"


def count(n: int) -> str:
    """A whole number with separators."""
    return f"{n:,}"


def _three(value: float) -> str:
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f}"
