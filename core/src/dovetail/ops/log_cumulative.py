"""The logarithm of a cumulative sum of exponentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, define
from dovetail.ops.cumulative import accumulated, canonical_line, samples_of_lines
from dovetail.ops.recurrence import backward_recurrence

__all__ = ["logcumsumexp"]


def _gradient(g: Any, y: Any, x: Any, axis: int, reverse: bool) -> Any:
    """dx[i] = exp(x[i] - y[i]) * s[i] with s[i] = g[i] + exp(y[i] - y[i + 1]) * s[i + 1]. No
    exponent is positive, so nothing overflows; as nowhere there is a division, nothing is lost."""
    if x.shape[axis] == 0:
        return g
    if reverse:
        from dovetail.manipulation import flip  # noqa: PLC0415  it is made of the ops

        g, y, x = (flip(a, axis=axis) for a in (g, y, x))
        return flip(_gradient(g, y, x, axis, False), axis=axis)
    none, ones = (0,) * x.ndim, (1,) * x.ndim
    by = tuple(int(d == axis) for d in range(x.ndim))
    rest = ops.slice(y, start=by, stop=tuple(x.shape), step=ones)
    following = ops.pad(rest, low=none, high=by, interior=none, value=0.0)
    last = ops.pad(ops.filled_like(rest, 1), low=none, high=by, interior=none, value=0.0)
    # Nothing so far is minus infinity, of which no share reaches an element.
    nothing = y == float("-inf")
    steps = _share(y, following, ops.logical_or(nothing, last == 0))
    return _share(x, y, nothing) * backward_recurrence(steps, g, axis)


def _share(part: Any, whole: Any, none: Any) -> Any:
    """exp(part - whole), or 0 where there is none; equal infinities are one whole."""
    same = ops.logical_and(part == whole, ops.logical_not(none))
    gap = ops.where(ops.logical_or(same, none), 0, part - whole)
    return ops.where(none, 0, ops.exp(gap))


_accumulate = accumulated(np.logaddexp)


def _reference(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    wide = x.astype(np.float64)
    return np.asarray(_accumulate(wide, axis, reverse).astype(x.dtype))


def _samples() -> Iterator[Sample]:
    yield from samples_of_lines(-5, 5)()
    far = [[1000.0, 0.0, 1001.0, -1000.0], [-60000.0, -60001.0, 0.0, 5.0]]
    yield Sample(inputs=(far,), attributes={"axis": 1}, differentiable=False)
    inf, nan = float("inf"), float("nan")
    odd = [[-inf, -inf, 1.0, 2.0], [1.0, inf, 2.0, -inf], [1.0, nan, 2.0, 3.0]]
    for reverse in (False, True):
        yield Sample(
            inputs=(odd,), attributes={"axis": 1, "reverse": reverse}, differentiable=False
        )


LOGCUMSUMEXP = Op(
    name="logcumsumexp",
    doc="""log of the sum of exp of everything up to each element along ``axis``, itself included.

    ``axis`` may be left out for one axis. With ``reverse`` it starts from the end. The result has
    x's shape and dtype. Nothing overflows that the result can hold; minus infinity adds nothing.
    float16 and bfloat16 compute in float32 or better.

    Raises OpError when the axis does not exist, and when it is left out for several.

    >>> import dovetail as dt
    >>> dt.logcumsumexp(dt.asarray([1000.0, 0.0, 1000.0])).tolist()
    [1000.0, 1000.0, 1000.6931762695312]
    """,
    signature="x: T -> T",
    types={"T": FLOATING},
    attributes={"axis": None, "reverse": False},
    canonical=canonical_line("logcumsumexp"),
    infer=shapes.elementwise("logcumsumexp"),
    gradient=(_gradient,),
    reference=_reference,
    batching=batching.shift("axis"),
    samples=_samples,
    # Half a unit of the largest logarithm for each term, in float64; float32 is rounded once.
    tolerance={"norm": True, "float32": 2, "float64": 64, "float16": 1, "bfloat16": 1},
)
logcumsumexp: Any = define(LOGCUMSUMEXP)
