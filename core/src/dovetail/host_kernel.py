"""An op by its numpy meaning, in the form of a kernel: what the CPU runs where it has no own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dovetail import _fast
from dovetail.dtypes import DType, bfloat16
from dovetail.op import Op, Spec, iterate
from dovetail.reference import rounded

__all__ = ["host_kernel"]

Tensor = tuple[int, DType, tuple[int, ...], tuple[int, ...]]
"""Address, dtype, shape and strides in bytes, as csrc/fast/host_kernel.c describes an operand."""


class _Memory:
    """Memory of an operand, which outlives the call, as numpy's array interface describes it."""

    __slots__ = ("__array_interface__",)

    def __init__(self, tensor: Tensor, kind: np.dtype[Any], *, writable: bool) -> None:
        address, _, shape, strides = tensor
        self.__array_interface__ = {
            "data": (address, not writable),
            "shape": shape,
            "strides": strides,
            "typestr": kind.str,
            "version": 3,
        }


def _view(tensor: Tensor, *, writable: bool = False) -> np.ndarray[Any, Any]:
    """The operand's memory as a numpy array; bfloat16 as its bits."""
    _, dtype, shape, _ = tensor
    kind = np.dtype(np.uint16) if dtype is bfloat16 else np.dtype(dtype.name)
    if 0 in shape:  # its address may be null, which numpy's interface takes for no memory at all
        return np.empty(shape, kind)
    return np.asarray(_Memory(tensor, kind, writable=writable))


def _read(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The operand's values as a reference takes them: 16-bit floats in float32."""
    values = _view(tensor)
    if tensor[1] is bfloat16:
        return np.asarray((values.astype(np.uint32) << 16).view(np.float32)).reshape(values.shape)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _write(tensor: Tensor, values: Any) -> None:
    if tensor[1] is bfloat16:
        bits = np.ascontiguousarray(rounded(values, bfloat16)).view(np.uint32) >> 16
        values = bits.astype(np.uint16).reshape(tensor[2])
    np.copyto(_view(tensor, writable=True), values, casting="unsafe")


def host_kernel(
    device: Any,
    op: Op,
    inputs: Sequence[Spec],
    outputs: Sequence[Spec],
    attributes: Mapping[str, Any],
) -> Any:
    """A `_fast.Kernel` that computes an op with its ``reference``, holding the interpreter lock."""
    fixed = dict(attributes)
    reference: Callable[..., Any] = op.reference

    def run(operands: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> None:
        with np.errstate(all="ignore"):
            found = reference(*map(_read, operands), **fixed)
            for tensor, values in zip(results, iterate(found), strict=True):
                _write(tensor, values)

    return _fast.host_kernel(device, op.name, run)
