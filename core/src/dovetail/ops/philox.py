"""Philox4x32-10 in numpy: the generator behind every draw, and the streams that samplers read.

J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Stream", "philox", "words_of"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _rounds(c: list[Any], k0: Any, k1: Any) -> list[Any]:
    """Ten rounds of words that travel in uint64 and broadcast with each other."""
    for _ in range(10):
        p0 = c[0] * np.uint64(0xD2511F53)
        p1 = c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> _HALF) ^ c[1] ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c[3] ^ k1, p0 & _LOW]
        k0 = (k0 + np.uint64(0x9E3779B9)) & _LOW
        k1 = (k1 + np.uint64(0xBB67AE85)) & _LOW
    return c


def philox(counter: np.ndarray[Any, Any], key: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Philox4x32-10 of counters, uint32[n, 4], in numpy.

    >>> [hex(word) for word in philox(np.zeros((1, 4), np.uint32), (0, 0))[0]]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    return np.stack(_rounds(c, np.uint64(int(key[0])), np.uint64(int(key[1]))), axis=1).astype(
        np.uint32
    )


def words_of(keys: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """The first ``count`` words of each key's draws: uint32[..., 2] -> uint64[..., count]."""
    k0, k1 = (keys[..., i].astype(np.uint64)[..., None] for i in range(2))
    block = np.arange(-(-count // 4), dtype=np.uint64)
    zero = np.uint64(0)
    lanes = _rounds([block & _LOW, block >> _HALF, zero, zero], k0, k1)
    shape = (*keys.shape[:-1], len(block))
    words = np.stack([np.broadcast_to(lane, shape) for lane in lanes], axis=-1)
    return np.asarray(words.reshape(*keys.shape[:-1], 4 * len(block))[..., :count])


class Stream:
    """What samplers that reject read: each element has blocks of its own.

    Block ``number`` of element i of a key's draw has the counter (low and high half of i, number,
    tag). The tag, never 0, names the sampler, so that no block is shared with another one's, nor
    with those of plain bits, whose counters end in zeros.
    """

    def __init__(self, keys: np.ndarray[Any, Any], size: int, tag: int) -> None:
        each = np.arange(size, dtype=np.uint64)
        count = int(np.prod(keys.shape[:-1], dtype=np.int64))
        self._key = [np.repeat(keys[..., i].reshape(-1).astype(np.uint64), size) for i in range(2)]
        self._low = np.tile(each & _LOW, count)
        self._high = np.tile(each >> _HALF, count)
        self._tag = np.uint64(tag)

    def pair(
        self, elements: np.ndarray[Any, Any], number: int
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Two uint64 of a block for each of the elements, given by their flat index."""
        counter = [self._low[elements], self._high[elements], np.uint64(number), self._tag]
        words = _rounds(counter, self._key[0][elements], self._key[1][elements])
        first = words[0] | words[1] << _HALF
        return first, words[2] | words[3] << _HALF
