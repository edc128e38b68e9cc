"""Convolutions in one, two and three dimensions, all of them by the op of two.

A line is an image of height one. The depth of a volume joins the batch, and what a window sees
along the depth joins the channels, so that a volume costs one product like an image does.
"""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.errors import OpError
from dovetail.nn.layout import channels_last, given_layout, hashable, weights_last
from dovetail.windows import Caller, extents, numbers, paddings

__all__ = ["conv1d", "conv2d", "conv3d"]

Lengths = int | tuple[int, ...]
Padding = str | int | tuple[int, ...] | tuple[tuple[int, int], ...]


def with_bias(name: str, y: Any, bias: Any) -> Any:
    """The result plus one number for each output channel."""
    if bias is None:
        return y
    if bias.shape != y.shape[-1:]:
        raise OpError(
            f"nn.{name}: bias is {bias.dtype}{list(bias.shape)}, but there are {y.shape[-1]} "
            "output channels; it needs one number for each"
        )
    return y + bias


def _line(x: Any, w: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    me = Caller("nn.conv1d")
    size, window = x.shape[1:2], w.shape[:1]
    (stride,) = numbers(me, "strides", strides, 1)
    (step,) = numbers(me, "dilation", dilation, 1)
    sides = paddings(me, padding, size, window, strides=(stride,), dilation=(step,))
    extents(me, size, window, strides=(stride,), padding=sides, dilation=(step,))
    y = ops.conv2d(
        ops.reshape(x, (x.shape[0], 1, *x.shape[1:])),
        ops.reshape(w, (1, *w.shape)),
        strides=(1, stride),
        padding=(0, 0, *sides),
        dilation=(1, step),
        groups=groups,
    )
    return ops.reshape(y, (y.shape[0], *y.shape[2:]))


def _volume(x: Any, w: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    me = Caller("nn.conv3d")
    size, window = x.shape[1:4], w.shape[:3]
    strides = numbers(me, "strides", strides, 3)
    dilation = numbers(me, "dilation", dilation, 3)
    sides = paddings(me, padding, size, window, strides=strides, dilation=dilation)
    out = extents(me, size, window, strides=strides, padding=sides, dilation=dilation)
    if min(window) < 1:
        raise me.fail(f"the window is {window}; it needs at least one position")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise me.fail(f"groups={groups!r} must be a positive integer")
    n, _, high, wide, channels = x.shape
    if channels != w.shape[3] * groups:
        raise me.fail(
            f"x has {channels} channels, but w takes {w.shape[3]} for each of {groups} groups, "
            f"{w.shape[3] * groups} in all"
        )
    if any(sides[:2]):
        margin = (0, 0, 0)
        x = ops.pad(x, low=(0, sides[0], *margin), high=(0, sides[1], *margin))
    slabs: list[Any] = []
    for tap in range(window[0]):
        first = tap * dilation[0]
        slab = ops.slice(
            x,
            start=(0, first, 0, 0, 0),
            stop=(n, first + (out[0] - 1) * strides[0] + 1, high, wide, channels),
            step=(1, strides[0], 1, 1, 1),
        )
        slabs.append(ops.reshape(slab, (n * out[0], high, wide, groups, channels // groups)))
    seen = slabs[0] if len(slabs) == 1 else ops.concat(slabs, axis=4)
    inner = window[0] * w.shape[3]
    y = ops.conv2d(
        ops.reshape(seen, (n * out[0], high, wide, groups * inner)),
        ops.reshape(ops.permute_dims(w, (1, 2, 0, 3, 4)), (*window[1:], inner, w.shape[4])),
        strides=strides[1:],
        padding=sides[2:],
        dilation=dilation[1:],
        groups=groups,
    )
    return ops.reshape(y, (n, *out, w.shape[4]))


def _convolve(n: int, x: Any, w: Any, bias: Any, layout: str | None, **options: Any) -> Any:
    name = f"conv{n}d"
    images = channels_last(name, x, n, layout)
    weights = weights_last(name, w, n, layout, inner="in / groups", outer="out")
    run = (_line, ops.conv2d, _volume)[n - 1]
    y = run(images, weights, **{word: hashable(value) for word, value in options.items()})
    return given_layout(with_bias(name, y, bias), layout)


def conv1d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NWC",
) -> Any:
    """One-dimensional convolution of sequences, plus a bias for each output channel.

    With the layout "NWC" ``x`` is (batch, width, in) and ``w`` (width, in / groups, out); with
    "NCW" they are (batch, in, width) and (out, in / groups, width). The other arguments are those
    of `conv2d`, with one number where it has two.

    >>> import dovetail as dt
    >>> x = dt.asarray([[[1.0], [2.0], [4.0]]])
    >>> dt.nn.conv1d(x, dt.asarray([[[1.0]], [[10.0]]])).tolist()
    [[[21.0], [42.0]]]
    """
    options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(1, x, w, bias, layout, **options)


def conv2d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NHWC",
) -> Any:
    """Two-dimensional convolution of images, plus a bias for each output channel.

    With the layout "NHWC" ``x`` is (batch, height, width, in) and ``w`` (height, width, in /
    groups, out); with "NCHW" they are (batch, in, height, width) and (out, in / groups, height,
    width). ``padding`` is "valid" (none), "same" (the result has ceil(size / stride) rows), an
    integer, or (height, width) where each may be a pair (before, behind).

    >>> import dovetail as dt
    >>> x, w = dt.ones((1, 5, 5, 3)), dt.ones((3, 3, 3, 8))
    >>> dt.nn.conv2d(x, w, padding="same", strides=2).shape
    (1, 3, 3, 8)
    """
    options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(2, x, w, bias, layout, **options)


def conv3d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NDHWC",
) -> Any:
    """Three-dimensional convolution of volumes, plus a bias for each output channel.

    With the layout "NDHWC" ``x`` is (batch, depth, height, width, in) and ``w`` (depth, height,
    width, in / groups, out); with "NCDHW" they are (batch, in, depth, height, width) and (out, in /
    groups, depth, height, width). The other arguments are those of `conv2d`, with three numbers
    where it has two. While it runs, the operand is held once for each position along the window's
    depth.

    >>> import dovetail as dt
    >>> x, w = dt.ones((1, 4, 5, 5, 3)), dt.ones((3, 3, 3, 3, 8))
    >>> dt.nn.conv3d(x, w, padding="same", strides=2).shape
    (1, 2, 3, 3, 8)
    """
    options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(3, x, w, bias, layout, **options)
