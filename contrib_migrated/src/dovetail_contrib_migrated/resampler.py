"""tf.contrib.resampler: images sampled at points, bilinearly.

Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial Transformer Networks", 2015, equation 5.
"""

from __future__ import annotations

from typing import Any

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = ["resampler"]

guest("resampler")


def resampler(data: Any, warp: Any, name: str = "resampler") -> Any:
    """``data`` at the points of ``warp``; differentiable in both.

    ``data``: [batch, height, width, channels]. ``warp``: [batch, ..., 2], x and y in pixels, of
    data's dtype. The result is [batch, ..., channels]. Beyond the border there are zeros, into
    which values fade over one pixel. ``name`` is ignored.

    >>> image = dt.reshape(dt.asarray([0.0, 1.0, 2.0, 3.0]), (1, 2, 2, 1))
    >>> resampler(image, dt.asarray([[[0.5, 0.5], [1.0, 0.0], [2.0, 0.0]]])).tolist()
    [[[1.5], [1.0], [0.0]]]
    """
    image, points = dt.asarray(data), dt.asarray(warp)
    if image.ndim != 4 or points.ndim < 2 or points.shape[-1] != 2:
        raise ValueError(
            f"data has shape {image.shape} and warp {points.shape}; they are [batch, height, "
            f"width, channels] and [batch, ..., 2]"
        )
    if points.shape[0] != image.shape[0]:
        raise ValueError(f"data has {image.shape[0]} images, warp {points.shape[0]} sets of points")
    batch, height, width, channels = image.shape
    places = dt.reshape(points, (batch, -1, 2))
    x, y = places[:, :, 0], places[:, :, 1]
    left, top = dt.floor(x), dt.floor(y)
    flat = dt.reshape(image, (batch, height * width, channels))
    total = dt.zeros((batch, places.shape[1], channels), dtype=image.dtype)
    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
        at_x, at_y = left + column, top + row
        weight = (1 - dt.abs(x - at_x)) * (1 - dt.abs(y - at_y))
        inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
        safe_x = dt.where(inside, at_x, dt.zeros_like(at_x))
        safe_y = dt.where(inside, at_y, dt.zeros_like(at_y))
        index = dt.astype(safe_y * width + safe_x, dt.int64)
        values = dt.take_along_axis(flat, dt.expand_dims(index, axis=2), axis=1)
        share = dt.where(inside, weight, dt.zeros_like(weight))
        total = total + values * dt.expand_dims(share, axis=2)
    return dt.reshape(total, (*points.shape[:-1], channels))
