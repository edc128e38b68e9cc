"""Making arrays: from data, and from a shape and a rule.

Functions of a shape alone become nodes under a trace; data becomes a constant.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.devices import device as find_device
from dovetail.devices import use_device
from dovetail.dtypes import (
    DType,
    bfloat16,
    default_dtype,
    float32,
)
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import DovetailError, OpError, TraceError
from dovetail.ops.full import filled_like

__all__ = [
    "asarray",
    "empty",
    "empty_like",
    "from_dlpack",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]

Array = _fast.Array


@contextlib.contextmanager
def new_arrays_on(device: Any) -> Iterator[None]:
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


@functools.cache
def _numpy_dtype(theirs: np.dtype) -> tuple[DType, np.dtype | None]:
    """Ours, and in which order of bytes numpy has to bring it, if in another: numpy takes
    microseconds to say the name of a dtype."""
    native = theirs.newbyteorder("=")
    if native.name == "bfloat16":  # numpy's own types have none; ml_dtypes brings one
        ours = bfloat16
    elif native.kind not in "biufc" or native.itemsize > (16 if native.kind == "c" else 8):
        raise OpError(
            f"asarray: numpy's {theirs} has no dtype of Dovetail; convert it with numpy's "
            "astype to bool, an integer, a float of at most 64 bits or complex128"
        )
    else:
        ours = as_dtype(native.name)
    return ours, None if native == theirs else native


def _from_numpy(data: np.ndarray, dtype: DType | None, device: Any, copy: bool | None) -> Any:
    kept, native = _numpy_dtype(data.dtype)
    foreign = native is not None
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
    with new_arrays_on(device):
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
