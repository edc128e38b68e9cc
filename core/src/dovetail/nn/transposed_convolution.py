"""Transposed convolutions, the adjoints of convolutions: small images become large ones."""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.nn.convolution import Lengths, Padding, with_bias
from dovetail.nn.layout import channels_last, given_layout, hashable, weights_last
from dovetail.windows import Caller, numbers, paddings

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _spread_depth(t: Any, stride: int, dilation: int) -> Any:
    """(batch, depth, ..., tap, channel), each tap's slices added where its window meets."""
    *lead, taps, channels = t.shape
    whole = (lead[1] - 1) * stride + (taps - 1) * dilation + 1
    total = None
    zeros = (0,) * (len(lead) - 2)
    for tap in range(taps):
        start, stop = (0,) * len(lead), tuple(lead)
        one = ops.slice(t, start=(*start, tap, 0), stop=(*stop, tap + 1, channels))
        one = ops.reshape(one, (*lead, channels))
        first = tap * dilation
        behind = whole - first - (lead[1] - 1) * stride - 1
        one = ops.pad(
            one,
            low=(0, first, *zeros, 0),
            high=(0, behind, *zeros, 0),
            interior=(0, stride - 1, *zeros, 0),
        )
        total = one if total is None else total + one
    return total


def _volume(
    x: Any, w: Any, *, size: Any, strides: Any, dilation: Any, padding: Any, **o: Any
) -> Any:
    """The adjoint of `nn.conv3d` as it is made of `conv2d`."""
    n, depth = x.shape[:2]
    groups, taps, each = o["groups"], w.shape[0], w.shape[3]
    weights = ops.reshape(
        ops.permute_dims(w, (1, 2, 0, 3, 4)), (*w.shape[1:3], taps * each, w.shape[4])
    )
    t = ops.conv2d_input_gradient(
        ops.reshape(x, (n * depth, *x.shape[2:])),
        weights,
        size=size[1:],
        strides=strides[1:],
        padding=padding[2:],
        dilation=dilation[1:],
        groups=groups,
    )
    t = ops.reshape(t, (n, depth, *size[1:], groups, taps, each))
    y = _spread_depth(t, strides[0], dilation[0])
    y = ops.slice(
        y,
        start=(0, padding[0], 0, 0, 0, 0),
        stop=(n, padding[0] + size[0], *size[1:], groups, each),
    )
    return ops.reshape(y, (n, *size, groups * each))


def _image(
    x: Any, w: Any, *, size: Any, strides: Any, dilation: Any, padding: Any, **o: Any
) -> Any:
    """One or two spatial axes: a line is an image of height one."""
    if len(size) == 1:
        x, w = ops.reshape(x, (x.shape[0], 1, *x.shape[1:])), ops.reshape(w, (1, *w.shape))
    missing = 2 - len(size)
    y = ops.conv2d_input_gradient(
        x,
        w,
        size=(1,) * missing + size,
        strides=(1,) * missing + strides,
        padding=(0, 0) * missing + padding,
        dilation=(1,) * missing + dilation,
        **o,
    )
    return ops.reshape(y, (y.shape[0], *size, y.shape[3]))


