"""A new array that counts along one axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import shapes
from dovetail.dtypes import NUMERIC, DType, float32, int32, int64, uint8
from dovetail.dtypes import dtype as as_dtype
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import checked_shape, on_device_of

__all__ = ["iota", "iota_like"]


def _canonical(shape: Any, axis: Any, dtype: Any) -> dict[str, Any]:
    dtype = as_dtype(dtype)
    if dtype not in NUMERIC:
        raise IOTA.fail(f"{dtype} cannot count; use an integer or floating dtype")
    extents = checked_shape(IOTA, shape, dtype.itemsize)
    return {
        "shape": extents,
        "axis": shapes.axis("iota", axis, len(extents)),
        "dtype": dtype,
    }


def _infer(shape: tuple[int, ...], axis: int, dtype: DType) -> Spec:
    return Spec(shape, dtype)


def _reference(shape: tuple[int, ...], axis: int, dtype: DType) -> np.ndarray:
    line = np.arange(shape[axis], dtype=np.int64)
    if dtype.kind != "float":  # integers wrap
        line = line.astype(dtype.name)
    return np.broadcast_to(line.reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape)


def _samples() -> Iterator[Sample]:
    for dtype in sorted(NUMERIC, key=lambda t: t.name):
        yield Sample(inputs=(), attributes={"shape": (2, 5), "axis": 1, "dtype": dtype})
    yield Sample(inputs=(), attributes={"shape": (3, 4, 5), "axis": -2, "dtype": int64})
    yield Sample(inputs=(), attributes={"shape": (1029,), "axis": 0, "dtype": float32})
    yield Sample(inputs=(), attributes={"shape": (300,), "axis": 0, "dtype": uint8})
    yield Sample(inputs=(), attributes={"shape": (2, 0), "axis": 0, "dtype": int32})


IOTA = Op(
    name="iota",
    doc="""A new array whose elements are their index along ``axis``.

    Integers that do not fit the dtype wrap; floats are rounded to nearest.

    Raises OpError for bool, for an axis that does not exist and for an impossible shape.

    >>> import dovetail as dt
    >>> dt.ops.iota((2, 3), 1, dt.int32).tolist()
    [[0, 1, 2], [0, 1, 2]]
    """,
    signature="-> T",
    types={"T": NUMERIC},
    attributes={"shape": REQUIRED, "axis": REQUIRED, "dtype": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    reference=_reference,
    samples=_samples,
    tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),
)
iota: Any = define(IOTA)


def iota_like(x: Any, axis: int, dtype: Any = None) -> Any:
    """Indices along ``axis`` in the shape and, unless given, the dtype of ``x``, on its device."""
    return on_device_of(x, iota, x.shape, axis, x.dtype if dtype is None else dtype)
