"""The mean of each window, and its adjoint; each is the other's gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.max_pool2d import CASES, pool_attributes
from dovetail.shapes import sized
from dovetail.windows import Pair, Sides, extents, folded, pair

__all__ = ["avg_pool2d", "avg_pool2d_gradient"]

WINDOW = {
    "window": REQUIRED,
    "strides": None,
    "padding": (0, 0, 0, 0),
    "count_include_pad": False,
}

# A mean of both signs cancels: its error is measured against the largest result.
TOLERANCE: dict[str, Any] = {"norm": True}


def _windows(
    size: Pair,
    out: Pair,
    window: Pair,
    *,
    strides: Pair,
    padding: Sides,
    include: bool,
) -> Iterator[tuple[int, int, slice, slice, int]]:
    """Each window: its place in the result, the elements it covers, what its sum is divided by."""
    for p in range(out[0]):
        for q in range(out[1]):
            top, left = p * strides[0] - padding[0], q * strides[1] - padding[2]
            bottom, right = top + window[0], left + window[1]
            rows = slice(max(top, 0), min(bottom, size[0]))
            columns = slice(max(left, 0), min(right, size[1]))
            count = (rows.stop - rows.start) * (columns.stop - columns.start)
            if include:
                count = window[0] * window[1]
            yield p, q, rows, columns, count


def _reference(
    x: np.ndarray, window: Pair, strides: Pair, padding: Sides, count_include_pad: bool
) -> np.ndarray:
    size = x.shape[1], x.shape[2]
    out = extents(AVG_POOL2D, size, window, strides=strides, padding=padding)
    y = np.empty((x.shape[0], *out, x.shape[3]))
    for p, q, rows, columns, count in _windows(
        size, out, window, strides=strides, padding=padding, include=bool(count_include_pad)
    ):
        y[:, p, q] = x[:, rows, columns].sum(axis=(1, 2), dtype=np.float64) / count
    return y


def _adjoint_reference(
    g: np.ndarray,
    *,
    size: Pair,
    window: Pair,
    strides: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> np.ndarray:
    dx = np.zeros((g.shape[0], *size, g.shape[3]))
    for p, q, rows, columns, count in _windows(
        size,
        (g.shape[1], g.shape[2]),
        window,
        strides=strides,
        padding=padding,
        include=bool(count_include_pad),
    ):
        dx[:, rows, columns] += g[:, p : p + 1, q : q + 1].astype(np.float64) / count
    return dx


def _canonical(
    x: Spec, window: Any, strides: Any, padding: Any, count_include_pad: Any
) -> dict[str, Any]:
    return {
        **pool_attributes(AVG_POOL2D, x, None, window=window, strides=strides, padding=padding),
        "count_include_pad": bool(count_include_pad),
    }


def _infer(x: Spec, window: Pair, strides: Pair, padding: Sides, count_include_pad: bool) -> Spec:
    out = extents(AVG_POOL2D, (x.shape[1], x.shape[2]), window, strides=strides, padding=padding)
    return sized("avg_pool2d", Spec((x.shape[0], *out, x.shape[3]), x.dtype))


def _samples() -> Iterator[Sample]:
    for x, attributes in CASES:
        for include in (False, True):
            yield Sample(
                inputs=((x, -2, 2),), attributes={**attributes, "count_include_pad": include}
            )


AVG_POOL2D = Op(
    name="avg_pool2d",
    doc="""The mean of each window of ``x``, (batch, height, width, channels).

    ``strides`` is the window unless given; ``padding`` is "valid", "same", one integer, (height,
    width) or (top, bottom, left, right) and must be smaller than the window. It counts as zeros
    with ``count_include_pad``; otherwise only elements of ``x`` are averaged.

    Raises OpError when ``x`` does not have four axes and when no window fits.

    >>> import dovetail as dt
    >>> x = dt.reshape(dt.arange(16, dtype=dt.float32), (1, 4, 4, 1))
    >>> dt.ops.avg_pool2d(x, (2, 2)).reshape((2, 2)).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    attributes=WINDOW,
    canonical=_canonical,
    infer=_infer,
    gradient=(lambda g, y, x, **a: avg_pool2d_gradient(g, size=x.shape[1:3], **a),),
    reference=_reference,
    batching=folded,
    samples=_samples,
    tolerance=TOLERANCE,
)
avg_pool2d: Any = define(AVG_POOL2D)


def _adjoint_canonical(
    g: Spec, *, size: Any, window: Any, strides: Any, padding: Any, count_include_pad: Any
) -> dict[str, Any]:
    size = pair(AVG_POOL2D_GRADIENT, "size", size)
    return {
        "size": size,
        **pool_attributes(
            AVG_POOL2D_GRADIENT, g, size, window=window, strides=strides, padding=padding
        ),
        "count_include_pad": bool(count_include_pad),
    }


def _adjoint_infer(
    g: Spec, *, size: Pair, window: Pair, strides: Pair, padding: Sides, count_include_pad: bool
) -> Spec:
    out = extents(AVG_POOL2D_GRADIENT, size, window, strides=strides, padding=padding)
    if g.shape[1:3] != out:
        raise AVG_POOL2D_GRADIENT.fail(
            f"g is {g}, but with size {size} and window {window} the pool's result is "
            f"{out[0]} by {out[1]}"
        )
    return sized("avg_pool2d_gradient", Spec((g.shape[0], *size, g.shape[3]), g.dtype))


def _adjoint_samples() -> Iterator[Sample]:
    for x, attributes in CASES:
        given = {"strides": attributes["window"], "padding": (0, 0, 0, 0), **attributes}
        out = extents(
            AVG_POOL2D, x[1:3], given["window"], strides=given["strides"], padding=given["padding"]
        )
        for include in (False, True):
            yield Sample(
                inputs=(((x[0], *out, x[3]), -2, 2),),
                attributes={"size": x[1:3], **attributes, "count_include_pad": include},
            )


AVG_POOL2D_GRADIENT = Op(
    name="avg_pool2d_gradient",
    doc="""The adjoint of `avg_pool2d`: spreads each mean's gradient over its window.

    ``g`` has the shape of the pool's result and ``size`` is the (height, width) of its operand; the
    other attributes are those of the pool.

    Raises OpError when ``g`` is not the result of such a pool.

    >>> import dovetail as dt
    >>> g = dt.asarray([[[[4.0], [8.0]]]])
    >>> dt.ops.avg_pool2d_gradient(g, (2, 4), (2, 2)).reshape((2, 4)).tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """,
    signature="g: T -> T",
    types={"T": FLOATING},
    attributes={"size": REQUIRED, **WINDOW},
    canonical=_adjoint_canonical,
    infer=_adjoint_infer,
    gradient=(lambda h, y, g, size, **a: avg_pool2d(h, **a),),
    reference=_adjoint_reference,
    batching=folded,
    samples=_adjoint_samples,
    tolerance=TOLERANCE,
)
avg_pool2d_gradient: Any = define(AVG_POOL2D_GRADIENT)
