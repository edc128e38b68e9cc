"""A new array with one value everywhere."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import _fast
from dovetail.dtypes import ALL, DType, bool_, complex64, complex128, float32, int8, uint64
from dovetail.dtypes import dtype as as_dtype
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.shapes import LARGEST

__all__ = ["checked_shape", "filled_like", "full", "on_device_of"]


def checked_shape(op: Op, shape: Any, itemsize: int = 1) -> tuple[int, ...]:
    """A shape as a tuple of int; an OpError when an extent is negative or the size overflows."""
    try:
        if not isinstance(shape, (tuple, list)):
            shape = (operator.index(shape),)
        extents = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise op.fail(f"shape={shape!r} is not an integer or a tuple of integers") from None
    for axis, n in enumerate(extents):
        if n < 0:
            raise op.fail(f"shape={extents} has the negative extent {n} on axis {axis}")
    # Extents of 0 hide an overflow of the others, which strides would still meet.
    if math.prod(max(n, 1) for n in extents) * itemsize > LARGEST:
        raise op.fail(f"shape={extents} of {itemsize}-byte elements exceeds {LARGEST} bytes")
    return extents


Number = float | int | tuple[float, float]


def complex_value(value: Any) -> complex:
    """A value of a complex op in any of its forms, the pair of its parts included."""
    return complex(*value) if isinstance(value, tuple) else complex(value)


def _scalar(value: Any, kind: DType) -> Number:
    """The value as the ABI carries it: float64 for floats, two for complex, int64 (wrapped) for all
    others."""
    if isinstance(value, np.generic):
        value = value.item()
    if kind.kind == "complex":
        try:
            number = complex_value(value)
        except (TypeError, ValueError, OverflowError):
            raise FULL.fail(f"value={value!r} is not a number") from None
        return number.real, number.imag
    if isinstance(value, complex):
        raise FULL.fail(f"the complex number {value} does not fit {kind}; take its real part first")
    if isinstance(value, (bool, int)) or hasattr(value, "__index__"):
        value = int(value)
    elif not isinstance(value, float):
        raise FULL.fail(f"value={value!r} is not a number")
    if kind.kind == "float":
        return float(value)
    if isinstance(value, float):
        raise FULL.fail(f"the float {value} does not fit {kind}; convert it with int() first")
    if kind is bool_:
        return int(value != 0)
    signed = kind.kind == "int"
    low = -(1 << (kind.bits - 1)) if signed else 0
    high = (1 << (kind.bits - 1 if signed else kind.bits)) - 1
    if not low <= value <= high:
        # A canonical uint64 above the middle arrives here again in its wrapped form.
        if kind is uint64 and -(1 << 63) <= value < 0:
            return int(value)
        raise FULL.fail(f"{value} does not fit {kind}, which goes from {low} to {high}")
    return int(value) - (1 << 64) if value > LARGEST else int(value)


def _canonical(shape: Any, dtype: Any, value: Any) -> dict[str, Any]:
    dtype = as_dtype(dtype)
    return {
        "shape": checked_shape(FULL, shape, dtype.itemsize),
        "dtype": dtype,
        "value": _scalar(value, dtype),
    }


def _infer(shape: tuple[int, ...], dtype: DType, value: Number) -> Spec:
    return Spec(shape, dtype)


def _reference(shape: tuple[int, ...], dtype: DType, value: Any) -> np.ndarray:
    if dtype is uint64:
        return np.full(shape, value % (1 << 64), dtype=np.uint64)
    if dtype.kind == "complex":
        return np.full(shape, complex(*value), dtype=dtype.name)
    return np.full(shape, value, dtype=np.float64 if dtype.kind == "float" else np.int64)


def _samples() -> Iterator[Sample]:
    for dtype in sorted(ALL, key=lambda t: t.name):
        yield Sample(inputs=(), attributes={"shape": (2, 3), "dtype": dtype, "value": 1})
    yield Sample(inputs=(), attributes={"shape": (), "dtype": float32, "value": -0.1})
    yield Sample(inputs=(), attributes={"shape": (3, 0), "dtype": float32, "value": 2.5})
    yield Sample(inputs=(), attributes={"shape": (1027,), "dtype": int8, "value": -128})
    yield Sample(inputs=(), attributes={"shape": (5,), "dtype": uint64, "value": 2**64 - 1})
    yield Sample(inputs=(), attributes={"shape": (5,), "dtype": float32, "value": math.inf})
    yield Sample(inputs=(), attributes={"shape": (5,), "dtype": complex64, "value": 0.1 - 2j})
    odd = complex(-0.0, math.inf)
    yield Sample(inputs=(), attributes={"shape": (2, 3), "dtype": complex128, "value": odd})


FULL = Op(
    name="full",
    doc="""A new array of a shape and dtype with one value everywhere.

    Raises OpError when the shape has a negative extent or more bytes than an int64 counts, and when
    the value does not fit the dtype. To a device a complex value is the pair of its parts.

    >>> import dovetail as dt
    >>> dt.full((2, 2), 7).tolist()
    [[7, 7], [7, 7]]
    """,
    signature="-> T",
    attributes={"shape": REQUIRED, "dtype": REQUIRED, "value": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    reference=_reference,
    samples=_samples,
    tolerance=dict.fromkeys(
        ("float16", "bfloat16", "float32", "float64", "complex64", "complex128"), 0
    ),
)
full: Any = define(FULL)


def filled_like(x: Any, value: complex, shape: Any = None, dtype: Any = None) -> Any:
    """A full array on the device of ``x``, by default with its shape and dtype."""
    shape = x.shape if shape is None else shape
    dtype = x.dtype if dtype is None else dtype
    return on_device_of(x, full, shape, dtype, value)


def on_device_of(x: Any, create: Any, *attributes: Any) -> Any:
    """Call an op without operands so that its result lies where ``x`` lies.

    Under a trace the node is recorded instead, and runs where its graph runs.
    """
    if _fast.trace_depth(0):
        return create(*attributes)
    previous = _fast.set_device(x.device)
    try:
        return create(*attributes)
    finally:
        _fast.set_device(previous)
