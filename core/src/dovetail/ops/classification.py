"""What kind of number a float is."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING, bool_
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["isfinite", "isinf", "isnan"]

SAMPLES = unary(-9, 9)

isnan: Any = define(
    Op(
        name="isnan",
        doc="""Whether x is not a number, element by element; the result is bool.

    Integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.isnan(dt.asarray([float("nan"), float("-inf"), 1.0])).tolist()
    [True, False, False]
    """,
        signature="x: T -> bool",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("isnan", bool_),
        batching=batching.elementwise,
        reference=np.isnan,
        samples=SAMPLES,
    )
)

isinf: Any = define(
    Op(
        name="isinf",
        doc="""Whether x is plus or minus infinity, element by element; the result is bool.

    Integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.isinf(dt.asarray([float("nan"), float("-inf"), 1.0])).tolist()
    [False, True, False]
    """,
        signature="x: T -> bool",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("isinf", bool_),
        batching=batching.elementwise,
        reference=np.isinf,
        samples=SAMPLES,
    )
)

isfinite: Any = define(
    Op(
        name="isfinite",
        doc="""Whether x is a finite number, element by element; the result is bool.

    Integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> dt.isfinite(dt.asarray([float("nan"), float("-inf"), 1.0])).tolist()
    [False, False, True]
    """,
        signature="x: T -> bool",
        types={"T": FLOATING | COMPLEX},
        infer=elementwise("isfinite", bool_),
        batching=batching.elementwise,
        reference=np.isfinite,
        samples=SAMPLES,
    )
)
