"""Powers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import COMPLEX, FLOATING, INTEGER, NUMERIC
from dovetail.op import Op, Sample, define
from dovetail.ops.exponential import log
from dovetail.ops.where import where
from dovetail.samples import SPECIAL, binary
from dovetail.shapes import elementwise

__all__ = ["power"]


def _reference(x: Any, y: Any, out: Any = None) -> Any:
    if x.dtype.kind == "c" and y.size and not any(y.strides) and y[(0,) * y.ndim] == 2:
        return np.square(x, out=out)  # of all powers the usual one, and much quicker
    if x.dtype.kind in "fc":
        return np.power(x, y, out=out)
    whole = np.power(x, np.where(y < 0, 0, y))
    # The exact value of a negative power is a fraction, except at 1 and -1; it is truncated.
    sign = np.where(y % 2 == 0, 1, x)
    return np.where(y < 0, np.where((x == 1) | (np.asarray(x + 1) == 0), sign, 0), whole)


def _by_base(g: Any, z: Any, x: Any, y: Any) -> Any:
    # y * x ** (y - 1). At y = 0 the function is the constant 1, also at x = 0, where the formula
    # would multiply 0 by an infinity.
    constant = y == 0
    return g * where(constant, 0, y * power(x, where(constant, 1, y - 1)))


def _by_exponent(g: Any, z: Any, x: Any, y: Any) -> Any:
    # z * log(x). At x = 0 and y > 0 it tends to 0, but log alone does not.
    return g * z * log(where(x == 0, 1, x))


def _samples() -> Iterator[Sample]:
    yield from binary((0.3, 4), (-2, 3), dtypes=FLOATING | COMPLEX)()
    yield from binary((-4, 5), (0, 6), dtypes=INTEGER)()
    signed = frozenset(t for t in INTEGER if t.kind == "int")
    bases = [[2], [1], [-1], [0], [-3]]
    yield Sample(inputs=(bases, [-1, -2, -3, 0, 1]), dtypes=signed)
    # A negative base has a real power only for a whole exponent.
    yield Sample(
        inputs=([[-2.0], [0.0], [-0.5]], [0.0, 1.0, 2.0, 3.0, -2.0]),
        dtypes=FLOATING,
        differentiable=False,
    )
    column = [[v] for v in SPECIAL]
    yield Sample(inputs=(column, SPECIAL), dtypes=FLOATING, differentiable=False)


power: Any = define(
    Op(
        name="power",
        doc="""x to the power y, element by element; shapes broadcast, dtypes promote.

    Floats follow C's pow: x ** 0 is 1 for every x, a negative x with a fraction in y gives NaN.
    Complex numbers have the principal value, exp(y * log(x)).
    Integers wrap around; a negative power of an integer is its exact value truncated: 0, except for
    1 and -1.

    Two bools are converted to int64 first. Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> dt.power(dt.asarray([2.0, 3.0]), 2).tolist()
    [4.0, 9.0]
    """,
        signature="x: T, y: T -> T",
        types={"T": NUMERIC | COMPLEX},
        broadcast=True,
        infer=elementwise("power"),
        gradient=(_by_base, _by_exponent),
        reference=_reference,
        samples=_samples,
        # exp(y * log(x)) with the product carried in two words, or the C library's pow.
        # Complex: every step of that formula rounds, and exp makes absolute errors relative ones.
        tolerance={
            "float32": 4,
            "float64": 4,
            "float16": 1,
            "bfloat16": 1,
            "complex64": 64,
            "complex128": 64,
        },
    )
)
