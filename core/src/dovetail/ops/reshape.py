"""The same elements under other extents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.shapes import contiguous_strides, integers

__all__ = ["reshape"]


def _canonical(x: Spec, *, shape: Any) -> dict[str, Any]:
    wanted = integers("reshape", "shape", shape)
    free = [d for d, n in enumerate(wanted) if n == -1]
    if len(free) > 1:
        raise RESHAPE.fail(f"shape={wanted} has -1 more than once; only one extent can be inferred")
    if any(n < -1 for n in wanted):
        raise RESHAPE.fail(f"shape={wanted} has a negative extent; only -1 means something")
    if free:
        rest = 1
        for n in wanted:
            rest *= n if n != -1 else 1
        if rest == 0 or x.size % rest:
            raise RESHAPE.fail(
                f"{x} has {x.size} elements, which do not fill {wanted} for any extent at the -1"
            )
        wanted = tuple(x.size // rest if n == -1 else n for n in wanted)
    return {"shape": wanted}


def _infer(x: Spec, *, shape: tuple[int, ...]) -> Spec:
    result = Spec(shape, x.dtype)
    if result.size != x.size:
        raise RESHAPE.fail(
            f"{x} has {x.size} elements and shape {shape} has {result.size}; the two must be equal"
        )
    return result


def _view(
    old_shape: tuple[int, ...], strides: tuple[int, ...], /, *, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    wanted = shape
    if 0 in wanted:
        return wanted, contiguous_strides(wanted), 0
    # Axes of extent 1 have no stride that matters. Then walk both shapes, taking from each the
    # fewest axes that hold equally many elements; the old ones must lie like one contiguous run.
    old = [(n, s) for n, s in zip(old_shape, strides, strict=True) if n != 1]
    result: list[int] = []
    at = 0
    d = 0
    while d < len(wanted):
        group = [wanted[d]]
        new_count = wanted[d]
        d += 1
        if new_count == 1:
            result.append(old[at][1] * old[at][0] if at < len(old) else 1)
            continue
        first = at
        old_count = old[at][0]
        at += 1
        while old_count != new_count:
            if old_count < new_count:
                old_count *= old[at][0]
                at += 1
            else:
                group.append(wanted[d])
                new_count *= wanted[d]
                d += 1
        run = old[first:at]
        for (_, outer), (extent, inner) in pairwise(run):
            if outer != extent * inner:
                return None
        stride = run[-1][1]
        backwards = []
        for extent in reversed(group):
            backwards.append(stride)
            stride *= extent
        result.extend(reversed(backwards))
    return wanted, tuple(result), 0


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], x: Any, *, shape: tuple[int, ...]
) -> Any:
    return op(x, shape=(size, *shape))


def _samples() -> Iterator[Sample]:
    for shape, wanted in [
        ((), (1, 1)),
        ((1,), ()),
        ((6,), (2, 3)),
        ((2, 3), (3, 2)),
        ((2, 3, 4), (-1, 4)),
        ((2, 3, 4), (4, -1, 1, 3)),
        ((2, 3, 4), -1),
        ((0, 3), (5, 0)),
        ((0, 3), (-1, 3)),
    ]:
        yield Sample(inputs=((shape, -9, 9),), attributes={"shape": wanted})


RESHAPE = Op(
    name="reshape",
    doc="""The elements of x in row-major order under other extents.

    One extent may be -1; it becomes what the number of elements leaves. Any dtype. No data moves
    unless x is a view whose rows do not lie one behind the other.

    Raises OpError when the numbers of elements differ.

    >>> import dovetail as dt
    >>> dt.reshape(dt.asarray([1, 2, 3, 4]), (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """,
    signature="x: T -> T",
    attributes={"shape": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    batching=_batching,
    view=_view,
    gradient=(lambda g, y, x, shape: reshape(g, x.shape),),
    reference=np.reshape,
    samples=_samples,
    claim="view",
)
reshape: Any = define(RESHAPE)
