"""Scaled dot-product attention and its gradient, neither of which keeps the matrix of scores.

With s = scale q k' + bias and p = softmax(s), the result is y = p v. The gradient computes p again
from the logarithms of the sums that the forward pass returns:
dv = p' g, ds = p (g v' - delta), dq = scale ds k, dk = scale ds' q, where delta is the sum of g y
along a row. T. Dao, "FlashAttention-2", 2023; M. Rabe and C. Staats, "Self-attention does not need
O(n^2) memory", 2021.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, Spec, Together, define
from dovetail.ops.attention_adjoint import (
    ATTRIBUTES,
    CASES,
    TOLERANCE,
    attention_gradient,
    batching,
    canonical,
    check,
    numpy_scores,
    scores,
    slopes,
    specs,
    weighted,
    wide,
    wider,
)
from dovetail.shapes import sized

__all__ = ["attention"]


def _reference(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, *bias: np.ndarray, **attributes: Any
) -> tuple[np.ndarray, np.ndarray]:
    s = numpy_scores(q, k, bias, **attributes)
    top = s.max(axis=-1, keepdims=True, initial=-np.inf)
    e = np.exp(s - np.where(top == -np.inf, 0, top))
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    each = v.repeat(q.shape[1] // max(v.shape[1], 1), axis=1)
    y = np.einsum("bhij,bhje->bhie", p, each.astype(np.float64))
    return y, (np.where(top == -np.inf, 0, top) + np.log(total))[..., 0]


def _decomposition(q: Any, k: Any, v: Any, *bias: Any, **attributes: Any) -> tuple[Any, Any]:
    kind = q.dtype
    q, k, v, *rest = wider(wide(kind), q, k, v, *bias)
    shape = (*q.shape[:3], v.shape[3])
    if 0 in (*shape, k.shape[2]):
        zeros = ops.filled_like(q, 0, shape=shape)
        return wider(kind, zeros)[0], ops.filled_like(q, -math.inf, shape=shape[:3])
    s = scores(q, k, tuple(rest), **attributes)
    top = ops.stop_gradient(ops.max(s, axis=-1, keepdims=True))
    top = ops.where(ops.equal(top, -math.inf), 0.0, top)
    e = ops.exp(s - top)
    total = ops.sum(e, axis=-1, keepdims=True)
    nothing = ops.equal(total, 0.0)
    safe = ops.where(nothing, 1.0, total)
    lse = ops.where(nothing, -math.inf, top + ops.log(safe))
    y = weighted(e / safe, v)
    return wider(kind, y)[0], ops.reshape(lse, lse.shape[:3])


# ---- the gradient --------------------------------------------------------------------------------


def _gradients(
    g: Any, y: Any, operands: tuple[Any, ...], needed: tuple[bool, ...], **attributes: Any
) -> tuple[Any, ...]:
    q, k, v, *bias = operands
    lse = y[1]
    gy = ops.filled_like(y[0], 0) if g[0] is None else g[0]
    delta = ops.sum(ops.multiply(*wider(lse.dtype, gy, y[0])), axis=-1)
    if g[1] is not None:
        delta = delta - g[1]
    own: tuple[Any, ...] = (None, None, None)
    if any(needed[:3]):
        own = attention_gradient(q, k, v, lse, delta, gy, *bias, **attributes)
    if not any(needed[3:]):
        return (*own, *(None for _ in bias))
    return (*own, _bias_gradient(bias[0], (q, k, v, lse, delta, gy), attributes))


def _bias_gradient(bias: Any, operands: tuple[Any, ...], attributes: Any) -> Any:
    kind = wide(operands[0].dtype)
    _, ds = slopes(*wider(kind, *operands, bias), **attributes)
    alike = tuple(d for d in range(4) if bias.shape[d] == 1 != ds.shape[d])
    ds = ops.sum(ds, axis=alike, keepdims=True) if alike else ds
    return wider(bias.dtype, ds)[0]


def _samples() -> Iterator[Sample]:
    for case in CASES:
        bias = () if case[2] is None else ((case[2], -2, 2),)
        # Minus infinity, the logarithm of a query that sees nothing, has no difference quotient.
        m, n = case[0][2], case[1][1]
        first, last = case[3].get("high"), case[3].get("low")
        blind = (first is not None and first < 0) or (last is not None and n - m < last)
        yield Sample(inputs=(*specs(case), *bias), attributes=case[3], differentiable=not blind)
    hidden = np.zeros((1, 1, 3, 4))
    hidden[0, 0, 0] = -math.inf
    hidden[0, 0, 1, 1:] = -math.inf
    tall, wide = ((1, 1, 3, 2), -2, 2), ((1, 1, 4, 2), -2, 2)
    yield Sample(inputs=(tall, wide, wide, hidden.tolist()), differentiable=False)
    large = ((1, 1, 4, 2), -60, 60)
    yield Sample(inputs=(large, large, wide), differentiable=False)
    yield Sample(inputs=(tall, ((1, 1, 0, 2), -1, 1), ((1, 1, 0, 5), -1, 1)), differentiable=False)


def _canonical(q: Spec, k: Spec, v: Spec, *bias: Spec, **words: Any) -> dict[str, Any]:
    return canonical(ATTENTION, q, **words)


def _attention_infer(q: Spec, k: Spec, v: Spec, *bias: Spec, **_: Any) -> tuple[Spec, Spec]:
    check(ATTENTION, q, k, v, bias)
    y = sized("attention", Spec((*q.shape[:3], v.shape[3]), q.dtype))
    return y, Spec(q.shape[:3], wide(q.dtype))


ATTENTION = Op(
    name="attention",
    doc="""softmax(scale q k' + bias) v: for each query the mean of the values, weighed by the keys.

    ``q`` is (batch, heads, queries, depth), ``k`` (batch, key heads, keys, depth) and ``v`` (batch,
    key heads, keys, width); the key heads divide the heads, and neighbouring heads share one. An
    optional bias of the same dtype broadcasts to the scores, (batch, heads, queries, keys). Query i
    sees the keys j with low <= j - i <= high, all of them where these are None. ``scale`` is 1 /
    sqrt(depth) unless given.

    Returns the result, (batch, heads, queries, width), and the logarithm of the sum of e^scores of
    each query, in float64 for float64 and in float32 for all others. A query that sees no key, or
    none whose score is above minus infinity, gives zeros and minus infinity, and no gradient.
    float16 and bfloat16 compute in float32. Memory grows with the queries and with the keys, not
    with their product, here and in the gradient (that of a bias and second derivatives apart).

    Raises OpError when shapes do not fit.

    >>> import dovetail as dt
    >>> q, k = dt.zeros((1, 1, 2, 4)), dt.zeros((1, 1, 2, 4))
    >>> y, _ = dt.ops.attention(q, k, dt.asarray([[[[1.0], [3.0]]]]), high=0)
    >>> y.reshape((2,)).tolist()  # the first query sees one key, the second both
    [1.0, 2.0]
    """,
    signature="q: T, k: T, v: T, *bias: T -> T, L",
    types={"T": FLOATING, "L": frozenset({float32, float64})},
    attributes=ATTRIBUTES,
    canonical=_canonical,
    infer=_attention_infer,
    gradient=Together(_gradients),
    decomposition=_decomposition,
    reference=_reference,
    batching=batching,
    samples=_samples,
    tolerance=TOLERANCE,
    claim="composite",
)
attention: Any = define(ATTENTION)
