"""Integers below a small number, from a key or from each of many."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import int64, uint32, uint64
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import checked_shape
from dovetail.ops.philox import words_of
from dovetail.ops.random_bits import drawn
from dovetail.shapes import sized

__all__ = ["random_below"]

LARGEST = 2**32


def _canonical(key: Spec, shape: Any, span: Any) -> dict[str, Any]:
    try:
        number = operator.index(span)
    except TypeError:
        raise RANDOM_BELOW.fail(f"span={span!r} is not an integer") from None
    if not 1 <= number <= LARGEST:
        raise RANDOM_BELOW.fail(f"span={number} is not from 1 to 2**32; dt.random.randint has more")
    return {"shape": checked_shape(RANDOM_BELOW, shape, 8), "span": number}


def _infer(key: Spec, shape: tuple[int, ...], span: int) -> Spec:
    if key.ndim < 1 or key.shape[-1] != 2:
        raise RANDOM_BELOW.fail(
            f"the key is {key}, but keys are uint32[..., 2]; dt.random.key makes one"
        )
    return sized("random_below", Spec((*key.shape[:-1], *shape), int64))


def _reference(key: np.ndarray, shape: tuple[int, ...], span: int) -> np.ndarray:
    words = words_of(key, 2 * int(np.prod(shape, dtype=np.int64)))
    half, factor = np.uint64(32), np.uint64(span)
    low = words[..., 0::2] * factor >> half
    result = words[..., 1::2] * factor + low >> half
    return result.astype(np.int64).reshape((*key.shape[:-1], *shape))


def _in_ops(key: Any, shape: tuple[int, ...], span: int) -> Any:
    bits = drawn(key, shape, uint64)
    low = ops.bitwise_right_shift(ops.bitwise_and(bits, 0xFFFFFFFF) * span, 32)
    high = ops.bitwise_right_shift(bits, 32) * span
    return ops.astype(ops.bitwise_right_shift(high + low, 32), int64)


def _batched(op: Any, size: int, batched: tuple[bool, ...], key: Any, **words: Any) -> Any:
    return op(key, **words)


def _samples() -> Iterator[Sample]:
    keys = np.arange(12, dtype=np.uint32).reshape(2, 3, 2) * np.uint32(0x9E3779B9)
    for shape in ((), (7,), (3, 5, 11), (2, 0), (1030,)):
        for span in (1, 6, 1000, LARGEST):
            yield Sample(inputs=(keys[1, 1],), attributes={"shape": shape, "span": span})
    yield Sample(inputs=(keys,), attributes={"shape": (2, 133), "span": 10})


RANDOM_BELOW = Op(
    name="random_below",
    doc="""Integers from 0 to below ``span``, which is at most 2**32, each equally likely; int64.

    The integer part of span * b / 2**64 for a uint64 b of `random_bits`: no integer is more likely
    than another by more than one part in 2**32. Several keys, uint32[..., 2], give one draw each:
    their shape without the 2, then ``shape``.

    Raises OpError when the key is not uint32[..., 2] and when the span is out of range.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_below(key, (3,), 10).tolist()
    [8, 6, 3]
    """,
    signature="key: K -> i64",
    types={"K": frozenset({uint32})},
    attributes={"shape": REQUIRED, "span": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    decomposition=_in_ops,
    reference=_reference,
    samples=_samples,
    claim="composite",
    batching=_batched,
)
random_below: Any = define(RANDOM_BELOW)
