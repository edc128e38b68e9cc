"""Comparisons of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import ALL, REAL, bool_
from dovetail.op import Op, define
from dovetail.samples import binary
from dovetail.shapes import elementwise

__all__ = ["equal", "greater", "greater_equal", "less", "less_equal", "not_equal"]

SAMPLES = binary((-3, 3), special=True, extra=(([[0, 1, 1, 2]], [[1], [0]]),))

equal: Any = define(
    Op(
        name="equal",
        doc="""Whether x == y, element by element; NaN differs from everything, itself too.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.equal(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [True, False]
    """,
        signature="x: T, y: T -> bool",
        types={"T": ALL},
        broadcast=True,
        infer=elementwise("equal", bool_),
        reference=np.equal,
        samples=SAMPLES,
    )
)

not_equal: Any = define(
    Op(
        name="not_equal",
        doc="""Whether x != y, element by element; NaN differs from everything, itself too.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.not_equal(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [False, True]
    """,
        signature="x: T, y: T -> bool",
        types={"T": ALL},
        broadcast=True,
        infer=elementwise("not_equal", bool_),
        reference=np.not_equal,
        samples=SAMPLES,
    )
)

less: Any = define(
    Op(
        name="less",
        doc="""Whether x < y, element by element; false where either is NaN.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.less(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [False, True]
    """,
        signature="x: T, y: T -> bool",
        types={"T": REAL},
        broadcast=True,
        infer=elementwise("less", bool_),
        reference=np.less,
        samples=SAMPLES,
    )
)

less_equal: Any = define(
    Op(
        name="less_equal",
        doc="""Whether x <= y, element by element; false where either is NaN.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.less_equal(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [True, True]
    """,
        signature="x: T, y: T -> bool",
        types={"T": REAL},
        broadcast=True,
        infer=elementwise("less_equal", bool_),
        reference=np.less_equal,
        samples=SAMPLES,
    )
)

greater: Any = define(
    Op(
        name="greater",
        doc="""Whether x > y, element by element; false where either is NaN.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.greater(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [False, False]
    """,
        signature="x: T, y: T -> bool",
        types={"T": REAL},
        broadcast=True,
        infer=elementwise("greater", bool_),
        reference=np.greater,
        samples=SAMPLES,
    )
)

greater_equal: Any = define(
    Op(
        name="greater_equal",
        doc="""Whether x >= y, element by element; false where either is NaN.

    Shapes broadcast, dtypes promote; false counts as less than true. The result is bool.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.greater_equal(dt.asarray([1, 2]), dt.asarray([1, 3])).tolist()
    [True, False]
    """,
        signature="x: T, y: T -> bool",
        types={"T": REAL},
        broadcast=True,
        infer=elementwise("greater_equal", bool_),
        reference=np.greater_equal,
        samples=SAMPLES,
    )
)
