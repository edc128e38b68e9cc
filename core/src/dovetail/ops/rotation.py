"""Elements moved along axes, those pushed off one end coming in at the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, shapes
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.concat import concat
from dovetail.ops.identity import identity
from dovetail.ops.slice import slice as section

__all__ = ["roll"]

Amounts = tuple[int, ...]


def _canonical(x: Spec, *, shift: Any, axis: Any) -> dict[str, Any]:
    by = shapes.integers("roll", "shift", shift)
    over = tuple(shapes.axis("roll", a, x.ndim) for a in shapes.integers("roll", "axis", axis))
    if len(by) != len(over):
        raise ROLL.fail(f"shift={shift!r} and axis={axis!r} differ in length")
    total = dict.fromkeys(sorted(over), 0)
    for a, n in zip(over, by, strict=True):
        total[a] = (total[a] + n) % max(x.shape[a], 1)
    moved = {a: n for a, n in total.items() if n}
    return {"shift": tuple(moved.values()), "axis": tuple(moved)}


def _infer(x: Spec, *, shift: Amounts, axis: Amounts) -> Spec:
    return x


def _gradient(g: Any, y: Any, x: Any, *, shift: Amounts, axis: Amounts) -> Any:
    return roll(g, tuple(-n for n in shift), axis)


def _decomposition(x: Any, *, shift: Amounts, axis: Amounts) -> Any:
    x = identity(x)
    for by, a in zip(shift, axis, strict=True):
        before, behind = (None,) * a, (None,) * (x.ndim - a - 1)
        cut = x.shape[a] - by
        start, stop = (*before, cut, *behind), (None,) * x.ndim
        end = section(x, start=start, stop=stop, step=None)
        x = concat((end, section(x, start=stop, stop=start, step=None)), axis=a)
    return x


def _reference(x: np.ndarray, *, shift: Amounts, axis: Amounts) -> np.ndarray:
    return np.roll(x, shift, axis) if axis else np.array(x)


def _samples() -> Iterator[Sample]:
    for shape, shift, axis in [
        ((), (), ()),
        ((5,), (2,), (0,)),
        ((5,), (-7,), (-1,)),
        ((5,), (5,), (0,)),
        ((0,), (3,), (0,)),
        ((3, 4), (1, 2), (0, 1)),
        ((3, 4), (1, 2), (1, 1)),
        ((2, 33, 3), (1, -16), (2, 1)),
        ((4, 0, 3), (1,), (0,)),
    ]:
        yield Sample(inputs=((shape, -9, 9),), attributes={"shift": shift, "axis": axis})


ROLL = Op(
    name="roll",
    doc="""Elements moved by ``shift`` places along each ``axis``; those pushed off come in again.

    ``shift`` and ``axis`` hold one amount and one axis for each other; amounts of one axis add up.
    Any dtype.

    Raises OpError when an axis does not exist and when the two differ in length.

    >>> import dovetail as dt
    >>> dt.ops.roll(dt.asarray([1, 2, 3, 4]), (1,), (0,)).tolist()
    [4, 1, 2, 3]
    """,
    signature="x: T -> T",
    attributes={"shift": REQUIRED, "axis": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    decomposition=_decomposition,
    reference=_reference,
    samples=_samples,
    # Moves bits.
    tolerance=dict.fromkeys(
        ("float16", "bfloat16", "float32", "float64", "complex64", "complex128"), 0
    ),
    claim="composite",
    host=True,
    batching=batching.shift("axis"),
)
roll: Any = define(ROLL)
