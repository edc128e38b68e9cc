"""Attention for users: any number of leading axes, masks, bias, causal and sliding windows."""

from __future__ import annotations

import math
from operator import index
from typing import Any

from dovetail import ops
from dovetail.dtypes import bool_
from dovetail.errors import OpError
from dovetail.manipulation import common_shape

__all__ = ["attention"]


def _band(causal: bool, window: Any, offset: Any) -> tuple[int | None, int | None]:
    """Query i sees key j where low <= j - i <= high."""
    low: int | None = None
    high: int | None = None
    left: int | None = None
    right: int | None = None
    try:
        shift = index(offset)
        if window is not None:
            sides = tuple(window) if isinstance(window, (tuple, list)) else (window, window)
            left, right = (None if n is None else index(n) for n in sides)
            low = None if left is None else shift - left
            high = None if right is None else shift + right
    except (TypeError, ValueError):
        raise OpError(
            f"nn.attention: window={window!r} must be an integer or a pair (left, right) of "
            f"integers or None, and offset={offset!r} an integer"
        ) from None
    if window is not None and min(left or 0, right or 0) < 0:
        raise OpError(f"nn.attention: window={window!r} must not be negative")
    if causal:
        high = shift if high is None else min(high, shift)
    return low, high


def _as_bias(mask: Any, bias: Any, q: Any) -> Any:
    """What is added to the scores: the bias, and minus infinity where the mask is False."""
    if mask is None:
        return bias if bias is None or bias.dtype is q.dtype else ops.astype(bias, q.dtype)
    if mask.dtype is not bool_:
        raise OpError(
            f"nn.attention: mask is {mask.dtype}{list(mask.shape)}; a mask is boolean, True where "
            "a query sees a key; numbers to add to the scores are the bias"
        )
    if bias is None:
        zero = ops.filled_like(q, 0, shape=())
        return ops.where(mask, zero, -math.inf)
    bias = bias if bias.dtype is q.dtype else ops.astype(bias, q.dtype)
    return ops.where(mask, bias, -math.inf)


def _four(x: Any, lead: tuple[int, ...]) -> Any:
    """(batch, head, position, depth), with the leading axes as one batch."""
    x = ops.broadcast_to(x, (*lead, *x.shape[-3:])) if x.shape[:-3] != lead else x
    return ops.reshape(x, (math.prod(lead), *x.shape[-3:]))


def _bias_of_four(bias: Any, scores: tuple[int, ...]) -> Any:
    """The bias with axes that are those of the scores or 1, leading axes as one batch."""
    if bias.ndim > len(scores) or any(
        n not in (1, m) for n, m in zip(bias.shape[::-1], scores[::-1], strict=False)
    ):
        raise OpError(
            f"nn.attention: mask and bias have shape {bias.shape} together, which does not "
            f"broadcast to the scores' {scores}"
        )
    shape = (1,) * (len(scores) - bias.ndim) + bias.shape
    bias = bias if shape == bias.shape else ops.reshape(bias, shape)
    lead = shape[:-3]
    if any(n != 1 for n in lead):
        lead = scores[:-3]
        bias = ops.broadcast_to(bias, (*lead, *shape[-3:]))
    return ops.reshape(bias, (math.prod(lead), *shape[-3:]))


def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    causal: bool = False,
    scale: float | None = None,
    window: int | tuple[int | None, int | None] | None = None,
    offset: int = 0,
) -> Any:
    """softmax(scale q k' + bias) v: scaled dot-product attention.

    ``q`` is (..., heads, queries, depth), ``k`` (..., key heads, keys, depth) and ``v`` (..., key
    heads, keys, width); without a heads axis, (queries, depth) and so on, it is one head. The key
    heads divide the heads, and heads that are neighbours share one (grouped queries). ``scale`` is
    1 / sqrt(depth) unless given.

    What a query sees: ``mask`` is boolean, True where a query sees a key, and ``bias`` is added to
    the scores; both broadcast to (..., heads, queries, keys). With ``causal`` query i sees the keys
    up to i, counted from the first of both. ``window`` (left, right) or one number for both lets it
    see the keys i - left to i + right. ``offset`` is the position of the first query among the keys
    for these two, such as the number of keys that were there before. A query that sees nothing
    gives zeros, and no gradient.

    Memory grows with queries plus keys, not with their product, in the gradient too (masks and
    bias, and second derivatives, apart). A. Vaswani et al., "Attention is all you need", 2017.

    Raises OpError when shapes or dtypes do not fit.

    >>> import dovetail as dt
    >>> q, k = dt.zeros((2, 4)), dt.zeros((2, 4))
    >>> dt.nn.attention(q, k, dt.asarray([[1.0], [3.0]]), causal=True).tolist()
    [[1.0], [2.0]]
    """
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.dtype.kind != "float":
            raise OpError(f"nn.attention: {name} is {x.dtype}{list(x.shape)}; it must be floating")
        if x.ndim < 2 or x.ndim != q.ndim:
            raise OpError(
                f"nn.attention: q, k and v have shapes {q.shape}, {k.shape} and {v.shape}; they "
                "need the same number of axes, (..., heads, positions, depth)"
            )
    if q.ndim == 2:
        single = attention(
            *(ops.reshape(x, (1, *x.shape)) for x in (q, k, v)),
            mask=mask,
            bias=bias,
            causal=causal,
            scale=scale,
            window=window,
            offset=offset,
        )
        return ops.reshape(single, single.shape[1:])
    low, high = _band(causal, window, offset)
    lead = common_shape("nn.attention", q.shape[:-3], k.shape[:-3], v.shape[:-3])
    operands = [_four(x, lead) for x in (q, k, v)]
    added = _as_bias(mask, bias, q)
    if added is not None:
        scores = (*lead, q.shape[-3], q.shape[-2], k.shape[-2])
        operands.append(_bias_of_four(added, scores))
    run: Any = ops.attention  # loaded when first asked for
    y, _ = run(*operands, low=low, high=high, scale=scale)
    return ops.reshape(y, (*lead, *y.shape[1:]))
