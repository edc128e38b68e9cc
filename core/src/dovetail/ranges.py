"""Arrays of numbers by a rule: ranges, the unit matrix and triangles of matrices.

Under a trace they become nodes, outside it numpy makes what has to be computed in float64.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.creation import asarray, new_arrays_on
from dovetail.dtypes import DType, bfloat16, bool_, complex128, float32, float64, int64
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError, TraceError
from dovetail.ops.full import filled_like, on_device_of

__all__ = ["arange", "eye", "linspace", "tril", "triu"]

Array = _fast.Array


def _number(op: str, name: str, value: Any) -> int | float:
    if isinstance(value, Array) and value._tracer is not None:
        raise TraceError(
            f"{op}: {name} decides the shape and so cannot be a traced array; pass a Python number"
        )
    if isinstance(value, float) and not isinstance(value, np.generic):
        return value
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        raise OpError(f"{op}: {name}={value!r} is not a number") from None


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
) -> Any:
    """Numbers from ``start`` to ``stop``, without it, ``step`` apart; one argument is the stop.

    int64 for integers and float32 otherwise, unless a dtype is given; floats are computed in
    float64 and rounded once.

    Raises OpError when the step is zero and when a number does not fit the dtype.

    >>> import dovetail as dt
    >>> dt.arange(1, 7, 2).tolist()
    [1, 3, 5]
    """
    if stop is None:
        start, stop = 0, start
    first, last = _number("arange", "start", start), _number("arange", "stop", stop)
    by = _number("arange", "step", step)
    if by == 0:
        raise OpError("arange: step is 0; use full for equal numbers")
    whole = all(isinstance(n, int) for n in (first, last, by))
    if not whole and not all(math.isfinite(n) for n in (first, last, by)):
        raise OpError(f"arange: from {first} to {last} by {by} has no end; give finite numbers")
    count = -(-(last - first) // by) if whole else math.ceil((last - first) / by)
    count = max(int(count), 0)
    kind = (int64 if whole else float32) if dtype is None else as_dtype(dtype)
    if kind is bool_:
        raise OpError("arange: bool cannot count; use an integer or floating dtype")
    with new_arrays_on(device):
        if whole and first == 0 and by == 1 and kind.kind != "float":
            _fits("arange", kind, (0, max(count - 1, 0)))
            return ops.iota((count,), 0, kind)
        if kind.kind == "float":
            return _rounded(_spaced(float(first), float(by), count), kind)
        if not whole:
            raise OpError(f"arange: {(first, last, by)} are not integers, but the dtype is {kind}")
        _fits("arange", kind, (int(first), int(first + max(count - 1, 0) * by)))
        # Modulo 2**64 the sum is right for every integer dtype.
        line = ops.iota((count,), 0, int64) * _wrapped(int(by)) + _wrapped(int(first))
        return line if kind is int64 else ops.astype(line, kind)


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _fits(op: str, dtype: DType, ends: tuple[int, ...]) -> None:
    info = np.iinfo(dtype.name)
    for end in ends:
        if not info.min <= end <= info.max:
            raise OpError(
                f"{op}: {end} does not fit {dtype}, which ends at {info.min} and {info.max}"
            )


def _line(first: float, last: float, count: int, gaps: int) -> Any:
    """Float64 numbers from ``first`` on, ``gaps`` of them before ``last``."""
    step = (last - first) / gaps if gaps > 0 else 1.0
    line = _spaced(first, step, count)
    if 0 < gaps < count:
        if not isinstance(line, Array):
            line[gaps] = last
            return line
        return ops.where(ops.iota((count,), 0, int64) == gaps, last, line)
    return line


def _spaced(first: float, by: float, count: int) -> Any:
    """first + i * by in float64: an array of the device under a trace, else one of numpy, which
    makes the same roundings in one place."""
    if _fast.trace_depth(0):
        line = ops.iota((count,), 0, float64)
        line = line if by == 1 else line * by
        return line if first == 0 else line + first
    numbers = np.arange(count, dtype=np.float64)
    if by != 1:
        numbers *= by
    if first != 0:
        numbers += first
    return numbers


def _rounded(line: Any, kind: DType) -> Any:
    if isinstance(line, Array) or kind is bfloat16 or kind.kind not in ("float", "complex"):
        line = asarray(line)
        return line if kind is line.dtype else ops.astype(line, kind)
    with np.errstate(all="ignore"):  # what is too large is infinite, as on a device
        return asarray(line.astype(kind.name, copy=False))


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
) -> Any:
    """``num`` evenly spaced numbers from ``start`` to ``stop``, which is the last one exactly.

    Without ``endpoint`` the stop would be the number after the last. Computed in float64 and
    rounded once; float32 unless a dtype is given. A complex ``start`` or ``stop`` makes it complex.

    >>> import dovetail as dt
    >>> dt.linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    is_complex = any(isinstance(end, complex) for end in (start, stop))
    ends = [
        end if isinstance(end, complex) else float(_number("linspace", name, end))
        for name, end in (("start", start), ("stop", stop))
    ]
    count = _number("linspace", "num", num)
    if not isinstance(count, int) or count < 0:
        raise OpError(f"linspace: num={num!r} must be an integer that is not negative")
    kind = as_dtype(complex if is_complex else float) if dtype is None else as_dtype(dtype)
    if is_complex and kind.kind != "complex":
        raise OpError(f"linspace: from {start} to {stop} is complex, but the dtype is {kind}")
    gaps = count - 1 if endpoint else count
    with new_arrays_on(device):
        numbers = _line(ends[0].real, ends[1].real, count, gaps)
        if is_complex:
            above = _line(ends[0].imag, ends[1].imag, count, gaps)
            numbers, above = (ops.astype(asarray(n), complex128) for n in (numbers, above))
            numbers = numbers + 1j * above
        return _rounded(numbers, kind)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
) -> Any:
    """A matrix with ones on the k-th diagonal (above the main one where positive), else zeros.

    >>> import dovetail as dt
    >>> dt.eye(2, 3, k=1, dtype=dt.int32).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    height, width = n_rows, n_rows if n_cols is None else n_cols
    with new_arrays_on(device):
        rows, columns = ops.iota((height, 1), 0, int64), ops.iota((1, width), 1, int64)
        one = ops.equal(rows + _inside("eye", k, height, width), columns)
        return ops.astype(one, float32 if dtype is None else as_dtype(dtype))


def _inside(name: str, k: Any, height: int, width: int) -> int:
    """The number of a diagonal, or of the nearest one that is just outside the matrix."""
    try:
        return max(-height, min(operator.index(k), width))
    except TypeError:
        raise OpError(f"{name}: k={k!r} must be an integer") from None


def _triangle(name: str, x: Any, k: int, lower: bool) -> Any:
    if x.ndim < 2:
        raise OpError(
            f"{name}: an array of shape {x.shape} has no matrix; it needs two axes or more"
        )
    height, width = x.shape[-2:]
    rows = on_device_of(x, ops.iota, (height, 1), 0, int64)
    columns = on_device_of(x, ops.iota, (1, width), 1, int64)
    edge = rows + _inside(name, k, height, width)
    kept = columns <= edge if lower else columns >= edge
    return ops.where(kept, x, filled_like(x, 0, shape=()))


def tril(x: Any, /, *, k: int = 0) -> Any:
    """The matrices of the last two axes with zeros above the k-th diagonal.

    >>> import dovetail as dt
    >>> dt.tril(dt.asarray([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle("tril", x, k, lower=True)


def triu(x: Any, /, *, k: int = 0) -> Any:
    """The matrices of the last two axes with zeros below the k-th diagonal.

    >>> import dovetail as dt
    >>> dt.triu(dt.asarray([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle("triu", x, k, lower=False)
