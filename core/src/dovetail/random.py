"""Random numbers from keys: the same key gives the same numbers, always and everywhere.

A `Key` names a stream. Nothing is consumed by drawing: the same key draws the same numbers again,
so `split` it or `fold_in` a number or a name to get independent ones. Element i of a draw depends
only on the key and on i, so neither the device nor the number of threads nor the shape's other
extents change it. The bits are Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011) and are part of the interface: they never change.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import (
    DType,
    bfloat16,
    float16,
    float32,
    float64,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError, TraceError
from dovetail.ops.full import checked_shape

__all__ = [
    "Key",
    "bernoulli",
    "bits",
    "categorical",
    "choice",
    "fold_in",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "uniform",
]

Shape = int | tuple[int, ...]

# Derived keys come from the key with one of these constants mixed in, so that they share no block
# with what is drawn from the key itself. The first digits of pi, e and the golden ratio.
_SPLIT = (0x243F6A88, 0x85A308D3)
_NUMBER = (0xB7E15162, 0x8AED2A6A)
_NAME = (0x9E3779B9, 0x7F4A7C15)


@dataclass(frozen=True, eq=False)
class Key:
    """A random key: 64 bits as two uint32 words. Containers of arrays may hold keys.

    >>> import dovetail as dt
    >>> dt.random.key(5).data.tolist()
    [5, 0]
    """

    data: Any

    def __repr__(self) -> str:
        if isinstance(self.data, _fast.Array) and self.data._tracer is None:
            low, high = self.data.tolist()
            return f"Key(0x{high:08x}{low:08x})"
        return "Key(traced)"


def _data(given: Any, op: str) -> Any:
    if not isinstance(given, Key):
        raise OpError(
            f"random.{op}: the key is of type {type(given).__name__}; make one with "
            "dt.random.key(seed)"
        )
    return given.data


def key(seed: Any) -> Key:
    """The key of a seed: an integer from -2**63 to 2**64 - 1, negative ones modulo 2**64.

    >>> import dovetail as dt
    >>> dt.random.uniform(dt.random.key(0), (2,)).shape
    (2,)
    """
    if isinstance(seed, _fast.Array):
        return Key(ops.concat([ops.reshape(w, (1,)) for w in _words_of(seed, "key")], axis=0))
    low, high = _words(seed, "key")
    return Key(asarray([low, high], dtype=uint32))


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


def split(key: Key, n: int = 2) -> tuple[Key, ...]:
    """``n`` keys that are independent of each other and of the key.

    Child i does not depend on ``n``: its words are 2i and 2i + 1 of Philox under the key with a
    constant mixed in.

    >>> import dovetail as dt
    >>> for_weights, for_dropout = dt.random.split(dt.random.key(0))
    """
    n = operator.index(n)
    if n < 1:
        raise OpError(f"random.split: n={n} must be at least 1")
    data = _data(key, "split")
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
    data = _data(key, "fold_in")
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


def bits(key: Key, shape: Shape = (), dtype: Any = uint32) -> Any:
    """Random bits as uint8, uint16, uint32 or uint64.

    Word i of a uint32 draw is lane i % 4 of the Philox block whose counter is i // 4; a uint64 is
    two words, low one first; narrower elements keep the low bits of one word.

    >>> import dovetail as dt
    >>> hex(dt.random.bits(dt.random.key(0)).item())
    '0x6627e8d5'
    """
    return ops.random_bits(_data(key, "bits"), shape, as_dtype(dtype))


# Source bits and how many of them a float's significand holds.
_UNIFORM: dict[DType, tuple[DType, int]] = {
    float16: (uint16, 11),
    bfloat16: (uint8, 8),
    float32: (uint32, 24),
    float64: (uint64, 53),
}


def _floating(dtype: Any, op: str) -> DType:
    kind = float32 if dtype is None else as_dtype(dtype)
    if kind not in _UNIFORM:
        raise OpError(f"random.{op}: dtype={kind} is not floating")
    return kind


def uniform(key: Key, shape: Shape = (), dtype: Any = None, low: Any = 0.0, high: Any = 1.0) -> Any:
    """Numbers spread evenly over [low, high), float32 unless a dtype is given.

    Multiples of 2**-24 (float32), 2**-53 (float64), 2**-11 (float16) or 2**-8 (bfloat16), scaled
    and shifted; with other bounds than 0 and 1 the rounding may reach ``high``. The bounds may be
    arrays that broadcast with ``shape``.

    >>> import dovetail as dt
    >>> x = dt.random.uniform(dt.random.key(1), (1000,))
    >>> bool(dt.all(x >= 0)) and bool(dt.all(x < 1))
    True
    """
    kind = _floating(dtype, "uniform")
    source, kept = _UNIFORM[kind]
    word = bits(key, shape, source)
    if source.bits > kept:
        word = ops.bitwise_right_shift(word, source.bits - kept)
    unit = ops.astype(word, kind) * 2.0**-kept
    plain = isinstance(low, (int, float)) and isinstance(high, (int, float))
    if plain and low == 0 and high == 1:
        return unit
    if plain and not (low <= high and math.isfinite(high - low)):
        raise OpError(f"random.uniform: from {low} to {high} is no finite interval")
    return ops.astype(unit * (high - low) + low, kind)


def normal(
    key: Key, shape: Shape = (), dtype: Any = None, mean: Any = 0.0, deviation: Any = 1.0
) -> Any:
    """Normally distributed numbers, float32 unless a dtype is given.

    The inverse of the distribution function at the midpoints of 2**24 (float64: 2**53) equal
    intervals: sqrt(2) * erfinv((2 * n + 1) / 2**24 - 1), n the top bits of a word. So the largest
    is about 5.4 (8.2) deviations. 16-bit floats are rounded from float32. Devices may differ in the
    last place, as their erfinv does.

    >>> import dovetail as dt
    >>> x = dt.random.normal(dt.random.key(1), (10000,))
    >>> abs(dt.mean(x).item()) < 0.05
    True
    """
    kind = _floating(dtype, "normal")
    wide = float64 if kind is float64 else float32
    source, kept = _UNIFORM[wide]
    top = ops.bitwise_right_shift(bits(key, shape, source), source.bits - kept)
    # An odd number below 2**kept in magnitude: exact in the integer and in the float.
    odd = ops.astype(top, int64 if wide is float64 else int32) * 2 + (1 - 2**kept)
    z = ops.erfinv(ops.astype(odd, wide) * 2.0**-kept) * math.sqrt(2)
    standard = isinstance(mean, (int, float)) and isinstance(deviation, (int, float))
    if not (standard and mean == 0 and deviation == 1):
        z = z * deviation + mean
    return ops.astype(z, kind)


def randint(key: Key, low: Any, high: Any = None, shape: Shape = (), dtype: Any = int64) -> Any:
    """Integers from ``low`` to ``high``, without it; one bound counts from 0.

    Each is the integer part of span * b / 2**64 for 64 random bits b (128 where the span exceeds
    2**32), so that no result is more likely than another by more than one part in 2**32 (2**64).

    Raises OpError when there is no integer between the bounds and when they do not fit the dtype.

    >>> import dovetail as dt
    >>> set(dt.random.randint(dt.random.key(0), 3, shape=(100,)).tolist())
    {0, 1, 2}
    """
    kind = as_dtype(dtype)
    if kind.kind not in ("int", "uint"):
        raise OpError(f"random.randint: dtype={kind} is not an integer dtype")
    if high is None:
        low, high = 0, low
    if isinstance(low, _fast.Array) or isinstance(high, _fast.Array):
        raise OpError(
            "random.randint: the bounds are Python integers; for bounds in arrays scale uniform"
        )
    low, high = operator.index(low), operator.index(high)
    info = np.iinfo(kind.name)
    if high <= low:
        raise OpError(f"random.randint: there is no integer from {low} to below {high}")
    if low < info.min or high - 1 > info.max:
        raise OpError(f"random.randint: {low} to {high - 1} does not fit {kind}")
    shape = checked_shape(ops.random_bits.op, shape)
    offset = _scaled(key, shape, high - low)
    # Modulo 2**64 the sum is right for every integer dtype.
    return ops.astype(offset + low % 2**64 if low else offset, kind)


def _scaled(key: Key, shape: tuple[int, ...], span: int) -> Any:
    """floor(span * b / 2**n) as uint64, b of n = 64 or 128 random bits, by schoolbook products."""
    if span == 2**64:
        return bits(key, shape, uint64)
    words = 2 if span <= 2**32 else 4
    drawn = bits(key, (*shape, words), uint32)
    limbs = [ops.astype(drawn[..., i], uint64) for i in range(words)]
    if words == 2:
        # b = b0 + 2**32 b1; the sum is below 2**64 since span is at most 2**32.
        low = ops.bitwise_right_shift(limbs[0] * span, 32)
        return ops.bitwise_right_shift(limbs[1] * span + low, 32)
    # The product's words 4 and 5 of b (four words) with span (two): row by row, carries included.
    halves = (span & 0xFFFFFFFF, span >> 32)
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

    Exact to 2**-24.

    >>> import dovetail as dt
    >>> dt.random.bernoulli(dt.random.key(0), 1.0, (3,)).tolist()
    [True, True, True]
    """
    if isinstance(p, (int, float)) and not 0 <= p <= 1:
        raise OpError(f"random.bernoulli: p={p} is no probability; it must lie in [0, 1]")
    if shape is None:
        shape = getattr(p, "shape", ())
    return ops.less(uniform(key, shape), p)


