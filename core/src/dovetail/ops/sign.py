"""Negation, magnitude and sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching, ops
from dovetail.dtypes import COMPLEX, NUMERIC, real_of
from dovetail.op import Op, Spec, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["abs", "negative", "sign"]

# Sign changes are exact.
EXACT = {"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0}


def _outward(g: Any, y: Any, x: Any) -> Any:
    s = sign(x)
    if x.dtype.kind != "complex":
        return g * s
    from dovetail.ops.complex_parts import conj  # noqa: PLC0415  loaded where it is needed

    return g * conj(s)


def _direction(g: Any, y: Any, x: Any) -> Any:
    """Of a complex sign: x may turn, so that only the part of g across the direction counts."""
    if x.dtype.kind != "complex":
        return None
    from dovetail.ops.complex_parts import conj, real  # noqa: PLC0415  as above

    r = abs(x)
    along = conj(y) * ops.astype(real(g * y), x.dtype)
    zero = r == 0
    return ops.where(zero, 0, (g - along) / ops.astype(ops.where(zero, 1, r), x.dtype))


negative: Any = define(
    Op(
        name="negative",
        doc="""-x, element by element; unsigned integers wrap around.

    The result has x's shape and dtype; bools are converted to int64 first.

    >>> import dovetail as dt
    >>> dt.negative(dt.asarray([1.0, -2.0])).tolist()
    [-1.0, 2.0]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC | COMPLEX},
        infer=elementwise("negative"),
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -g,),
        reference=np.negative,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)

abs: Any = define(
    Op(
        name="abs",
        doc="""Magnitude of x, element by element; the smallest signed integer stays itself.

    The result has x's shape and dtype, or float32 and float64 for complex64 and complex128; bools
    are converted to int64 first. The derivative at zero is 0.

    >>> import dovetail as dt
    >>> dt.abs(dt.asarray([1.0, -2.0])).tolist()
    [1.0, 2.0]
    """,
        signature="x: T -> R",
        types={"T": NUMERIC | COMPLEX, "R": NUMERIC},
        infer=lambda x: Spec(x.shape, real_of(x.dtype)),
        batching=batching.elementwise,
        gradient=(_outward,),
        reference=np.abs,
        samples=unary(-9, 9),
        # Exact for real numbers; of complex ones a root of a sum of squares.
        tolerance=EXACT | {"float32": 2, "float64": 2},
    )
)

sign: Any = define(
    Op(
        name="sign",
        doc="""-1, 0 or 1 by the sign of x, element by element; NaN stays NaN.

    Of a complex number it is x / abs(x), or 0 for 0. The result has x's shape and dtype; bools are
    converted to int64 first.

    >>> import dovetail as dt
    >>> dt.sign(dt.asarray([1.5, 0.0, -2.0])).tolist()
    [1.0, 0.0, -1.0]
    """,
        signature="x: T -> T",
        types={"T": NUMERIC | COMPLEX},
        infer=elementwise("sign"),
        batching=batching.elementwise,
        gradient=(_direction,),
        reference=np.sign,
        samples=unary(-9, 9),
        tolerance=EXACT | {"complex64": 4, "complex128": 4},
    )
)
