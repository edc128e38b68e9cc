"""Integers in a range, coins and signs."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import DType, float32, float64, int64, uint8, uint32, uint64
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.random.arguments import Shape, extents_of, shape_of
from dovetail.random.keys import Key, data_of

__all__ = ["bernoulli", "rademacher", "randint"]


def integer_dtype(op: str, dtype: Any) -> DType:
    """An integer dtype, or an error in the name of a function of `dovetail.random`."""
    kind = as_dtype(dtype)
    if kind.kind not in ("int", "uint"):
        raise OpError(f"random.{op}: dtype={kind} is not an integer dtype")
    return kind


def randint(
    key: Key, low: Any, high: Any = None, shape: Shape | None = None, dtype: Any = int64
) -> Any:
    """Integers from ``low`` to ``high``, without it; one bound counts from 0.

    Each is the integer part of span * b / 2**64 for 64 random bits b (128 where the span exceeds
    2**32 or stands in an array), so that no result is more likely than another by more than one
    part in 2**32 (2**64). Python bounds reach over the whole range of 64 bits. Bounds may be
    integer arrays that broadcast to ``shape``; where such a range is empty the result is ``low``.

    Raises OpError when there is no integer between Python bounds, and when they do not fit the
    dtype.

    >>> import dovetail as dt
    >>> set(dt.random.randint(dt.random.key(0), 3, shape=(100,)).tolist())
    {0, 1, 2}
    """
    kind = integer_dtype("randint", dtype)
    data = data_of(key, "randint")
    if high is None:
        low, high = 0, low
    if isinstance(low, _fast.Array) or isinstance(high, _fast.Array):
        return _between(data, low, high, shape, kind)
    low, high = operator.index(low), operator.index(high)
    info = np.iinfo(kind.name)
    if high <= low:
        raise OpError(f"random.randint: there is no integer from {low} to below {high}")
    if low < info.min or high - 1 > info.max:
        raise OpError(f"random.randint: {low} to {high - 1} does not fit {kind}")
    extents = extents_of("randint", () if shape is None else shape)
    span = high - low
    if span == 2**64:
        offset = ops.random_bits(data, extents, uint64)
    elif span <= 2**32:
        offset = ops.random_below(data, extents, span)
    else:
        offset = _scaled(_limbs(data, extents, 4), (span & 0xFFFFFFFF, span >> 32))
    # Modulo 2**64 the sum is right for every integer dtype.
    if low:
        signed = (low + 2**63) % 2**64 - 2**63
        offset = offset + (signed if offset.dtype is int64 else low % 2**64)
    return ops.astype(offset, kind)


def _between(data: Any, low: Any, high: Any, shape: Any, kind: DType) -> Any:
    ends = []
    for name, bound in (("low", low), ("high", high)):
        array = bound if isinstance(bound, _fast.Array) else asarray(bound, device=data.device)
        if array.dtype.kind not in ("int", "uint"):
            raise OpError(f"random.randint: {name} is {array.dtype}; bounds are integers")
        ends.append(array)
    extents = shape_of("randint", shape, *ends)
    empty = ends[1] <= ends[0]
    first, last = (ops.astype(end, uint64) for end in ends)
    span = last - first  # modulo 2**64, as is the sum below
    halves = (ops.bitwise_and(span, 0xFFFFFFFF), ops.bitwise_right_shift(span, 32))
    offset = ops.where(empty, 0, _scaled(_limbs(data, extents, 4), halves))
    return ops.astype(offset + first, kind)


def _limbs(data: Any, shape: tuple[int, ...], count: int) -> list[Any]:
    drawn = ops.random_bits(data, (*shape, count), uint32)
    return [ops.astype(drawn[..., i], uint64) for i in range(count)]


def _scaled(limbs: list[Any], halves: tuple[Any, Any]) -> Any:
    """floor(span * b / 2**128) for four words of b and two of the span, by schoolbook products."""
    rows = []
    for half in halves:
        carry: Any = 0
        row = []
        for limb in limbs:
            product = limb * half + carry
            row.append(ops.bitwise_and(product, 0xFFFFFFFF))
            carry = ops.bitwise_right_shift(product, 32)
        rows.append([*row, carry])
    carry = 0
    total = []
    for i in range(1, 5):  # word 0 of the product has one part and no carry
        part = rows[0][i] + rows[1][i - 1] + carry
        total.append(ops.bitwise_and(part, 0xFFFFFFFF))
        carry = ops.bitwise_right_shift(part, 32)
    top = rows[1][4] + carry
    return ops.bitwise_left_shift(top, 32) + total[3]


def bernoulli(key: Key, p: Any = 0.5, shape: Shape | None = None) -> Any:
    """True with probability ``p``, which may be an array; its shape unless one is given.

    Exact to 2**-24, or to 2**-53 where p is a float64 array.

    >>> import dovetail as dt
    >>> dt.random.bernoulli(dt.random.key(0), 1.0, (3,)).tolist()
    [True, True, True]
    """
    if isinstance(p, (int, float)) and not 0 <= p <= 1:
        raise OpError(f"random.bernoulli: p={p} is no probability; it must lie in [0, 1]")
    extents = shape_of("bernoulli", shape, p)
    kind = float64 if getattr(p, "dtype", None) is float64 else float32
    return ops.less(ops.random_uniform(data_of(key, "bernoulli"), extents, kind), p)


def rademacher(key: Key, shape: Shape = (), dtype: Any = int64) -> Any:
    """-1 or 1, each with probability 1/2: the lowest bit of a byte, doubled, less one.

    >>> import dovetail as dt
    >>> set(dt.random.rademacher(dt.random.key(0), (50,)).tolist()) == {-1, 1}
    True
    """
    kind = as_dtype(dtype)
    if kind.kind not in ("int", "float"):
        raise OpError(f"random.rademacher: dtype={kind} has no -1; use a signed one")
    byte = ops.random_bits(data_of(key, "rademacher"), extents_of("rademacher", shape), uint8)
    return ops.astype(ops.bitwise_and(byte, 1), kind) * 2 - 1
