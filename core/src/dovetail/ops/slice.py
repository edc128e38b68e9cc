"""Regular parts of an array."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

from dovetail import ops
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.shapes import integers

__all__ = ["slice"]


def _bounds(word: str, values: Any, ndim: int) -> tuple[int | None, ...]:
    if values is None:
        return (None,) * ndim
    if not isinstance(values, tuple | list):
        values = (values,)
    found = tuple(None if v is None else integers("slice", word, v)[0] for v in values)
    if len(found) != ndim:
        raise SLICE.fail(
            f"{word}={values!r} has {len(found)} entries for {ndim} axes; give each one"
        )
    return found


def _canonical(x: Spec, *, start: Any, stop: Any, step: Any) -> dict[str, Any]:
    starts, stops, steps = [], [], []
    bounds = (
        _bounds("start", start, x.ndim),
        _bounds("stop", stop, x.ndim),
        _bounds("step", step, x.ndim),
    )
    for n, first, end, by in zip(x.shape, *bounds, strict=True):
        if by == 0:
            raise SLICE.fail(f"step={step!r} has a 0, which never arrives; use 1 or -1")
        span = range(n)[builtins.slice(first, end, by)]
        if len(span) == 0:
            span = range(0, 0, 1)
        elif len(span) == 1:
            span = range(span.start, span.start + 1)
        starts.append(span.start)
        # One past the last element taken. Before the first element that is -1, which would count
        # from the end; -n - 1 says the same to Python and to us.
        past = span[-1] + (1 if span.step > 0 else -1) if span else 0
        stops.append(past if past >= 0 else -n - 1)
        steps.append(span.step)
    return {"start": tuple(starts), "stop": tuple(stops), "step": tuple(steps)}


def _extents(
    shape: tuple[int, ...],
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> tuple[int, ...]:
    parts = zip(shape, start, stop, step, strict=True)
    return tuple(len(range(n)[builtins.slice(a, b, c)]) for n, a, b, c in parts)


def _infer(
    x: Spec, *, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]
) -> Spec:
    return Spec(_extents(x.shape, start, stop, step), x.dtype)


def _view(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    offset = sum(a * s for a, s in zip(start, strides, strict=True))
    moved = tuple(c * s for c, s in zip(step, strides, strict=True))
    return _extents(shape, start, stop, step), moved, offset


def _gradient(
    g: Any,
    y: Any,
    x: Any,
    *,
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> Any:
    # Backwards axes are turned round first; then each element goes where it came from and zeros
    # fill the gaps and the ends.
    turned = tuple(-1 if c < 0 else 1 for c in step)
    if -1 in turned:
        g = slice(g, start=(None,) * g.ndim, stop=(None,) * g.ndim, step=turned)
    low, high = [], []
    for n, extent, a, c in zip(x.shape, g.shape, start, step, strict=True):
        reach = (extent - 1) * c
        first, last = (a, a + reach) if c > 0 else (a + reach, a)
        if extent == 0:
            first, last = 0, -1
        low.append(first)
        high.append(n - 1 - last)
    interior = tuple(abs(c) - 1 for c in step)
    return ops.pad(g, low=tuple(low), high=tuple(high), interior=interior, value=0.0)


def _reference(
    x: Any, *, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]
) -> Any:
    return x[tuple(map(builtins.slice, start, stop, step))]


def _batching(
    op: Any,
    size: int,
    batched: tuple[bool, ...],
    x: Any,
    *,
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> Any:
    return op(x, start=(0, *start), stop=(size, *stop), step=(1, *step))


def _samples() -> Iterator[Sample]:
    for shape, start, stop, step in [
        ((), (), (), ()),
        ((7,), (1,), (5,), None),
        ((7,), (None,), (None,), (-1,)),
        ((7,), (-2,), (None,), (-3,)),
        ((33,), (2,), (-1,), (3,)),
        ((4, 5), (1, -3), (3, 99), (1, 1)),
        ((4, 5), (3, 0), (0, 5), (-2, 2)),
        ((4, 5), (2, 0), (2, 5), None),
        ((0, 5), (0, 1), (0, 4), (1, 2)),
        ((3, 4, 5), (0, None, 4), (3, None, None), (1, -1, -4)),
    ]:
        yield Sample(
            inputs=((shape, -9, 9),), attributes={"start": start, "stop": stop, "step": step}
        )


SLICE = Op(
    name="slice",
    doc="""The elements start, start + step, ... before stop, on every axis at once.

    Each of the three has one entry per axis and means what it means in Python's
    ``x[start:stop:step]``: None for the default, negative numbers count from the end, what lies
    outside is cut off, a negative step runs backwards. Any dtype; no data moves.

    Raises OpError when an entry is missing or a step is 0.

    >>> import dovetail as dt
    >>> dt.asarray([1, 2, 3, 4])[::-2].tolist()
    [4, 2]
    """,
    signature="x: T -> T",
    attributes={"start": REQUIRED, "stop": REQUIRED, "step": None},
    canonical=_canonical,
    infer=_infer,
    batching=_batching,
    view=_view,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    claim="view",
)
slice: Any = define(SLICE)
