"""Products with logarithms that are 0 where the factor is, and the entropies made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import log, log1p
from dovetail.ops.where import where
from dovetail.samples import binary, unary
from dovetail.shapes import elementwise
from dovetail.special_reference import wide

__all__ = ["entr", "kl_div", "rel_entr", "xlog1py", "xlogy"]

# A logarithm, a product and, in two of them, a quotient or a difference.
TOLERANCE = {"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1}


def _product(x: Any, y: Any, logarithm: Any) -> Any:
    zero = (x == 0) & ~np.isnan(y)
    return np.where(zero, 0, wide(x) * logarithm(np.where(zero, 1, wide(y))))


def _entr(x: Any) -> Any:
    value = -wide(x) * np.log(np.where(x > 0, wide(x), 1))
    return np.where(x < 0, -np.inf, np.where(x > 0, value, np.where(x == 0, 0, x)))


def _rel_entr(x: Any, y: Any) -> Any:
    inside = (x > 0) & (y > 0)
    x1, y1 = np.where(inside, wide(x), 1), np.where(inside, wide(y), 1)
    ratio = x1 / y1
    logarithm = np.where(
        (ratio > 0.5) & (ratio < 2), np.log1p((x1 - y1) / y1), np.log(x1) - np.log(y1)
    )
    value = np.where(inside, x1 * logarithm, np.where((x == 0) & (y >= 0), 0, np.inf))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, value)


def _kl_div(x: Any, y: Any) -> Any:
    inside = (x > 0) & (y > 0)
    value = np.where(inside, _rel_entr(x, y) - x + y, np.where((x == 0) & (y >= 0), y, np.inf))
    value = np.where(inside & (np.isinf(x) | np.isinf(y)), np.inf, value)
    return np.where(np.isnan(x) | np.isnan(y), np.nan, value)


def _positive() -> Iterator[Sample]:
    yield from binary((0.2, 5), (0.2, 5))()
    ends = ([0.0, 0.0, 0.0, -1.0, 1.0, 1.0], [0.0, 1.0, -1.0, 1.0, 0.0, -1.0])
    yield Sample(inputs=ends, dtypes=FLOATING, differentiable=False)
    near = ([1.0, 3.0, 1e-3, 2.0], [1.0009765625, 2.9, 1e3, 2.0])
    yield Sample(inputs=near, dtypes=FLOATING, differentiable=False)


ZEROS = (([0.0, 0.0, 0.0, 2.0], [0.0, float("inf"), float("nan"), 0.0]),)

xlogy: Any = define(
    Op(
        name="xlogy",
        doc="""x log(y), element by element, and 0 where x is 0, whatever y.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where y
    is NaN or negative, if x is not 0. The derivative in y is 0, too, where x is 0.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.special.xlogy(dt.asarray([0.0, 1.0]), dt.asarray([0.0, 1.0])).tolist()
    [0.0, 0.0]
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("xlogy"),
        gradient=(
            lambda g, z, x, y: g * log(y),
            lambda g, z, x, y: g * x / where(x == 0, 1, y),
        ),
        reference=lambda x, y: _product(x, y, np.log),
        samples=binary((-4, 4), (0.2, 5), extra=ZEROS),
        tolerance=TOLERANCE,
    )
)

xlog1py: Any = define(
    Op(
        name="xlog1py",
        doc="""x log(1 + y), element by element, and 0 where x is 0, whatever y.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. NaN where y
    is NaN or less than -1, if x is not 0. The derivative in y is 0, too, where x is 0.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.special.xlog1py(dt.asarray([0.0, 1.0]), dt.asarray([-1.0, 0.0])).tolist()
    [0.0, 0.0]
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("xlog1py"),
        gradient=(
            lambda g, z, x, y: g * log1p(y),
            lambda g, z, x, y: g * x / where(x == 0, 1, 1 + y),
        ),
        reference=lambda x, y: _product(x, y, np.log1p),
        samples=binary((-4, 4), (-0.7, 5), extra=(([0.0, 0.0, 2.0], [-1.0, float("nan"), -1.0]),)),
        tolerance=TOLERANCE,
    )
)

entr: Any = define(
    Op(
        name="entr",
        doc="""-x log(x), element by element: 0 at 0, minus infinity for negative numbers.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.special.entr(dt.asarray([0.0, 0.5, -1.0])).tolist()
    [0.0, 0.3465735912322998, -inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("entr"),
        gradient=(lambda g, y, x: -g * (log(x) + 1),),
        batching=batched,
        reference=_entr,
        samples=unary(0.2, 5),
        tolerance=TOLERANCE,
    )
)

rel_entr: Any = define(
    Op(
        name="rel_entr",
        doc="""x log(x / y), element by element: the terms of the relative entropy.

    0 where x is 0 and y not negative, infinity elsewhere outside x, y > 0. Shapes broadcast, dtypes
    promote; integers and bools are converted to float32 first.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.rel_entr(dt.asarray(2.0), dt.asarray(1.0)).item(), 5)
    1.38629
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("rel_entr"),
        gradient=(
            lambda g, z, x, y: g * (log(x / y) + 1),
            lambda g, z, x, y: -g * x / y,
        ),
        reference=_rel_entr,
        samples=_positive,
        tolerance=TOLERANCE,
    )
)

kl_div: Any = define(
    Op(
        name="kl_div",
        doc="""x log(x / y) - x + y, element by element: the terms of a divergence, never negative.

    y where x is 0 and y not negative, infinity elsewhere outside x, y > 0. Near x = y, where the
    terms cancel, it is computed by a series. Shapes broadcast, dtypes promote; integers and bools
    are converted to float32 first.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.kl_div(dt.asarray(2.0), dt.asarray(1.0)).item(), 5)
    0.38629
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("kl_div"),
        gradient=(
            lambda g, z, x, y: g * log(x / y),
            lambda g, z, x, y: g * (1 - x / y),
        ),
        reference=_kl_div,
        samples=_positive,
        # Where the terms cancel the reference has the absolute accuracy of 64 bits.
        tolerance={"norm": True, "float32": 2, "float64": 64, "float16": 1, "bfloat16": 1},
    )
)
