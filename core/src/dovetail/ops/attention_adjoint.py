"""The gradient of attention for its queries, keys and values.

Here is also what the two ops share: attributes, shapes, scores, batching and sample inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.batching import examples
from dovetail.dtypes import FLOATING, DType, float32, float64, int64
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.full import on_device_of

__all__ = [
    "ATTRIBUTES",
    "CASES",
    "TOLERANCE",
    "attention_gradient",
    "batching",
    "canonical",
    "check",
    "numpy_scores",
    "scores",
    "slopes",
    "specs",
    "weighted",
    "wide",
    "wider",
]

ATTRIBUTES: dict[str, Any] = {"low": None, "high": None, "scale": None}
FURTHEST = 2**60


def wide(kind: DType) -> DType:
    """What scores are computed in."""
    return float64 if kind is float64 else float32


# ---- attributes and shapes -----------------------------------------------------------------------


def canonical(op: Op, q: Spec, *, low: Any, high: Any, scale: Any) -> dict[str, Any]:
    """Attributes as kernels see them: a finite scale, ends of the band as they are."""
    ends: list[int | None] = []
    for name, value in (("low", low), ("high", high)):
        try:
            ends.append(None if value is None else max(-FURTHEST, min(FURTHEST, index(value))))
        except TypeError:
            raise op.fail(f"{name}={value!r} must be an integer or None") from None
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1]) if q.ndim and q.shape[-1] else 1.0
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not math.isfinite(scale):
        raise op.fail(f"scale={scale!r} must be a finite number or None")
    return {"low": ends[0], "high": ends[1], "scale": float(scale)}


def check(op: Op, q: Spec, k: Spec, v: Spec, bias: tuple[Spec, ...]) -> None:
    """Refuse operands whose shapes do not fit each other."""
    for name, spec in (("q", q), ("k", k), ("v", v)):
        if spec.ndim != 4:
            raise op.fail(f"{name} is {spec}, but it needs the axes (batch, head, position, depth)")
    if len(bias) > 1:
        raise op.fail(f"it takes one bias, not {len(bias)}; add them up first")
    if k.shape[:3] != v.shape[:3]:
        raise op.fail(
            f"k is {k} and v is {v}; each key needs one value: batch, heads and positions"
        )
    if q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise op.fail(f"q is {q} and k is {k}; their batch and their depth must be equal")
    if (q.shape[1] % k.shape[1]) if k.shape[1] else q.shape[1]:
        raise op.fail(
            f"q has {q.shape[1]} heads and k {k.shape[1]}; the heads of k must divide those of q"
        )
    wanted = (*q.shape[:3], k.shape[2])
    for b in bias:
        if b.ndim != 4 or any(n not in (1, m) for n, m in zip(b.shape, wanted, strict=True)):
            raise op.fail(
                f"bias is {b}, but the scores have shape {wanted}; it must broadcast to it"
            )


# ---- numpy: the whole matrix, in float64 ---------------------------------------------------------


def numpy_scores(
    q: np.ndarray, k: np.ndarray, bias: tuple[np.ndarray, ...], *, low: Any, high: Any, scale: Any
) -> np.ndarray:
    """Scores as (batch, head, query, key), minus infinity where a query does not see."""
    each = k.repeat(q.shape[1] // max(k.shape[1], 1), axis=1)
    s = np.einsum("bhid,bhjd->bhij", q.astype(np.float64), each.astype(np.float64)) * scale
    for b in bias:
        s = s + b
    ahead = np.arange(k.shape[2]) - np.arange(q.shape[2])[:, None]
    if low is not None:
        s = np.where(ahead < low, -np.inf, s)
    return s if high is None else np.where(ahead > high, -np.inf, s)


# ---- in ops: what devices do that do not claim these ---------------------------------------------


def scores(q: Any, k: Any, bias: tuple[Any, ...], *, low: Any, high: Any, scale: float) -> Any:
    """Scores as (batch, head, query, key); the heads that share keys stand in one product."""
    batch, heads, m, depth = q.shape
    key_heads, n = k.shape[1], k.shape[2]
    group = heads // max(key_heads, 1)
    tall = ops.reshape(q, (batch, key_heads, group * m, depth))
    s = ops.matmul(tall, ops.permute_dims(k, (0, 1, 3, 2)))
    s = ops.reshape(s, (batch, heads, m, n)) * scale
    for b in bias:
        s = s + b
    if low is None and high is None:
        return s
    ahead = on_device_of(s, ops.iota, (m, n), 1, int64) - on_device_of(
        s, ops.iota, (m, n), 0, int64
    )
    hidden = None
    for end, compare in ((low, ops.less), (high, ops.greater)):
        if end is not None:
            beyond = compare(ahead, end)
            hidden = beyond if hidden is None else ops.logical_or(hidden, beyond)
    return ops.where(hidden, -math.inf, s)


def wider(kind: DType, *arrays: Any) -> tuple[Any, ...]:
    """The arrays in one dtype."""
    return tuple(x if x.dtype is kind else ops.astype(x, kind) for x in arrays)


def weighted(p: Any, v: Any) -> Any:
    """(batch, head, query, key) weights times (batch, key head, key, width) values."""
    batch, heads, m, n = p.shape
    tall = ops.reshape(p, (batch, v.shape[1], heads // max(v.shape[1], 1) * m, n))
    return ops.reshape(ops.matmul(tall, v), (batch, heads, m, v.shape[3]))


# ---- batching ------------------------------------------------------------------------------------


def _folded(x: Any, size: int, batched: bool) -> Any:
    whole = examples(x, size, batched)
    return ops.reshape(whole, (size * whole.shape[1], *whole.shape[2:]))


def batching(op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **words: Any) -> Any:
    """The examples join the batch; a bias that serves the batch and all examples stays as it is."""
    batch = operands[0].shape[int(batched[0])]
    joined = []
    first = 3 if len(operands) < 6 else 6  # attention's bias, or that of its gradient
    for i, (x, b) in enumerate(zip(operands, batched, strict=True)):
        if i == first:
            if not b and x.shape[0] == 1:
                joined.append(x)
                continue
            lead = (size, batch) if b else (batch,)
            x = ops.broadcast_to(x, (*lead, *x.shape[len(lead) :]))  # noqa: PLW2901
        joined.append(_folded(x, size, b))
    results = op(*joined, **words)
    return tuple(ops.reshape(y, (size, batch, *y.shape[1:])) for y in results)


# ---- samples -------------------------------------------------------------------------------------

Case = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, ...] | None, dict[str, Any]]
CASES: list[Case] = [
    # (batch, heads, queries), (key heads, keys, depth), shape of the bias
    ((1, 1, 1), (1, 1, 1), None, {}),
    ((2, 3, 5), (3, 7, 4), None, {}),
    ((1, 4, 6), (2, 5, 3), None, {"high": 0}),
    ((1, 2, 9), (1, 9, 8), None, {"low": -2, "high": 1, "scale": 0.7}),
    ((2, 2, 4), (2, 3, 5), (1, 2, 4, 3), {}),
    ((2, 2, 4), (1, 3, 5), (2, 1, 1, 3), {"high": 0, "scale": 1.0}),
    ((1, 1, 6), (1, 3, 2), None, {"high": -2}),  # the first two queries see nothing
    ((1, 1, 6), (1, 3, 2), None, {"low": 1}),  # the last ones see nothing
    ((1, 2, 101), (1, 301, 17), None, {"high": 210}),
    ((1, 2, 0), (1, 4, 3), None, {}),
    ((0, 2, 3), (1, 4, 3), None, {}),
]


def specs(case: Case) -> tuple[Any, ...]:
    """Queries, keys and values to draw; values are one wider than keys."""
    (batch, heads, m), (key_heads, n, depth), _, _ = case
    q, k, v = (
        (batch, heads, m, depth),
        (batch, key_heads, n, depth),
        (batch, key_heads, n, depth + 1),
    )
    return (q, -2, 2), (k, -2, 2), (v, -2, 2)


# Sums of up to 301 products, whose error is measured against the largest result; exp turns the
# rounding of scores of up to 10 into a relative error of as many units.
TOLERANCE: dict[str, Any] = {
    "norm": True,
    "float32": 32,
    "float64": 32,
    "float16": 1,
    "bfloat16": 1,
}


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
