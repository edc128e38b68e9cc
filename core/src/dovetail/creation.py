"""Making arrays: from data, and from a shape and a rule.

Functions of a shape alone become nodes under a trace; data becomes a constant.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.devices import device as find_device
from dovetail.devices import use_device
from dovetail.dtypes import (
    DType,
    bfloat16,
    bool_,
    complex128,
    default_dtype,
    float32,
    float64,
    int64,
)
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import DovetailError, OpError, TraceError
from dovetail.ops.full import filled_like, on_device_of

__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]

Array = _fast.Array


@contextlib.contextmanager
def _new_arrays_on(device: Any) -> Iterator[None]:
    """New arrays of the block lie on ``device``; None leaves the thread's choice."""
    if device is None:
        yield
        return
    with use_device(device):
        yield


def _destination(device: Any) -> Any:
    return _fast.get_device() if device is None else find_device(device)


# ---- from data -----------------------------------------------------------------------------------


def asarray(obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """An array of the data in ``obj``.

    ``obj`` is an array, a Python number, lists or tuples of them nested to any depth (arrays may be
    their elements), a numpy array, an object with a buffer, or one that speaks DLPack. Python
    bools, ints, floats and complex numbers become bool, int64, float32 and complex64; all else
    keeps its dtype. Memory of
    others is copied, since arrays are values that never change behind their back; ``copy=False``
    shares it and raises where that cannot be, ``copy=True`` copies an array, too.

    Raises OpError when lists differ in length, when data has no dtype of ours and when an integer
    does not fit ``dtype``.

    >>> import dovetail as dt
    >>> dt.asarray([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> dt.asarray([1, 2.5]).dtype
    dovetail.float32
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(obj, Array):
        return _from_array(obj, wanted, device, copy)
    if isinstance(obj, (bool, int, float, complex, list, tuple)):
        if copy is False:
            raise OpError("asarray: Python data has no memory to share; leave out copy=False")
        return _from_python(obj, wanted, device)
    if isinstance(obj, (np.ndarray, np.generic)):
        return _from_numpy(np.asarray(obj), wanted, device, copy)
    if hasattr(obj, "__dlpack__"):
        shared = from_dlpack(obj, copy=copy is not False)
        if wanted in (None, shared.dtype) and device is None:
            return shared
        return _from_array(shared, wanted, device, copy)
    return _from_numpy(_foreign(obj), wanted, device, copy)


def _from_array(x: Any, dtype: DType | None, device: Any, copy: bool | None) -> Any:
    moved = device is not None and find_device(device) is not x.device
    cast = dtype is not None and dtype is not x.dtype
    if copy is False and (moved or cast):
        raise OpError(
            f"asarray: {x.dtype} on {x.device.name} cannot become {dtype or x.dtype} on "
            f"{device or x.device.name} without a copy; leave out copy=False"
        )
    if moved:
        if x._tracer is not None:
            raise TraceError(
                f"asarray: a traced array cannot move to {device}; move it outside the compiled "
                "function"
            )
        x = _fast.transfer(x, find_device(device))
    if cast:
        return ops.astype(x, dtype)
    return ops.copy(x) if copy and not moved else x


def _foreign(obj: Any) -> np.ndarray:
    """A numpy view of an object with ``__array__`` or a buffer."""
    try:
        if hasattr(obj, "__array__"):
            return np.asarray(obj)
        return np.asarray(memoryview(obj))
    except TypeError:
        raise OpError(
            f"asarray: {type(obj).__name__} holds no numbers Dovetail can read; give numbers, "
            "lists of them, numpy arrays, or objects with a buffer or with DLPack"
        ) from None


def _from_numpy(data: np.ndarray, dtype: DType | None, device: Any, copy: bool | None) -> Any:
    native = data.dtype.newbyteorder("=")
    if native.name == "bfloat16":  # numpy's own types have none; ml_dtypes brings one
        kept = bfloat16
    elif native.kind not in "biufc" or native.itemsize > (16 if native.kind == "c" else 8):
        raise OpError(
            f"asarray: numpy's {data.dtype} has no dtype of Dovetail; convert it with numpy's "
            "astype to bool, an integer, a float of at most 64 bits or complex128"
        )
    else:
        kept = as_dtype(native.name)
    foreign = native != data.dtype
    there = _destination(device)
    if copy is False and (foreign or dtype not in (None, kept) or not there.host_visible):
        raise OpError(
            f"asarray: numpy's {data.dtype} cannot become {dtype or kept} on {there.name} without "
            "a copy; leave out copy=False"
        )
    if foreign:
        data = data.astype(native)
    strides = tuple(s // data.itemsize for s in data.strides)
    odd = any(s % data.itemsize for s in data.strides) or any(s < 0 for s in strides)
    if odd or not data.flags.aligned:
        if copy is False:
            what = f"strides of {data.strides} bytes" if odd else "memory that is not aligned"
            raise OpError(f"asarray: {what} cannot be shared; leave out copy=False")
        data, strides = np.ascontiguousarray(data), ()
    if copy is not False and not data.flags.c_contiguous:
        data, strides = np.ascontiguousarray(data), ()
    array = _fast.from_buffer(
        data.view(np.uint16) if kept is bfloat16 else data,
        kept,
        tuple(data.shape),
        strides if strides and copy is False else None,
        0,
        there,
        copy is not False,
    )
    return array if dtype in (None, kept) else ops.astype(array, dtype)


# ---- Python numbers in lists ---------------------------------------------------------------------


def _from_python(obj: Any, dtype: DType | None, device: Any) -> Any:
    kinds: set[str] = set()
    shape = _surveyed(obj, (), kinds)
    if "array" in kinds:
        return _stacked(obj, dtype, device)
    if dtype is None and kinds <= _SCALARS.keys():
        dtype = default_dtype(max(kinds, key=_SCALARS.__getitem__, default="float"))
    through = np.float64 if dtype is bfloat16 else dtype.name if dtype is not None else None
    try:
        data = np.array(obj, dtype=through)
    except OverflowError:
        raise OpError(
            f"asarray: {_outside(obj, dtype)} does not fit {dtype}; give another dtype"
        ) from None
    except (ValueError, TypeError) as error:
        raise OpError(f"asarray: {error}; give numbers or lists of numbers") from None
    return _from_numpy(data.reshape(shape), dtype, device, copy=None)


_SCALARS = {"bool": 0, "int": 1, "float": 2, "complex": 3}
_NUMBERS: dict[type, str] = {bool: "bool", int: "int", float: "float", complex: "complex"}


def _surveyed(obj: Any, place: tuple[int, ...], kinds: set[str]) -> tuple[int, ...]:
    """The shape of nested lists, and the kinds of their elements; an error that names the first
    element of another shape, before numpy's, which cannot."""
    if not isinstance(obj, (list, tuple)):
        kinds.add(_kind(obj))
        return tuple(getattr(obj, "shape", ()))
    types = set(map(type, obj))  # the one pass over a long list of numbers
    if types <= _NUMBERS.keys():
        kinds.update(_NUMBERS[t] for t in types)
        return (len(obj),)
    shape: tuple[int, ...] | None = None
    for i, item in enumerate(obj):
        here = _surveyed(item, (*place, i), kinds)
        if shape is not None and here != shape:
            at = "".join(f"[{n}]" for n in (*place, i))
            first = "".join(f"[{n}]" for n in (*place, 0))
            raise OpError(
                f"asarray: element {at} has shape {here}, but element {first} has shape {shape}; "
                "all elements of a list must have one shape"
            )
        shape = here
    return (len(obj), *(shape or ()))


def _kind(obj: Any) -> str:
    if isinstance(obj, Array):
        return "array"
    if isinstance(obj, (np.ndarray, np.generic)):
        return "numpy"
    if isinstance(obj, (bool, int, float, complex)):
        return _NUMBERS.get(type(obj), "numpy")
    raise OpError(
        f"asarray: {obj!r} of type {type(obj).__name__} is not a number; give bools, ints, "
        "floats, complex numbers or lists of them"
    )


def _outside(obj: Any, dtype: DType | None) -> Any:
    """An integer of nested lists that does not fit a dtype."""
    if isinstance(obj, (list, tuple)):
        found = (_outside(item, dtype) for item in obj)
        return next((item for item in found if item is not None), None)
    if dtype is None or dtype.kind not in ("int", "uint") or not isinstance(obj, int):
        return None
    info = np.iinfo(dtype.name)
    return None if info.min <= obj <= info.max else obj


def _stacked(obj: Any, dtype: DType | None, device: Any) -> Any:
    """Lists with arrays among their elements, joined by ops, so that gradients reach the arrays."""
    if not isinstance(obj, (list, tuple)):
        return asarray(obj, dtype=dtype, device=device)
    shape = _surveyed(obj, (), set())
    parts = [_stacked(item, None, device) for item in obj]
    rows = [ops.reshape(part, (1, *shape[1:])) for part in parts]
    whole = ops.concat(rows, axis=0)
    return whole if dtype in (None, whole.dtype) else ops.astype(whole, dtype)


# ---- DLPack --------------------------------------------------------------------------------------


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """An array over the memory of an object that speaks DLPack.

    The memory is shared unless ``copy=True`` or another ``device`` is asked for; whoever shares
    must not write to it while the array lives. ``copy=False`` never copies.

    Raises BufferError when the data has no dtype of ours, lies where no device of ours is, or would
    have to be copied against ``copy=False``.

    >>> import dovetail as dt
    >>> import numpy as np
    >>> dt.from_dlpack(np.arange(3)).tolist()
    [0, 1, 2]
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise OpError(
            f"from_dlpack: {type(x).__name__} does not speak DLPack; dt.asarray reads lists, numpy "
            "arrays and buffers"
        )
    there = None if device is None else find_device(device)
    kind, number = (int(n) for n in x.__dlpack_device__())
    wishes: dict[str, Any] = {} if copy is None else {"copy": copy}
    if there is not None and there.host_visible and kind not in _DLPACK_HOST:
        # The producer knows best how its memory comes to the host; no device of ours need know it.
        wishes["dl_device"] = (1, 0)
        kind, number = 1, 0
    home = dlpack_home(kind, number)
    if there is not None and there.host_visible and home.host_visible:
        home = there
    array, flags = _fast.from_dlpack(_capsule(x, wishes), home)
    if there not in (None, home):
        if copy is False:
            raise BufferError(
                f"from_dlpack: memory on {home.name} cannot be shared with {there.name}; leave out "
                "copy=False"
            )
        return _fast.transfer(array, there)
    return ops.copy(array) if copy and not flags & _DLPACK_IS_COPIED else array


_DLPACK_IS_COPIED = 2
_DLPACK_HOST = (1, 3, 11)  # CPU, and pinned memory that the CPU reads like any other
_DLPACK_WORDS = {2: "cuda", 7: "vulkan", 8: "metal", 10: "rocm", 14: "oneapi"}


def _capsule(x: Any, wishes: dict[str, Any]) -> Any:
    try:
        return x.__dlpack__(max_version=(1, 3), **wishes)
    except TypeError:  # a producer from before DLPack 1, which knows none of these words
        if "dl_device" in wishes:
            raise
        return x.__dlpack__()


def dlpack_home(kind: int, number: int) -> Any:
    """The device whose memory a DLPack device (type, number) is."""
    if kind in _DLPACK_HOST:
        current = _fast.get_device()
        return current if current.host_visible else find_device("cpu")
    word = _DLPACK_WORDS.get(kind)
    advice = 'pass device="cpu" to copy the data'
    if word is None:
        raise BufferError(f"no device of Dovetail has DLPack's device type {kind}; {advice}")
    try:
        return find_device(f"{word}:{number}")
    except DovetailError as error:
        raise BufferError(f"DLPack device ({kind}, {number}): {error}; {advice}") from error


# ---- from a shape and a rule ---------------------------------------------------------------------


def full(
    shape: int | tuple[int, ...], fill_value: Any, dtype: Any = None, device: Any = None
) -> Any:
    """An array of a shape with one value everywhere, by default of the value's own dtype.

    >>> import dovetail as dt
    >>> dt.full((2, 2), 0.5).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    if isinstance(fill_value, (Array, np.ndarray)):
        value = asarray(fill_value, dtype=dtype, device=device)
        if value.ndim:
            raise OpError(f"full: fill_value has shape {value.shape}; give a single number")
        return ops.broadcast_to(value, shape)
    if dtype is None:
        kinds = (k for k in (bool, int, float, complex) if isinstance(fill_value, k))
        kind = next(kinds, None)
        if kind is None:
            raise OpError(f"full: fill_value={fill_value!r} is not a number")
        dtype = as_dtype(kind)
    with _new_arrays_on(device):
        return ops.full(shape, as_dtype(dtype), fill_value)


def zeros(shape: int | tuple[int, ...], dtype: Any = None, device: Any = None) -> Any:
    """An array of zeros, float32 unless a dtype is given.

    >>> import dovetail as dt
    >>> dt.zeros(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return full(shape, 0, float32 if dtype is None else dtype, device)


def ones(shape: int | tuple[int, ...], dtype: Any = None, device: Any = None) -> Any:
    """An array of ones, float32 unless a dtype is given.

    >>> import dovetail as dt
    >>> dt.ones((1, 2), dtype=dt.int32).tolist()
    [[1, 1]]
    """
    return full(shape, 1, float32 if dtype is None else dtype, device)


def empty(shape: int | tuple[int, ...], dtype: Any = None, device: Any = None) -> Any:
    """The same as `zeros`: arrays are values, and a value without content has no use.

    >>> import dovetail as dt
    >>> dt.empty((2, 0)).shape
    (2, 0)
    """
    return zeros(shape, dtype, device)


def full_like(x: Any, fill_value: Any, dtype: Any = None, device: Any = None) -> Any:
    """An array of the shape and, unless given, dtype and device of ``x``, with one value.

    >>> import dovetail as dt
    >>> dt.full_like(dt.asarray([1, 2]), 7).tolist()
    [7, 7]
    """
    dtype = x.dtype if dtype is None else as_dtype(dtype)
    if device is None and not isinstance(fill_value, (Array, np.ndarray)):
        return filled_like(x, fill_value, dtype=dtype)
    return full(x.shape, fill_value, dtype, x.device if device is None else device)


def zeros_like(x: Any, dtype: Any = None, device: Any = None) -> Any:
    """Zeros in the shape and, unless given, dtype and device of ``x``.

    >>> import dovetail as dt
    >>> dt.zeros_like(dt.asarray([1.5, 2.5])).tolist()
    [0.0, 0.0]
    """
    return full_like(x, 0, dtype, device)


def ones_like(x: Any, dtype: Any = None, device: Any = None) -> Any:
    """Ones in the shape and, unless given, dtype and device of ``x``.

    >>> import dovetail as dt
    >>> dt.ones_like(dt.asarray([True, False])).tolist()
    [True, True]
    """
    return full_like(x, 1, dtype, device)


def empty_like(x: Any, dtype: Any = None, device: Any = None) -> Any:
    """The same as `zeros_like`.

    >>> import dovetail as dt
    >>> dt.empty_like(dt.asarray([1, 2])).shape
    (2,)
    """
    return zeros_like(x, dtype, device)


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
    with _new_arrays_on(device):
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
    with _new_arrays_on(device):
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
    with _new_arrays_on(device):
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
