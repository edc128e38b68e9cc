"""Random keys: making them from seeds, splitting them, and deriving them from numbers and names."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import uint32, uint64
from dovetail.errors import OpError
from dovetail.random.arguments import extents_of

__all__ = ["Key", "fold_in", "key", "key_data", "split", "wrap_key_data"]

# Derived keys come from the key with one of these constants mixed in, so that they share no block
# with what is drawn from the key itself. The first digits of pi, e and the golden ratio.
_SPLIT = (0x243F6A88, 0x85A308D3)
_NUMBER = (0xB7E15162, 0x8AED2A6A)
_NAME = (0x9E3779B9, 0x7F4A7C15)


@dataclass(frozen=True, eq=False)
class Key:
    """A random key: 64 bits as two uint32 words, ``data``; or several, along leading axes of it.

    Containers of arrays may hold keys, so they pass through `jit`, `vmap`, `grad` and `scan`. A
    draw takes one key: of several, index one, go through them in a loop, or use `vmap`.

    >>> import dovetail as dt
    >>> dt.random.key(5).data.tolist()
    [5, 0]
    >>> several = dt.random.split(dt.random.key(5), (3, 2))
    >>> several.shape, several[0].shape, len(several)
    ((3, 2), (2,), 3)
    """

    data: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """How many keys there are along each axis; () for one key."""
        return tuple(self.data.shape[:-1])

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single Key has no length; split it into several")
        return self.shape[0]

    def __getitem__(self, index: Any) -> Key:
        number = len(index) if isinstance(index, tuple) else 1
        if number > len(self.shape):
            raise OpError(
                f"random: the index {index!r} is for {number} axes, but the keys have the shape "
                f"{self.shape}"
            )
        return Key(self.data[index])

    def __iter__(self) -> Iterator[Key]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        if isinstance(self.data, _fast.Array) and self.data._tracer is not None:
            return "Key(traced)"
        if self.data.ndim != 1:
            return f"Key(shape={self.shape})"
        low, high = self.data.tolist()
        return f"Key(0x{high:08x}{low:08x})"


def data_of(given: Any, op: str) -> Any:
    """The two words of one key, or an error in the name of a function of `dovetail.random`."""
    if not isinstance(given, Key):
        raise OpError(
            f"random.{op}: the key is of type {type(given).__name__}; make one with "
            "dt.random.key(seed)"
        )
    if given.data.ndim != 1:
        raise OpError(
            f"random.{op}: it takes one key, and these are keys of shape {given.shape}; index one, "
            "or give each its draw with dt.vmap"
        )
    return given.data


def key(seed: Any) -> Key:
    """The key of a seed: an integer from -2**63 to 2**64 - 1, negative ones modulo 2**64.

    The seed may be a 0-d array of integers, traced too.

    >>> import dovetail as dt
    >>> dt.random.uniform(dt.random.key(0), (2,)).shape
    (2,)
    """
    if isinstance(seed, _fast.Array):
        return Key(ops.concat([ops.reshape(w, (1,)) for w in _words_of(seed, "key")], axis=0))
    low, high = _words(seed, "key")
    return Key(asarray([low, high], dtype=uint32))


def key_data(key: Key) -> Any:
    """The words of a key or of several: uint32[..., 2].

    >>> import dovetail as dt
    >>> dt.random.key_data(dt.random.key(7)).tolist()
    [7, 0]
    """
    return key.data if isinstance(key, Key) else data_of(key, "key_data")


def wrap_key_data(data: Any) -> Key:
    """The key, or the keys, of given words, uint32[..., 2]: what `key_data` takes apart.

    Raises OpError for another dtype or shape.

    >>> import dovetail as dt
    >>> dt.random.wrap_key_data(dt.asarray([7, 0], dtype=dt.uint32))
    Key(0x0000000000000007)
    """
    if not isinstance(data, _fast.Array):
        data = asarray(data)
    if data.dtype is not uint32 or data.ndim < 1 or data.shape[-1] != 2:
        raise OpError(
            f"random.wrap_key_data: {data.dtype}{list(data.shape)} are no keys; they are "
            "uint32[..., 2], two words each"
        )
    return Key(data)


def _words(value: Any, op: str) -> tuple[int, int]:
    try:
        number = operator.index(value)
    except TypeError:
        raise OpError(f"random.{op}: {value!r} is not an integer") from None
    if not -(2**63) <= number < 2**64:
        raise OpError(f"random.{op}: {number} does not fit 64 bits")
    return number & 0xFFFFFFFF, number >> 32 & 0xFFFFFFFF


def _words_of(value: Any, op: str) -> tuple[Any, Any]:
    """Low and high half of an integer array without axes, of any integer dtype."""
    if value.ndim or value.dtype.kind not in ("int", "uint"):
        raise OpError(
            f"random.{op}: {value.dtype}{list(value.shape)} is not a single integer; give an "
            "integer or a 0-d integer array"
        )
    wide = ops.astype(value, uint64)  # modulo 2**64, as for Python integers
    return ops.astype(wide, uint32), ops.astype(ops.bitwise_right_shift(wide, 32), uint32)


def _mixed(data: Any, constant: tuple[int, int]) -> Any:
    return ops.bitwise_xor(data, asarray(constant, dtype=uint32, device=data.device))


def split(key: Key, n: int | tuple[int, ...] = 2) -> Any:
    """Keys that are independent of each other and of the key.

    ``n`` of them as a tuple; for a shape one `Key` that holds so many, which `vmap` and `scan` go
    through. Child i does not depend on ``n``: its words are 2i and 2i + 1 of Philox under the key
    with a constant mixed in.

    >>> import dovetail as dt
    >>> for_weights, for_dropout = dt.random.split(dt.random.key(0))
    >>> draw = dt.vmap(lambda key: dt.random.normal(key, (3,)))
    >>> draw(dt.random.split(dt.random.key(0), (5,))).shape
    (5, 3)
    """
    data = data_of(key, "split")
    if isinstance(n, tuple):
        shape = extents_of("split", n)
        return Key(ops.random_bits(_mixed(data, _SPLIT), (*shape, 2), uint32))
    n = operator.index(n)
    if n < 1:
        raise OpError(f"random.split: n={n} must be at least 1")
    words = ops.random_bits(_mixed(data, _SPLIT), (n, 2), uint32)
    return tuple(Key(words[i]) for i in range(n))


def fold_in(key: Key, what: Any) -> Key:
    """The key of a number or a name under this key: ``fold_in(key, step)``, ``fold_in(key, "w")``.

    An integer (or a 0-d integer array, traced too) is taken modulo 2**64. A name becomes the first
    eight bytes, little-endian, of the SHA-256 of its UTF-8 text. The new key is the first two words
    of Philox under ``k ^ number``, where k is the first two words under the key with a constant
    mixed in: one for numbers, another for names.

    >>> import dovetail as dt
    >>> key = dt.random.key(0)
    >>> dt.random.fold_in(key, "w").data.tolist() != dt.random.fold_in(key, "b").data.tolist()
    True
    """
    data = data_of(key, "fold_in")
    if isinstance(what, str):
        import hashlib  # noqa: PLC0415  most programs name no key, and it loads OpenSSL

        digest = hashlib.sha256(what.encode()).digest()
        constant, words = _NAME, _words(int.from_bytes(digest[:8], "little"), "fold_in")
    elif isinstance(what, _fast.Array):
        constant, words = _NUMBER, None
    else:
        constant, words = _NUMBER, _words(what, "fold_in")
    base = ops.random_bits(_mixed(data, constant), (2,), uint32)
    if words is None:
        number = [ops.reshape(w, (1,)) for w in _words_of(what, "fold_in")]
        base = ops.bitwise_xor(base, ops.concat(number, axis=0))
    else:
        base = _mixed(base, words)
    return Key(ops.random_bits(base, (2,), uint32))
