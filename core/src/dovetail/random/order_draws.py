"""Random orders, and choices from what there is."""

from __future__ import annotations

import math
import operator
from typing import Any

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import float64, int64, uint64
from dovetail.errors import OpError
from dovetail.random.arguments import Shape, array_of, extents_of
from dovetail.random.category_draws import standard_gumbel
from dovetail.random.integer_draws import randint
from dovetail.random.keys import Key, data_of

__all__ = ["choice", "permutation", "shuffle"]


def _axis(op: str, x: Any, axis: int) -> int:
    if x.ndim == 0:
        raise OpError(f"random.{op}: a 0-d array has no slices; give its value with .item()")
    if not -x.ndim <= axis < x.ndim:
        raise OpError(
            f"random.{op}: axis {axis} is out of range; an array of {x.ndim} axes has {-x.ndim} to "
            f"{x.ndim - 1}"
        )
    return axis % int(x.ndim)


def permutation(key: Key, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """A number's range, or an array's slices along an axis, in random order.

    With ``independent`` every line along the axis has an order of its own. The order is that of 64
    random bits per slice, so ties (and with them any bias) have a chance below n**2 / 2**65; they
    keep their order, so the result is the same on every device.

    >>> import dovetail as dt
    >>> sorted(dt.random.permutation(dt.random.key(0), 4).tolist())
    [0, 1, 2, 3]
    """
    data = data_of(key, "permutation")
    if not isinstance(x, _fast.Array):
        n = operator.index(x)
        if n < 0:
            raise OpError(f"random.permutation: there is no range of {n} numbers")
        return ops.argsort(ops.random_bits(data, (n,), uint64), axis=0)
    axis = _axis("permutation", x, axis)
    if independent:
        order = ops.argsort(ops.random_bits(data, x.shape, uint64), axis=axis)
        return ops.take_along_axis(x, order, axis=axis)
    order = ops.argsort(ops.random_bits(data, (x.shape[axis],), uint64), axis=0)
    return ops.take(x, order, axis=axis)


def shuffle(key: Key, x: Any, axis: int = 0) -> Any:
    """The slices of an array along an axis in random order: `permutation` of an array.

    >>> import dovetail as dt
    >>> sorted(dt.random.shuffle(dt.random.key(0), dt.asarray([3, 1, 2])).tolist())
    [1, 2, 3]
    """
    if not isinstance(x, _fast.Array):
        raise OpError(
            f"random.shuffle: it takes an array, not {type(x).__name__}; permutation takes a number"
        )
    return permutation(key, x, axis)


def choice(
    key: Key,
    x: Any,
    shape: Shape = (),
    replace: bool = True,
    p: Any = None,
    *,
    axis: int = 0,
) -> Any:
    """Integers below the number ``x``, or slices of the array ``x`` along an axis.

    Each is equally likely, or has the weight that ``p`` gives it; weights need not add up to 1.
    Without ``replace`` no two positions are the same: the first of a random order, or with weights
    the largest sums of Gumbel noise and log p, as if taken one after the other. With weights and
    ``replace`` the position is where a float64 number below their sum falls among the running sums.
    The draws take the place of the axis: shape x.shape[:axis] + shape + x.shape[axis + 1:].

    Raises OpError when there is nothing to choose from, when p has another length, and when fewer
    positions exist (or, outside of a trace, have a weight) than are drawn without replacement.

    >>> import dovetail as dt
    >>> dt.random.choice(dt.random.key(0), 10, (3,), replace=False).shape
    (3,)
    >>> dt.random.choice(dt.random.key(0), dt.asarray([5, 7]), (2,), p=[0.0, 1.0]).tolist()
    [7, 7]
    """
    extents = extents_of("choice", shape)
    count = math.prod(extents)
    array = isinstance(x, _fast.Array)
    if array:
        axis = _axis("choice", x, axis)
        n = x.shape[axis]
    else:
        n = operator.index(x)
    if n < 1 and count:
        raise OpError(f"random.choice: there is nothing to choose from among {n}")
    if not replace and count > n:
        raise OpError(f"random.choice: {count} different integers below {n} do not exist")
    if n < 1:
        at = ops.full(extents, int64, 0)
    elif p is None:
        at = randint(key, n, shape=extents) if replace else _some(permutation(key, n), extents)
    else:
        at = _weighted(data_of(key, "choice"), n, p, extents, replace)
    return ops.take(x, at, axis=axis) if array else at


def _some(order: Any, extents: tuple[int, ...]) -> Any:
    return ops.reshape(order[: math.prod(extents)], extents)


def _weighted(data: Any, n: int, p: Any, extents: tuple[int, ...], replace: bool) -> Any:
    if not isinstance(p, _fast.Array):
        p = asarray(p, dtype=float64, device=data.device)
    if p.shape != (n,):
        raise OpError(f"random.choice: p has the shape {p.shape}, but there are {n} positions")
    weights = array_of(p, float64, (n,), data)
    if weights._tracer is None:
        _check(weights, 1 if replace else math.prod(extents))
    if not replace:
        sums = ops.portable_log(weights) + standard_gumbel(data, (n,), float64)
        return _some(ops.argsort(sums, axis=0, descending=True), extents)
    sums = _running_sums(weights)
    return _fall(sums, ops.random_uniform(data, extents, float64) * sums[n - 1])


def _check(weights: Any, least: int) -> None:
    values = weights.tolist()
    if not all(0 <= v < math.inf for v in values):
        raise OpError("random.choice: the weights p must be finite and at least 0")
    some = sum(v > 0 for v in values)
    if some < least:
        raise OpError(
            f"random.choice: {least} different positions are wanted, but p gives only {some} of "
            "them a weight"
        )


def _running_sums(x: Any) -> Any:
    """Sums of the first elements, in one order on every device: W. Hillis and G. Steele, 1986."""
    n, step = x.shape[0], 1
    while step < n:
        x = ops.concat([x[:step], x[step:] + x[:-step]], axis=0)
        step *= 2
    return x


def _fall(sums: Any, u: Any) -> Any:
    """The first position whose running sum exceeds u, by bisection."""
    n = sums.shape[0]
    low = ops.full(u.shape, int64, 0)
    length = n
    while length > 1:
        half = length // 2
        passed = ops.take(sums, low + (half - 1), axis=0) <= u
        low = ops.where(passed, low + half, low)
        length -= half
    return low
