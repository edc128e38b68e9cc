"""Shapes, dtypes and parameters as every draw takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import DType, bfloat16, float16, float32, float64, promote_types
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.ops.full import checked_shape

__all__ = [
    "Shape",
    "array_of",
    "checked",
    "extents_of",
    "floating",
    "shape_of",
    "wide_of",
]

Shape = int | tuple[int, ...]

FLOATS = frozenset({float16, bfloat16, float32, float64})


class _Name:
    """What `checked_shape` needs of an op: a name for its errors."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, message: str) -> OpError:
        return OpError(f"random.{self.name}: {message}")


def extents_of(op: str, shape: Any) -> tuple[int, ...]:
    """A shape as a tuple, or an error in the name of a function of `dovetail.random`."""
    name: Any = _Name(op)
    return checked_shape(name, shape)


def shape_of(op: str, shape: Any, *parameters: Any) -> tuple[int, ...]:
    """The shape of a draw: the given one, to which the parameters must broadcast, or theirs."""
    theirs = [np.shape(p) for p in parameters]
    try:
        common = np.broadcast_shapes(*theirs)
    except ValueError:
        raise OpError(
            f"random.{op}: parameters of shapes {' and '.join(map(str, theirs))} do not broadcast"
        ) from None
    if shape is None:
        return common
    wanted = extents_of(op, shape)
    try:
        fits = np.broadcast_shapes(wanted, common) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise OpError(
            f"random.{op}: parameters of shape {common} do not broadcast to shape={wanted}, the "
            "shape of the draw; give the whole shape, theirs included"
        )
    return wanted


def floating(op: str, dtype: Any, *parameters: Any) -> DType:
    """The dtype of a draw: the given one, else that of parameters in arrays, else float32."""
    if dtype is None:
        kinds = [p.dtype for p in parameters if isinstance(p, _fast.Array)]
        kinds = [kind for kind in kinds if kind in FLOATS]
        kind = kinds[0] if kinds else float32
        for other in kinds[1:]:
            kind = promote_types(kind, other)
        return kind
    kind = as_dtype(dtype)
    if kind not in FLOATS:
        raise OpError(f"random.{op}: dtype={kind} is not floating; use one of the four floats")
    return kind


def wide_of(kind: DType) -> DType:
    """What a draw of a dtype is computed in before it is rounded."""
    return float64 if kind is float64 else float32


def array_of(value: Any, kind: DType, shape: tuple[int, ...], key: Any) -> Any:
    """A parameter as an array of a dtype and shape, beside the key."""
    if not isinstance(value, _fast.Array):
        value = asarray(value, dtype=kind, device=key.device)
    return ops.broadcast_to(ops.astype(value, kind), shape)


def checked(op: str, name: str, value: Any, holds: Callable[[Any], Any], must: str) -> None:
    """Refuse a Python number outside a parameter's range; values in arrays are not looked at."""
    if isinstance(value, (int, float)) and not holds(value):
        raise OpError(f"random.{op}: {name}={value} must be {must}")
