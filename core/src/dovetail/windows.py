"""Windows that slide over spatial axes: strides, padding, sizes of convolutions and pools."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Protocol

from dovetail.errors import OpError

__all__ = ["Caller", "Pair", "Sides", "extents", "numbers", "paddings", "pair"]

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

_AXES = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_SIDES = {
    1: ("left", "right"),
    2: ("top", "bottom", "left", "right"),
    3: ("front", "back", "top", "bottom", "left", "right"),
}
_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four", 6: "six"}


class Refusing(Protocol):
    """Who an error names: an op's record, or a `Caller`."""

    def fail(self, message: str) -> OpError:
        """An error that callers raise."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A function that is no op."""

    name: str

    def fail(self, message: str) -> OpError:
        """An `OpError` that names the function."""
        return OpError(f"{self.name}: {message}")


def _integers(op: Refusing, name: str, value: Any) -> tuple[int, ...]:
    """An integer, or integers in tuples at most two deep, as one flat tuple."""
    flat: list[Any] = []
    for part in value if isinstance(value, (tuple, list)) else (value,):
        flat.extend(part if isinstance(part, (tuple, list)) else (part,))
    try:
        return tuple(operator.index(n) for n in flat)
    except TypeError:
        raise op.fail(f"{name}={value!r} is not made of integers") from None


def numbers(op: Refusing, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """An integer for all of ``n`` axes, or one for each."""
    found = _integers(op, name, value)
    if len(found) == 1:
        found *= n
    if len(found) != n:
        raise op.fail(
            f"{name}={value!r} must be one integer or {_COUNTS[n]}, for {' and '.join(_AXES[n])}"
        )
    if min(found) < least:
        raise op.fail(f"{name}={value!r} must be at least {least}")
    return found


def pair(op: Refusing, name: str, value: Any, least: int = 1) -> Pair:
    """An integer for both axes or one for each, as (height, width)."""
    height, width = numbers(op, name, value, 2, least)
    return height, width


def paddings(
    op: Refusing,
    value: Any,
    size: tuple[int, ...],
    window: tuple[int, ...],
    *,
    strides: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> Any:
    """Padding as (before, behind) of each axis in turn: (top, bottom, left, right) of two axes.

    "valid" is none; "same" makes the result ceil(size / stride) long, the odd element behind; one
    integer is all sides, one for each axis both its sides, else all sides are given.
    """
    n = len(size)
    if value == "valid":
        return (0,) * (2 * n)
    if value == "same":
        sides: list[int] = []
        for e, w, s, d in zip(size, window, strides, dilation or (1,) * n, strict=True):
            total = max((-(-e // s) - 1) * s + (w - 1) * d + 1 - e, 0)
            sides += [total // 2, total - total // 2]
        return tuple(sides)
    if isinstance(value, str):
        raise op.fail(f'padding={value!r} is not known; use "same", "valid" or integers')
    found = _integers(op, "padding", value)
    if len(found) == 1:
        found *= 2 * n
    elif len(found) == n and not any(isinstance(part, (tuple, list)) for part in value):
        found = tuple(side for side in found for _ in range(2))
    if len(found) != 2 * n:
        each = "" if n == 1 else f"{_COUNTS[n]} ({', '.join(_AXES[n])}) or "
        raise op.fail(
            f"padding={value!r} must be one integer, {each}{_COUNTS[2 * n]} "
            f"({', '.join(_SIDES[n])})"
        )
    if min(found) < 0:
        raise op.fail(f"padding={value!r} is negative; slice the operand instead")
    return found


def extents(
    op: Refusing,
    size: tuple[int, ...],
    window: tuple[int, ...],
    *,
    strides: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> Any:
    """How many windows fit along each axis."""
    n = len(size)
    result = []
    for axis in range(n):
        padded = size[axis] + padding[2 * axis] + padding[2 * axis + 1]
        reach = (window[axis] - 1) * (dilation[axis] if dilation else 1) + 1
        if reach > padded:
            raise op.fail(
                f"a window of {reach} does not fit the {_AXES[n][axis]} {size[axis]} "
                f"with padding {padding[2 * axis : 2 * axis + 2]}; pad more"
            )
        result.append((padded - reach) // strides[axis] + 1)
    return tuple(result)
