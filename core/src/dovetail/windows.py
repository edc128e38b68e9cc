"""Windows that slide over two spatial axes: strides, padding, sizes of convolutions and pools."""

from __future__ import annotations

import operator
from typing import Any

from dovetail.op import Op

__all__ = ["extents", "paddings", "pair"]

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


def _integers(op: Op, name: str, value: Any) -> tuple[int, ...]:
    """An integer, or integers in tuples at most two deep, as one flat tuple."""
    flat: list[Any] = []
    for part in value if isinstance(value, (tuple, list)) else (value,):
        flat.extend(part if isinstance(part, (tuple, list)) else (part,))
    try:
        return tuple(operator.index(n) for n in flat)
    except TypeError:
        raise op.fail(f"{name}={value!r} is not made of integers") from None


def pair(op: Op, name: str, value: Any, least: int = 1) -> Pair:
    """An integer for both axes or one for each, as (height, width)."""
    numbers = _integers(op, name, value)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise op.fail(f"{name}={value!r} must be one integer or two, for height and width")
    if min(numbers) < least:
        raise op.fail(f"{name}={value!r} must be at least {least}")
    return numbers[0], numbers[1]


def paddings(
    op: Op,
    value: Any,
    size: Pair,
    window: Pair,
    *,
    strides: Pair,
    dilation: Pair = (1, 1),
) -> Sides:
    """Padding as (top, bottom, left, right).

    "valid" is none; "same" makes the result ceil(size / stride) long, the odd element behind; one
    integer is all four sides, two are height and width, four are the sides.
    """
    if value == "valid":
        return 0, 0, 0, 0
    if value == "same":
        sides: list[int] = []
        for n, w, s, d in zip(size, window, strides, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
            sides += [total // 2, total - total // 2]
        return sides[0], sides[1], sides[2], sides[3]
    if isinstance(value, str):
        raise op.fail(f'padding={value!r} is not known; use "same", "valid" or integers')
    numbers = _integers(op, "padding", value)
    if len(numbers) == 1:
        numbers *= 4
    elif len(numbers) == 2 and not any(isinstance(part, (tuple, list)) for part in value):
        numbers = (numbers[0], numbers[0], numbers[1], numbers[1])
    if len(numbers) != 4:
        raise op.fail(
            f"padding={value!r} must be one integer, two (height, width) or four "
            "(top, bottom, left, right)"
        )
    if min(numbers) < 0:
        raise op.fail(f"padding={value!r} is negative; slice the operand instead")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def extents(
    op: Op,
    size: Pair,
    window: Pair,
    *,
    strides: Pair,
    padding: Sides,
    dilation: Pair = (1, 1),
) -> Pair:
    """How many windows fit along height and width."""
    result = []
    for axis in range(2):
        padded = size[axis] + padding[2 * axis] + padding[2 * axis + 1]
        reach = (window[axis] - 1) * dilation[axis] + 1
        if reach > padded:
            raise op.fail(
                f"a window of {reach} does not fit the {('height', 'width')[axis]} {size[axis]} "
                f"with padding {padding[2 * axis : 2 * axis + 2]}; pad more"
            )
        result.append((padded - reach) // strides[axis] + 1)
    return result[0], result[1]
