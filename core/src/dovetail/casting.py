"""Changing the dtype of an array."""

from __future__ import annotations

from typing import Any

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import dtype as as_dtype

__all__ = ["astype"]


def astype(x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    """The elements of ``x`` converted to another dtype, on another device where one is given.

    Floats lose their fraction on the way to integers, saturate at the ends of their range, and NaN
    becomes 0; as bool everything but 0 is True. With ``copy=False`` an array that has the dtype
    already is returned itself.

    Raises OpError for a complex array and a real dtype: `real`, `imag` and `abs` say what is meant.

    >>> import dovetail as dt
    >>> dt.astype(dt.asarray([1.7, -1.7]), dt.int32).tolist()
    [1, -1]
    """
    wanted = as_dtype(dtype)
    x = x if isinstance(x, _fast.Array) else asarray(x)
    if device is not None:
        x = asarray(x, device=device)
    return x if not copy and x.dtype is wanted else ops.astype(x, wanted)
