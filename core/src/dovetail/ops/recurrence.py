"""Linear recurrences along an axis, in a number of steps that is the logarithm of the length."""

from __future__ import annotations

from typing import Any

from dovetail import ops

__all__ = ["backward_recurrence"]


def _ahead(x: Any, by: int, axis: int) -> Any:
    """Element i + ``by`` at place i, and zeros where there is none."""
    none = (0,) * x.ndim
    low = tuple(by if d == axis else 0 for d in range(x.ndim))
    rest = ops.slice(x, start=low, stop=x.shape, step=(1,) * x.ndim)
    return ops.pad(rest, low=none, high=low, interior=none, value=0.0)


def backward_recurrence(a: Any, b: Any, axis: int) -> Any:
    """s with s[i] = b[i] + a[i] * s[i + 1] along an axis; the last is b's.

    Every turn doubles how many steps an element knows of (Hillis and Steele 1986). There is no
    division, so that zeros among ``a`` do no harm, and it differentiates to any order.
    """
    step, length = 1, b.shape[axis]
    while step < length:
        b = b + a * _ahead(b, step, axis)
        step *= 2
        if step < length:
            a = a * _ahead(a, step // 2, axis)
    return b
