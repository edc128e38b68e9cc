"""Logarithm and exponential with the same bits on every device: what random draws are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail import batching
from dovetail.dtypes import float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops import portable_formulas as formulas
from dovetail.ops.portable_formulas import ARRAYS, NUMPY
from dovetail.samples import SPECIAL, unary
from dovetail.shapes import elementwise

__all__ = ["portable_exp", "portable_log"]

TYPES = {"T": frozenset({float32, float64})}
# Measured against the exact value, as for `log`. That all devices agree to the bit is tested apart:
# here a reference that computes float32 in double precision would hide it.
TOLERANCE = {"float32": 2, "float64": 2}


def _samples(low: float, high: float, ends: list[float]) -> Any:
    def samples() -> Iterator[Sample]:
        yield from unary(low, high, special=False)()
        yield Sample(inputs=([*SPECIAL, *ends],), differentiable=False)

    return samples


PORTABLE_LOG = Op(
    name="portable_log",
    doc="""Natural logarithm with the same bits on every device.

    As `log`, to one unit in the last place, but made of additions, multiplications and divisions in
    a fixed order, so that no device rounds otherwise (`dovetail.ops.portable_formulas` says which).
    The draws of `dovetail.random` use it; `log` is faster. Minus infinity at 0, NaN below.

    Takes float32 and float64, whose shape and dtype the result has.

    >>> import dovetail as dt
    >>> dt.ops.portable_log(dt.asarray([1.0, 0.0])).tolist()
    [0.0, -inf]
    """,
    signature="x: T -> T",
    types=TYPES,
    infer=elementwise("portable_log"),
    gradient=(lambda g, y, x: g / x,),
    decomposition=lambda x: formulas.log(ARRAYS, x),
    reference=lambda x: formulas.log(NUMPY, x),
    samples=_samples(0.1, 9, [2.0**-126, 2.0**-149, 3.4e38, 0.7071067, 0.7071068, 1.4142135]),
    tolerance=TOLERANCE,
    claim="composite",
    batching=batching.elementwise,
)
portable_log: Any = define(PORTABLE_LOG)

PORTABLE_EXP = Op(
    name="portable_exp",
    doc="""e to the power x with the same bits on every device.

    As `exp`, to one unit in the last place, but made of additions and multiplications in a fixed
    order, so that no device rounds otherwise (`dovetail.ops.portable_formulas` says which). The
    draws of `dovetail.random` use it; `exp` is faster.

    Takes float32 and float64, whose shape and dtype the result has.

    >>> import dovetail as dt
    >>> dt.ops.portable_exp(dt.asarray([0.0, 1000.0])).tolist()
    [1.0, inf]
    """,
    signature="x: T -> T",
    types=TYPES,
    infer=elementwise("portable_exp"),
    gradient=(lambda g, y, x: g * y,),
    decomposition=lambda x: formulas.exp(ARRAYS, x),
    reference=lambda x: formulas.exp(NUMPY, x),
    samples=_samples(-5, 5, [88.72, 88.73, -87.4, -103.9, -104.1, 709.78, 709.79, -745.1, -745.2]),
    tolerance=TOLERANCE,
    claim="composite",
    batching=batching.elementwise,
)
portable_exp: Any = define(PORTABLE_EXP)
