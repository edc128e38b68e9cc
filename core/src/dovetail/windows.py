"""Windows that slide over spatial axes: strides, padding, sizes; and convolutions and pools of many
examples at once, which join the batch or stand side by side in the channels."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Protocol

from dovetail import ops
from dovetail.batching import examples, loop
from dovetail.errors import OpError
from dovetail.op import iterate

__all__ = [
    "Caller",
    "Pair",
    "Sides",
    "convolution",
    "extents",
    "folded",
    "image_gradient",
    "numbers",
    "paddings",
    "pair",
    "weight_gradient",
]

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


# ---- many examples at once -----------------------------------------------------------------------


def _fold(x: Any, size: int, batched: bool) -> Any:
    x = examples(x, size, batched)
    return ops.reshape(x, (size * x.shape[1], *x.shape[2:]))


def _unfold(y: Any, size: int) -> Any:
    return ops.reshape(y, (size, y.shape[0] // size, *y.shape[1:]))


def folded(op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any) -> Any:
    """All operands are images: the examples join the batch."""
    if size == 0:
        return loop(op, size, batched, *operands, **words)
    found = op(*(_fold(x, size, b) for x, b in zip(operands, batched, strict=True)), **words)
    results = tuple(_unfold(y, size) for y in iterate(found))
    return results if isinstance(found, tuple) else results[0]


def _beside(x: Any, size: int, batched: bool) -> Any:
    """The examples side by side in the last axis, each of them whole: they count as groups."""
    x = examples(x, size, batched)
    x = ops.permute_dims(x, (*range(1, x.ndim - 1), 0, x.ndim - 1))
    return ops.reshape(x, (*x.shape[:-2], size * x.shape[-1]))


def _apart(y: Any, size: int) -> Any:
    y = ops.reshape(y, (*y.shape[:-1], size, y.shape[-1] // size))
    return ops.permute_dims(y, (y.ndim - 2, *range(y.ndim - 2), y.ndim - 1))


def _within(x: Any, size: int, groups: int) -> Any:
    """The examples side by side inside each group of the last axis, which shares its operand."""
    x = ops.reshape(x, (*x.shape[:-1], groups, x.shape[-1] // groups))
    x = ops.permute_dims(x, (*range(1, x.ndim - 1), 0, x.ndim - 1))
    return ops.reshape(x, (*x.shape[:-3], groups * size * x.shape[-1]))


def _from_within(y: Any, size: int, groups: int) -> Any:
    each = y.shape[-1] // (size * groups)
    y = ops.reshape(y, (*y.shape[:-1], groups, size, each))
    y = ops.permute_dims(y, (y.ndim - 2, *range(y.ndim - 2), y.ndim - 1))
    return ops.reshape(y, (*y.shape[:-2], groups * each))


def convolution(
    op: Any, size: int, batched: tuple[bool, ...], /, x: Any, w: Any, *, groups: int, **words: Any
) -> Any:
    """conv2d: one window for all examples, one image for all windows, or as many groups."""
    if size == 0:
        return loop(op, size, batched, x, w, groups=groups, **words)
    if not batched[1]:
        return _unfold(op(_fold(x, size, batched[0]), w, groups=groups, **words), size)
    if not batched[0]:
        y = op(x, _within(w, size, groups), groups=groups, **words)
        return _from_within(y, size, groups)
    pair = _beside(x, size, True), _beside(w, size, True)
    return _apart(op(*pair, groups=size * groups, **words), size)


def image_gradient(
    op: Any, size: int, batched: tuple[bool, ...], /, g: Any, w: Any, *, groups: int, **words: Any
) -> Any:
    """conv2d_input_gradient: like the convolution, but windows do not share an image's channels."""
    if size == 0:
        return loop(op, size, batched, g, w, groups=groups, **words)
    if not batched[1]:
        return _unfold(op(_fold(g, size, batched[0]), w, groups=groups, **words), size)
    pair = _beside(g, size, batched[0]), _beside(w, size, True)
    return _apart(op(*pair, groups=size * groups, **words), size)


def weight_gradient(
    op: Any, size: int, batched: tuple[bool, ...], /, x: Any, g: Any, *, groups: int, **words: Any
) -> Any:
    """conv2d_weight_gradient: each example sums over its own batch."""
    if size == 0:
        return loop(op, size, batched, x, g, groups=groups, **words)
    if not batched[0]:
        y = op(x, _within(g, size, groups), groups=groups, **words)
        return _from_within(y, size, groups)
    pair = _beside(x, size, True), _beside(g, size, batched[1])
    return _apart(op(*pair, groups=size * groups, **words), size)
