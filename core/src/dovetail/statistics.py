"""Spread and order: variance, standard deviation, median and quantiles, with or without NaN.

Composites of ops: they trace, differentiate and batch. Integers and bools become float32, as in
`dt.mean`; float16 and bfloat16 compute in float32 and are rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dovetail import _fast, ops, shapes
from dovetail.creation import asarray
from dovetail.dtypes import COMPLEX, DType, bfloat16, float16, float32, float64, int64
from dovetail.errors import OpError

__all__ = [
    "median",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "quantile",
    "std",
    "var",
]

Axis = int | tuple[int, ...] | None


def _floating(name: str, x: Any, *, complex_too: bool = False) -> tuple[Any, DType]:
    """The operand in the dtype it is computed in, and the dtype of the result."""
    x = x if isinstance(x, _fast.Array) else asarray(x)
    if x.dtype in COMPLEX and not complex_too:
        raise OpError(f"{name}: {x.dtype}{list(x.shape)} has no order; take its real part or abs")
    if x.dtype in (float16, bfloat16):
        return ops.astype(x, float32), x.dtype
    if not x.dtype.differentiable:
        return ops.astype(x, float32), float32
    return x, x.dtype


def _narrowed(x: Any, dtype: DType) -> Any:
    return x if x.dtype is dtype else ops.astype(x, dtype)


# ---- spread --------------------------------------------------------------------------------------


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """Variance: the mean of the squared distances from the mean.

    The sum of the squares is divided by the number of elements minus ``correction``: 0 for a whole
    population, 1 for an unbiased estimate from a sample of it; NaN where nothing is left to divide
    by. Of complex numbers the distances are absolute values and the result is real.

    >>> import dovetail as dt
    >>> dt.var(dt.asarray([1.0, 2.0, 3.0]), correction=1).item()
    1.0
    """
    return _variance("var", x, axis, correction, keepdims)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """Standard deviation: the square root of `var`.

    >>> import dovetail as dt
    >>> dt.std(dt.asarray([[1.0, 5.0], [2.0, 8.0]]), axis=1).tolist()
    [2.0, 3.0]
    """
    x, dtype = _floating("std", x, complex_too=True)
    spread = ops.sqrt(_variance("std", x, axis, correction, keepdims))
    return spread if dtype in COMPLEX else _narrowed(spread, dtype)


def _variance(name: str, x: Any, axis: Axis, correction: float, keepdims: bool) -> Any:
    x, dtype = _floating(name, x, complex_too=True)
    over = shapes.axes(name, axis, x.ndim)
    away = x - ops.mean(x, axis=over, keepdims=True)
    if dtype in COMPLEX:
        squares = ops.square(ops.real(away)) + ops.square(ops.imag(away))
        dtype = squares.dtype
    else:
        squares = ops.square(away)
    total = ops.sum_op(squares, axis=over, keepdims=keepdims)
    left = math.prod(x.shape[d] for d in over) - float(correction)
    return _narrowed(total / left if left > 0 else total * math.nan, dtype)


# ---- order ---------------------------------------------------------------------------------------

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    x: Any, q: Any, /, *, axis: Axis = None, keepdims: bool = False, method: str = "linear"
) -> Any:
    """The numbers below which a share ``q`` of the elements lies.

    ``q`` is a number in [0, 1] or a one-dimensional array of them, whose axis comes first in the
    result. Between two elements ``method`` decides: "linear" interpolates, "lower" and "higher"
    take one of them, "nearest" the nearer one (of equal distances the one at the even place),
    "midpoint" their mean. NaN where there is a NaN or no element at all; `nanquantile` ignores NaN.

    >>> import dovetail as dt
    >>> dt.quantile(dt.asarray([5.0, 1.0, 3.0]), dt.asarray([0.0, 0.25, 1.0])).tolist()
    [1.0, 2.0, 5.0]
    """
    return _quantile("quantile", x, q, axis, keepdims=keepdims, method=method, ignore=False)


def nanquantile(
    x: Any, q: Any, /, *, axis: Axis = None, keepdims: bool = False, method: str = "linear"
) -> Any:
    """`quantile` of the elements that are not NaN; NaN where there are none.

    >>> import dovetail as dt
    >>> dt.nanquantile(dt.asarray([dt.nan, 1.0, 3.0]), 0.5).item()
    2.0
    """
    return _quantile("nanquantile", x, q, axis, keepdims=keepdims, method=method, ignore=True)


def percentile(
    x: Any, q: Any, /, *, axis: Axis = None, keepdims: bool = False, method: str = "linear"
) -> Any:
    """`quantile` with shares in per cent.

    >>> import dovetail as dt
    >>> dt.percentile(dt.asarray([5.0, 1.0, 3.0]), 50).item()
    3.0
    """
    share = q / 100 if isinstance(q, _fast.Array) else np.asarray(q, np.float64) / 100
    return _quantile("percentile", x, share, axis, keepdims=keepdims, method=method, ignore=False)


def median(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle of the elements in order, or the mean of the two in the middle.

    >>> import dovetail as dt
    >>> dt.median(dt.asarray([[3.0, 1.0, 2.0], [7.0, 7.0, 9.0]]), axis=1).tolist()
    [2.0, 7.0]
    """
    return _quantile("median", x, 0.5, axis, keepdims=keepdims, method="linear", ignore=False)


