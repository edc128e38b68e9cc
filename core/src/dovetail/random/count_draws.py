"""Counts: Poisson, binomial and their relatives, in float64 whatever the parameters are."""

from __future__ import annotations

from typing import Any

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import float64, int64
from dovetail.errors import OpError
from dovetail.ops.random_bits import joined
from dovetail.random.arguments import Shape, array_of, checked, extents_of, shape_of
from dovetail.random.integer_draws import integer_dtype
from dovetail.random.keys import Key, data_of, fold_in, split
from dovetail.random.uniform_draws import open_unit

__all__ = ["binomial", "geometric", "multinomial", "negative_binomial", "poisson"]


def _chance(op: str, p: Any) -> None:
    checked(op, "p", p, lambda v: 0 <= v <= 1, "a probability, in [0, 1]")


def poisson(key: Key, rate: Any, shape: Shape | None = None, dtype: Any = int64) -> Any:
    """How many events happen that are expected ``rate`` times, independently of each other.

    Rates may be arrays that broadcast to ``shape``; -1 where one is negative, infinite or NaN. By
    Hormann's transformed rejection, or a search for rates below 10 (the op `random_poisson`).

    >>> import dovetail as dt
    >>> dt.random.poisson(dt.random.key(0), 0.0, (2,)).tolist()
    [0, 0]
    """
    checked(
        "poisson",
        "rate",
        rate,
        lambda v: 0 <= v < float("inf"),
        "at least 0 and finite",
    )
    kind = integer_dtype("poisson", dtype)
    data = data_of(key, "poisson")
    rates = array_of(rate, float64, shape_of("poisson", shape, rate), data)
    return ops.astype(ops.random_poisson(data, rates), kind)


def binomial(key: Key, n: Any, p: Any, shape: Shape | None = None, dtype: Any = int64) -> Any:
    """How many of ``n`` trials succeed, each with probability ``p``.

    Parameters may be arrays that broadcast to ``shape``; -1 where one is out of range. n is at most
    2**53. By Hormann's transformed rejection, or a search for means below 10 (the op
    `random_binomial`).

    >>> import dovetail as dt
    >>> dt.random.binomial(dt.random.key(0), 7, 1.0, (2,)).tolist()
    [7, 7]
    """
    checked("binomial", "n", n, lambda v: 0 <= v <= 2**53, "from 0 to 2**53")
    _chance("binomial", p)
    kind = integer_dtype("binomial", dtype)
    data = data_of(key, "binomial")
    extents = shape_of("binomial", shape, n, p)
    given = (array_of(v, float64, extents, data) for v in (n, p))
    return ops.astype(ops.random_binomial(data, *given), kind)


def _log_complement(p: Any) -> Any:
    """log(1 - p) by Goldberg's quotient, exact for small p."""
    rest = 1.0 - p
    some = rest < 1.0
    quotient = p / ops.where(some, 1.0 - rest, 1.0)
    return ops.where(some, ops.portable_log(rest) * quotient, -p)


def geometric(key: Key, p: Any, shape: Shape | None = None, dtype: Any = int64) -> Any:
    """How many trials it takes until one succeeds, each with probability ``p``: 1, 2, ...

    floor(log u / log(1 - p)) + 1 for u in (0, 1).

    >>> import dovetail as dt
    >>> dt.random.geometric(dt.random.key(0), 1.0, (2,)).tolist()
    [1, 1]
    """
    checked("geometric", "p", p, lambda v: 0 < v <= 1, "above 0 and at most 1")
    kind = integer_dtype("geometric", dtype)
    data = data_of(key, "geometric")
    extents = shape_of("geometric", shape, p)
    u = open_unit(data, extents, float64)
    trials = ops.portable_log(u) / _log_complement(array_of(p, float64, extents, data))
    return ops.astype(ops.floor(trials) + 1.0, kind)


def negative_binomial(
    key: Key, n: Any, p: Any, shape: Shape | None = None, dtype: Any = int64
) -> Any:
    """How many trials fail before ``n`` succeed, each with probability ``p``; n may be fractional.

    A Poisson count whose rate is a gamma draw of concentration n times (1 - p) / p.

    >>> import dovetail as dt
    >>> dt.random.negative_binomial(dt.random.key(0), 3, 1.0, (2,)).tolist()
    [0, 0]
    """
    checked("negative_binomial", "n", n, lambda v: v > 0, "positive")
    checked("negative_binomial", "p", p, lambda v: 0 < v <= 1, "above 0 and at most 1")
    kind = integer_dtype("negative_binomial", dtype)
    data = data_of(key, "negative_binomial")
    extents = shape_of("negative_binomial", shape, n, p)
    n, p = (array_of(v, float64, extents, data) for v in (n, p))
    first, second = split(key)
    rate = ops.random_gamma(first.data, n) * ((1.0 - p) / p)
    return ops.astype(ops.random_poisson(second.data, rate), kind)


def multinomial(key: Key, n: Any, p: Any, shape: Shape | None = None, dtype: Any = int64) -> Any:
    """How ``n`` trials fall into categories, along the last axis, whose weights ``p`` has there.

    Weights need not add up to 1. ``shape`` is that of the draws, without the last axis; n and the
    other axes of p broadcast to it. Category after category a binomial count of the trials left.

    >>> import dovetail as dt
    >>> x = dt.random.multinomial(dt.random.key(0), 100, dt.asarray([1.0, 2.0, 1.0]))
    >>> x.shape, dt.sum(x).item()
    ((3,), 100)
    """
    if getattr(p, "ndim", 0) == 0 or p.shape[-1] == 0:
        raise OpError(
            "random.multinomial: p must be an array with at least one axis, of one weight per "
            "category"
        )
    checked("multinomial", "n", n, lambda v: 0 <= v <= 2**53, "from 0 to 2**53")
    kind = integer_dtype("multinomial", dtype)
    data = data_of(key, "multinomial")
    count = p.shape[-1]
    number = n if isinstance(n, _fast.Array) else asarray(n, device=data.device)
    if shape is not None:
        shape = (*extents_of("multinomial", shape), count)
    extents = shape_of("multinomial", shape, number[..., None], p)
    weights = array_of(p, float64, extents, data)
    left = array_of(number, float64, extents[:-1], data)
    rest = [weights[..., count - 1]]  # sums of the last weights, in one order on every device
    for i in reversed(range(count - 1)):
        rest.append(rest[-1] + weights[..., i])
    found = []
    for i in range(count - 1):
        total = rest[count - 1 - i]
        chance = ops.where(total > 0, weights[..., i] / ops.where(total > 0, total, 1.0), 0.0)
        trials = ops.random_binomial(fold_in(key, i).data, left, ops.minimum(chance, 1.0))
        found.append(trials)
        left = left - ops.astype(trials, float64)
    found.append(ops.astype(left, int64))
    columns = [ops.reshape(column, (*extents[:-1], 1)) for column in found]
    return ops.astype(joined(columns, len(extents) - 1), kind)
