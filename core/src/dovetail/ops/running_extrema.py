"""The largest and the smallest of everything up to each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import FLOATING, NUMERIC, int64
from dovetail.op import Op, Sample, define
from dovetail.ops.cumulative import accumulated, canonical_line, samples_of_lines
from dovetail.samples import SPECIAL

__all__ = ["cummax", "cummin"]


def _samples() -> Iterator[Sample]:
    yield from samples_of_lines(-99, 99)()
    ties = [[1, 3, 3, 2], [5, 5, 5, 5], [0, 1, 0, 1]]
    yield Sample(inputs=(ties,), attributes={"axis": 1}, differentiable=False)
    rows = [SPECIAL[1:], SPECIAL[:0:-1], [1.0, float("nan"), *SPECIAL[3:]]]
    attributes = {"axis": 1}
    yield Sample(inputs=(rows,), attributes=attributes, dtypes=FLOATING, differentiable=False)


def _gradient(g: Any, y: Any, x: Any, axis: int, reverse: bool) -> Any:
    """To the first element that has the running extreme, or to the first NaN."""
    if x.shape[axis] == 0:
        return g
    start, end = (x.shape[axis] - 1, 0) if reverse else (0, x.shape[axis] - 1)
    by, none = tuple(int(d == axis) for d in range(x.ndim)), (0,) * x.ndim
    shorter = tuple(n - k for n, k in zip(x.shape, by, strict=True))
    cut = (by, tuple(x.shape)) if reverse else (none, shorter)
    rest = ops.slice(y, start=cut[0], stop=cut[1], step=(1,) * x.ndim)
    margin = {"low": none, "high": by} if reverse else {"low": by, "high": none}
    earlier = ops.pad(rest, **margin, interior=none, value=0.0)
    # NaN differs from itself, but one after another is no new extreme.
    both = ops.logical_and(ops.isnan(y), ops.isnan(earlier))
    changed = ops.logical_and(y != earlier, ops.logical_not(both))
    places = ops.iota_like(x, axis, int64)
    new = ops.logical_or(places == start, changed)
    latest = cummin if reverse else cummax
    source = latest(ops.where(new, places, max(start - end, 0)), axis=axis, reverse=reverse)
    return ops.scatter_add_along_axis(ops.filled_like(x, 0), source, g, axis=axis)


def _record(name: str, word: str, example: str, ufunc: np.ufunc) -> Op:
    return Op(
        name=name,
        doc=f"""The {word} of everything up to each element along ``axis``, itself included.

    ``axis`` may be left out for one axis. With ``reverse`` it starts from the end. The result has
    x's shape and dtype; from the first NaN on all is NaN. The gradient goes to the first of equal
    elements.

    Raises OpError when the axis does not exist, and when it is left out for several.

    >>> import dovetail as dt
    >>> dt.{name}(dt.asarray([2, 3, 1, 5])).tolist()
    {example}
    """,
        signature="x: T -> T",
        types={"T": NUMERIC},
        attributes={"axis": None, "reverse": False},
        canonical=canonical_line(name),
        infer=shapes.elementwise(name),
        gradient=(_gradient,),
        reference=accumulated(ufunc),
        batching=batching.shift("axis"),
        samples=_samples,
        # A choice rounds nothing.
        tolerance=dict.fromkeys(("float16", "bfloat16", "float32", "float64"), 0),
    )


cummax: Any = define(_record("cummax", "largest", "[2, 3, 3, 5]", np.maximum))
cummin: Any = define(_record("cummin", "smallest", "[2, 2, 1, 1]", np.minimum))
