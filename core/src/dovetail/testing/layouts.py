"""The same values under other strides: transposed, backwards, spread out, repeated by stride 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dovetail.dtypes import DType

__all__ = ["LAYOUTS", "laid_out", "values_in"]

LAYOUTS = ("contiguous", "transposed", "backwards", "spread", "repeated")
"""``spread``: every second element behind an offset; ``repeated``: one slice, by stride 0."""


def values_in(array: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    """The values an operand has in a layout: its own, but for a repeated one the first slice's."""
    if layout != "repeated" or array.ndim == 0 or array.size == 0:
        return array
    return np.broadcast_to(array[:1], array.shape)


def laid_out(array: np.ndarray[Any, Any], kind: DType, device: str | None, layout: str) -> Any:
    """An array on a device with the values `values_in` tells, laid out as asked."""
    from dovetail import ops  # noqa: PLC0415  cases alone need no native part
    from dovetail.creation import asarray  # noqa: PLC0415

    def new(values: np.ndarray[Any, Any]) -> Any:
        # Made on the CPU: the device need not have the kernel that converts.
        made = asarray(np.ascontiguousarray(values), dtype=kind, device="cpu:0")
        return made if device is None else made.to_device(device)

    if array.ndim == 0 or array.size == 0:
        return new(array).reshape(array.shape)
    make: dict[str, Callable[[], Any]] = {
        "contiguous": lambda: new(array),
        "transposed": lambda: ops.permute_dims(new(array.T), axes=tuple(range(array.ndim))[::-1]),
        "backwards": lambda: new(_reversed(array))[(slice(None, None, -1),) * array.ndim],
        "spread": lambda: new(_spread(array))[(slice(1, None, 2),) * array.ndim],
        "repeated": lambda: ops.broadcast_to(new(array[:1]), shape=array.shape),
    }
    return make[layout]()


def _reversed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(array[(slice(None, None, -1),) * array.ndim])


def _spread(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    wide[(slice(1, None, 2),) * array.ndim] = array
    return wide