def _transposed(
    n: int, x: Any, w: Any, bias: Any, layout: str | None, *, groups: Any, **given: Any
) -> Any:
    name = f"conv_transpose{n}d"
    me = Caller(f"nn.{name}")
    images = channels_last(name, x, n, layout)
    weights = weights_last(name, w, n, layout, inner="out / groups", outer="in")
    given = {word: hashable(value) for word, value in given.items()}
    strides = numbers(me, "strides", given["strides"], n)
    dilation = numbers(me, "dilation", given["dilation"], n)
    more = numbers(me, "output_padding", given["output_padding"], n, least=0)
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise me.fail(f"groups={groups!r} must be a positive integer")
    if images.shape[-1] != weights.shape[-1] or images.shape[-1] % groups:
        raise me.fail(
            f"x has {images.shape[-1]} channels and w takes {weights.shape[-1]}; they must be "
            f"equal and divide into {groups} groups"
        )
    small, window = images.shape[1 : n + 1], weights.shape[:n]
    if min(window) < 1:
        raise me.fail(f"the window is {window}; it needs at least one position")
    if min(small) < 1:
        raise me.fail(
            f"x is {x.dtype}{list(x.shape)}; a transposed convolution needs some position"
        )
    grown = tuple(e * s for e, s in zip(small, strides, strict=True))
    sides = paddings(me, given["padding"], grown, window, strides=strides, dilation=dilation)
    size, padding, zeros = [], [], []
    for a in range(n):
        # Output padding takes away from the padding behind; beyond that it can only be zeros.
        low, high = sides[2 * a], max(sides[2 * a + 1] - more[a], 0)
        full = (small[a] - 1) * strides[a] + (window[a] - 1) * dilation[a] + 1
        size.append(full - low - high)
        padding += [low, high]
        zeros.append(max(more[a] - sides[2 * a + 1], 0))
        if size[a] < 1:
            raise me.fail(
                f"padding {sides[2 * a : 2 * a + 2]} leaves nothing of the {full} positions along "
                f"axis {a}; pad less"
            )
    y = (_volume if n == 3 else _image)(
        images,
        weights,
        size=tuple(size),
        strides=strides,
        dilation=dilation,
        padding=tuple(padding),
        groups=groups,
    )
    if any(zeros):
        y = ops.pad(y, low=(0,) * (n + 2), high=(0, *zeros, 0))
    return given_layout(with_bias(name, y, bias), layout)


def conv_transpose1d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NWC",
) -> Any:
    """Transposed one-dimensional convolution: `conv_transpose2d` with one spatial axis.

    >>> import dovetail as dt
    >>> x = dt.asarray([[[1.0], [2.0]]])
    >>> dt.nn.conv_transpose1d(x, dt.asarray([[[1.0]], [[10.0]]]), strides=2).reshape((4,)).tolist()
    [1.0, 10.0, 2.0, 20.0]
    """
    return _transposed(
        1,
        x,
        w,
        bias,
        layout,
        strides=strides,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )


def conv_transpose2d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NHWC",
) -> Any:
    """Transposed two-dimensional convolution: every element adds its multiple of the window.

    It is the adjoint of the `conv2d` with the same weights, strides, padding, dilation and groups.
    With the layout "NHWC" ``x`` is (batch, height, width, in) and ``w`` (height, width, out /
    groups, in); with "NCHW" they are (batch, in, height, width) and (in, out / groups, height,
    width). The result has (size - 1) * stride + (window - 1) * dilation + 1 - padding +
    output_padding positions along an axis; with the padding "same" it has size * stride of them.
    ``output_padding`` chooses among the sizes that the convolution would bring to the size of x.

    >>> import dovetail as dt
    >>> x, w = dt.ones((1, 4, 4, 8)), dt.ones((3, 3, 2, 8))
    >>> dt.nn.conv_transpose2d(x, w, strides=2, padding=1, output_padding=1).shape
    (1, 8, 8, 2)
    """
    return _transposed(
        2,
        x,
        w,
        bias,
        layout,
        strides=strides,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )


def conv_transpose3d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
    layout: str = "NDHWC",
) -> Any:
    """Transposed three-dimensional convolution: `conv_transpose2d` with three spatial axes.

    >>> import dovetail as dt
    >>> x, w = dt.ones((1, 2, 4, 4, 8)), dt.ones((3, 3, 3, 2, 8))
    >>> dt.nn.conv_transpose3d(x, w, strides=2, padding="same").shape
    (1, 4, 8, 8, 2)
    """
    return _transposed(
        3,
        x,
        w,
        bias,
        layout,
        strides=strides,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
