"""The gradient of attention for its queries, keys and values: see `dovetail.ops.attention`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.attention_scores import (
    ATTRIBUTES,
    CASES,
    TOLERANCE,
    batching,
    canonical,
    check,
    numpy_scores,
    scores,
    specs,
    weighted,
    wide,
    wider,
)

__all__ = ["attention_gradient", "slopes"]


def _gradient_reference(
    *operands: np.ndarray, low: Any, high: Any, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    q, k, v, lse, delta, g, *bias = operands
    s = numpy_scores(q, k, tuple(bias), low=low, high=high, scale=scale)
    empty = lse == -np.inf
    p = np.where(empty[..., None], 0, np.exp(s - np.where(empty, 0, lse)[..., None]))
    group = q.shape[1] // max(k.shape[1], 1)
    wide, values = g.astype(np.float64), v.repeat(group, axis=1)
    ds = p * (np.einsum("bhie,bhje->bhij", wide, values) - delta[..., None])
    shared = (k.shape[0], k.shape[1], group, k.shape[2], -1)
    dv = np.einsum("bhij,bhie->bhje", p, wide)
    dk = np.einsum("bhij,bhid->bhjd", ds, q.astype(np.float64)) * scale
    dq = np.einsum("bhij,bhjd->bhid", ds, k.repeat(group, axis=1)) * scale
    if k.size == 0 or v.size == 0:
        return dq, np.zeros(k.shape), np.zeros(v.shape)
    return dq, dk.reshape(shared).sum(axis=2), dv.reshape(shared).sum(axis=2)


def slopes(*operands: Any, **attributes: Any) -> tuple[Any, Any]:
    """The weights, and the gradient of the scores; operands and attributes are the op's."""
    q, k, v, lse, delta, g, *bias = operands
    batch, heads, m, _ = q.shape
    n = k.shape[2]
    s = scores(q, k, tuple(bias), **attributes)
    nothing = ops.equal(lse, -math.inf)
    rows = (batch, heads, m, 1)
    shifted = s - ops.reshape(ops.where(nothing, 0.0, lse), rows)
    p = ops.where(ops.reshape(nothing, rows), 0.0, ops.exp(shifted))
    tall = ops.reshape(g, (batch, k.shape[1], heads // max(k.shape[1], 1) * m, g.shape[3]))
    dp = ops.reshape(ops.matmul(tall, ops.permute_dims(v, (0, 1, 3, 2))), (batch, heads, m, n))
    return p, p * (dp - ops.reshape(delta, rows))


def _gathered(weights: Any, rows: Any, key_heads: int) -> Any:
    """weights' rows, summed over the heads that share keys: (batch, key head, key, depth)."""
    batch, heads, m, n = weights.shape
    tall = heads // max(key_heads, 1) * m
    left = ops.permute_dims(ops.reshape(weights, (batch, key_heads, tall, n)), (0, 1, 3, 2))
    return ops.matmul(left, ops.reshape(rows, (batch, key_heads, tall, rows.shape[3])))


def _gradient_decomposition(*operands: Any, **attributes: Any) -> tuple[Any, ...]:
    kind, scale = operands[0].dtype, attributes["scale"]
    operands = wider(wide(kind), *operands)
    q, k, _, _, _, g = operands[:6]
    p, ds = slopes(*operands, **attributes)
    dq = weighted(ds, k) * scale
    dk = _gathered(ds, q, k.shape[1]) * scale
    dv = _gathered(p, g, k.shape[1])
    return wider(kind, dq, dk, dv)


def _gradient_samples() -> Iterator[Sample]:
    for case in CASES:
        q, k, v = specs(case)
        rows, result = q[0][:3], (*q[0][:3], v[0][3])
        bias = () if case[2] is None else ((case[2], -2, 2),)
        yield Sample(
            inputs=(q, k, v, (rows, 1, 4), (rows, -1, 1), (result, -2, 2), *bias),
            attributes=case[3],
        )


def _canonical(*operands: Spec, **words: Any) -> dict[str, Any]:
    return canonical(ATTENTION_GRADIENT, operands[0], **words)


def _gradient_infer(*operands: Spec, **_: Any) -> tuple[Spec, Spec, Spec]:
    op = ATTENTION_GRADIENT
    q, k, v, lse, delta, g, *bias = operands
    check(op, q, k, v, tuple(bias))
    for name, spec in (("lse", lse), ("delta", delta)):
        if spec.shape != q.shape[:3]:
            raise op.fail(f"{name} is {spec}, but it needs one number for each query of q {q}")
    if g.shape != (*q.shape[:3], v.shape[3]):
        raise op.fail(f"g is {g}, but attention gives {[*q.shape[:3], v.shape[3]]} here")
    return q, k, v


ATTENTION_GRADIENT = Op(
    name="attention_gradient",
    doc="""The gradients of `attention` for its queries, keys and values.

    ``lse`` is attention's second result, ``g`` the gradient of the first and ``delta`` the sum of
    ``g`` times the first result along its last axis (less the gradient of the second, if there is
    one); bias and attributes are attention's. Returns three arrays like ``q``, ``k`` and ``v``.

    Raises OpError when shapes do not fit.

    >>> import dovetail as dt
    >>> q, k, v = dt.zeros((1, 1, 1, 2)), dt.ones((1, 1, 2, 2)), dt.asarray([[[[1.0], [3.0]]]])
    >>> y, lse = dt.ops.attention(q, k, v)
    >>> g = dt.ones_like(y)
    >>> dq, dk, dv = dt.ops.attention_gradient(q, k, v, lse, dt.sum(g * y, axis=-1), g)
    >>> dv.reshape((2,)).tolist()
    [0.5, 0.5]
    """,
    signature="q: T, k: T, v: T, lse: L, delta: L, g: T, *bias: T -> T, T, T",
    types={"T": FLOATING, "L": frozenset({float32, float64})},
    attributes=ATTRIBUTES,
    canonical=_canonical,
    infer=_gradient_infer,
    decomposition=_gradient_decomposition,
    reference=_gradient_reference,
    batching=batching,
    samples=_gradient_samples,
    tolerance=TOLERANCE,
    claim="composite",
)
attention_gradient: Any = define(ATTENTION_GRADIENT)
