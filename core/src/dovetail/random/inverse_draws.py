"""Distributions drawn by the inverse of their distribution function.

u is the middle of one of 2**23 (float64: 2**52) equal intervals of (0, 1), so it is never 0 or 1
and 1 - u is exact. All that follows is in operations that every device rounds alike. float16 and
bfloat16 are rounded from float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail import ops
from dovetail.ops.portable_formulas import cos_sin_pi
from dovetail.random.arguments import (
    Shape,
    array_of,
    checked,
    floating,
    shape_of,
    wide_of,
)
from dovetail.random.keys import Key, data_of
from dovetail.random.uniform_draws import open_unit

__all__ = [
    "cauchy",
    "exponential",
    "gumbel",
    "laplace",
    "logistic",
    "pareto",
    "triangular",
    "weibull",
]


def _inverse(
    op: str,
    key: Key,
    shape: Shape | None,
    dtype: Any,
    formula: Callable[..., Any],
    *parameters: Any,
) -> Any:
    kind = floating(op, dtype, *parameters)
    extents, wide = shape_of(op, shape, *parameters), wide_of(kind)
    data = data_of(key, op)
    u = open_unit(data, extents, wide)
    arrays = (array_of(p, wide, extents, data) for p in parameters)
    return ops.astype(formula(u, *arrays), kind)


def exponential(key: Key, shape: Shape = (), dtype: Any = None) -> Any:
    """Waiting times of rate 1: -log u.

    >>> import dovetail as dt
    >>> x = dt.random.exponential(dt.random.key(0), (10000,))
    >>> abs(dt.mean(x).item() - 1) < 0.05
    True
    """
    return _inverse("exponential", key, shape, dtype, lambda u: -ops.portable_log(u))


def gumbel(key: Key, shape: Shape = (), dtype: Any = None) -> Any:
    """The standard Gumbel distribution, of largest values: -log(-log u).

    >>> import dovetail as dt
    >>> dt.random.gumbel(dt.random.key(0), (2,)).shape
    (2,)
    """

    def formula(u: Any) -> Any:
        return -ops.portable_log(-ops.portable_log(u))

    return _inverse("gumbel", key, shape, dtype, formula)


def laplace(key: Key, shape: Shape = (), dtype: Any = None) -> Any:
    """Differences of two waiting times: density exp(-|x|) / 2.

    The logarithm of twice the smaller of u and 1 - u, positive where u exceeds 1/2.

    >>> import dovetail as dt
    >>> dt.random.laplace(dt.random.key(0), (2,)).shape
    (2,)
    """

    def formula(u: Any) -> Any:
        size = ops.portable_log(2.0 * ops.minimum(u, 1.0 - u))
        return ops.where(u > 0.5, -size, size)

    return _inverse("laplace", key, shape, dtype, formula)


def logistic(key: Key, shape: Shape = (), dtype: Any = None) -> Any:
    """The standard logistic distribution: log(u / (1 - u)).

    >>> import dovetail as dt
    >>> dt.random.logistic(dt.random.key(0), (2,)).shape
    (2,)
    """

    def formula(u: Any) -> Any:
        return ops.portable_log(u / (1.0 - u))

    return _inverse("logistic", key, shape, dtype, formula)


def cauchy(key: Key, shape: Shape = (), dtype: Any = None) -> Any:
    """The standard Cauchy distribution, density 1 / (pi (1 + x**2)): tan(pi (u - 1/2)).

    >>> import dovetail as dt
    >>> dt.random.cauchy(dt.random.key(0), (2,)).shape
    (2,)
    """

    def formula(u: Any) -> Any:
        v = u - 0.5
        size = ops.abs(v)
        outer = size > 0.25
        cosine, sine = cos_sin_pi(ops.where(outer, 0.5 - size, size))
        tangent = ops.where(outer, cosine, sine) / ops.where(outer, sine, cosine)
        return ops.where(v < 0.0, -tangent, tangent)

    return _inverse("cauchy", key, shape, dtype, formula)


def pareto(key: Key, tail: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """The Pareto distribution on [1, infinity), density tail / x**(tail + 1): u**(-1 / tail).

    >>> import dovetail as dt
    >>> bool(dt.all(dt.random.pareto(dt.random.key(0), 3.0, (100,)) >= 1))
    True
    """
    checked("pareto", "tail", tail, lambda v: v > 0, "positive")

    def formula(u: Any, tail: Any) -> Any:
        return ops.portable_exp(-ops.portable_log(u) / tail)

    return _inverse("pareto", key, shape, dtype, formula, tail)


def weibull(
    key: Key,
    concentration: Any,
    shape: Shape | None = None,
    dtype: Any = None,
    scale: Any = 1.0,
) -> Any:
    """The Weibull distribution: scale * (-log u)**(1 / concentration).

    >>> import dovetail as dt
    >>> bool(dt.all(dt.random.weibull(dt.random.key(0), 1.5, (100,)) > 0))
    True
    """
    checked("weibull", "concentration", concentration, lambda v: v > 0, "positive")
    checked("weibull", "scale", scale, lambda v: v >= 0, "at least 0")

    def formula(u: Any, concentration: Any, scale: Any) -> Any:
        log = ops.portable_log(-ops.portable_log(u))
        return scale * ops.portable_exp(log / concentration)

    return _inverse("weibull", key, shape, dtype, formula, concentration, scale)


def triangular(
    key: Key, left: Any, mode: Any, right: Any, shape: Shape | None = None, *, dtype: Any = None
) -> Any:
    """The triangular distribution on [left, right], whose density has its peak at ``mode``.

    >>> import dovetail as dt
    >>> x = dt.random.triangular(dt.random.key(0), 0.0, 1.0, 4.0, (100,))
    >>> bool(dt.all((x >= 0) & (x <= 4)))
    True
    """
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        checked("triangular", "left", left, lambda v: v < right, f"below right={right}")
        checked("triangular", "mode", mode, lambda v: left <= v <= right, "between the two")

    def formula(u: Any, left: Any, mode: Any, right: Any) -> Any:
        whole = right - left
        rising = u * whole < mode - left
        area = ops.where(rising, u * (whole * (mode - left)), (1.0 - u) * (whole * (right - mode)))
        root = ops.sqrt(area)
        return ops.where(rising, left + root, right - root)

    return _inverse("triangular", key, shape, dtype, formula, left, mode, right)
