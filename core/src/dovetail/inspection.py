"""Questions about dtypes and the namespace: what promotes to what, and what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail import _fast
from dovetail.devices import default_device, devices
from dovetail.devices import device as find_device
from dovetail.dtypes import (
    DTYPES,
    DType,
    bfloat16,
    complex_of,
    default_dtype,
    join,
    promote_types,
    real_of,
)
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError

if TYPE_CHECKING:
    from dovetail._fast import Device

__all__ = [
    "__array_namespace_info__",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]


@dataclass(frozen=True, kw_only=True)
class FInfo:
    """Limits of a floating dtype, or of the parts of a complex one."""

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
    """Limits of a floating dtype, or of an array's; of a complex dtype those of its parts.

    >>> import dovetail as dt
    >>> dt.finfo(dt.float32).eps == 2.0**-23
    True
    """
    dtype = real_of(_dtype_of(type))
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
    "complex floating": ("complex",),
    "numeric": ("int", "uint", "float", "complex"),
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


_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}
_NUMBERS = (bool, int, float, complex)


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that arrays, dtypes and Python numbers together promote to.

    A Python number takes the dtype of the others unless its kind is above theirs; a complex number
    makes floats the complex dtype of their precision.

    >>> import dovetail as dt
    >>> dt.result_type(dt.int8, dt.asarray([1.0], dtype=dt.float16), 2.5)
    dovetail.float16
    """
    if not arrays_and_dtypes:
        raise OpError("result_type: needs at least one array, dtype or number")
    numbers = [v for v in arrays_and_dtypes if type(v) in _NUMBERS]
    firm = [_dtype_of(v) for v in arrays_and_dtypes if type(v) not in _NUMBERS]
    kind = max((type(v).__name__ for v in numbers), key=_RANK.__getitem__, default=None)
    if not firm:
        assert kind is not None
        return default_dtype(kind)
    found = join(firm)
    if kind == "complex" and found.kind == "float":
        return complex_of(found)
    if kind is not None and _RANK[kind] > _RANK[found.kind]:
        return default_dtype(kind)
    return found


class _NamespaceInfo:
    """What the namespace offers, in the words of the array API standard."""

    def capabilities(self) -> dict[str, Any]:
        """Whether boolean masks and shapes that depend on data work (outside jit), and the most
        axes an array can have."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """The device of new arrays."""
        return default_device()

    def devices(self) -> tuple[Device, ...]:
        """Every device that can be used here."""
        return tuple(devices())

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The dtypes of new arrays of Python numbers, and of indices; the same on every device."""
        _known(device)
        return {
            "real floating": default_dtype("float"),
            "complex floating": default_dtype("complex"),
            "integral": default_dtype("int"),
            "indexing": default_dtype("int"),
        }

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The standard's dtypes by name, of all kinds or of those that `isdtype` knows by a word.

        Arrays can hold them on every device; which ops a device computes by itself,
        ``dovetail plugins`` tells. float16 and bfloat16 are beyond the standard and left out.
        """
        _known(device)
        standard = (t for t in DTYPES if t is not bfloat16 and t.name != "float16")
        return {t.name: t for t in standard if kind is None or isdtype(t, kind)}


def _known(device: Any) -> None:
    """Refuse a device that does not exist."""
    if device is not None:
        find_device(device)


def __array_namespace_info__() -> _NamespaceInfo:
    """What there is in the words of the array API standard: dtypes, devices and capabilities.

    >>> import dovetail as dt
    >>> sorted(dt.__array_namespace_info__().dtypes(kind="complex floating"))
    ['complex128', 'complex64']
    """
    return _NamespaceInfo()
