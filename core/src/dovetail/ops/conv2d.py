"""Two-dimensional convolution and its two adjoints, which are each other's gradients.

``<g, conv2d(x, w)> = <conv2d_input_gradient(g, w), x> = <conv2d_weight_gradient(x, g), w>``: every
rule below is one of these equations read for another operand, so the family is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import windows
from dovetail.dtypes import FLOATING
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.shapes import sized
from dovetail.windows import Pair, Sides, extents, paddings, pair

__all__ = ["conv2d", "conv2d_input_gradient", "conv2d_weight_gradient"]

WINDOW: dict[str, Any] = {
    "strides": (1, 1),
    "padding": (0, 0, 0, 0),
    "dilation": (1, 1),
    "groups": 1,
}


def _canonical(op: Op, size: Pair, window: Pair, attributes: dict[str, Any]) -> dict[str, Any]:
    strides = pair(op, "strides", attributes["strides"])
    dilation = pair(op, "dilation", attributes["dilation"])
    groups = attributes["groups"]
    if isinstance(groups, bool) or not hasattr(groups, "__index__") or int(groups) < 1:
        raise op.fail(f"groups={groups!r} must be a positive integer")
    return {
        "strides": strides,
        "padding": paddings(
            op, attributes["padding"], size, window, strides=strides, dilation=dilation
        ),
        "dilation": dilation,
        "groups": int(groups),
    }


def _four(op: Op, **operands: Spec) -> None:
    for name, spec in operands.items():
        if spec.ndim != 4:
            layout = (
                "(height, width, in / groups, out)" if name == "w" else "(batch, h, w, channels)"
            )
            raise op.fail(f"{name} is {spec}, but it needs the four axes {layout}")


def _window(op: Op, size: Pair) -> Pair:
    if min(size) < 1:
        raise op.fail(f"the window is {size[0]} by {size[1]}; it needs at least one position")
    return size


def _channels(op: Op, x: int, w_in: int, out: int, groups: int) -> None:
    if x != w_in * groups:
        raise op.fail(
            f"x has {x} channels, but w takes {w_in} for each of {groups} groups, "
            f"{w_in * groups} in all"
        )
    if out % groups:
        raise op.fail(f"{out} output channels do not divide into {groups} groups")


def _results(
    op: Op,
    g: Spec,
    size: Pair,
    window: Pair,
    *,
    strides: Pair,
    padding: Sides,
    dilation: Pair,
) -> None:
    wanted = extents(op, size, window, strides=strides, padding=padding, dilation=dilation)
    if g.shape[1:3] != wanted:
        raise op.fail(
            f"g is {g}, but with size {size} and window {window} the convolution's result is "
            f"{wanted[0]} by {wanted[1]}"
        )


# ---- numpy: sums over the positions of the window, in float64 ------------------------------------


def _padded(x: np.ndarray, padding: Sides) -> np.ndarray:
    top, bottom, left, right = padding
    wide = x.astype(np.float64, copy=False)
    return np.pad(wide, ((0, 0), (top, bottom), (left, right), (0, 0)))


def _patches(
    padded: np.ndarray, out: Pair, window: Pair, strides: Pair, dilation: Pair
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each position of the window, the view of the operand that it meets: (n, oh, ow, c)."""
    for i in range(window[0]):
        for j in range(window[1]):
            rows = slice(i * dilation[0], i * dilation[0] + strides[0] * out[0], strides[0])
            columns = slice(j * dilation[1], j * dilation[1] + strides[1] * out[1], strides[1])
            yield i, j, padded[:, rows, columns][:, : out[0], : out[1]]


