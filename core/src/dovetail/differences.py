"""Differences of neighbours."""

from __future__ import annotations

from typing import Any

from dovetail import ops, shapes
from dovetail.dtypes import bool_
from dovetail.errors import OpError

__all__ = ["diff"]


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of each element and the one before it along an axis, ``n`` times in turn.

    Every turn makes the axis one shorter. ``prepend`` and ``append`` are put in front and behind
    first: arrays with the shape of ``x`` except along the axis. The differences of bools are bools:
    whether the two differ.

    Raises OpError when the axis does not exist and when ``n`` is negative.

    >>> import dovetail as dt
    >>> dt.diff(dt.asarray([1, 4, 9, 16])).tolist()
    [3, 5, 7]
    >>> dt.diff(dt.asarray([1, 4, 9, 16]), n=2).tolist()
    [2, 2]
    """
    at = shapes.axis("diff", axis, x.ndim)
    (turns,) = shapes.integers("diff", "n", (n,))
    if turns < 0:
        raise OpError(f"diff: n={n} must not be negative")
    parts = [part for part in (prepend, x, append) if part is not None]
    x = ops.concat(parts, axis=at) if len(parts) > 1 else ops.identity(x)
    before = (slice(None),) * at
    for _ in range(turns):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        x = ops.not_equal(later, earlier) if x.dtype is bool_ else later - earlier
    return x
