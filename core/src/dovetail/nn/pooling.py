"""Pools in one, two and three dimensions, all of them by the ops of two.

A line is an image of height one; a volume is pooled over height and width, then over the depth,
since maxima and sums do not mind the order.
"""

from __future__ import annotations

import math
from typing import Any

from dovetail import ops
from dovetail.errors import OpError
from dovetail.nn.layout import LAYOUTS, channels_last, given_layout, hashable
from dovetail.windows import Caller, extents, numbers, paddings

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "global_avg_pool",
    "global_max_pool",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

Lengths = int | tuple[int, ...]
Padding = str | int | tuple[int, ...] | tuple[tuple[int, int], ...]


def _maximum(x: Any, **words: Any) -> Any:
    return ops.max_pool2d(x, **words)[0]


def _pooled(
    name: str, pool: Any, n: int, x: Any, layout: str | None, *, words: Any, **options: Any
) -> Any:
    """``pool``, which takes images, over ``n`` spatial axes; ``words`` place the windows."""
    images = channels_last(name, x, n, layout)
    words = {word: hashable(value) for word, value in words.items()}
    if n == 2:
        return given_layout(pool(images, **words, **options), layout)
    me = Caller(f"nn.{name}")
    size = images.shape[1 : n + 1]
    window = numbers(me, "window", words["window"], n)
    strides = window if words["strides"] is None else numbers(me, "strides", words["strides"], n)
    sides = paddings(me, words["padding"], size, window, strides=strides)
    if any(sides[i] >= window[i // 2] for i in range(2 * n)):
        raise me.fail(
            f"padding {sides} must be smaller than the window {window}, so that every window "
            "covers an element"
        )
    out = extents(me, size, window, strides=strides, padding=sides)
    batch, channels = images.shape[0], images.shape[-1]
    if n == 1:
        flat = ops.reshape(images, (batch, 1, *size, channels))
        y = pool(
            flat, window=(1, *window), strides=(1, *strides), padding=(0, 0, *sides), **options
        )
        return given_layout(ops.reshape(y, (batch, *out, channels)), layout)
    depth = size[0]
    flat = ops.reshape(images, (batch * depth, *size[1:], channels))
    y = pool(flat, window=window[1:], strides=strides[1:], padding=sides[2:], **options)
    y = ops.reshape(y, (batch, depth, out[1] * out[2], channels))
    y = pool(
        y,
        window=(window[0], 1),
        strides=(strides[0], 1),
        padding=(sides[0], sides[1], 0, 0),
        **options,
    )
    return given_layout(ops.reshape(y, (batch, *out, channels)), layout)


def max_pool1d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    layout: str = "NWC",
) -> Any:
    """The largest element of each window of sequences; see `max_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.max_pool1d(dt.asarray([[[1.0], [5.0], [2.0], [3.0]]]), 2).tolist()
    [[[5.0], [3.0]]]
    """
    words = {"window": window, "strides": strides, "padding": padding}
    return _pooled("max_pool1d", _maximum, 1, x, layout, words=words)


def max_pool2d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    layout: str = "NHWC",
) -> Any:
    """The largest element of each window of images; ``strides`` is the window unless given.

    >>> import dovetail as dt
    >>> dt.nn.max_pool2d(dt.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 3)
    """
    words = {"window": window, "strides": strides, "padding": padding}
    return _pooled("max_pool2d", _maximum, 2, x, layout, words=words)


def max_pool3d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    layout: str = "NDHWC",
) -> Any:
    """The largest element of each window of volumes; see `max_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.max_pool3d(dt.ones((1, 4, 4, 4, 3)), 2).shape
    (1, 2, 2, 2, 3)
    """
    words = {"window": window, "strides": strides, "padding": padding}
    return _pooled("max_pool3d", _maximum, 3, x, layout, words=words)


def avg_pool1d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
    layout: str = "NWC",
) -> Any:
    """The mean of each window of sequences; see `avg_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.avg_pool1d(dt.asarray([[[1.0], [5.0], [2.0], [4.0]]]), 2).tolist()
    [[[3.0], [3.0]]]
    """
    words = {"window": window, "strides": strides, "padding": padding}
    include = bool(count_include_pad)
    return _pooled(
        "avg_pool1d", ops.avg_pool2d, 1, x, layout, words=words, count_include_pad=include
    )


def avg_pool2d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
    layout: str = "NHWC",
) -> Any:
    """The mean of each window of images; padding counts as zeros only where asked for.

    >>> import dovetail as dt
    >>> dt.nn.avg_pool2d(dt.ones((1, 3, 3, 1)), 2, padding="same").shape
    (1, 2, 2, 1)
    """
    words = {"window": window, "strides": strides, "padding": padding}
    include = bool(count_include_pad)
    return _pooled(
        "avg_pool2d", ops.avg_pool2d, 2, x, layout, words=words, count_include_pad=include
    )


