"""Angles."""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.random.arguments import (
    Shape,
    array_of,
    checked,
    floating,
    shape_of,
    wide_of,
)
from dovetail.random.keys import Key, data_of

__all__ = ["vonmises"]


def vonmises(key: Key, concentration: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Angles in [-pi, pi] around 0, density proportional to exp(concentration * cos(x)).

    By the rejection of Best and Fisher (the op `random_von_mises`). It has no derivative by the
    concentration. NaN where that is negative.

    >>> import dovetail as dt
    >>> x = dt.random.vonmises(dt.random.key(0), 2.0, (100,))
    >>> bool(dt.all(dt.abs(x) <= 3.1416))
    True
    """
    checked("vonmises", "concentration", concentration, lambda v: v >= 0, "at least 0")
    kind = floating("vonmises", dtype, concentration)
    data = data_of(key, "vonmises")
    extents = shape_of("vonmises", shape, concentration)
    given = array_of(concentration, wide_of(kind), extents, data)
    return ops.astype(ops.random_von_mises(data, given), kind)