def nanmedian(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """`median` of the elements that are not NaN; NaN where there are none.

    >>> import dovetail as dt
    >>> dt.nanmedian(dt.asarray([3.0, dt.nan, 2.0])).item()
    2.5
    """
    return _quantile("nanmedian", x, 0.5, axis, keepdims=keepdims, method="linear", ignore=True)


def _lines(x: Any, over: tuple[int, ...]) -> Any:
    """The axes to reduce as one, the last."""
    others = tuple(d for d in range(x.ndim) if d not in over)
    turned = (
        x if (*others, *over) == tuple(range(x.ndim)) else ops.permute_dims(x, (*others, *over))
    )
    kept = tuple(x.shape[d] for d in others)
    return ops.reshape(turned, (*kept, math.prod(x.shape[d] for d in over)))


def _shares(name: str, q: Any) -> Any:
    """The shares in float64: numpy's where the host knows them, and then checked."""
    if isinstance(q, _fast.Array) and q._tracer is not None:
        shares: Any = ops.astype(q, float64)
    else:
        shares = np.asarray(q, np.float64)
        if not np.all((shares >= 0) & (shares <= 1)):
            bound = "0 and 100" if name == "percentile" else "0 and 1"
            raise OpError(f"{name}: every q must lie between {bound}")
    if shares.ndim > 1:
        raise OpError(f"{name}: q has shape {tuple(shares.shape)}; give a number or one axis")
    return shares


def _quantile(
    name: str, x: Any, q: Any, axis: Axis, *, keepdims: bool, method: str, ignore: bool
) -> Any:
    if method not in _METHODS:
        raise OpError(f"{name}: method={method!r} is not known; use one of {', '.join(_METHODS)}")
    x, dtype = _floating(name, x)
    over = shapes.axes(name, axis, x.ndim)
    shares = _shares(name, q)
    lines = _lines(x, over)
    count = lines.shape[-1]
    several = tuple(shares.shape)
    if count == 0:
        found = ops.filled_like(x, math.nan, shape=(*lines.shape[:-1], *(several or (1,))))
    else:
        found = _between(ops.sort(lines, stable=False), shares, method, ignore)
    if several:
        order = (found.ndim - 1, *range(found.ndim - 1))
        found = ops.permute_dims(found, order)
    shape = shapes.reduced(x.shape, over, keepdims)
    return _narrowed(ops.reshape(found, (*several, *shape)), dtype)


def _between(lines: Any, shares: Any, method: str, ignore: bool) -> Any:
    """What lies at the shares of sorted lines, whose NaN are last: one more axis at the end."""
    count = lines.shape[-1]
    last = lines[..., -1:]
    if ignore:
        there = ops.logical_not(ops.isnan(lines))
        known = ops.sum_op(ops.astype(there, int64), axis=-1, keepdims=True)
        top: Any = ops.astype(ops.maximum(known - 1, 0), float64)
    else:
        top = count - 1
    share = (
        shares
        if isinstance(shares, _fast.Array) or not ignore
        else asarray(shares, device=lines.device)
    )
    place = (share if share.ndim else share.reshape(1)) * top
    floor, ceil, nearest = (
        (ops.floor, ops.ceil, ops.round)
        if isinstance(place, _fast.Array)
        else (np.floor, np.ceil, np.round)
    )
    if method == "nearest":
        low = high = _taken(lines, nearest(place))
    else:
        low = high = _taken(lines, ceil(place) if method == "higher" else floor(place))
    if method in ("linear", "midpoint"):
        high = _taken(lines, ceil(place))
        weight = 0.5 if method == "midpoint" else _weights(place - floor(place), lines)
        # Equal infinities have no distance, and neither has a number from itself.
        low = ops.where(low == high, low, low + (high - low) * weight)
    return low if ignore else ops.where(ops.isnan(last), math.nan, low)


def _weights(weight: Any, lines: Any) -> Any:
    if not isinstance(weight, _fast.Array):
        return asarray(weight, dtype=lines.dtype, device=lines.device)
    return ops.astype(weight, lines.dtype)


def _taken(lines: Any, place: Any) -> Any:
    """Elements of each line at places that all lines share, or at places of their own."""
    if not isinstance(place, _fast.Array):
        at = asarray(place.astype(np.int64), device=lines.device)
    else:
        at = ops.astype(place, int64)
    if at.ndim == 1:
        return ops.take(lines, at, axis=-1)
    return ops.take_along_axis(lines, ops.broadcast_to(at, (*lines.shape[:-1], at.shape[-1])))


# ---- without NaN ---------------------------------------------------------------------------------


def _without_nan(x: Any, value: float) -> tuple[Any, Any]:
    """The operand with a value in the place of NaN, and where it was not NaN (None: everywhere)."""
    x = x if isinstance(x, _fast.Array) else asarray(x)
    if not x.dtype.differentiable:
        return x, None
    nan = x != x if x.dtype in COMPLEX else ops.isnan(x)  # noqa: PLR0124  that is what NaN is
    return ops.where(nan, value, x), ops.logical_not(nan)


def nansum(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """`dt.sum` with NaN counted as 0.

    >>> import dovetail as dt
    >>> dt.nansum(dt.asarray([1.0, dt.nan, 2.0])).item()
    3.0
    """
    return ops.sum(_without_nan(x, 0)[0], axis=axis, dtype=dtype, keepdims=keepdims)


def nanprod(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """`dt.prod` with NaN counted as 1.

    >>> import dovetail as dt
    >>> dt.nanprod(dt.asarray([2.0, dt.nan, 3.0])).item()
    6.0
    """
    return ops.prod(_without_nan(x, 1)[0], axis=axis, dtype=dtype, keepdims=keepdims)


def _nan_extreme(name: str, x: Any, axis: Axis, keepdims: bool) -> Any:
    function = ops.max if name == "nanmax" else ops.min
    filled, there = _without_nan(x, -math.inf if name == "nanmax" else math.inf)
    found = function(filled, axis=axis, keepdims=keepdims)
    if there is None:
        return found
    return ops.where(ops.any(there, axis=axis, keepdims=keepdims), found, math.nan)


def nanmax(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """`dt.max` of the elements that are not NaN; NaN where there are none.

    >>> import dovetail as dt
    >>> dt.nanmax(dt.asarray([1.0, dt.nan, 2.0])).item()
    2.0
    """
    return _nan_extreme("nanmax", x, axis, keepdims)


def nanmin(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """`dt.min` of the elements that are not NaN; NaN where there are none.

    >>> import dovetail as dt
    >>> dt.nanmin(dt.asarray([1.0, dt.nan, 2.0])).item()
    1.0
    """
    return _nan_extreme("nanmin", x, axis, keepdims)


def _known(there: Any, like: Any, over: tuple[int, ...]) -> Any:
    """How many elements are not NaN, in the dtype they are divided in."""
    count = ops.sum_op(ops.astype(there, int64), axis=over, keepdims=True)
    return ops.astype(count, ops.real(like).dtype)


def nanmean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """`dt.mean` of the elements that are not NaN; NaN where there are none.

    >>> import dovetail as dt
    >>> dt.nanmean(dt.asarray([1.0, dt.nan, 2.0])).item()
    1.5
    """
    x, dtype = _floating("nanmean", x, complex_too=True)
    over = shapes.axes("nanmean", axis, x.ndim)
    filled, there = _without_nan(x, 0)
    mean = ops.sum_op(filled, axis=over, keepdims=True) / _known(there, x, over)
    return _narrowed(ops.reshape(mean, shapes.reduced(x.shape, over, keepdims)), dtype)


def nanvar(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """`var` of the elements that are not NaN; NaN where too few are left.

    >>> import dovetail as dt
    >>> dt.nanvar(dt.asarray([1.0, dt.nan, 3.0])).item()
    1.0
    """
    x, dtype = _floating("nanvar", x)
    over = shapes.axes("nanvar", axis, x.ndim)
    filled, there = _without_nan(x, 0)
    known = _known(there, x, over)
    centre = ops.sum_op(filled, axis=over, keepdims=True) / ops.maximum(known, 1)
    squares = ops.where(there, ops.square(filled - centre), 0)
    total = ops.sum_op(squares, axis=over, keepdims=True)
    left = known - float(correction)
    spread = ops.where(left > 0, total / ops.where(left > 0, left, 1), math.nan)
    return _narrowed(ops.reshape(spread, shapes.reduced(x.shape, over, keepdims)), dtype)


def nanstd(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """`std` of the elements that are not NaN; NaN where too few are left.

    >>> import dovetail as dt
    >>> dt.nanstd(dt.asarray([1.0, dt.nan, 3.0])).item()
    1.0
    """
    x, dtype = _floating("nanstd", x)
    found = nanvar(x, axis=axis, correction=correction, keepdims=keepdims)
    return _narrowed(ops.sqrt(found), dtype)