def avg_pool3d(
    x: Any,
    window: Lengths,
    *,
    strides: Lengths | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
    layout: str = "NDHWC",
) -> Any:
    """The mean of each window of volumes; see `avg_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.avg_pool3d(dt.ones((1, 4, 4, 4, 3)), 2).shape
    (1, 2, 2, 2, 3)
    """
    words = {"window": window, "strides": strides, "padding": padding}
    include = bool(count_include_pad)
    return _pooled(
        "avg_pool3d", ops.avg_pool2d, 3, x, layout, words=words, count_include_pad=include
    )


def _lp(n: int, x: Any, power: float, layout: str, *, words: Any) -> Any:
    name = f"lp_pool{n}d"
    if isinstance(power, bool) or not isinstance(power, (int, float)) or not power > 0:
        raise OpError(f"nn.{name}: power={power!r} must be a positive number")
    positions = math.prod(numbers(Caller(f"nn.{name}"), "window", hashable(words["window"]), n))
    powers = ops.square(x) if power == 2 else ops.power(ops.abs(x), float(power))
    mean = _pooled(name, ops.avg_pool2d, n, powers, layout, words=words, count_include_pad=True)
    total = mean * float(positions)
    # The root of 0 has no finite slope; a window of zeros gets none.
    zero = ops.equal(total, 0.0)
    root = ops.power(ops.where(zero, 1.0, total), 1.0 / float(power))
    return ops.where(zero, 0.0, root)


def lp_pool1d(
    x: Any,
    window: Lengths,
    power: float = 2.0,
    *,
    strides: Lengths | None = None,
    layout: str = "NWC",
) -> Any:
    """(sum of |x|^power)^(1 / power) of each window of sequences; see `max_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.lp_pool1d(dt.asarray([[[3.0], [-4.0]]]), 2).tolist()
    [[[5.0]]]
    """
    words = {"window": window, "strides": strides, "padding": "valid"}
    return _lp(1, x, power, layout, words=words)


def lp_pool2d(
    x: Any,
    window: Lengths,
    power: float = 2.0,
    *,
    strides: Lengths | None = None,
    layout: str = "NHWC",
) -> Any:
    """(sum of |x|^power)^(1 / power) of each window of images; see `max_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.lp_pool2d(dt.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 3)
    """
    words = {"window": window, "strides": strides, "padding": "valid"}
    return _lp(2, x, power, layout, words=words)


def lp_pool3d(
    x: Any,
    window: Lengths,
    power: float = 2.0,
    *,
    strides: Lengths | None = None,
    layout: str = "NDHWC",
) -> Any:
    """(sum of |x|^power)^(1 / power) of each window of volumes; see `max_pool2d`.

    >>> import dovetail as dt
    >>> dt.nn.lp_pool3d(dt.ones((1, 4, 4, 4, 3)), 2).shape
    (1, 2, 2, 2, 3)
    """
    words = {"window": window, "strides": strides, "padding": "valid"}
    return _lp(3, x, power, layout, words=words)


def _spatial(name: str, x: Any, layout: str) -> tuple[int, ...]:
    if layout not in ("last", "first"):
        known = " or ".join(f'"{w}"' for pair in LAYOUTS.values() for w in pair)
        n = next((k for k, pair in LAYOUTS.items() if layout in pair), None)
        if n is None:
            raise OpError(
                f'nn.{name}: layout={layout!r} is not known; use "last", "first" (where the '
                f"channels stand) or {known}"
            )
        channels_last(name, x, n, layout)  # refuses another number of axes
        layout = "last" if layout.endswith("C") else "first"
    if x.ndim < 3:
        raise OpError(
            f"nn.{name}: x is {x.dtype}{list(x.shape)}; it needs a batch, channels and at least "
            "one spatial axis"
        )
    return tuple(range(1, x.ndim - 1)) if layout == "last" else tuple(range(2, x.ndim))


def global_avg_pool(x: Any, *, keepdims: bool = False, layout: str = "last") -> Any:
    """The mean over all spatial axes: (batch, channels), or with extents of 1 between them.

    >>> import dovetail as dt
    >>> dt.nn.global_avg_pool(dt.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return ops.mean(x, axis=_spatial("global_avg_pool", x, layout), keepdims=keepdims)


def global_max_pool(x: Any, *, keepdims: bool = False, layout: str = "last") -> Any:
    """The maximum over all spatial axes; see `global_avg_pool`.

    >>> import dovetail as dt
    >>> dt.nn.global_max_pool(dt.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return ops.max(x, axis=_spatial("global_max_pool", x, layout), keepdims=keepdims)
