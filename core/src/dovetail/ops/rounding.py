"""Rounding to whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING
from dovetail.op import Op, define
from dovetail.ops.identity import identity
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["ceil", "floor", "round", "trunc"]

# A whole number is representable wherever rounding changes anything, so the results are exact.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}
VALUES = unary(-9, 9)

_floor: Any = define(
    Op(
        name="floor",
        doc="""The largest whole number not above x, element by element.

    The result has x's shape and dtype. Integers are returned as they are.

    >>> import dovetail as dt
    >>> dt.floor(dt.asarray([1.5, -1.5])).tolist()
    [1.0, -2.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("floor"),
        batching=batching.elementwise,
        reference=np.floor,
        samples=VALUES,
        tolerance=EXACT,
    )
)

_ceil: Any = define(
    Op(
        name="ceil",
        doc="""The smallest whole number not below x, element by element.

    The result has x's shape and dtype. Integers are returned as they are.

    >>> import dovetail as dt
    >>> dt.ceil(dt.asarray([1.5, -1.5])).tolist()
    [2.0, -1.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("ceil"),
        batching=batching.elementwise,
        reference=np.ceil,
        samples=VALUES,
        tolerance=EXACT,
    )
)

_trunc: Any = define(
    Op(
        name="trunc",
        doc="""x without its fraction, rounded towards zero, element by element.

    The result has x's shape and dtype. Integers are returned as they are.

    >>> import dovetail as dt
    >>> dt.trunc(dt.asarray([1.5, -1.5])).tolist()
    [1.0, -1.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("trunc"),
        batching=batching.elementwise,
        reference=np.trunc,
        samples=VALUES,
        tolerance=EXACT,
    )
)

_round: Any = define(
    Op(
        name="round",
        doc="""The nearest whole number, halves to the even one, element by element.

    The result has x's shape and dtype. Integers are returned as they are; of complex numbers both
    parts are rounded.

    >>> import dovetail as dt
    >>> dt.round(dt.asarray([0.5, 1.5, -2.4])).tolist()
    [0.0, 2.0, -2.0]
    """,
        signature="x: T -> T",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("round"),
        batching=batching.elementwise,
        reference=np.rint,
        samples=VALUES,
        tolerance=EXACT,
    )
)


def _whole(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return isinstance(x, int) or getattr(dtype, "kind", "float") in ("int", "uint", "i", "u")


def floor(x: Any) -> Any:
    """Return the largest whole number not above x; see the op floor."""
    return identity(x) if _whole(x) else _floor(x)


def ceil(x: Any) -> Any:
    """Return the smallest whole number not below x; see the op ceil."""
    return identity(x) if _whole(x) else _ceil(x)


def trunc(x: Any) -> Any:
    """Return x without its fraction; see the op trunc."""
    return identity(x) if _whole(x) else _trunc(x)


def round(x: Any) -> Any:
    """Return the nearest whole number, halves to the even one; see the op round."""
    return identity(x) if _whole(x) else _round(x)


floor.__doc__ = _floor.__doc__
ceil.__doc__ = _ceil.__doc__
trunc.__doc__ = _trunc.__doc__
round.__doc__ = _round.__doc__
