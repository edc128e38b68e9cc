"""An operand's values in memory: contiguous, and under every kind of other strides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.check_backend.drive.view import contiguous_strides

__all__ = ["LAYOUTS", "Placed", "placed"]

LAYOUTS = ("transposed", "backwards", "spread", "repeated")
"""``spread``: every second element behind an offset; ``repeated``: one slice, by stride 0."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Bytes, and the view of them: strides in elements, offset in bytes."""

    content: bytes
    strides: tuple[int, ...]
    offset: int
    values: np.ndarray[Any, Any]
    """What the view shows."""


def placed(values: np.ndarray[Any, Any], layout: str = "contiguous") -> Placed:
    """An array in a layout. One without elements or axes has but one.

    >>> one = placed(np.array([1, 2, 3], np.int8), "backwards")
    >>> one.content, one.strides, one.offset
    (b'\\x03\\x02\\x01', (-1,), 2)
    """
    size, all_axes = values.itemsize, (slice(None, None, -1),) * values.ndim
    strides = contiguous_strides(values.shape)
    if layout == "contiguous" or values.ndim == 0 or values.size == 0:
        return Placed(np.ascontiguousarray(values).tobytes(), strides, 0, values)
    if layout == "transposed":
        back = contiguous_strides(values.shape[::-1])[::-1]
        return Placed(np.ascontiguousarray(values.T).tobytes(), back, 0, values)
    if layout == "backwards":
        content = np.ascontiguousarray(values[all_axes]).tobytes()
        return Placed(content, tuple(-s for s in strides), (values.size - 1) * size, values)
    if layout == "spread":
        wide = np.zeros([2 * n for n in values.shape], values.dtype)
        wide[(slice(1, None, 2),) * values.ndim] = values
        outer = contiguous_strides(wide.shape)
        return Placed(wide.tobytes(), tuple(2 * s for s in outer), sum(outer) * size, values)
    first = np.ascontiguousarray(values[:1])
    return Placed(first.tobytes(), (0, *strides[1:]), 0, np.broadcast_to(first, values.shape))
