"""Random bits: Philox4x32-10 of a key, or of each of many, and the index of each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import DType, uint8, uint16, uint32, uint64
from dovetail.dtypes import dtype as as_dtype
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import checked_shape
from dovetail.ops.philox import words_of
from dovetail.shapes import sized

__all__ = ["drawn", "joined", "random_bits", "random_bits_batch"]

WORDS = frozenset({uint8, uint16, uint32, uint64})
NO_KEY = "but a key is uint32[2]; dt.random.key makes one"


def _attributes(op: Op, shape: Any, dtype: Any) -> dict[str, Any]:
    dtype = as_dtype(dtype)
    if dtype not in WORDS:
        raise op.fail(f"dtype={dtype} is not one of uint8, uint16, uint32 and uint64")
    return {"shape": checked_shape(op, shape, dtype.itemsize), "dtype": dtype}


def _canonical(key: Spec, shape: Any, dtype: Any) -> dict[str, Any]:
    return _attributes(RANDOM_BITS, shape, dtype)


def _canonical_batch(keys: Spec, shape: Any, dtype: Any) -> dict[str, Any]:
    return _attributes(RANDOM_BITS_BATCH, shape, dtype)


def _infer(key: Spec, shape: tuple[int, ...], dtype: DType) -> Spec:
    if key.shape != (2,):
        raise RANDOM_BITS.fail(f"the key is {key}, {NO_KEY}")
    return Spec(shape, dtype)


def _infer_batch(keys: Spec, shape: tuple[int, ...], dtype: DType) -> Spec:
    if keys.ndim < 2 or keys.shape[-1] != 2:
        raise RANDOM_BITS_BATCH.fail(
            f"the keys are {keys}, but several keys are uint32[..., 2]; random_bits takes one"
        )
    return sized("random_bits_batch", Spec((*keys.shape[:-1], *shape), dtype))


def _reference(key: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    size = int(np.prod(shape, dtype=np.int64))
    flat = words_of(key, 2 * size if dtype is uint64 else size)
    if dtype is uint64:
        flat = flat[..., 0::2] | flat[..., 1::2] << np.uint64(32)
    narrow = flat.astype(dtype.name)  # keeps the low bits
    return narrow.reshape((*key.shape[:-1], *shape))


def _batched(op: Any, size: int, batched: tuple[bool, ...], key: Any, **words: Any) -> Any:
    return random_bits_batch(key, **words)


def _more(op: Any, size: int, batched: tuple[bool, ...], keys: Any, **words: Any) -> Any:
    return op(keys, **words)


def _one_by_one(keys: Any, shape: tuple[int, ...], dtype: DType) -> Any:
    rows = ops.reshape(keys, (keys.size // 2, 2))
    rows_drawn = [random_bits(rows[i], shape, dtype) for i in range(rows.shape[0])]
    if not rows_drawn:
        return ops.full((*keys.shape[:-1], *shape), dtype, 0)
    together = joined([ops.reshape(y, (1, *shape)) for y in rows_drawn], 0)
    return ops.reshape(together, (*keys.shape[:-1], *shape))


def joined(parts: list[Any], axis: int) -> Any:
    """Arrays one behind the other; one op takes no more than 64."""
    while len(parts) > 1:
        parts = [ops.concat(parts[i : i + 64], axis=axis) for i in range(0, len(parts), 64)]
    return parts[0]


def drawn(key: Any, shape: tuple[int, ...], dtype: DType) -> Any:
    """Bits of one key, uint32[2], or of each of many, uint32[..., 2]."""
    return (random_bits if key.ndim == 1 else random_bits_batch)(key, shape, dtype)


def _samples() -> Iterator[Sample]:
    for dtype in sorted(WORDS, key=lambda t: t.name):
        for shape in ((), (7,), (3, 5, 11), (2, 0)):
            key = np.array([0xA4093822, 0x299F31D0], dtype=np.uint32)
            yield Sample(inputs=(key,), attributes={"shape": shape, "dtype": dtype})
    zero = np.zeros(2, dtype=np.uint32)
    yield Sample(inputs=(zero,), attributes={"shape": (1030,), "dtype": uint32})


def _batch_samples() -> Iterator[Sample]:
    keys = np.arange(12, dtype=np.uint32).reshape(2, 3, 2) * np.uint32(0x9E3779B9)
    for dtype in sorted(WORDS, key=lambda t: t.name):
        for shape in ((), (7,), (2, 133), (2, 0)):
            yield Sample(inputs=(keys,), attributes={"shape": shape, "dtype": dtype})
    yield Sample(inputs=(keys[0],), attributes={"shape": (600,), "dtype": uint64})
    yield Sample(inputs=(keys[:0],), attributes={"shape": (3,), "dtype": uint32})


RANDOM_BITS = Op(
    name="random_bits",
    doc="""Random bits that depend only on the key and the index of each element.

    Philox4x32-10 (Salmon et al., SC 2011) with the two key words; 32-bit word i of the flat result
    is lane i % 4 of the block whose counter is (low and high half of i // 4, 0, 0). A uint64
    element is two words, low one first; uint16 and uint8 keep the low bits of one word. So the bits
    are the same on every device and for every number of threads.

    Raises OpError when the key is not uint32[2] and when the dtype is not unsigned.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> [hex(word) for word in dt.ops.random_bits(key, (2,), dt.uint32).tolist()]
    ['0x6627e8d5', '0xe169c58d']
    """,
    signature="key: K -> T",
    types={"K": frozenset({uint32}), "T": WORDS},
    attributes={"shape": REQUIRED, "dtype": REQUIRED},
    canonical=_canonical,
    infer=_infer,
    reference=_reference,
    samples=_samples,
    batching=_batched,
)
random_bits: Any = define(RANDOM_BITS)

RANDOM_BITS_BATCH = Op(
    name="random_bits_batch",
    doc="""Random bits of each of many keys: `random_bits` for every key, bit for bit.

    The keys are uint32[..., 2]; the result has their shape without the 2, then ``shape``. A device
    that has no kernel for many keys runs one draw after the other.

    Raises OpError when the keys are not uint32[..., 2] with two axes or more, and when the dtype is
    not unsigned.

    >>> import dovetail as dt
    >>> keys = dt.asarray([[0, 0], [1, 0]], dtype=dt.uint32)
    >>> hex(dt.ops.random_bits_batch(keys, (2,), dt.uint32)[0, 1].item())
    '0xe169c58d'
    """,
    signature="keys: K -> T",
    types={"K": frozenset({uint32}), "T": WORDS},
    attributes={"shape": REQUIRED, "dtype": REQUIRED},
    canonical=_canonical_batch,
    infer=_infer_batch,
    decomposition=_one_by_one,
    reference=_reference,
    samples=_batch_samples,
    batching=_more,
    claim="composite",
)
random_bits_batch: Any = define(RANDOM_BITS_BATCH)
