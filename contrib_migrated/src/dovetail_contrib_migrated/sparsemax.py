"""tf.contrib.sparsemax: the Euclidean projection onto the simplex, and its loss.

Martins and Astudillo, "From Softmax to Sparsemax", 2016: algorithm 1 and equation 21.
"""

from __future__ import annotations

from typing import Any

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = ["sparsemax", "sparsemax_loss"]

guest("sparsemax")


def sparsemax(logits: Any, name: str | None = None) -> Any:
    """Probabilities of the last axis, many of them exactly zero.

    ``logits`` of any shape and a float dtype; the result has both. ``name`` is ignored. A row that
    holds NaN gives NaN.

    >>> sparsemax(dt.asarray([[1.0, 0.5, -1.0]])).tolist()
    [[0.75, 0.25, 0.0]]
    """
    z = dt.asarray(logits)
    ordered = dt.flip(dt.sort(z, axis=-1), axis=-1)
    above = dt.cumulative_sum(ordered, axis=-1) - 1
    places = dt.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    # Place k is in the support while its value still exceeds the threshold that k of them give.
    size = dt.sum(dt.astype(1 + places * ordered > above + 1, z.dtype), axis=-1, keepdims=True)
    last = dt.astype(dt.maximum(size, dt.ones_like(size)), dt.int64) - 1
    threshold = dt.take_along_axis(above, last, axis=-1) / dt.maximum(size, dt.ones_like(size))
    found = dt.maximum(z - threshold, dt.zeros_like(z))
    broken = dt.any(dt.isnan(z), axis=-1, keepdims=True)
    return dt.where(broken, dt.full_like(z, dt.nan), found)


def sparsemax_loss(logits: Any, sparsemax: Any, labels: Any, name: str | None = None) -> Any:
    """The convex loss whose gradient is ``sparsemax - labels``, for each row.

    ``sparsemax`` is what the function of that name gave for ``logits``; ``labels`` are
    probabilities of the same shape. The result lacks the last axis. ``name`` is ignored.

    >>> z = dt.asarray([[1.0, 0.5, -1.0]])
    >>> sparsemax_loss(z, dt.asarray([[0.75, 0.25, 0.0]]), dt.asarray([[1.0, 0.0, 0.0]])).tolist()
    [0.0625]
    """
    z, p, q = (dt.asarray(x) for x in (logits, sparsemax, labels))
    supported = dt.where(p > 0, p * (z - 0.5 * p), dt.zeros_like(p))
    wanted = dt.where(q > 0, q * (0.5 * q - z), dt.zeros_like(q))
    return dt.sum(supported + wanted, axis=-1)
