"""Sums and products of everything up to each element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import COMPLEX, NUMERIC
from dovetail.errors import OpError
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.recurrence import backward_recurrence
from dovetail.ops.sum import accumulator

__all__ = [
    "canonical_line",
    "cumulative_prod",
    "cumulative_prod_op",
    "cumulative_sum",
    "cumulative_sum_op",
    "samples_of_lines",
]


def canonical_line(name: str) -> Callable[..., dict[str, Any]]:
    """The `canonical` of an op that accumulates along an axis, forwards or in reverse."""

    def canonical(x: Spec, axis: Any, reverse: Any) -> dict[str, Any]:
        if axis is None:
            if x.ndim != 1:
                raise OpError(f"{name}: {x} has {x.ndim} axes; say which one with axis=")
            axis = 0
        return {"axis": shapes.axis(name, axis, x.ndim), "reverse": bool(reverse)}

    return canonical


def in_order(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    """The operand as it is accumulated: backwards where ``reverse`` says so."""
    return np.flip(x, axis) if reverse else x


def accumulated(ufunc: np.ufunc) -> Callable[..., np.ndarray]:
    """The reference of an op: what a ufunc of numpy makes of everything up to each element."""

    def reference(
        x: np.ndarray, axis: int, reverse: bool, *, out: np.ndarray | None = None
    ) -> np.ndarray:
        found = np.empty_like(x) if out is None else out
        ufunc.accumulate(
            in_order(x, axis, reverse), axis=axis, dtype=x.dtype, out=in_order(found, axis, reverse)
        )
        return found

    return reference


def samples_of_lines(
    low: float, high: float, *, longest: int = 1030
) -> Callable[[], Iterator[Sample]]:
    """Samples of an op that accumulates along an axis."""

    def samples() -> Iterator[Sample]:
        yield Sample(inputs=(((17,), low, high),))
        yield Sample(inputs=(((longest,), low, high),), attributes={"reverse": True})
        for shape, axis in [((3, 33), 1), ((33, 3), 0), ((3, 5, 7), -2), ((1, 4), 0)]:
            for reverse in (False, True):
                attributes = {"axis": axis, "reverse": reverse}
                yield Sample(inputs=((shape, low, high),), attributes=attributes)
        for shape, axis in [((1,), 0), ((0,), 0), ((3, 0), -1), ((0, 3), 1)]:
            yield Sample(inputs=((shape, low, high),), attributes={"axis": axis})

    return samples


def _with_initial(y: Any, axis: int | None, value: int, wanted: bool) -> Any:
    if not wanted:
        return y
    at = 0 if axis is None else shapes.axis("include_initial", axis, y.ndim)
    first = ops.filled_like(y, value, shape=(*y.shape[:at], 1, *y.shape[at + 1 :]))
    return ops.concat([first, y], axis=at)


# ---- cumulative_sum -----------------------------------------------------------------------------


def _sum_gradient(g: Any, y: Any, x: Any, axis: int, reverse: bool) -> Any:
    return cumulative_sum_op(g, axis=axis, reverse=not reverse)


CUMULATIVE_SUM = Op(
    name="cumulative_sum",
    doc="""The sum of everything up to each element along ``axis``, itself included.

    ``axis`` may be left out for one axis. With ``reverse`` the sums start from the end. The record
    keeps the dtype; the function converts bools and narrow integers to 64 bits first, or to
    ``dtype`` where it is given, and with ``include_initial`` puts the sum of nothing, 0, in front.
    float16 and bfloat16 accumulate in float32; integers wrap around.

    Raises OpError when the axis does not exist, and when it is left out for several.

    >>> import dovetail as dt
    >>> dt.cumulative_sum(dt.asarray([1, 2, 3]), include_initial=True).tolist()
    [0, 1, 3, 6]
    """,
    signature="x: T -> T",
    types={"T": NUMERIC | COMPLEX},
    attributes={"axis": None, "reverse": False},
    canonical=canonical_line("cumulative_sum"),
    infer=shapes.elementwise("cumulative_sum"),
    gradient=(_sum_gradient,),
    reference=accumulated(np.add),
    batching=batching.shift("axis"),
    samples=samples_of_lines(-3, 9),
    # One rounding for each term, of the sum so far: random signs make it a walk.
    tolerance={"norm": True, "float32": 64, "float64": 64, "float16": 1, "bfloat16": 1},
)
cumulative_sum_op: Any = define(CUMULATIVE_SUM)


def cumulative_sum(
    x: Any,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
    reverse: bool = False,
) -> Any:
    """Return the sums up to each element; see the op cumulative_sum."""
    y = cumulative_sum_op(accumulator(x, dtype), axis=axis, reverse=reverse)
    return _with_initial(y, axis, 0, include_initial)


cumulative_sum.__doc__ = CUMULATIVE_SUM.doc


# ---- cumulative_prod ----------------------------------------------------------------------------


def _prod_gradient(g: Any, y: Any, x: Any, axis: int, reverse: bool) -> Any:
    """dx[i] = (product before i) * s[i] with s[i] = g[i] + x[i + 1] * s[i + 1]: no division, so
    that zeros have derivatives like other numbers."""
    if x.shape[axis] == 0:
        return g
    if reverse:
        from dovetail.manipulation import flip  # noqa: PLC0415  it is made of the ops

        g, x = flip(g, axis=axis), flip(x, axis=axis)
        return flip(_prod_gradient(g, None, x, axis, False), axis=axis)
    length = x.shape[axis]
    one = ops.filled_like(x, 1, shape=(*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    start, stop = [0] * x.ndim, list(x.shape)
    start[axis] = 1
    later = ops.concat([_cut(x, start, stop), one], axis=axis)
    start[axis], stop[axis] = 0, length - 1
    before = cumulative_prod_op(ops.concat([one, _cut(x, start, stop)], axis=axis), axis=axis)
    return before * backward_recurrence(later, g, axis)


def _cut(x: Any, start: list[int], stop: list[int]) -> Any:
    return ops.slice(x, start=tuple(start), stop=tuple(stop), step=(1,) * x.ndim)


CUMULATIVE_PROD = Op(
    name="cumulative_prod",
    doc="""The product of everything up to each element along ``axis``, itself included.

    ``axis`` may be left out for one axis. With ``reverse`` the products start from the end. The
    record keeps the dtype; the function converts bools and narrow integers to 64 bits first, or to
    ``dtype`` where it is given, and with ``include_initial`` puts the product of nothing, 1, in
    front. float16 and bfloat16 accumulate in float32; integers wrap around. Zeros have derivatives
    like other numbers.

    Raises OpError when the axis does not exist, and when it is left out for several.

    >>> import dovetail as dt
    >>> dt.cumulative_prod(dt.asarray([[1, 2, 3], [4, 5, 6]]), axis=1).tolist()
    [[1, 2, 6], [4, 20, 120]]
    """,
    signature="x: T -> T",
    types={"T": NUMERIC | COMPLEX},
    attributes={"axis": None, "reverse": False},
    canonical=canonical_line("cumulative_prod"),
    infer=shapes.elementwise("cumulative_prod"),
    gradient=(_prod_gradient,),
    reference=accumulated(np.multiply),
    batching=batching.shift("axis"),
    samples=samples_of_lines(-1.5, 1.5, longest=65),
    # Half a unit for each factor.
    tolerance={"float32": 64, "float64": 64, "float16": 1, "bfloat16": 1},
)
cumulative_prod_op: Any = define(CUMULATIVE_PROD)


def cumulative_prod(
    x: Any,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
    reverse: bool = False,
) -> Any:
    """Return the products up to each element; see the op cumulative_prod."""
    y = cumulative_prod_op(accumulator(x, dtype), axis=axis, reverse=reverse)
    return _with_initial(y, axis, 1, include_initial)


cumulative_prod.__doc__ = CUMULATIVE_PROD.doc
