"""Uniform numbers in [0, 1) and standard normal ones, from a key or from each of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.dtypes import DType, float32, float64, int32, int64, uint32, uint64
from dovetail.dtypes import dtype as as_dtype
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import checked_shape
from dovetail.ops.philox import words_of
from dovetail.ops.portable_formulas import ARRAYS, NUMPY, quantile
from dovetail.ops.random_bits import drawn
from dovetail.shapes import sized

__all__ = ["random_normal", "random_uniform"]

REAL = frozenset({float32, float64})


def _canonical(op: Op, shape: Any, dtype: Any, **more: Any) -> dict[str, Any]:
    dtype = as_dtype(dtype)
    if dtype not in REAL:
        raise op.fail(f"dtype={dtype} is neither float32 nor float64; convert the draw with astype")
    flags = {name: bool(value) for name, value in more.items()}
    return {"shape": checked_shape(op, shape, dtype.itemsize), "dtype": dtype, **flags}


def _infer(op: Op, keys: Spec, shape: tuple[int, ...], dtype: DType) -> Spec:
    if keys.ndim < 1 or keys.shape[-1] != 2:
        raise op.fail(f"the key is {keys}, but keys are uint32[..., 2]; dt.random.key makes one")
    return sized(op.name, Spec((*keys.shape[:-1], *shape), dtype))


def _top(keys: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """The top 24 or 53 bits of each word, in numpy."""
    size = int(np.prod(shape, dtype=np.int64))
    whole = (*keys.shape[:-1], *shape)
    if dtype is float32:
        return (words_of(keys, size) >> np.uint64(8)).reshape(whole)
    flat = words_of(keys, 2 * size)
    return (flat[..., 0::2] >> np.uint64(11) | flat[..., 1::2] << np.uint64(21)).reshape(whole)


def _uniform(keys: np.ndarray, shape: tuple[int, ...], dtype: DType, open: bool) -> np.ndarray:
    unit = 2.0**-24 if dtype is float32 else 2.0**-53
    top = _top(keys, shape, dtype)
    if open:
        half = (top >> np.uint64(1)).astype(dtype.name) + 0.5
        return np.asarray(half * (2 * unit))
    return np.asarray(top.astype(dtype.name) * unit)


def _odd(keys: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """p - 1/2 for the middle p of an interval: an odd multiple of 2**-25 or 2**-54."""
    bits = 24 if dtype is float32 else 53
    odd = _top(keys, shape, dtype).astype(np.int64) * 2 + (1 - 2**bits)
    return np.asarray(odd.astype(dtype.name) * 2.0 ** -(bits + 1))


def _normal(keys: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    q = _odd(keys, shape, dtype)
    return np.asarray(quantile(NUMPY, q, 0.5 - np.abs(q)))


def _top_bits(keys: Any, shape: tuple[int, ...], dtype: DType) -> Any:
    source, dropped = (uint32, 8) if dtype is float32 else (uint64, 11)
    return ops.bitwise_right_shift(drawn(keys, shape, source), dropped)


def _uniform_in_ops(keys: Any, shape: tuple[int, ...], dtype: DType, open: bool) -> Any:
    unit = 2.0**-24 if dtype is float32 else 2.0**-53
    top = _top_bits(keys, shape, dtype)
    if open:
        return (ops.astype(ops.bitwise_right_shift(top, 1), dtype) + 0.5) * (2 * unit)
    return ops.astype(top, dtype) * unit


def _normal_in_ops(keys: Any, shape: tuple[int, ...], dtype: DType) -> Any:
    bits, signed = (24, int32) if dtype is float32 else (53, int64)
    odd = ops.astype(_top_bits(keys, shape, dtype), signed) * 2 + (1 - 2**bits)
    q = ops.astype(odd, dtype) * 2.0 ** -(bits + 1)
    return quantile(ARRAYS, q, 0.5 - ops.abs(q))


def _batched(op: Any, size: int, batched: tuple[bool, ...], keys: Any, **words: Any) -> Any:
    return op(keys, **words)


def _samples(**more: Any) -> Iterator[Sample]:
    keys = np.arange(12, dtype=np.uint32).reshape(2, 3, 2) * np.uint32(0x9E3779B9)
    for dtype in (float32, float64):
        for shape in ((), (7,), (3, 5, 11), (2, 0), (5000,)):
            yield Sample(inputs=(keys[1, 1],), attributes={"shape": shape, "dtype": dtype, **more})
        yield Sample(inputs=(keys,), attributes={"shape": (2, 133), "dtype": dtype, **more})
        yield Sample(inputs=(keys,), attributes={"shape": (), "dtype": dtype, **more})


def _both() -> Iterator[Sample]:
    yield from _samples()
    yield from _samples(open=True)


def _record(
    name: str, doc: str, reference: Callable[..., Any], in_ops: Callable[..., Any], **more: Any
) -> Op:
    op = Op(
        name=name,
        doc=doc,
        signature="key: K -> T",
        types={"K": frozenset({uint32}), "T": REAL},
        attributes={"shape": REQUIRED, "dtype": REQUIRED, **more},
        canonical=lambda key, **given: _canonical(op, **given),
        infer=lambda key, shape, dtype, **_: _infer(op, key, shape, dtype),
        decomposition=in_ops,
        reference=reference,
        samples=_both if more else _samples,
        tolerance={"float32": 0, "float64": 0},  # the same bits on every device
        claim="composite",
        batching=_batched,
    )
    return op


random_uniform: Any = define(
    _record(
        "random_uniform",
        """Numbers spread evenly over [0, 1): the top bits of a word.

    float32: n * 2**-24 for the top 24 bits n of a uint32 of `random_bits`; float64: n * 2**-53 for
    the top 53 bits of a uint64. With ``open`` the middles of 2**23 (2**52) equal intervals of
    (0, 1), by one bit less: symmetric, and never 0. Several keys, uint32[..., 2], give one draw
    each: their shape without the 2, then ``shape``.

    Raises OpError when the key is not uint32[..., 2] and when the dtype is another one.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_uniform(key, (), dt.float32).item() == 0x6627E8 / 2**24
    True
    """,
        _uniform,
        _uniform_in_ops,
        open=False,
    )
)

random_normal: Any = define(
    _record(
        "random_normal",
        """Standard normal numbers: the quantile at the middle of an interval.

    float32: 2**24 equal intervals, numbered by the top 24 bits of a uint32 of `random_bits`;
    float64: 2**53, by the top 53 bits of a uint64. The quantile is Wichura's algorithm AS 241 in
    portable operations (`dovetail.ops.portable_formulas`), so the bits are the same on every
    device. Several keys, uint32[..., 2], give one draw each: their shape without the 2, then
    ``shape``.

    Raises OpError when the key is not uint32[..., 2] and when the dtype is another one.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> round(dt.ops.random_normal(key, (), dt.float32).item(), 4)
    -0.2558
    """,
        _normal,
        _normal_in_ops,
    )
)
