"""Normal numbers, whole, truncated and exponentiated, and what is made of them."""

from __future__ import annotations

from typing import Any

from dovetail import _fast, ops
from dovetail.random.arguments import (
    Shape,
    array_of,
    checked,
    floating,
    shape_of,
    wide_of,
)
from dovetail.random.keys import Key, data_of, split
from dovetail.random.uniform_draws import open_unit

__all__ = ["lognormal", "normal", "rayleigh", "truncated_normal", "wald"]


def _is(value: Any, number: float) -> bool:
    return isinstance(value, (int, float)) and value == number


def normal(
    key: Key,
    shape: Shape | None = None,
    dtype: Any = None,
    mean: Any = 0.0,
    deviation: Any = 1.0,
) -> Any:
    """Normally distributed numbers, float32 unless a dtype or parameters say otherwise.

    The inverse of the distribution function at the midpoints of 2**24 (float64: 2**53) equal
    intervals, numbered by the top bits of a word, so that the largest is about 5.4 (8.2)
    deviations: M. Wichura's algorithm AS 241 in operations that every device rounds alike (the op
    `random_normal`). 16-bit floats are rounded from float32. Mean and deviation may be arrays that
    broadcast to ``shape``, and are differentiable.

    >>> import dovetail as dt
    >>> x = dt.random.normal(dt.random.key(1), (10000,))
    >>> abs(dt.mean(x).item()) < 0.05
    True
    """
    kind = floating("normal", dtype, mean, deviation)
    extents = shape_of("normal", shape, mean, deviation)
    z = ops.random_normal(data_of(key, "normal"), extents, wide_of(kind))
    if not _is(deviation, 1):
        z = z * deviation
    if not _is(mean, 0):
        z = z + mean
    return ops.astype(z, kind)


def truncated_normal(
    key: Key, low: Any, high: Any, shape: Shape | None = None, dtype: Any = None
) -> Any:
    """Standard normal numbers in [low, high]; a bound may be infinite.

    By rejection, from proposals that fit the interval, so that tails are as exact as the middle at
    any distance (the op `random_truncated_normal`, which names its sources). Differentiable by the
    bounds. NaN where ``low`` exceeds ``high``.

    >>> import dovetail as dt
    >>> x = dt.random.truncated_normal(dt.random.key(0), -2.0, 2.0, (100,))
    >>> bool(dt.all(dt.abs(x) <= 2))
    True
    """
    if isinstance(high, (int, float)):
        checked("truncated_normal", "low", low, lambda v: v <= high, f"at most high={high}")
    kind = floating("truncated_normal", dtype, low, high)
    extents, wide = shape_of("truncated_normal", shape, low, high), wide_of(kind)
    data = data_of(key, "truncated_normal")
    ends = (array_of(end, wide, extents, data) for end in (low, high))
    return ops.astype(ops.random_truncated_normal(data, *ends), kind)


def lognormal(
    key: Key,
    shape: Shape | None = None,
    dtype: Any = None,
    mean: Any = 0.0,
    deviation: Any = 1.0,
) -> Any:
    """Numbers whose logarithm is normal, with this mean and deviation.

    >>> import dovetail as dt
    >>> bool(dt.all(dt.random.lognormal(dt.random.key(0), (100,)) > 0))
    True
    """
    kind = floating("lognormal", dtype, mean, deviation)
    extents = shape_of("lognormal", shape, mean, deviation)
    return ops.astype(ops.portable_exp(_wide_normal(key, extents, kind, mean, deviation)), kind)


def _wide_normal(key: Key, extents: Any, kind: Any, mean: Any, deviation: Any) -> Any:
    wide = wide_of(kind)
    given = (ops.astype(v, wide) if isinstance(v, _fast.Array) else v for v in (mean, deviation))
    return normal(key, extents, wide, *given)


def rayleigh(key: Key, shape: Shape | None = None, dtype: Any = None, scale: Any = 1.0) -> Any:
    """Lengths of vectors of two independent normal numbers of deviation ``scale``.

    scale * sqrt(-2 log u) for u in (0, 1).

    >>> import dovetail as dt
    >>> bool(dt.all(dt.random.rayleigh(dt.random.key(0), (100,)) > 0))
    True
    """
    checked("rayleigh", "scale", scale, lambda v: v >= 0, "at least 0")
    kind = floating("rayleigh", dtype, scale)
    extents = shape_of("rayleigh", shape, scale)
    u = open_unit(data_of(key, "rayleigh"), extents, wide_of(kind))
    return ops.astype(ops.sqrt(-2.0 * ops.portable_log(u)) * scale, kind)


def wald(
    key: Key, mean: Any, shape: Shape | None = None, dtype: Any = None, scale: Any = 1.0
) -> Any:
    """When Brownian motion with drift first reaches a level: the inverse Gaussian distribution.

    J. Michael, W. Schucany and R. Haas, "Generating random variates using transformations with
    multiple roots", The American Statistician 30 (1976), the smaller root without cancellation.

    >>> import dovetail as dt
    >>> bool(dt.all(dt.random.wald(dt.random.key(0), 2.0, (100,)) > 0))
    True
    """
    checked("wald", "mean", mean, lambda v: v > 0, "positive")
    checked("wald", "scale", scale, lambda v: v > 0, "positive")
    kind = floating("wald", dtype, mean, scale)
    extents, wide = shape_of("wald", shape, mean, scale), wide_of(kind)
    data = data_of(key, "wald")
    mean, scale = (array_of(v, wide, extents, data) for v in (mean, scale))
    first, second = split(key)
    z = ops.random_normal(first.data, extents, wide)
    w = mean * (z * z) / (2.0 * scale)
    x = mean / (1.0 + w + ops.sqrt(w * (w + 2.0)))
    u = ops.random_uniform(second.data, extents, wide)
    return ops.astype(ops.where(u * (mean + x) <= mean, x, mean * (mean / x)), kind)
