"""Sum, difference, product and quotient of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import COMPLEX, FLOATING, NUMERIC
from dovetail.op import Op, define
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["add", "divide", "multiply", "subtract"]

# One correctly rounded operation each. A 16-bit result computed in float32 is still correctly
# rounded, since 24 bits are more than twice 11 and two.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}
# The parts of a complex product are sums of two rounded products; a quotient has two such steps.
PRODUCT = EXACT | {"complex64": 4, "complex128": 4}
QUOTIENT = EXACT | {"complex64": 8, "complex128": 8}

add: Any = define(
    Op(
        name="add",
        doc="""x + y, element by element; shapes broadcast, dtypes promote, integers wrap around.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.add(dt.asarray([1, 2]), dt.asarray([10, 20])).tolist()
    [11, 22]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC | COMPLEX},
        broadcast=True,
        infer=elementwise("add"),
        gradient=(lambda g, z, x, y: g, lambda g, z, x, y: g),
        reference=np.add,
        samples=binary((-9, 9), special=True),
        tolerance=EXACT,
    )
)

subtract: Any = define(
    Op(
        name="subtract",
        doc="""x - y, element by element; shapes broadcast, dtypes promote, integers wrap around.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.subtract(dt.asarray([1, 2]), dt.asarray([10, 20])).tolist()
    [-9, -18]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC | COMPLEX},
        broadcast=True,
        infer=elementwise("subtract"),
        gradient=(lambda g, z, x, y: g, lambda g, z, x, y: -g),
        reference=np.subtract,
        samples=binary((-9, 9), special=True),
        tolerance=EXACT,
    )
)

multiply: Any = define(
    Op(
        name="multiply",
        doc="""x * y, element by element; shapes broadcast, dtypes promote, integers wrap around.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.multiply(dt.asarray([1, 2]), dt.asarray([10, 20])).tolist()
    [10, 40]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC | COMPLEX},
        broadcast=True,
        infer=elementwise("multiply"),
        gradient=(lambda g, z, x, y: g * y, lambda g, z, x, y: g * x),
        reference=np.multiply,
        samples=binary((-9, 9), special=True),
        tolerance=PRODUCT,
    )
)

divide: Any = define(
    Op(
        name="divide",
        doc="""x / y, element by element; shapes broadcast, dtypes promote.

    Integers and bools are converted to float32 first; use floor_divide for a quotient of integers.
    A zero in y gives an infinity, or NaN where x is zero too.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.divide(dt.asarray([1.0, 2.0]), dt.asarray([4.0, 0.0])).tolist()
    [0.25, inf]
    """,
        signature="x: T, y: T -> T",
        types={"T": FLOATING | COMPLEX},
        broadcast=True,
        infer=elementwise("divide"),
        gradient=(lambda g, z, x, y: g / y, lambda g, z, x, y: -g * z / y),
        reference=np.divide,
        samples=binary((-9, 9), (0.3, 4), special=True),
        tolerance=QUOTIENT,
    )
)
