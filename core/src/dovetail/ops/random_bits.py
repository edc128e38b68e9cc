"""Random bits: Philox4x32-10 of a key and the index of each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.dtypes import DType, uint8, uint16, uint32, uint64
from dovetail.dtypes import dtype as as_dtype
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import checked_shape

__all__ = ["philox", "random_bits"]

WORDS = frozenset({uint8, uint16, uint32, uint64})


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10 of counters, uint32[n, 4], in numpy.

    J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    low = np.uint64(0xFFFFFFFF)
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    k0, k1 = (int(k) for k in key)
    for _ in range(10):
        p0 = c[0] * np.uint64(0xD2511F53)
        p1 = c[2] * np.uint64(0xCD9E8D57)
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            p0 & low,
        ]
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1).astype(np.uint32)


def _canonical(key: Spec, shape: Any, dtype: Any) -> dict[str, Any]:
    dtype = as_dtype(dtype)
    if dtype not in WORDS:
        raise RANDOM_BITS.fail(f"dtype={dtype} is not one of uint8, uint16, uint32 and uint64")
    return {"shape": checked_shape(RANDOM_BITS, shape, dtype.itemsize), "dtype": dtype}


def _infer(key: Spec, shape: tuple[int, ...], dtype: DType) -> Spec:
    if key.shape != (2,):
        raise RANDOM_BITS.fail(f"the key is {key}, but a key is uint32[2]; dt.random.key makes one")
    return Spec(shape, dtype)


def _reference(key: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    size = int(np.prod(shape, dtype=np.int64))
    words = 2 * size if dtype is uint64 else size
    block = np.arange(-(-words // 4), dtype=np.uint64)
    zero = np.zeros_like(block)
    counter = np.stack([block & np.uint64(0xFFFFFFFF), block >> np.uint64(32), zero, zero], axis=1)
    flat = philox(counter, (key[0], key[1])).reshape(-1)[:words].astype(np.uint64)
    if dtype is uint64:
        flat = flat[0::2] | flat[1::2] << np.uint64(32)
    return flat.astype(dtype.name).reshape(shape)  # keeps the low bits


def _samples() -> Iterator[Sample]:
    for dtype in sorted(WORDS, key=lambda t: t.name):
        for shape in ((), (7,), (3, 5, 11), (2, 0)):
            key = np.array([0xA4093822, 0x299F31D0], dtype=np.uint32)
            yield Sample(inputs=(key,), attributes={"shape": shape, "dtype": dtype})
    zero = np.zeros(2, dtype=np.uint32)
    yield Sample(inputs=(zero,), attributes={"shape": (1030,), "dtype": uint32})


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
)
random_bits: Any = define(RANDOM_BITS)
