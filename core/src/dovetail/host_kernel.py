"""An op by its numpy meaning, in the form of a kernel: what the CPU runs where it has no own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dovetail import _fast
from dovetail.dtypes import DTYPES, DType, bfloat16, float16
from dovetail.op import Op, Spec, iterate
from dovetail.reference import rounded

__all__ = ["host_kernel"]

Tensor = tuple[int, DType, tuple[int, ...], tuple[int, ...]]
"""Address, dtype, shape and strides in bytes, as csrc/fast/host_kernel.c describes an operand."""


_WORDS = {t: np.dtype("uint16" if t is bfloat16 else t.name).str for t in DTYPES}
"""What numpy's array interface calls a dtype; bfloat16 by its bits."""


class _Memory:
    """Memory of an operand, which outlives the call, as numpy's array interface describes it."""

    __slots__ = ("__array_interface__",)

    def __init__(self, tensor: Tensor, *, writable: bool) -> None:
        address, dtype, shape, strides = tensor
        self.__array_interface__ = {
            "data": (address, not writable),
            "shape": shape,
            "strides": strides,
            "typestr": _WORDS[dtype],
            "version": 3,
        }


def _view(tensor: Tensor, *, writable: bool = False) -> np.ndarray[Any, Any]:
    """The operand's memory as a numpy array; bfloat16 as its bits."""
    if 0 in tensor[2]:  # a null address would be no memory at all to numpy's interface
        return np.empty(tensor[2], _WORDS[tensor[1]])
    return np.asarray(_Memory(tensor, writable=writable))


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


def _writes_itself(
    reference: Callable[..., Any], inputs: Sequence[Spec], outputs: Sequence[Spec]
) -> bool:
    """Whether the reference can write where the result belongs: a ufunc of numpy that takes and
    gives exactly these dtypes, or a function with an ``out`` of its own."""
    if any(s.dtype in _NARROW for s in (*inputs, *outputs)) or len(outputs) != 1:
        return False
    code = getattr(reference, "__code__", None)
    if code is not None:
        return "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not isinstance(reference, np.ufunc) or reference.nout != 1:
        return False
    wanted = [np.dtype(s.dtype.name) for s in (*inputs, *outputs)]
    asked = (*wanted[: len(inputs)], None)
    try:
        return list(reference.resolve_dtypes(asked)) == wanted
    except TypeError:
        return False


_NARROW = frozenset({float16, bfloat16})


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

    def write(operands: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> None:
        with np.errstate(all="ignore"):
            place = _view(results[0], writable=True)
            found = reference(*map(_view, operands), out=place, **fixed)
            if found is not place:
                np.copyto(place, found, casting="unsafe")

    def run(operands: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> None:
        with np.errstate(all="ignore"):
            found = reference(*map(_read, operands), **fixed)
            for tensor, values in zip(results, iterate(found), strict=True):
                _write(tensor, values)

    direct = _writes_itself(reference, inputs, outputs)
    return _fast.host_kernel(device, op.name, write if direct else run)
