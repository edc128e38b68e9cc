"""Conversion between dtypes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import BOOLEAN, COMPLEX, DTYPES, FLOATING, REAL, DType, dtype
from dovetail.errors import OpError
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.samples import SPECIAL

__all__ = ["astype"]


def _canonical(x: Spec, *, dtype: Any) -> dict[str, Any]:
    return {"dtype": _dtype(dtype)}


_dtype = dtype  # the attribute has the function's name


def _infer(x: Spec, *, dtype: DType) -> Spec:
    if x.dtype.kind == "complex" and dtype.kind not in ("complex", "bool"):
        raise OpError(
            f"astype: {x} to {dtype} would drop the imaginary parts; take real(), imag() or abs()"
        )
    return Spec(x.shape, dtype)


def _reference(x: Any, *, dtype: DType) -> Any:
    if dtype.kind == "bool":
        return x != 0
    if dtype.kind == "float":
        # Straight to the result for 64 bits; narrower ones are rounded by the caller.
        return x.astype(np.float64 if dtype.itemsize == 8 or x.dtype.itemsize == 8 else np.float32)
    if dtype.kind == "complex":
        return x.astype(dtype.name)
    target = np.dtype(dtype.name)
    if x.dtype.kind != "f":
        return x.astype(target)
    # C leaves a float outside the integer's range undefined: saturate, and NaN to 0.
    ends = np.iinfo(target)
    whole = np.trunc(x.astype(np.float64))
    above, below = whole >= float(int(ends.max) + 1), whole < float(ends.min)
    inside = np.where(above | below | np.isnan(whole), 0, whole).astype(target)
    return np.where(above, ends.max, np.where(below, ends.min, inside)).astype(target)


def _gradient(g: Any, y: Any, x: Any, *, dtype: DType) -> Any:
    if dtype.kind == "complex" and x.dtype.kind == "float":
        from dovetail.ops.complex_parts import real  # noqa: PLC0415  it imports this module

        g = real(g)  # the imaginary part of the result does not depend on x
    return astype(g, dtype=x.dtype) if dtype.kind in ("float", "complex") else None


def _samples() -> Iterator[Sample]:
    for target in DTYPES:
        for shape in ((), (0,), (33,), (3, 5)):
            yield Sample(
                inputs=((shape, -99, 300),),
                attributes={"dtype": target},
                dtypes=None if target in COMPLEX | BOOLEAN else REAL,
                differentiable=target.name == "float64",
            )
        ends = [
            *SPECIAL,
            127.9,
            128.0,
            -128.5,
            255.5,
            32767.5,
            65535.5,
            2.0**31,
            2.0**63,
            -(2.0**70),
        ]
        yield Sample(
            inputs=(ends,), attributes={"dtype": target}, dtypes=FLOATING, differentiable=False
        )


astype: Any = define(
    Op(
        name="astype",
        doc="""x converted to a dtype, element by element.

    Floats become integers by dropping the fraction; what does not fit becomes the nearest end of
    the integer's range and NaN becomes 0. Integers become smaller integers modulo their width.
    Anything but zero becomes true. A float that is not representable is rounded to nearest, ties
    to even.

    Real numbers become complex ones without imaginary part, but not the other way round.

    ``dtype`` is a dtype, its name, or a Python type. Raises OpError when it names none, and when x
    is complex and the dtype real: use real, imag or abs.

    >>> import dovetail as dt
    >>> dt.astype(dt.asarray([1.9, -1.9, 1e20]), dt.int8).tolist()
    [1, -1, 127]
    """,
        signature="x: S -> T",
        attributes={"dtype": REQUIRED},
        canonical=_canonical,
        infer=_infer,
        batching=batching.elementwise,
        gradient=(_gradient,),
        reference=_reference,
        samples=_samples,
        # Correctly rounded, but a 16-bit target may be reached through float32, in two roundings.
        tolerance={"float32": 0, "float64": 0, "float16": 1, "bfloat16": 1},
    )
)