def categorical(key: Key, logits: Any, axis: int = -1, shape: Shape = ()) -> Any:
    """Positions along ``axis``, each with the probability softmax(logits) gives it; int64.

    ``shape`` draws that many of them, in front of the other axes of ``logits``. The position with
    the largest logit + Gumbel noise (the Gumbel-max trick).

    >>> import dovetail as dt
    >>> dt.random.categorical(dt.random.key(0), dt.asarray([0.0, 100.0])).item()
    1
    """
    if logits.ndim == 0 or logits.dtype.kind != "float":
        raise OpError(
            f"random.categorical: logits are {logits.dtype}{list(logits.shape)}; they must be "
            "floating, with at least one axis"
        )
    axis = axis % logits.ndim if -logits.ndim <= axis < logits.ndim else axis
    draws = checked_shape(ops.random_bits.op, shape)
    wide = float64 if logits.dtype is float64 else float32
    source, kept = _UNIFORM[wide]
    # The middles of 2**23 (float64: 2**52) intervals: exact, and never 0 or 1, where the noise
    # would be infinite.
    kept -= 1
    top = ops.bitwise_right_shift(bits(key, (*draws, *logits.shape), source), source.bits - kept)
    u = (ops.astype(top, wide) + 0.5) * 2.0**-kept
    noise = -ops.log(-ops.log(u))
    return ops.argmax(ops.astype(logits, wide) + noise, axis=axis + len(draws))


