"""Division with a whole quotient, and what remains."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import INTEGER, NUMERIC
from dovetail.op import Op, define
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["floor_divide", "remainder"]


# numpy leaves integer division by zero to the platform; here it is 0.
def _floor_divide(x: Any, y: Any) -> Any:
    if x.dtype.kind == "f":
        return np.where(np.isinf(x) | np.isinf(y), x / y, np.floor_divide(x, y))
    return np.where(y == 0, 0, np.floor_divide(x, np.where(y == 0, 1, y)))


def _remainder(x: Any, y: Any) -> Any:
    if x.dtype.kind == "f":
        return np.remainder(x, y)
    return np.where(y == 0, 0, np.remainder(x, np.where(y == 0, 1, y)))


def _samples() -> Any:
    # Quotients keep away from whole numbers by chance only, which the fixed seed decides.
    yield from binary((-9, 9), (0.7, 4), special=True)()
    yield from binary((-99, 99), (-4, 4), dtypes=INTEGER)()
    yield from binary((-9, 9), (-3, -0.6), extra=(([7, -7, 7, -7, 0], [2, 2, -2, -2, 3]),))()


floor_divide: Any = define(
    Op(
        name="floor_divide",
        doc="""The largest whole number not above x / y, as Python's `//`.

    Shapes broadcast, dtypes promote, the dtype stays. An integer divided by zero gives 0; a float
    gives an infinity or NaN. Where a float is infinite it is the floor of the quotient, which the
    array standard prefers to the NaN and -1 of Python: inf // 2 is inf, and -1 // inf is -0.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.floor_divide(dt.asarray([7, -7]), 2).tolist()
    [3, -4]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC},
        broadcast=True,
        infer=elementwise("floor_divide"),
        reference=_floor_divide,
        samples=_samples,
        # The remainder is exact and the quotient whole: nothing is left to round.
        tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
    )
)

remainder: Any = define(
    Op(
        name="remainder",
        doc="""What floor_divide leaves, with the sign of y, as Python's `%`.

    Shapes broadcast, dtypes promote. A remainder by zero is 0 for integers and NaN for floats.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.remainder(dt.asarray([7, -7]), 3).tolist()
    [1, 2]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC},
        broadcast=True,
        infer=elementwise("remainder"),
        gradient=(
            lambda g, z, x, y: g,
            # x = y * floor(x / y) + z, and the floor is constant almost everywhere.
            lambda g, z, x, y: -g * floor_divide(x, y),
        ),
        reference=_remainder,
        samples=_samples,
        # fmod is exact; adding y to a negative remainder rounds once.
        tolerance={"float32": 1, "float64": 1, "float16": 1, "bfloat16": 1},
    )
)
