"""Operations on the bits of integers, and on bools."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import BOOLEAN, INTEGER
from dovetail.op import Op, define
from dovetail.samples import binary, unary
from dovetail.shapes import elementwise

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]

BITS = INTEGER | BOOLEAN

# Shifts around every width.
SHIFTS = (([[1], [-1], [99]], [0, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65]),)


def _left_shift(x: Any, y: Any) -> Any:
    width = 8 * x.dtype.itemsize
    valid = (y >= 0) & (y < width)
    return np.where(valid, np.left_shift(x, np.where(valid, y, 0)), 0)


def _right_shift(x: Any, y: Any) -> Any:
    width = 8 * x.dtype.itemsize
    valid = (y >= 0) & (y < width)
    gone = np.where(x < 0, -1, 0).astype(x.dtype)
    return np.where(valid, np.right_shift(x, np.where(valid, y, 0)), gone)


bitwise_invert: Any = define(
    Op(
        name="bitwise_invert",
        doc="""Every bit of x flipped, element by element; for bools, not x.

    The result has x's shape and dtype. Raises OpError for floats.

    >>> import dovetail as dt
    >>> dt.bitwise_invert(dt.asarray([0, 5])).tolist()
    [-1, -6]
    """,
        signature="x: T -> T",
        types={"T": BITS},
        infer=elementwise("bitwise_invert"),
        batching=batching.elementwise,
        reference=np.invert,
        samples=unary(-9, 99, special=False),
    )
)

bitwise_and: Any = define(
    Op(
        name="bitwise_and",
        doc="""The bits set in both x and y, element by element, for integers and bools.

    Shapes broadcast, dtypes promote. Raises OpError for floats and when the shapes do not
    broadcast.

    >>> import dovetail as dt
    >>> dt.bitwise_and(dt.asarray([6, 3]), dt.asarray([5, 1])).tolist()
    [4, 1]
    """,
        signature="x: T, y: T -> T",
        types={"T": BITS},
        broadcast=True,
        infer=elementwise("bitwise_and"),
        reference=np.bitwise_and,
        samples=binary((-9, 99)),
    )
)

bitwise_or: Any = define(
    Op(
        name="bitwise_or",
        doc="""The bits set in x or in y, or in both, element by element, for integers and bools.

    Shapes broadcast, dtypes promote. Raises OpError for floats and when the shapes do not
    broadcast.

    >>> import dovetail as dt
    >>> dt.bitwise_or(dt.asarray([6, 3]), dt.asarray([5, 1])).tolist()
    [7, 3]
    """,
        signature="x: T, y: T -> T",
        types={"T": BITS},
        broadcast=True,
        infer=elementwise("bitwise_or"),
        reference=np.bitwise_or,
        samples=binary((-9, 99)),
    )
)

bitwise_xor: Any = define(
    Op(
        name="bitwise_xor",
        doc="""The bits set in exactly one of x and y, element by element, for integers and bools.

    Shapes broadcast, dtypes promote. Raises OpError for floats and when the shapes do not
    broadcast.

    >>> import dovetail as dt
    >>> dt.bitwise_xor(dt.asarray([6, 3]), dt.asarray([5, 1])).tolist()
    [3, 2]
    """,
        signature="x: T, y: T -> T",
        types={"T": BITS},
        broadcast=True,
        infer=elementwise("bitwise_xor"),
        reference=np.bitwise_xor,
        samples=binary((-9, 99)),
    )
)

bitwise_left_shift: Any = define(
    Op(
        name="bitwise_left_shift",
        doc="""x * 2 ** y, bits that leave on the left are lost, element by element, for integers.

    0 for a shift by the width or more; a negative y counts as that.
    Shapes broadcast, dtypes promote.

    Raises OpError for floats and bools and when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.bitwise_left_shift(dt.asarray([1, 3]), dt.asarray([2, 2])).tolist()
    [4, 12]
    """,
        signature="x: T, y: T -> T",
        types={"T": INTEGER},
        broadcast=True,
        infer=elementwise("bitwise_left_shift"),
        reference=_left_shift,
        samples=binary((-9, 99), (0, 7), extra=SHIFTS),
    )
)

bitwise_right_shift: Any = define(
    Op(
        name="bitwise_right_shift",
        doc="""x // 2 ** y, so that a signed x keeps its sign, element by element, for integers.

    0 (or -1 for a negative x) for a shift by the width or more; a negative y counts as that.
    Shapes broadcast, dtypes promote.

    Raises OpError for floats and bools and when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.bitwise_right_shift(dt.asarray([1, 3]), dt.asarray([2, 1])).tolist()
    [0, 1]
    """,
        signature="x: T, y: T -> T",
        types={"T": INTEGER},
        broadcast=True,
        infer=elementwise("bitwise_right_shift"),
        reference=_right_shift,
        samples=binary((-9, 99), (0, 7), extra=SHIFTS),
    )
)
