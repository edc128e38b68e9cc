"""Which elements are among those of another array."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.batching import examples
from dovetail.dtypes import REAL, bool_
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.searching import searchsorted_op
from dovetail.ops.sorting import sort

__all__ = ["isin"]


def _canonical(x1: Spec, x2: Spec, invert: Any) -> dict[str, Any]:
    return {"invert": bool(invert)}


def _infer(x1: Spec, x2: Spec, invert: bool) -> Spec:
    return Spec(x1.shape, bool_)


def _found(lines: Any, x1: Any) -> Any:
    """Whether elements of x1 are in the sorted lines; NaN never is."""
    extent = lines.shape[-1]
    if extent == 0:
        return ops.filled_like(x1, 0, dtype=bool_)
    at = ops.minimum(searchsorted_op(lines, x1), extent - 1)
    there = ops.take(lines, at, axis=0) if lines.ndim == 1 else ops.take_along_axis(lines, at)
    return ops.equal(there, x1)


def _either(found: Any, invert: bool) -> Any:
    return ops.logical_not(found) if invert else found


def _decomposition(x1: Any, x2: Any, invert: bool) -> Any:
    line = ops.reshape(x2, (math.prod(x2.shape),))
    return _either(_found(sort(line, stable=False), x1), invert)


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], /, x1: Any, x2: Any, *, invert: bool
) -> Any:
    if not batched[1]:
        return op(x1, x2, invert=invert)
    x1 = examples(x1, size, batched[0])
    flat, lines = (ops.reshape(a, (size, math.prod(a.shape[1:]))) for a in (x1, x2))
    found = _found(sort(lines, stable=False), flat)
    return _either(ops.reshape(found, x1.shape), invert)


def _reference(x1: np.ndarray, x2: np.ndarray, invert: bool) -> np.ndarray:
    return np.asarray(np.isin(x1, x2, invert=invert)).reshape(x1.shape)


def _samples() -> Iterator[Sample]:
    for one, two in [
        ((17,), (5,)),
        ((3, 33), (4, 9)),
        ((), (3,)),
        ((3, 5), ()),
        ((4,), (0,)),
        ((0, 3), (2,)),
        ((1030,), (33,)),
    ]:
        for invert in (False, True):
            yield Sample(inputs=((one, -9, 9), (two, -9, 9)), attributes={"invert": invert})
    nan, inf = float("nan"), float("inf")
    floats = frozenset(t for t in REAL if t.kind == "float")
    yield Sample(inputs=([nan, inf, -0.0, 1.0], [nan, inf, 0.0]), dtypes=floats)


ISIN = Op(
    name="isin",
    doc="""Whether each element of ``x1`` is among the elements of ``x2``.

    The result has the shape of ``x1`` and dtype bool; one of the two may be a number. With
    ``invert`` it says which elements are missing. NaN equals nothing, itself neither.

    >>> import dovetail as dt
    >>> dt.isin(dt.asarray([1, 5, 7]), dt.asarray([7, 1])).tolist()
    [True, False, True]
    """,
    signature="x1: T, x2: T -> bool",
    types={"T": REAL},
    attributes={"invert": False},
    canonical=_canonical,
    infer=_infer,
    decomposition=_decomposition,
    reference=_reference,
    batching=_batching,
    samples=_samples,
    differentiable=frozenset(),  # no number of its results follows small changes
    claim="composite",
    host=True,
)
isin: Any = define(ISIN)
