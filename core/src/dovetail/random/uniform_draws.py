"""Random bits, and numbers spread evenly."""

from __future__ import annotations

import math
from typing import Any

from dovetail import _fast, ops
from dovetail.dtypes import (
    DType,
    bfloat16,
    float16,
    uint8,
    uint16,
    uint32,
)
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.random.arguments import Shape, extents_of, floating, shape_of, wide_of
from dovetail.random.keys import Key, data_of

__all__ = ["bits", "uniform"]


def bits(key: Key, shape: Shape = (), dtype: Any = uint32) -> Any:
    """Random bits as uint8, uint16, uint32 or uint64.

    Word i of a uint32 draw is lane i % 4 of the Philox block whose counter is i // 4; a uint64 is
    two words, low one first; narrower elements keep the low bits of one word.

    >>> import dovetail as dt
    >>> hex(dt.random.bits(dt.random.key(0)).item())
    '0x6627e8d5'
    """
    return ops.random_bits(data_of(key, "bits"), extents_of("bits", shape), as_dtype(dtype))


def _unit(data: Any, shape: tuple[int, ...], kind: DType) -> Any:
    """Multiples of one unit in [0, 1): as many as the significand holds."""
    if kind is float16:
        word = ops.bitwise_right_shift(ops.random_bits(data, shape, uint16), 5)
        return ops.astype(word, float16) * 2.0**-11
    if kind is bfloat16:
        return ops.astype(ops.random_bits(data, shape, uint8), bfloat16) * 2.0**-8
    return ops.random_uniform(data, shape, kind)


def open_unit(data: Any, shape: tuple[int, ...], kind: DType) -> Any:
    """The middles of 2**23 (float64: 2**52) equal intervals of (0, 1), from a key's words.

    Exact, symmetric, and never 0 or 1, where a logarithm would be infinite.
    """
    return ops.random_uniform(data, shape, kind, open=True)


def uniform(
    key: Key,
    shape: Shape | None = None,
    dtype: Any = None,
    low: Any = 0.0,
    high: Any = 1.0,
) -> Any:
    """Numbers spread evenly over [low, high), float32 unless a dtype or bounds say otherwise.

    Multiples of 2**-24 (float32), 2**-53 (float64), 2**-11 (float16) or 2**-8 (bfloat16), scaled
    and shifted; what rounding brings to ``high`` counts as ``low``, which rounding gives too
    little. The bounds may be arrays that broadcast to ``shape``; without a shape it is theirs.

    >>> import dovetail as dt
    >>> x = dt.random.uniform(dt.random.key(1), (1000,))
    >>> bool(dt.all(x >= 0)) and bool(dt.all(x < 1))
    True
    """
    data = data_of(key, "uniform")
    kind = floating("uniform", dtype, low, high)
    unit = _unit(data, shape_of("uniform", shape, low, high), kind)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        if low == 0 and high == 1:
            return unit
        if not (low <= high and math.isfinite(high - low)):
            raise OpError(f"random.uniform: from {low} to {high} is no finite interval")
    wide = wide_of(kind)  # 16-bit floats are rounded once, at the end
    first, last = (ops.astype(v, wide) if isinstance(v, _fast.Array) else v for v in (low, high))
    x = ops.astype(ops.astype(unit, wide) * (last - first) + first, kind)
    if isinstance(low, _fast.Array):
        low = ops.astype(low, kind)
    return ops.where(x < high, x, low)
