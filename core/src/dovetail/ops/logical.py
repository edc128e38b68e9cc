"""Logic on bools."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import bool_
from dovetail.op import Op, define
from dovetail.samples import binary, unary
from dovetail.shapes import elementwise

__all__ = ["logical_and", "logical_not", "logical_or", "logical_xor"]

logical_not: Any = define(
    Op(
        name="logical_not",
        doc="""Not x, element by element, for bools.

    Raises OpError for other dtypes; compare with zero first (`x != 0`).

    >>> import dovetail as dt
    >>> dt.logical_not(dt.asarray([True, False])).tolist()
    [False, True]
    """,
        signature="x: bool -> bool",
        infer=elementwise("logical_not", bool_),
        batching=batching.elementwise,
        reference=np.logical_not,
        samples=unary(0, 2, special=False),
    )
)

logical_and: Any = define(
    Op(
        name="logical_and",
        doc="""True where both x and y are, element by element, for bools; shapes broadcast.

    Raises OpError for other dtypes (compare with zero first, `x != 0`) and when the shapes do not
    broadcast.

    >>> import dovetail as dt
    >>> x, y = dt.asarray([True, True, False]), dt.asarray([True, False, False])
    >>> dt.logical_and(x, y).tolist()
    [True, False, False]
    """,
        signature="x: bool, y: bool -> bool",
        broadcast=True,
        infer=elementwise("logical_and", bool_),
        reference=np.logical_and,
        samples=binary((0, 2)),
    )
)

logical_or: Any = define(
    Op(
        name="logical_or",
        doc="""True where x or y is, or both, element by element, for bools; shapes broadcast.

    Raises OpError for other dtypes (compare with zero first, `x != 0`) and when the shapes do not
    broadcast.

    >>> import dovetail as dt
    >>> x, y = dt.asarray([True, True, False]), dt.asarray([True, False, False])
    >>> dt.logical_or(x, y).tolist()
    [True, True, False]
    """,
        signature="x: bool, y: bool -> bool",
        broadcast=True,
        infer=elementwise("logical_or", bool_),
        reference=np.logical_or,
        samples=binary((0, 2)),
    )
)

logical_xor: Any = define(
    Op(
        name="logical_xor",
        doc="""True where exactly one of x and y is, element by element, for bools.

    Shapes broadcast. Raises OpError for other dtypes (compare with zero first, `x != 0`) and when
    the shapes do not broadcast.

    >>> import dovetail as dt
    >>> x, y = dt.asarray([True, True, False]), dt.asarray([True, False, False])
    >>> dt.logical_xor(x, y).tolist()
    [False, True, False]
    """,
        signature="x: bool, y: bool -> bool",
        broadcast=True,
        infer=elementwise("logical_xor", bool_),
        reference=np.logical_xor,
        samples=binary((0, 2)),
    )
)
