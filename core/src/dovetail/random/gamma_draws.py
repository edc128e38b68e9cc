"""The gamma distribution and its relatives.

Their derivatives by the concentrations follow from that of the op `random_gamma`, the implicit one.
"""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.errors import OpError
from dovetail.random.arguments import (
    Shape,
    array_of,
    checked,
    extents_of,
    floating,
    shape_of,
    wide_of,
)
from dovetail.random.keys import Key, data_of, split

__all__ = [
    "beta",
    "chi_square",
    "dirichlet",
    "gamma",
    "loggamma",
    "student_t",
    "t",
]


def _positive(op: str, name: str, value: Any) -> None:
    checked(op, name, value, lambda v: v > 0, "positive")


def gamma(key: Key, concentration: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """The gamma distribution of rate 1, density proportional to x**(concentration - 1) exp(-x).

    Concentrations may be arrays that broadcast to ``shape``; the draw is differentiable by them. In
    float32 draws of small concentrations underflow to 0: see `loggamma`. The method is that of
    Marsaglia and Tsang (the op `random_gamma`). NaN where a concentration is negative.

    >>> import dovetail as dt
    >>> x = dt.random.gamma(dt.random.key(0), 3.0, (10000,))
    >>> abs(dt.mean(x).item() - 3) < 0.1
    True
    """
    checked("gamma", "concentration", concentration, lambda v: v >= 0, "at least 0")
    return _gamma("gamma", key, concentration, shape, dtype, log=False)


def loggamma(key: Key, concentration: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Logarithms of `gamma` draws of the same key, exact where those underflow.

    >>> import dovetail as dt
    >>> bool(dt.isfinite(dt.random.loggamma(dt.random.key(0), 1e-4)))
    True
    """
    checked("loggamma", "concentration", concentration, lambda v: v >= 0, "at least 0")
    return _gamma("loggamma", key, concentration, shape, dtype, log=True)


def _gamma(op: str, key: Key, a: Any, shape: Any, dtype: Any, *, log: bool) -> Any:
    kind = floating(op, dtype, a)
    data = data_of(key, op)
    wide = array_of(a, wide_of(kind), shape_of(op, shape, a), data)
    return ops.astype(ops.random_gamma(data, wide, log=log), kind)


def chi_square(key: Key, freedom: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Sums of squares of ``freedom`` standard normal numbers: twice a gamma draw of freedom / 2.

    >>> import dovetail as dt
    >>> dt.random.chi_square(dt.random.key(0), 4.0, (2,)).shape
    (2,)
    """
    _positive("chi_square", "freedom", freedom)
    kind = floating("chi_square", dtype, freedom)
    half = _gamma("chi_square", key, freedom * 0.5, shape, wide_of(kind), log=False)
    return ops.astype(half * 2.0, kind)


def student_t(key: Key, freedom: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Student's t distribution: a normal number over the root of an independent chi-square mean.

    >>> import dovetail as dt
    >>> dt.random.student_t(dt.random.key(0), 4.0, (2,)).shape
    (2,)
    """
    _positive("student_t", "freedom", freedom)
    kind = floating("student_t", dtype, freedom)
    extents, wide = shape_of("student_t", shape, freedom), wide_of(kind)
    half = array_of(freedom, wide, extents, data_of(key, "student_t")) * 0.5
    first, second = split(key)
    z = ops.random_normal(first.data, extents, wide)
    log = ops.random_gamma(second.data, half, log=True)
    return ops.astype(z * ops.portable_exp(0.5 * (ops.portable_log(half) - log)), kind)


t = student_t


def beta(key: Key, a: Any, b: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """The beta distribution, density proportional to x**(a - 1) (1 - x)**(b - 1).

    x / (x + y) of gamma draws x and y, by their logarithms.

    >>> import dovetail as dt
    >>> x = dt.random.beta(dt.random.key(0), 2.0, 3.0, (100,))
    >>> bool(dt.all((x > 0) & (x < 1)))
    True
    """
    _positive("beta", "a", a)
    _positive("beta", "b", b)
    kind = floating("beta", dtype, a, b)
    extents, wide = shape_of("beta", shape, a, b), wide_of(kind)
    data = data_of(key, "beta")
    logs = [
        ops.random_gamma(child.data, array_of(v, wide, extents, data), log=True)
        for child, v in zip(split(key), (a, b), strict=True)
    ]
    largest = ops.stop_gradient(ops.maximum(*logs))
    x, y = (ops.portable_exp(log - largest) for log in logs)
    return ops.astype(x / (x + y), kind)


def ordered_sum(x: Any) -> Any:
    """The sum along the last axis, kept, in one order on every device: halves onto each other."""
    n = x.shape[-1]
    if n == 0:
        raise OpError("random: there is nothing to add up along a last axis of size 0")
    while n > 1:
        half = n // 2
        total = x[..., :half] + x[..., half : 2 * half]
        x = ops.concat([total, x[..., 2 * half :]], axis=-1) if n % 2 else total
        n = x.shape[-1]
    return x


def dirichlet(key: Key, alpha: Any, shape: Shape | None = None, dtype: Any = None) -> Any:
    """Probabilities along the last axis, whose concentrations ``alpha`` has along its last.

    ``shape`` is that of the draws, without the last axis; the other axes of ``alpha`` broadcast to
    it. Gamma draws over their sum, by their logarithms.

    >>> import dovetail as dt
    >>> x = dt.random.dirichlet(dt.random.key(0), dt.asarray([1.0, 2.0, 3.0]), (5,))
    >>> x.shape, bool(dt.all(dt.abs(dt.sum(x, axis=-1) - 1) < 1e-6))
    ((5, 3), True)
    """
    if getattr(alpha, "ndim", 0) == 0:
        raise OpError(
            "random.dirichlet: alpha must be an array with at least one axis, of one concentration "
            "per category"
        )
    kind = floating("dirichlet", dtype, alpha)
    whole = None if shape is None else (*extents_of("dirichlet", shape), alpha.shape[-1])
    extents = shape_of("dirichlet", whole, alpha)
    data = data_of(key, "dirichlet")
    log = ops.random_gamma(data, array_of(alpha, wide_of(kind), extents, data), log=True)
    x = ops.portable_exp(log - ops.stop_gradient(ops.max(log, axis=-1, keepdims=True)))
    return ops.astype(x / ordered_sum(x), kind)