def permutation(key: Key, x: Any) -> Any:
    """A number's range, or an array's slices along its first axis, in random order.

    The order of 64 random bits per slice, so ties (and with them any bias) have a chance below
    n**2 / 2**65. It sorts on the host, so it does not run under a trace.

    >>> import dovetail as dt
    >>> sorted(dt.random.permutation(dt.random.key(0), 4).tolist())
    [0, 1, 2, 3]
    """
    array = isinstance(x, _fast.Array)
    if array and x.ndim == 0:
        raise OpError("random.permutation: a 0-d array has no slices; give its value with .item()")
    n = x.shape[0] if array else operator.index(x)
    drawn = bits(key, (n,), uint64)
    if drawn._tracer is not None:
        raise TraceError(
            "random.permutation sorts on the host and does not run under a trace; call it outside "
            "the compiled function and pass the order in"
        )
    order = asarray(np.argsort(np.asarray(drawn), kind="stable"), device=drawn.device)
    return ops.take(x, order, axis=0) if array else order


def choice(key: Key, n: int, shape: Shape = (), replace: bool = True) -> Any:
    """Integers below ``n``, each equally likely; without ``replace`` no two are the same.

    >>> import dovetail as dt
    >>> dt.random.choice(dt.random.key(0), 10, (3,), replace=False).shape
    (3,)
    """
    if replace:
        return randint(key, n, shape=shape)
    extents = checked_shape(ops.random_bits.op, shape)
    count = math.prod(extents)
    if count > n:
        raise OpError(f"random.choice: {count} different integers below {n} do not exist")
    return ops.reshape(permutation(key, n)[:count], extents)
