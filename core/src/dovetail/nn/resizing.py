"""Interpolation: images, sequences and volumes at another size, one axis after the other.

Along an axis each element of the result is a weighted sum of a few of the operand. Which ones, and
their weights, is known from the sizes alone, so numpy works it out once. Few taps of a long axis
are gathered with `take`; a short axis, or a wide filter, is multiplied by the whole matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.creation import asarray
from dovetail.errors import OpError
from dovetail.nn.layout import LAYOUTS
from dovetail.precision import widened

__all__ = ["interpolate"]

MODES = ("nearest", "nearest_exact", "linear", "cubic", "area")

WORTH = 40
"""Elements of an axis whose products with the whole matrix take the time of one gathered tap."""


def _triangle(t: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(t)))


def _cubic(a: float) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The kernel of R. Keys, "Cubic convolution interpolation", 1981."""

    def kernel(t: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        t = np.abs(t)
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return kernel


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """What one axis becomes."""

    axis: int
    mode: str
    extent: int
    out: int
    ratio: float  # positions of the operand for each of the result
    corners: bool
    antialias: bool


@lru_cache(maxsize=256)
def _taps(line: _Line) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Positions and weights, each (taps, out)."""
    mode, extent, out, ratio = line.mode, line.extent, line.out, line.ratio
    at = np.arange(out, dtype=np.float64)
    if mode == "nearest":
        return np.minimum(np.floor(at * ratio), extent - 1).astype(np.int64)[None], np.ones(
            (1, out)
        )
    if mode == "nearest_exact":
        nearest = np.floor((at + 0.5) * ratio).clip(0, extent - 1)
        return nearest.astype(np.int64)[None], np.ones((1, out))
    if mode == "area":
        return _area(extent, out)
    centre = at * ratio if line.corners else (at + 0.5) * ratio - 0.5
    if line.antialias:
        return _filtered(mode, extent, centre, ratio)
    if mode == "linear":
        centre = np.maximum(centre, 0)
        low = np.minimum(np.floor(centre), extent - 1)
        part = np.clip(centre - low, 0, 1)
        places = np.stack([low, np.minimum(low + 1, extent - 1)])
        return places.astype(np.int64), np.stack([1 - part, part])
    low = np.floor(centre)
    places = low + np.arange(-1, 3)[:, None]
    weights = _cubic(-0.75)(centre - places)
    return places.clip(0, extent - 1).astype(np.int64), weights


def _area(extent: int, out: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Means of the whole elements that each stretch of the operand touches."""
    first = np.arange(out) * extent // out
    last = -(-(np.arange(out) + 1) * extent // out)
    count = last - first
    step = np.arange(count.max(initial=1))[:, None]
    return (first + step).clip(0, extent - 1), np.where(step < count, 1 / count, 0.0)


def _filtered(
    mode: str, extent: int, centre: np.ndarray[Any, Any], ratio: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The kernel widened by the ratio where the result is smaller, its weights adding up to one."""
    wide = max(ratio, 1.0)
    reach = (1 if mode == "linear" else 2) * wide
    kernel = _triangle if mode == "linear" else _cubic(-0.5)
    first = np.floor(centre - reach + 1)
    places = first + np.arange(math.ceil(2 * reach) + 1)[:, None]
    weights = np.where((places >= 0) & (places < extent), kernel((places - centre) / wide), 0.0)
    return places.clip(0, extent - 1).astype(np.int64), weights / weights.sum(axis=0)


def _placed(values: np.ndarray[Any, Any], x: Any, dtype: Any = None) -> Any:
    """Numbers of the host where ``x`` lies."""
    return asarray(values, dtype=dtype, device=None if x._tracer is not None else x.device)


def _multiplied(
    x: Any, axis: int, places: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]
) -> Any:
    """The axis times the matrix of all weights, most of which may be zero."""
    out, extent = places.shape[1], x.shape[axis]
    dense = np.zeros((out, extent))
    np.add.at(dense, (np.arange(out)[None].repeat(len(places), 0), places), weights)
    before, behind = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], out, *x.shape[axis + 1 :])
    if behind == 1:  # one tall product instead of many thin ones
        matrix = _placed(np.ascontiguousarray(dense.T), x, x.dtype)
        return ops.reshape(ops.matmul(ops.reshape(x, (before, extent)), matrix), shape)
    matrix = _placed(dense, x, x.dtype)
    return ops.reshape(ops.matmul(matrix, ops.reshape(x, (before, extent, behind))), shape)


def _resized(x: Any, axis: int, places: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> Any:
    used = weights.any(axis=1)
    places, weights = places[used], weights[used]
    if len(places) * WORTH >= x.shape[axis]:
        return _multiplied(x, axis, places, weights)
    total = None
    shape = tuple(-1 if d == axis else 1 for d in range(x.ndim))
    for at, w in zip(places, weights, strict=True):
        one = ops.take(x, _placed(at, x), axis=axis)
        if not (w == 1).all():
            one = one * _placed(w.reshape(shape), x, x.dtype)
        total = one if total is None else total + one
    return total


@widened
def _resize(x: Any, *, plan: tuple[_Line, ...]) -> Any:
    for line in plan:
        x = _resized(x, line.axis, *_taps(line))
    return x


def _sizes(x: Any, axes: tuple[int, ...], size: Any, scale: Any) -> tuple[Any, Any]:
    """The new extents, and the scale of each axis where it was given."""
    if (size is None) == (scale is None):
        raise OpError("nn.interpolate: give either size or scale")
    given = scale if size is None else size
    parts = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(axes)
    word = "scale" if size is None else "size"
    if len(parts) != len(axes):
        raise OpError(
            f"nn.interpolate: {word}={given!r} must be one number or {len(axes)}, one for each "
            f"spatial axis of {x.dtype}{list(x.shape)}"
        )
    if size is None:
        for s in parts:
            known = isinstance(s, (int, float)) and not isinstance(s, bool)
            if not known or not (s > 0 and math.isfinite(s)):
                raise OpError(f"nn.interpolate: scale={given!r} must be made of positive numbers")
        extents = tuple(int(x.shape[a] * s) for a, s in zip(axes, parts, strict=True))
    else:
        try:
            extents = tuple(index(n) for n in parts)
        except TypeError:
            raise OpError(f"nn.interpolate: size={given!r} must be made of integers") from None
    if min(extents) < 1:
        raise OpError(f"nn.interpolate: {word}={given!r} leaves an axis without elements")
    return extents, parts if size is None else (None,) * len(axes)


def interpolate(
    x: Any,
    size: int | tuple[int, ...] | None = None,
    *,
    scale: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
    layout: str | None = None,
) -> Any:
    """Sequences, images or volumes at another size: (batch, spatial axes, channels) by default.

    Give the new ``size`` of the spatial axes or the ``scale`` they grow by. Elements are little
    squares, whose centres lie half a step inside the ends; with ``align_corners`` they are points
    and the first and last stay where they are. Modes: "nearest" (the element at floor(i / scale)),
    "nearest_exact" (the one whose centre is nearest), "linear" (in each axis: bilinear, trilinear),
    "cubic" (R. Keys, 1981, with a = -0.75) and "area" (the mean of the elements a stretch touches).
    ``antialias`` widens the filter of "linear" and "cubic" (a = -0.5 then) where the result is
    smaller. ``layout`` says where the channels are ("NCHW" and its kin: first).

    float16 and bfloat16 compute in float32. Raises OpError for shapes, sizes and modes that do not
    fit.

    >>> import dovetail as dt
    >>> x = dt.asarray([[[1.0], [3.0]]])
    >>> dt.nn.interpolate(x, 4, mode="linear").reshape((4,)).tolist()
    [1.0, 1.5, 2.5, 3.0]
    """
    n = x.ndim - 2
    if n not in LAYOUTS:
        raise OpError(
            f"nn.interpolate: x is {x.dtype}{list(x.shape)}; it needs a batch, channels and one to "
            "three spatial axes"
        )
    if layout is not None and layout not in LAYOUTS[n]:
        known = LAYOUTS[n]
        raise OpError(
            f'nn.interpolate: layout={layout!r} is not known for {x.ndim} axes; use "{known[0]}" '
            f'or "{known[1]}"'
        )
    if mode not in MODES:
        raise OpError(f"nn.interpolate: mode={mode!r} is not known; use one of {', '.join(MODES)}")
    if mode not in ("linear", "cubic") and (align_corners or antialias):
        raise OpError(
            'nn.interpolate: align_corners and antialias are for "linear" and "cubic", not '
            f"{mode!r}"
        )
    if align_corners and antialias:
        raise OpError("nn.interpolate: antialias needs align_corners=False")
    if x.dtype.kind != "float" and not mode.startswith("nearest"):
        raise OpError(
            f"nn.interpolate: x is {x.dtype}; {mode} needs floats, convert it with astype"
        )
    first = layout == LAYOUTS[n][1]
    axes = tuple(range(2, n + 2)) if first else tuple(range(1, n + 1))
    extents, scales = _sizes(x, axes, size, scale)
    if any(x.shape[a] == 0 for a in axes):
        raise OpError(f"nn.interpolate: x is {x.dtype}{list(x.shape)}, with no elements to read")
    plan = []
    for a, out, s in zip(axes, extents, scales, strict=True):
        extent = x.shape[a]
        if align_corners:
            ratio = (extent - 1) / (out - 1) if out > 1 else 0.0
        else:
            ratio = extent / out if s is None else 1 / s
        plan.append(
            _Line(
                axis=a,
                mode=mode,
                extent=extent,
                out=out,
                ratio=ratio,
                corners=bool(align_corners),
                antialias=bool(antialias),
            )
        )
    # The axes that shrink first: less is left to do.
    plan.sort(key=lambda line: line.out / line.extent)
    if x.dtype.kind == "float":
        return _resize(x, plan=tuple(plan))
    for line in plan:  # the nearest element, whatever its dtype
        places, _ = _taps(line)
        x = ops.take(x, _placed(places[0], x), axis=line.axis)
    return x
