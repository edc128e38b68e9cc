"""Questions about dtypes: what promotes to what, and where their numbers end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail import _fast
from dovetail.dtypes import DTYPES, DType, default_dtype, join, promote_types
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "result_type"]


@dataclass(frozen=True, kw_only=True)
class FInfo:
    """Limits of a floating dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True, kw_only=True)
class IInfo:
    """Limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


# Bits of the significand, the leading one included, and of the exponent: IEEE 754, and bfloat16.
_FLOATS = {"float16": (11, 5), "bfloat16": (8, 8), "float32": (24, 8), "float64": (53, 11)}


def _dtype_of(value: Any) -> DType:
    return value.dtype if isinstance(value, _fast.Array) else as_dtype(value)


def finfo(type: Any, /) -> FInfo:
    """Limits of a floating dtype, or of an array's.

    >>> import dovetail as dt
    >>> dt.finfo(dt.float32).eps == 2.0**-23
    True
    """
    dtype = _dtype_of(type)
    if dtype.kind != "float":
        raise OpError(f"finfo: {dtype} is not floating; iinfo knows integers")
    significand, exponent = _FLOATS[dtype.name]
    top = 2 ** (exponent - 1)
    largest = (2.0 - 2.0 ** (1 - significand)) * 2.0 ** (top - 1)
    return FInfo(
        bits=dtype.bits,
        eps=2.0 ** (1 - significand),
        max=largest,
        min=-largest,
        smallest_normal=2.0 ** (2 - top),
        dtype=dtype,
    )


def iinfo(type: Any, /) -> IInfo:
    """Limits of an integer dtype, or of an array's.

    >>> import dovetail as dt
    >>> dt.iinfo(dt.uint8).max
    255
    """
    dtype = _dtype_of(type)
    if dtype.kind not in ("int", "uint"):
        raise OpError(f"iinfo: {dtype} is not an integer dtype; finfo knows floats")
    signed = dtype.kind == "int"
    low = -(2 ** (dtype.bits - 1)) if signed else 0
    return IInfo(bits=dtype.bits, max=low + 2**dtype.bits - 1, min=low, dtype=dtype)


_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": (),
    "numeric": ("int", "uint", "float"),
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: another dtype, a word of the standard, or one of a tuple.

    The words are "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating" and "numeric".

    >>> import dovetail as dt
    >>> dt.isdtype(dt.int8, "integral"), dt.isdtype(dt.int8, (dt.int16, "bool"))
    (True, False)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    asked = as_dtype(dtype)
    if isinstance(kind, str) and kind in _KINDS:
        return asked.kind in _KINDS[kind]
    if isinstance(kind, str) and kind not in {t.name for t in DTYPES}:
        raise OpError(f"isdtype: {kind!r} is no kind; use a dtype or one of {', '.join(_KINDS)}")
    return asked is as_dtype(kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether promotion turns the dtype of an array, or a dtype, into another.

    >>> import dovetail as dt
    >>> dt.can_cast(dt.int8, dt.int16), dt.can_cast(dt.int16, dt.int8)
    (True, False)
    """
    source, target = _dtype_of(from_), as_dtype(to)
    try:
        return promote_types(source, target) is target
    except OpError:
        return False


_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2}


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that arrays, dtypes and Python numbers together promote to.

    A Python number takes the dtype of the others unless its kind is above theirs.

    >>> import dovetail as dt
    >>> dt.result_type(dt.int8, dt.asarray([1.0], dtype=dt.float16), 2.5)
    dovetail.float16
    """
    if not arrays_and_dtypes:
        raise OpError("result_type: needs at least one array, dtype or number")
    numbers = [v for v in arrays_and_dtypes if type(v) in (bool, int, float)]
    firm = [_dtype_of(v) for v in arrays_and_dtypes if type(v) not in (bool, int, float)]
    kind = max((type(v).__name__ for v in numbers), key=_RANK.__getitem__, default=None)
    if not firm:
        assert kind is not None
        return default_dtype(kind)
    found = join(firm)
    if kind is not None and _RANK[kind] > _RANK[found.kind]:
        return default_dtype(kind)
    return found
