"""Values that are one element of a constant, repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import bfloat16
from dovetail.graph import Value

__all__ = ["repeated_element"]

_VIEWS = frozenset({"broadcast_to", "reshape"})


def repeated_element(value: Value) -> Any:
    """The element that a value has everywhere, as an array without axes; None: it is not known."""
    while value.constant is None:
        made = value.producer
        if made is None or made.op.name not in _VIEWS:
            return None
        value = made.inputs[0]
    if value.spec.size == 0 or not _repeats(value.constant):
        return None
    return value.constant[(0,) * value.spec.ndim]


def _repeats(constant: Any) -> bool:
    """Whether all elements have the same bits."""
    if constant.size == 1 or not any(constant._strides):
        return True
    if (
        not constant.device.host_visible
        or constant.dtype is bfloat16
        or constant.dtype.itemsize > 8
    ):
        return False  # to look at it costs more than it saves, or numpy has no such integers
    flat = np.asarray(constant).reshape(-1).view(f"u{constant.dtype.itemsize}")
    first = flat[0]
    few = flat[:: max(1, flat.size // 8)]
    return bool((few == first).all() and (flat == first).all())
