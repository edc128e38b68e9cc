"""Sample inputs that several op records share.

Extents sit around the widths of SIMD registers (1, 17, 33 elements), at 0 and at no axes at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dovetail.dtypes import FLOATING, DType
from dovetail.op import Sample

__all__ = ["SPECIAL", "binary", "reduction", "unary"]

SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (0,),
    (17,),
    (33,),
    (2, 3),
    (4, 0, 3),
    (3, 5, 7),
    (1030,),
)

PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((17,), (17,)),
    ((33,), ()),
    ((), (2, 3)),
    ((2, 3), (3,)),
    ((4, 1), (1, 5)),
    ((2, 1, 3), (5, 1)),
    ((0, 3), (3,)),
    ((3, 33), (3, 33)),
    ((1030,), (1030,)),
)

SPECIAL = [
    float("nan"),
    float("inf"),
    float("-inf"),
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    65504.0,
    -3e38,
    1e-7,
    1e-40,
]
"""Floats at which implementations go wrong: NaN, infinities, zeros, ends, subnormals."""


def unary(
    low: float, high: float, *, special: bool = True, dtypes: frozenset[DType] | None = None
) -> Callable[[], Iterator[Sample]]:
    """Samples of an element-wise op of one operand with values in [low, high)."""

    def samples() -> Iterator[Sample]:
        for shape in SHAPES:
            yield Sample(inputs=((shape, low, high),), dtypes=dtypes)
        if special:
            yield Sample(inputs=(SPECIAL,), dtypes=FLOATING, differentiable=False)

    return samples


def binary(
    x: tuple[float, float],
    y: tuple[float, float] | None = None,
    *,
    dtypes: frozenset[DType] | None = None,
    special: bool = False,
    extra: tuple[tuple[Any, Any], ...] = (),
) -> Callable[[], Iterator[Sample]]:
    """Samples of a broadcasting op of two operands with values in [x0, x1) and [y0, y1).

    ``special`` pairs every special value with every other; ``extra`` holds pairs of nested lists at
    ties or ends, where no difference quotient is taken.
    """
    y = y or x

    def samples() -> Iterator[Sample]:
        for left, right in PAIRS:
            yield Sample(inputs=((left, *x), (right, *y)), dtypes=dtypes)
        if special:
            column = [[v] for v in SPECIAL]
            yield Sample(inputs=(column, SPECIAL), dtypes=FLOATING, differentiable=False)
        for a, b in extra:
            yield Sample(inputs=(a, b), dtypes=dtypes, differentiable=False)

    return samples


REDUCTIONS: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((17,), {}),
    ((33,), {"axis": 0, "keepdims": True}),
    ((2, 3), {"axis": -1}),
    ((2, 3), {"axis": 0}),
    ((3, 5, 7), {"axis": 1}),
    ((3, 5, 7), {"axis": (0, 2), "keepdims": True}),
    ((3, 5, 7), {"axis": (2, 1)}),
    ((3, 5, 7), {"axis": ()}),
    ((2, 1030), {"axis": 1}),
    ((1030, 2), {"axis": 0}),
    ((1, 4, 1), {"axis": (0, 2)}),
    ((0, 3), {"axis": 1}),
)


def reduction(
    low: float,
    high: float,
    *,
    empty: bool,
    dtypes: frozenset[DType] | None = None,
    many_axes: bool = True,
) -> Callable[[], Iterator[Sample]]:
    """Samples of a reduction; ``empty``: it has a value for no elements at all."""

    def samples() -> Iterator[Sample]:
        for shape, attributes in REDUCTIONS:
            if many_axes or not isinstance(attributes.get("axis"), tuple):
                yield Sample(inputs=((shape, low, high),), attributes=attributes, dtypes=dtypes)
        if empty:
            yield Sample(inputs=(((0, 3), low, high),), attributes={"axis": 0}, dtypes=dtypes)
            yield Sample(inputs=(((0,), low, high),), dtypes=dtypes)

    return samples
