"""Exponentials that sum to one along an axis, and their logarithms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops, shapes
from dovetail.batching import shift
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, Spec, define
from dovetail.precision import widened
from dovetail.shapes import elementwise

__all__ = ["log_softmax", "softmax"]


def _shifted(x: Any, axis: int) -> Any:
    # Without the maximum, exp overflows from 89 on in float32; with it the sum is at least one.
    return x - ops.max(x, axis=axis, keepdims=True)


def _samples() -> Iterator[Sample]:
    for shape, axis in [
        ((5,), -1),
        ((1,), 0),
        ((3, 4), 0),
        ((2, 3, 5), 1),
        ((4, 0), 1),
        ((0, 4), 1),
        ((7, 33), -1),
        ((3, 1030), 1),
    ]:
        yield Sample(inputs=((shape, -5, 5),), attributes={"axis": axis})
    large = [[1e4, 1e4 - 1, -1e4], [60000.0, 0.0, 1.0], [-60000.0, -60001.0, -1e4]]
    yield Sample(inputs=(large,), attributes={"axis": 1}, differentiable=False)
    infinite = [float("-inf"), 0.0, 1.0]
    yield Sample(inputs=(infinite,), attributes={"axis": 0}, differentiable=False)


@widened
def _softmax(x: Any, axis: int) -> Any:
    if x.shape[axis] == 0:  # nothing to sum to one, and no maximum
        return x
    e = ops.exp(_shifted(x, axis))
    return e / ops.sum(e, axis=axis, keepdims=True)


@widened
def _softmax_gradient(g: Any, y: Any, axis: int) -> Any:
    return y * (g - ops.sum(g * y, axis=axis, keepdims=True))


def _softmax_canonical(x: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": shapes.axis("softmax", axis, x.ndim)}


def _softmax_reference(x: np.ndarray, axis: int) -> np.ndarray:
    wide = x.astype(np.float64)
    e = np.exp(wide - wide.max(axis=axis, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


SOFTMAX = Op(
    name="softmax",
    doc="""exp(x) divided by its sum along ``axis``, so that each line is a distribution.

    The result has x's shape and dtype. The maximum of each line is subtracted first, so nothing
    overflows; a line of minus infinities gives NaN. float16 and bfloat16 compute in float32.

    Raises OpError when the axis does not exist.

    >>> import dovetail as dt
    >>> dt.nn.softmax(dt.asarray([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    attributes={"axis": -1},
    canonical=_softmax_canonical,
    infer=elementwise("softmax"),
    gradient=(lambda g, y, x, axis: _softmax_gradient(g, y, axis=axis),),
    decomposition=_softmax,
    reference=_softmax_reference,
    batching=shift("axis"),
    samples=_samples,
    # The difference x - max is rounded to units of itself, and exp turns that absolute error into
    # a relative one: a few units of the largest probability.
    tolerance={"norm": True},
    claim="composite",
)
softmax: Any = define(SOFTMAX)


@widened
def _log_softmax(x: Any, axis: int) -> Any:
    if x.shape[axis] == 0:
        return x
    shifted = _shifted(x, axis)
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis=axis, keepdims=True))


@widened
def _log_softmax_gradient(g: Any, y: Any, axis: int) -> Any:
    return g - ops.exp(y) * ops.sum(g, axis=axis, keepdims=True)


def _log_softmax_canonical(x: Spec, axis: Any) -> dict[str, Any]:
    return {"axis": shapes.axis("log_softmax", axis, x.ndim)}


def _log_softmax_reference(x: np.ndarray, axis: int) -> np.ndarray:
    wide = x.astype(np.float64)
    shifted = wide - wide.max(axis=axis, keepdims=True, initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


LOG_SOFTMAX = Op(
    name="log_softmax",
    doc="""The logarithm of `softmax` along ``axis``, exact where the probability underflows.

    The result has x's shape and dtype; float16 and bfloat16 compute in float32. A line of minus
    infinities gives NaN.

    Raises OpError when the axis does not exist.

    >>> import dovetail as dt
    >>> dt.nn.log_softmax(dt.asarray([0.0, 1000.0])).tolist()
    [-1000.0, 0.0]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    attributes={"axis": -1},
    canonical=_log_softmax_canonical,
    infer=elementwise("log_softmax"),
    gradient=(lambda g, y, x, axis: _log_softmax_gradient(g, y, axis=axis),),
    decomposition=_log_softmax,
    reference=_log_softmax_reference,
    batching=shift("axis"),
    samples=_samples,
    # Near zero two terms of like size cancel; their rounding is relative to the largest logarithm.
    tolerance={"norm": True},
    claim="composite",
)
log_softmax: Any = define(LOG_SOFTMAX)
