"""In which precision composites compute: 16-bit floats widen once, and round once at the end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from dovetail import ops
from dovetail.dtypes import bfloat16, float16, float32

__all__ = ["widened"]

NARROW = frozenset({float16, bfloat16})


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a composite of arrays of one dtype compute in float32 where that dtype has 16 bits.

    Kernels that claim a composite whole load, compute in float32 and store; its decomposition must
    not round after every step either, or the two would differ by much more than one rounding.
    """

    @functools.wraps(function)
    def wide(*arrays: Any, **attributes: Any) -> Any:
        dtype = arrays[0].dtype
        if dtype not in NARROW:
            return function(*arrays, **attributes)
        up = (ops.astype(a, float32) if a.dtype in NARROW else a for a in arrays)
        return ops.astype(function(*up, **attributes), dtype)

    return wide