def _grouped(x: np.ndarray, groups: int) -> np.ndarray:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def _reference(
    x: np.ndarray, w: np.ndarray, *, strides: Pair, padding: Sides, dilation: Pair, groups: int
) -> np.ndarray:
    window = w.shape[0], w.shape[1]
    out = extents(
        CONV2D,
        (x.shape[1], x.shape[2]),
        window,
        strides=strides,
        padding=padding,
        dilation=dilation,
    )
    weights = _grouped(w.astype(np.float64), groups)
    y = np.zeros((x.shape[0], *out, groups, w.shape[3] // groups))
    for i, j, patch in _patches(_padded(x, padding), out, window, strides, dilation):
        y += np.einsum("nhwgc,cgo->nhwgo", _grouped(patch, groups), weights[i, j])
    return y.reshape(*y.shape[:3], w.shape[3])


def _input_reference(
    g: np.ndarray,
    w: np.ndarray,
    *,
    size: Pair,
    strides: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> np.ndarray:
    top, bottom, left, right = padding
    weights = _grouped(w.astype(np.float64), groups)
    cotangent = _grouped(g.astype(np.float64), groups)
    high, wide = size[0] + top + bottom, size[1] + left + right
    dx = np.zeros((g.shape[0], high, wide, w.shape[2] * groups))
    window, out = (w.shape[0], w.shape[1]), (g.shape[1], g.shape[2])
    for i, j, patch in _patches(dx, out, window, strides, dilation):
        one = np.einsum("nhwgo,cgo->nhwgc", cotangent, weights[i, j])
        np.add(patch, one.reshape(patch.shape), out=patch)  # a view of dx
    return dx[:, top : top + size[0], left : left + size[1]]


def _weight_reference(
    x: np.ndarray,
    g: np.ndarray,
    *,
    size: Pair,
    strides: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
) -> np.ndarray:
    cotangent = _grouped(g.astype(np.float64), groups)
    out = g.shape[1], g.shape[2]
    dw = np.zeros((*size, x.shape[3] // groups, g.shape[3]))
    for i, j, patch in _patches(_padded(x, padding), out, size, strides, dilation):
        one = np.einsum("nhwgc,nhwgo->cgo", _grouped(patch, groups), cotangent)
        dw[i, j] = one.reshape(dw.shape[2:])
    return dw


# ---- samples: (x, w, attributes) -----------------------------------------------------------------

Shape = tuple[int, int, int, int]
CASES: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((1, 5, 5, 1), (3, 3, 1, 1), {}),
    ((2, 7, 6, 3), (3, 2, 3, 5), {"strides": (2, 1), "padding": (1, 0, 2, 1)}),
    ((1, 9, 8, 4), (3, 3, 4, 2), {"dilation": (2, 3), "padding": (2, 2, 3, 3)}),
    ((2, 6, 5, 6), (3, 3, 2, 9), {"groups": 3, "padding": (1, 1, 1, 1)}),
    ((1, 6, 7, 5), (3, 3, 1, 5), {"groups": 5, "strides": (2, 2), "padding": (0, 1, 1, 1)}),
    ((1, 5, 6, 3), (2, 3, 1, 6), {"groups": 3, "dilation": (2, 1)}),
    ((3, 4, 4, 17), (1, 1, 17, 19), {}),
    ((1, 5, 4, 2), (2, 2, 2, 3), {"strides": (3, 3)}),  # the last rows and columns meet no window
    ((0, 5, 5, 2), (3, 3, 2, 4), {}),
]


def _out(x: Shape, w: Shape, attributes: dict[str, Any]) -> Shape:
    given = WINDOW | attributes
    out = extents(
        CONV2D,
        x[1:3],
        w[:2],
        strides=given["strides"],
        padding=given["padding"],
        dilation=given["dilation"],
    )
    return x[0], *out, w[3]


def _samples() -> Iterator[Sample]:
    for x, w, attributes in CASES:
        yield Sample(inputs=((x, -1, 1), (w, -1, 1)), attributes=attributes)


def _input_samples() -> Iterator[Sample]:
    for x, w, attributes in CASES:
        g = _out(x, w, attributes)
        yield Sample(inputs=((g, -1, 1), (w, -1, 1)), attributes={"size": x[1:3], **attributes})


def _weight_samples() -> Iterator[Sample]:
    for x, w, attributes in CASES:
        g = _out(x, w, attributes)
        yield Sample(inputs=((x, -1, 1), (g, -1, 1)), attributes={"size": w[:2], **attributes})


# ---- the records ---------------------------------------------------------------------------------

# Sums of many products of both signs: the error grows with the terms, not with what is left of
# them, so it is measured against the largest result. The samples have up to 60 terms in an order
# that is the kernel's choice, whose roundings add up like the root of their number; 16-bit floats
# accumulate in float32 and round once.
TOLERANCE: dict[str, Any] = {
    "norm": True,
    "float32": 8,
    "float64": 8,
    "float16": 1,
    "bfloat16": 1,
}


def _conv_canonical(x: Spec, w: Spec, **attributes: Any) -> dict[str, Any]:
    _four(CONV2D, x=x, w=w)
    window = _window(CONV2D, (w.shape[0], w.shape[1]))
    return _canonical(CONV2D, (x.shape[1], x.shape[2]), window, attributes)


def _conv_infer(
    x: Spec, w: Spec, *, strides: Pair, padding: Sides, dilation: Pair, groups: int
) -> Spec:
    _four(CONV2D, x=x, w=w)
    _channels(CONV2D, x.shape[3], w.shape[2], w.shape[3], groups)
    window = _window(CONV2D, (w.shape[0], w.shape[1]))
    out = extents(
        CONV2D,
        (x.shape[1], x.shape[2]),
        window,
        strides=strides,
        padding=padding,
        dilation=dilation,
    )
    return sized("conv2d", Spec((x.shape[0], *out, w.shape[3]), x.dtype))


CONV2D = Op(
    name="conv2d",
    doc="""Two-dimensional convolution (no flip of the window, as in all machine learning).

    ``x`` is (batch, height, width, in), ``w`` is (height, width, in / groups, out) and the result
    (batch, height, width, out). ``strides`` and ``dilation`` are one integer or (height, width);
    ``padding`` is "valid", "same", one integer, (height, width) or (top, bottom, left, right) of
    zeros.
    With ``groups`` the channels fall into that many independent convolutions; as many groups as
    channels is the depth-wise one. float16 and bfloat16 accumulate in float32.

    Raises OpError when the ranks, channels or groups do not fit and when no window fits.

    >>> import dovetail as dt
    >>> x = dt.reshape(dt.arange(9, dtype=dt.float32), (1, 3, 3, 1))
    >>> dt.ops.conv2d(x, dt.ones((2, 2, 1, 1))).reshape((2, 2)).tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """,
    signature="x: T, w: T -> T",
    types={"T": FLOATING},
    attributes=WINDOW,
    canonical=_conv_canonical,
    infer=_conv_infer,
    gradient=(
        lambda g, y, x, w, **a: conv2d_input_gradient(g, w, size=x.shape[1:3], **a),
        lambda g, y, x, w, **a: conv2d_weight_gradient(x, g, size=w.shape[:2], **a),
    ),
    reference=_reference,
    batching=windows.convolution,
    samples=_samples,
    tolerance=TOLERANCE,
)
conv2d: Any = define(CONV2D)


def _input_canonical(g: Spec, w: Spec, **attributes: Any) -> dict[str, Any]:
    op = CONV2D_INPUT_GRADIENT
    _four(op, g=g, w=w)
    size = pair(op, "size", attributes["size"])
    window = _window(op, (w.shape[0], w.shape[1]))
    return {"size": size, **_canonical(op, size, window, attributes)}


def _input_infer(
    g: Spec, w: Spec, *, size: Pair, strides: Pair, padding: Sides, dilation: Pair, groups: int
) -> Spec:
    op = CONV2D_INPUT_GRADIENT
    _four(op, g=g, w=w)
    if g.shape[3] != w.shape[3]:
        raise op.fail(f"g is {g}, but w is {w}: their last axes must be equal")
    _channels(op, w.shape[2] * groups, w.shape[2], w.shape[3], groups)
    _results(
        op, g, size, (w.shape[0], w.shape[1]), strides=strides, padding=padding, dilation=dilation
    )
    return sized(op.name, Spec((g.shape[0], *size, w.shape[2] * groups), g.dtype))


CONV2D_INPUT_GRADIENT = Op(
    name="conv2d_input_gradient",
    doc="""The adjoint of `conv2d` for its first operand; also called transposed convolution.

    ``g`` has the shape of the convolution's result, ``w`` that of its weights, and ``size`` is the
    (height, width) of the result; the other attributes are those of the convolution.

    Raises OpError when ``g`` is not the result of such a convolution.

    >>> import dovetail as dt
    >>> g, w = dt.ones((1, 2, 2, 1)), dt.ones((2, 2, 1, 1))
    >>> dt.ops.conv2d_input_gradient(g, w, (3, 3)).reshape((3, 3)).tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """,
    signature="g: T, w: T -> T",
    types={"T": FLOATING},
    attributes={"size": REQUIRED, **WINDOW},
    canonical=_input_canonical,
    infer=_input_infer,
    gradient=(
        lambda h, y, g, w, size, **a: conv2d(h, w, **a),
        lambda h, y, g, w, size, **a: conv2d_weight_gradient(h, g, size=w.shape[:2], **a),
    ),
    reference=_input_reference,
    batching=windows.image_gradient,
    samples=_input_samples,
    tolerance=TOLERANCE,
)
conv2d_input_gradient: Any = define(CONV2D_INPUT_GRADIENT)


def _weight_canonical(x: Spec, g: Spec, **attributes: Any) -> dict[str, Any]:
    op = CONV2D_WEIGHT_GRADIENT
    _four(op, x=x, g=g)
    size = pair(op, "size", attributes["size"])
    return {"size": size, **_canonical(op, (x.shape[1], x.shape[2]), size, attributes)}


def _weight_infer(
    x: Spec, g: Spec, *, size: Pair, strides: Pair, padding: Sides, dilation: Pair, groups: int
) -> Spec:
    op = CONV2D_WEIGHT_GRADIENT
    _four(op, x=x, g=g)
    if x.shape[0] != g.shape[0]:
        raise op.fail(f"x is {x}, but g is {g}: their batches must be equal")
    if x.shape[3] % groups or g.shape[3] % groups:
        raise op.fail(f"the channels of x {x} and g {g} do not divide into {groups} groups")
    _results(
        op, g, (x.shape[1], x.shape[2]), size, strides=strides, padding=padding, dilation=dilation
    )
    return sized(op.name, Spec((*size, x.shape[3] // groups, g.shape[3]), x.dtype))


CONV2D_WEIGHT_GRADIENT = Op(
    name="conv2d_weight_gradient",
    doc="""The adjoint of `conv2d` for its weights.

    ``x`` is the convolution's first operand, ``g`` has the shape of its result, and ``size`` is the
    (height, width) of the window; the other attributes are those of the convolution.

    Raises OpError when ``g`` is not the result of such a convolution.

    >>> import dovetail as dt
    >>> x = dt.reshape(dt.arange(9, dtype=dt.float32), (1, 3, 3, 1))
    >>> dt.ops.conv2d_weight_gradient(x, dt.ones((1, 2, 2, 1)), (2, 2)).reshape((2, 2)).tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """,
    signature="x: T, g: T -> T",
    types={"T": FLOATING},
    attributes={"size": REQUIRED, **WINDOW},
    canonical=_weight_canonical,
    infer=_weight_infer,
    gradient=(
        lambda h, y, x, g, size, **a: conv2d_input_gradient(g, h, size=x.shape[1:3], **a),
        lambda h, y, x, g, size, **a: conv2d(x, h, **a),
    ),
    reference=_weight_reference,
    batching=windows.weight_gradient,
    samples=_weight_samples,
    tolerance=TOLERANCE,
)
conv2d_weight_gradient: Any = define(CONV2D_WEIGHT_GRADIENT)
