"""Values kept between two bounds."""

from __future__ import annotations

from typing import Any

from dovetail.creation import asarray
from dovetail.ops.copy import copy
from dovetail.ops.extremum import maximum, minimum

__all__ = ["clip"]


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """x with everything below ``min`` raised to it and everything above ``max`` lowered to it.

    Each bound is a Python number, an array or None for no bound. Shapes broadcast, dtypes promote;
    a Python number takes the dtype of x where it has one. NaN in x or in a bound gives NaN. Where
    ``min`` is larger than ``max`` the result is ``max``. The derivative flows to whichever of x and
    the bounds is the result, and is shared at a tie.

    Raises OpError when the shapes do not broadcast or the dtypes have no common one.

    >>> import dovetail as dt
    >>> dt.clip(dt.asarray([-2.0, 0.5, 7.0]), 0, 1).tolist()
    [0.0, 0.5, 1.0]
    """
    if min is None and max is None:
        return copy(asarray(x))
    if min is not None:
        x = maximum(x, min)
    return x if max is None else minimum(x, max)
