"""The largest element of each window, and where it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import FLOATING, NUMERIC, int64
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.windows import Pair, Sides, extents, folded, paddings, pair

__all__ = ["max_pool2d", "pool_attributes"]


def pool_attributes(
    op: Op, x: Spec, size: Pair | None, *, window: Any, strides: Any, padding: Any
) -> dict[str, Any]:
    """Canonical window, strides (by default the window) and padding of a pool."""
    if x.ndim != 4:
        raise op.fail(f"{x} does not have the four axes (batch, height, width, channels)")
    window = pair(op, "window", window)
    strides = window if strides is None else pair(op, "strides", strides)
    size = (x.shape[1], x.shape[2]) if size is None else size
    sides = paddings(op, padding, size, window, strides=strides)
    if max(sides[:2]) >= window[0] or max(sides[2:]) >= window[1]:
        raise op.fail(
            f"padding {sides} must be smaller than the window {window}, so that every window "
            "covers an element"
        )
    return {"window": window, "strides": strides, "padding": sides}


def _canonical(x: Spec, window: Any, strides: Any, padding: Any) -> dict[str, Any]:
    return pool_attributes(MAX_POOL2D, x, None, window=window, strides=strides, padding=padding)


def _infer(x: Spec, window: Pair, strides: Pair, padding: Sides) -> tuple[Spec, Spec]:
    out = extents(MAX_POOL2D, (x.shape[1], x.shape[2]), window, strides=strides, padding=padding)
    shape = (x.shape[0], *out, x.shape[3])
    return Spec(shape, x.dtype), Spec(shape, int64)


def _gradient(g: Any, y: Any, x: Any, *, window: Pair, strides: Pair, padding: Sides) -> Any:
    if g[0] is None:
        return None
    n, h, w, c = x.shape
    _, oh, ow, _ = y[0].shape
    lines = (n, oh * ow, c)
    flat = ops.scatter_add_along_axis(
        ops.filled_like(x, 0, shape=(n, h * w, c)),
        ops.reshape(y[1], lines),
        ops.reshape(g[0], lines),
        axis=1,
    )
    return ops.reshape(flat, x.shape)


def _reference(
    x: np.ndarray, window: Pair, strides: Pair, padding: Sides
) -> tuple[np.ndarray, np.ndarray]:
    n, height, width, channels = x.shape
    out = extents(MAX_POOL2D, (height, width), window, strides=strides, padding=padding)
    values = np.empty((n, *out, channels), x.dtype)
    indices = np.empty(values.shape, np.int64)
    for p in range(out[0]):
        for q in range(out[1]):
            top, left = p * strides[0] - padding[0], q * strides[1] - padding[2]
            rows = range(max(top, 0), min(top + window[0], height))
            columns = range(max(left, 0), min(left + window[1], width))
            flat = np.array([r * width + c for r in rows for c in columns])
            seen = x.reshape(n, height * width, channels)[:, flat]
            first = np.argmax(seen, axis=1)  # the first maximum; a NaN wins
            values[:, p, q] = np.take_along_axis(seen, first[:, None], axis=1)[:, 0]
            indices[:, p, q] = flat[first]
    return values, indices


CASES: list[tuple[tuple[int, int, int, int], dict[str, Any]]] = [
    ((1, 4, 4, 1), {"window": (2, 2)}),
    ((2, 7, 5, 3), {"window": (3, 2), "strides": (2, 1), "padding": (1, 0, 0, 1)}),
    ((1, 6, 9, 17), {"window": (3, 3), "strides": (1, 2), "padding": (2, 2, 1, 1)}),
    ((1, 5, 5, 2), {"window": (2, 2), "strides": (3, 3)}),
    ((3, 3, 4, 1), {"window": (3, 4)}),
    ((0, 4, 4, 2), {"window": (2, 2)}),
]


def _samples() -> Iterator[Sample]:
    for x, attributes in CASES:
        yield Sample(inputs=((x, -9, 9),), attributes=attributes, differentiable=False)
    # Distinct values a unit apart, so that no small step changes the winner.
    distinct = np.random.default_rng(0).permutation(60.0 - np.arange(120)).reshape(2, 6, 5, 2)
    attributes = {"window": (3, 2), "strides": (2, 2), "padding": (1, 1, 0, 1)}
    yield Sample(inputs=(distinct,), attributes=attributes)
    hole = np.full((1, 4, 4, 1), -math.inf)
    hole[0, 1, 2, 0] = math.nan
    yield Sample(
        inputs=(hole,), attributes={"window": (2, 2)}, dtypes=FLOATING, differentiable=False
    )


MAX_POOL2D = Op(
    name="max_pool2d",
    doc="""The largest element of each window of ``x``, (batch, height, width, channels).

    Returns the values and, as int64, where each was found: h * width + w of its image, the first of
    equal ones. ``strides`` is the window unless given; ``padding`` is "valid", "same", one integer,
    (height, width) or (top, bottom, left, right), never wins and must be smaller than the window. A
    NaN wins over every number. The gradient flows to the elements found.

    Raises OpError when ``x`` does not have four axes and when no window fits.

    >>> import dovetail as dt
    >>> x = dt.reshape(dt.arange(16, dtype=dt.float32), (1, 4, 4, 1))
    >>> values, indices = dt.ops.max_pool2d(x, (2, 2))
    >>> values.reshape((4,)).tolist(), indices.reshape((4,)).tolist()
    ([5.0, 7.0, 13.0, 15.0], [5, 7, 13, 15])
    """,
    signature="x: T -> T, i64",
    types={"T": NUMERIC},
    attributes={"window": REQUIRED, "strides": None, "padding": (0, 0, 0, 0)},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    batching=folded,
    samples=_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),  # copies bits
)
max_pool2d: Any = define(MAX_POOL2D)
