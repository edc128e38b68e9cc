"""Array's Python half: what its operators, methods and protocols are made of.

The type itself is C (csrc/fast/array.c); importing this module fills it in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from dovetail import _fast, creation, dispatch, indexing
from dovetail import manipulation as m
from dovetail import ops as o
from dovetail.devices import default_device
from dovetail.devices import device as find_device
from dovetail.dtypes import DTYPES, bfloat16, bool_, float32
from dovetail.errors import OpError, TraceError
from dovetail.op import FUNCTIONS

__all__ = ["Array", "numpy_of"]

Array = _fast.Array


def _user_line() -> str:
    from dovetail.trace import user_line  # noqa: PLC0415  tracing is loaded by its first use

    return user_line()


def _record(*call: Any) -> Any:
    from dovetail.trace import record  # noqa: PLC0415

    return record(*call)


def numpy_of(x: Any) -> Any:
    """The values as a numpy array: a read-only view where memory and dtype allow, else a copy.

    bfloat16, which numpy lacks, comes as float32.
    """
    if x._tracer is not None:
        raise TraceError(f"numpy needs the values of a traced array at {_user_line()}; {_ADVICE}")
    if not x.device.host_visible:
        x = _fast.transfer(x, find_device("cpu:0"))
    if x.dtype is bfloat16:
        x = o.astype(x, dtype=float32)
    return np.asarray(memoryview(x))


def _array(x: Any, dtype: Any = None, copy: bool | None = None) -> Any:
    found = numpy_of(x)
    if dtype is not None and found.dtype != dtype:
        return found.astype(dtype)
    return found.copy() if copy else found


_ADVICE = (
    "its value is known only when the compiled function runs. Use dt.where for a choice, mark the "
    "argument with static=, or do this outside jit"
)


def _refuse_scalar(x: Any, wanted: str) -> None:
    """Explain why there is no single Python value; always raises."""
    if x._tracer is not None:
        raise TraceError(
            f"{wanted} needs the value of a traced {x.dtype}{list(x.shape)} at "
            f"{_user_line()}: {_ADVICE}"
        )
    raise OpError(
        f"{wanted} needs an array of one element, not of shape {x.shape}; index one element, or "
        f"reduce with all(), any() or sum()"
    )


def _repr(x: Any) -> str:
    if x._gone:
        return f"Array({x._gone}, dtype={x.dtype.name}, shape={x.shape})"
    if x._tracer is not None:
        return f"Array(traced, dtype={x.dtype.name}, shape={x.shape})"
    text = np.array2string(numpy_of(x), separator=", ", prefix="Array(", threshold=60, edgeitems=3)
    where = "" if x.device.name == "cpu:0" else f", device={x.device.name!r}"
    shape = f", shape={x.shape}" if x.size == 0 and x.shape != (0,) else ""
    return f"Array({text}, dtype={x.dtype.name}{shape}{where})"


def _iter(x: Any) -> Iterator[Any]:
    if x.ndim == 0:
        raise TypeError("a 0-d Array cannot be iterated; .item() gives its value")
    return (x[i] for i in range(x.shape[0]))


def _reduce(x: Any) -> tuple[Any, tuple[Any, Any]]:
    """For pickle and copy: the values and the dtype; the copy lies on the default device."""
    return creation.asarray, (numpy_of(x).copy(), x.dtype)


def _tolist(x: Any) -> Any:
    """The values as nested Python lists of numbers."""
    return numpy_of(x).tolist()


def _to_device(x: Any, name: Any, /, *, stream: None = None) -> Any:
    """The array on another device: ``x.to_device("cuda:0")``. Host-visible devices share memory."""
    if stream is not None:
        raise OpError("to_device: Dovetail's eager mode has no user streams; leave stream out")
    if x._tracer is not None:
        raise TraceError(f"to_device moves a traced array at {_user_line()}; call it outside jit")
    return _fast.transfer(x, find_device(name))


_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def _namespace(x: Any, /, *, api_version: str | None = None) -> ModuleType:
    """The module whose functions take this array, by the Python array API standard."""
    if api_version is not None and api_version not in _VERSIONS:
        raise OpError(
            f"__array_namespace__: version {api_version!r} of the array API standard is unknown; "
            f"Dovetail implements {_VERSIONS[-1]} and knows {', '.join(_VERSIONS[:-1])}"
        )
    return sys.modules["dovetail"]


def _reshape(x: Any, *shape: Any) -> Any:
    """``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return o.reshape(x, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _transpose(x: Any, *axes: Any) -> Any:
    """Axes in another order, all reversed by default."""
    if not axes:
        return o.permute_dims(x, tuple(range(x.ndim))[::-1])
    return o.permute_dims(x, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _t(x: Any) -> Any:
    """The transpose of a matrix."""
    if x.ndim != 2:
        raise OpError(f".T needs two axes, this array has {x.ndim}; .mT transposes the last two")
    return o.permute_dims(x, (1, 0))


def _at(x: Any) -> Any:
    """Reading and updating what an index selects: ``x.at[index].add(v)`` is a new array."""
    from dovetail.at import Places  # noqa: PLC0415  loaded by its first use

    return Places(x)


def _mt(x: Any) -> Any:
    """The last two axes exchanged."""
    return m.matrix_transpose(x)


def _astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """Elements converted to another dtype."""
    return x if not copy and x.dtype is dtype else o.astype(x, dtype=dtype)


def _invert(x: Any) -> Any:
    return o.logical_not(x) if x.dtype is bool_ else o.bitwise_invert(x)


def _operand(value: Any, op: str, position: int) -> Any:
    if isinstance(value, list | tuple | str | bytes):
        kind = type(value).__name__
        raise OpError(f"{op}: operand {position} is a {kind}; make it an array with dt.asarray")
    return creation.asarray(value)


def _call_recorded(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from dovetail.transforms.compiled_gradient import call  # noqa: PLC0415  imports this module

    return call(function, args, kwargs)


def _install() -> None:
    _fast.set_dtypes(DTYPES)
    _fast.set_operators(
        {
            "add": o.add,
            "subtract": o.subtract,
            "multiply": o.multiply,
            "true_divide": o.divide,
            "floor_divide": o.floor_divide,
            "remainder": o.remainder,
            "matmul": o.matmul,
            "matrix_product": FUNCTIONS["matmul"],
            "and": o.bitwise_and,
            "or": o.bitwise_or,
            "xor": o.bitwise_xor,
            "lshift": o.bitwise_left_shift,
            "rshift": o.bitwise_right_shift,
            "power": o.power,
            "negative": o.negative,
            "positive": o.identity,
            "absolute": o.abs,
            "invert": _invert,
            "less": o.less,
            "less_equal": o.less_equal,
            "equal": o.equal,
            "not_equal": o.not_equal,
            "greater": o.greater,
            "greater_equal": o.greater_equal,
            "astype": o.astype,
            "broadcast_to": o.broadcast_to,
            "copy": o.copy,
            "transfer": _fast.transfer,
            "dlpack_home": creation.dlpack_home,
            "repr": _repr,
            "iter": _iter,
            "getitem": indexing.getitem,
            "setitem": indexing.setitem,
            "refuse_scalar": _refuse_scalar,
        }
    )
    _fast.set_hooks(
        {
            "record": _record,
            "resolve": dispatch.resolve,
            "operand": _operand,
            "call_recorded": _call_recorded,
            "decompose": dispatch.decompose,
            "default_device": default_device,
        }
    )
    cls: Any = Array
    cls.__array_ufunc__ = None  # numpy leaves operators with an Array to us
    cls.__array__ = _array
    cls.__array_namespace__ = _namespace
    cls.__reduce__ = _reduce
    cls.tolist = _tolist
    cls.to_device = _to_device
    cls.reshape = _reshape
    cls.transpose = _transpose
    cls.astype = _astype
    cls.at = property(_at)
    cls.T = property(_t)
    cls.mT = property(_mt)
    for name in ("sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"):
        setattr(cls, name, getattr(o, name))
    for name in ("flatten", "squeeze"):
        setattr(cls, name, getattr(m, name))


_install()
