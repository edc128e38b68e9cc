"""How convolutions and pools do many examples at once: in the batch or side by side in channels."""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.batching import examples, loop
from dovetail.op import iterate

__all__ = ["convolution", "folded", "image_gradient", "weight_gradient"]


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
