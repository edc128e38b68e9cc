"""The logarithm of a sum of exponentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import FLOATING
from dovetail.errors import OpError
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.classification import isfinite
from dovetail.ops.exponential import exp, log
from dovetail.ops.extrema import max
from dovetail.ops.identity import stop_gradient
from dovetail.ops.reshape import reshape
from dovetail.ops.sum import sum_op
from dovetail.ops.where import where
from dovetail.precision import widened
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["logsumexp"]


def _canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
    return {"axis": axes("logsumexp", axis, x.ndim), "keepdims": bool(keepdims)}


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    result = Spec(reduced(x.shape, axis, keepdims), x.dtype)
    if x.size == 0 and result.size > 0:
        raise OpError(
            f"logsumexp: {x} has no elements along axis {axis}, so no largest one to scale by; "
            f"give it at least one"
        )
    return result


@widened
def _decomposition(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    # log(sum(exp(x))) = m + log(sum(exp(x - m))) for any m; with the maximum nothing overflows. An
    # infinite maximum would give inf - inf, and 0 serves there. The result does not depend on m, so
    # neither does the derivative.
    m = max(x, axis=axis, keepdims=True)
    m = stop_gradient(where(isfinite(m), m, 0))
    y = log(sum_op(exp(x - m), axis=axis, keepdims=True)) + m
    return y if keepdims else reshape(y, reduced(x.shape, axis, False))


def _reference(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    m = np.max(x, axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0).astype(x.dtype)
    total = np.sum(np.exp(x - m), axis=axis, keepdims=True, dtype=x.dtype)
    return (np.log(total) + m).reshape(reduced(x.shape, axis, keepdims))


def _samples() -> Iterator[Sample]:
    yield from reduction(-3, 3, empty=False, dtypes=FLOATING)()
    inf = float("inf")
    large = [[1000.0, 1000.0, 999.0], [-1000.0, -1001.0, -999.0]]
    yield Sample(inputs=(large,), attributes={"axis": 1}, dtypes=FLOATING)
    ends = [[inf, 0.0], [-inf, -inf], [-inf, 1.0], [inf, -inf], [float("nan"), 1.0]]
    yield Sample(inputs=(ends,), attributes={"axis": 1}, dtypes=FLOATING, differentiable=False)


logsumexp: Any = define(
    Op(
        name="logsumexp",
        doc="""log(sum(exp(x))) over some axes, or over all, without overflow.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The dtype stays; integers and bools are converted to float32 first. The derivative is
    the softmax.

    Raises OpError when an axis is out of range or named twice, and when there are no elements.

    >>> import dovetail as dt
    >>> round(dt.logsumexp(dt.asarray([1000.0, 1000.0])).item(), 3)
    1000.693
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical,
        infer=_infer,
        batching=batching.shift("axis"),
        decomposition=_decomposition,
        reference=_reference,
        samples=_samples,
        # exp, a sum, log and an addition; 16-bit floats are rounded once, at the end.
        tolerance={"norm": True, "float32": 8, "float64": 8, "float16": 1, "bfloat16": 1},
        claim="composite",
    )
)
