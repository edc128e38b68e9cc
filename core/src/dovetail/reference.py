"""Every op in numpy: the definition that devices are measured against.

Arrays are numpy arrays. bfloat16, which numpy lacks, travels as float32 with values that bfloat16
has; `dtypes` says where that is meant.

16-bit floats compute in float32 and are rounded after each op, as devices do. With ``precise``
every float computes in float64 and is rounded once at the end: what the tests of kernels compare
with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dovetail.dtypes import DType, bfloat16, dtype
from dovetail.errors import OpError
from dovetail.graph import Graph, Value
from dovetail.op import Op, Spec, iterate
from dovetail.promotion import promotion

__all__ = ["call", "carrier", "evaluate", "rounded", "run"]


def carrier(kind: DType) -> np.dtype[Any]:
    """The numpy dtype that values of a dtype travel in.

    >>> carrier(bfloat16)
    dtype('float32')
    """
    return np.dtype(np.float32 if kind is bfloat16 else kind.name)


def rounded(x: Any, kind: DType) -> np.ndarray[Any, Any]:
    """Values rounded to a dtype, to nearest and ties to even, in its carrier.

    >>> float(rounded(np.float32(1.00390625), bfloat16))  # half-way: to the even neighbour
    1.0
    >>> float(rounded(np.float64(1.00390626), bfloat16))
    1.0078125
    """
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        if kind is not bfloat16:
            return np.asarray(x.astype(carrier(kind)))
        return _to_bfloat16(x)


def _to_bfloat16(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    single = x.astype(np.float32)
    bits = single.view(np.uint32) if single.ndim else single[None].view(np.uint32)[0]
    # Where float32 landed on a tie of bfloat16 without having been one, step off it towards x: the
    # second rounding must not undo what the first decided.
    magnitude, exact = np.abs(single.astype(np.float64)), np.abs(x.astype(np.float64))
    tie = (bits & 0xFFFF) == 0x8000
    bits = bits + np.where(tie & (exact > magnitude), np.uint32(1), np.uint32(0))
    bits = bits - np.where(tie & (exact < magnitude), np.uint32(1), np.uint32(0))
    even = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(
        0xFFFF0000
    )
    result = np.ascontiguousarray(even, dtype=np.uint32).reshape(x.shape).view(np.float32)
    return np.where(np.isnan(single), np.float32(np.nan), result)


def _widened(x: np.ndarray[Any, Any], kind: DType, precise: bool) -> np.ndarray[Any, Any]:
    if kind.kind == "complex":
        return x.astype(np.complex128) if precise else x
    if kind.kind != "float" or kind.itemsize == 8:
        return x
    return x.astype(np.float64 if precise else np.float32)


def _agreed(op: Op, found: Any, spec: Spec, number: int) -> np.ndarray[Any, Any]:
    """The result in the inferred dtype; shape and kind must agree already."""
    found = np.asarray(found)
    if found.shape != spec.shape:
        raise AssertionError(
            f"{op.name}: infer says result {number} is {spec}, but numpy gives shape {found.shape}"
        )
    kinds = {"bool": "b", "int": "iu", "uint": "iu", "float": "f", "complex": "c"}[spec.dtype.kind]
    if op.operands and found.dtype.kind not in kinds:
        raise AssertionError(
            f"{op.name}: infer says result {number} is {spec}, but numpy gives {found.dtype}"
        )
    return rounded(found, spec.dtype)


def evaluate(
    op: Op,
    inputs: Sequence[np.ndarray[Any, Any]],
    specs: Sequence[Spec],
    attributes: Mapping[str, Any],
    *,
    precise: bool = False,
) -> tuple[np.ndarray[Any, Any], ...]:
    """The results of an op on operands that are promoted and broadcast, with canonical attributes.

    Raises AssertionError when the op's shape rule and its numpy meaning disagree.
    """
    results = tuple(iterate(op.infer(*specs, **attributes)))
    wide = [_widened(x, s.dtype, precise) for x, s in zip(inputs, specs, strict=True)]
    with np.errstate(all="ignore"):
        found = tuple(iterate(op.reference(*wide, **attributes)))
    if len(found) != len(results):
        raise AssertionError(f"{op.name}: {len(results)} results inferred, {len(found)} computed")
    return tuple(_agreed(op, f, s, i) for i, (f, s) in enumerate(zip(found, results, strict=True)))


def call(
    op: Op,
    *arrays: Any,
    dtypes: Sequence[DType | None] | None = None,
    precise: bool = False,
    **attributes: Any,
) -> Any:
    """What the op gives for numpy arrays, with the promotion, broadcasting and errors of a call.

    ``dtypes`` names an operand's dtype where its array does not say it (bfloat16 in float32).

    >>> import dovetail.ops
    >>> from dovetail.op import REGISTRY
    >>> call(REGISTRY["add"], np.array([1, 2]), np.array(10))
    array([11, 12])
    """
    inputs = [np.asarray(a) for a in arrays]
    names = dtypes or (None,) * len(inputs)
    specs = [
        Spec(x.shape, dtype(x.dtype) if kind is None else kind)
        for x, kind in zip(inputs, names, strict=True)
    ]
    unknown = attributes.keys() - op.attributes.keys()
    if unknown:
        raise OpError(f"{op.name}: it has no attribute {', '.join(sorted(unknown))}")
    if inputs:
        casts, shapes = promotion(op, specs)
        inputs = [
            x if kind is None else rounded(x, kind) for x, kind in zip(inputs, casts, strict=True)
        ]
        inputs = [
            x if shape is None else np.broadcast_to(x, shape)
            for x, shape in zip(inputs, shapes, strict=True)
        ]
        specs = [
            Spec(x.shape, kind or spec.dtype)
            for x, kind, spec in zip(inputs, casts, specs, strict=True)
        ]
    whole = {**op.attributes, **attributes}
    if op.canonical is not None:
        whole = op.canonical(*specs, **whole)
    results = evaluate(op, inputs, specs, whole, precise=precise)
    return results if len(results) > 1 else results[0]


def run(graph: Graph, *arrays: Any) -> tuple[np.ndarray[Any, Any], ...]:
    """What a graph gives for numpy arrays: its nodes one by one, in numpy alone."""
    if len(arrays) != len(graph.inputs):
        raise OpError(
            f"graph {graph.name or 'main'} has {len(graph.inputs)} inputs, not {len(arrays)}"
        )
    known: dict[Value, np.ndarray[Any, Any]] = {}
    for value, given in zip(graph.inputs, arrays, strict=True):
        array = np.asarray(given)
        if array.shape != value.shape or array.dtype != carrier(value.spec.dtype):
            raise OpError(
                f"graph {graph.name or 'main'}: an input is {value.spec}, not "
                f"{array.dtype}{list(array.shape)}"
            )
        known[value] = array

    def found(values: Iterable[Value]) -> list[np.ndarray[Any, Any]]:
        return [known[v] if v.constant is None else np.asarray(v.constant) for v in values]

    for node in graph.nodes:
        specs = [v.spec for v in node.inputs]
        results = evaluate(node.op, found(node.inputs), specs, node.attributes)
        for value, result in zip(node.outputs, results, strict=True):
            if value.spec.dtype is not dtype(result.dtype) and value.spec.dtype is not bfloat16:
                raise AssertionError(f"{node.op.name}: recorded {value.spec}, not {result.dtype}")
            known[value] = result
    return tuple(found(graph.outputs))
