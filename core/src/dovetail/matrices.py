"""What the ops on matrices share: checks, dtypes, transposes, and LAPACK's refusals in words.

Arrays hold matrices in their last two axes; all axes before them count as batches.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.dtypes import COMPLEX, float32, float64, int32
from dovetail.errors import OpError
from dovetail.op import FUNCTIONS, Op, Spec, iterate

__all__ = [
    "FLOATS",
    "INEXACT",
    "TOLERANCE",
    "adjoint",
    "array",
    "conjugate",
    "finite",
    "fixed_phase",
    "identity_like",
    "lapack",
    "matrices",
    "real_part",
    "results",
    "scaled_columns",
    "scaled_rows",
    "signed",
    "square",
    "transposed",
    "which",
]

FLOATS = frozenset({float32, float64})
"""Real dtypes that LAPACK and the FFT compute in; integers and 16-bit floats become float32."""

INEXACT = FLOATS | COMPLEX

TOLERANCE = {"norm": True, **{t.name: 64 for t in INEXACT}}
"""A factorisation of the samples, whose condition numbers are below 20, is backward stable: off by
a small multiple of the condition number, measured against the largest element of the result."""


# ---- shapes --------------------------------------------------------------------------------------


def matrices(op: Op, x: Spec, name: str = "x") -> tuple[int, int]:
    """Rows and columns of an operand, which must have two axes or more."""
    if x.ndim < 2:
        raise op.fail(f"{name} is {x}, which holds no matrix; it needs two axes or more")
    return x.shape[-2], x.shape[-1]


def square(op: Op, x: Spec, name: str = "x", advice: str = "") -> int:
    """The extent of square matrices."""
    m, n = matrices(op, x, name)
    if m != n:
        raise op.fail(f"{name} is {x}, whose matrices are {m} by {n}, not square{advice}")
    return n


# ---- in ops --------------------------------------------------------------------------------------


def array(name: str, x: Any) -> Any:
    """An operand of a function as an Array; numbers and arrays of other libraries become one."""
    if isinstance(x, _fast.Array):
        return x
    if isinstance(x, list | tuple | str | bytes | None):
        raise OpError(f"{name}: an operand is a {type(x).__name__}; make it an array with asarray")
    from dovetail.creation import asarray  # noqa: PLC0415  creation needs the ops first

    return asarray(x)


def conjugate(x: Any) -> Any:
    """The complex conjugate; real arrays as they are."""
    return FUNCTIONS["conj"](x) if x.dtype.kind == "complex" else x


def real_part(x: Any) -> Any:
    """The real part; real arrays as they are."""
    return FUNCTIONS["real"](x) if x.dtype.kind == "complex" else x


def transposed(x: Any) -> Any:
    """The last two axes exchanged: a view."""
    batch = range(x.ndim - 2)
    return ops.permute_dims(x, axes=(*batch, x.ndim - 1, x.ndim - 2))


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return transposed(conjugate(x))


def identity_like(x: Any, n: int | None = None) -> Any:
    """The n by n identity in the dtype and on the device of ``x``; by default of x's columns."""
    n = x.shape[-1] if n is None else n
    square = ops.filled_like(x, 0, shape=(n, n), dtype=float32)
    diagonal = ops.equal(ops.iota_like(square, 0), ops.iota_like(square, 1))
    return ops.astype(diagonal, dtype=x.dtype)


def scaled_columns(x: Any, scale: Any) -> Any:
    """x @ diag(scale)."""
    return x * ops.reshape(scale, (*scale.shape[:-1], 1, scale.shape[-1]))


def scaled_rows(scale: Any, x: Any) -> Any:
    """diag(scale) @ x."""
    return ops.reshape(scale, (*scale.shape, 1)) * x


def fixed_phase(g: Any, vectors: Any, turns: Any) -> Any:
    """The cotangent of unit vectors in columns, with what fixing their phases adds to it.

    Rules derive vectors up to a factor exp(i phi) for each. The phase is such that the leading
    entry is real (see `signed`), so phi answers for its imaginary part. ``turns`` holds for each
    column the derivative of the loss by i phi, conjugated as ``g`` is; its imaginary part counts.
    """
    if g.dtype.kind != "complex":
        return g
    size = ops.abs(vectors)
    near = ops.astype(size >= 0.999 * ops.max(size, axis=-2, keepdims=True), dtype=int32)
    first = ops.argmax(near, axis=-2, keepdims=True)
    lead = ops.where(ops.equal(ops.iota_like(near, -2, first.dtype), first), vectors, 0)
    length = ops.sum(real_part(lead), axis=-2, keepdims=True)
    turn = FUNCTIONS["imag"](ops.reshape(turns, (*turns.shape[:-1], 1, turns.shape[-1])))
    return g + lead * ops.astype(turn / (length * length), dtype=g.dtype) * 1j


# ---- in numpy, for references --------------------------------------------------------------------


def which(index: int, batch: tuple[int, ...]) -> str:
    """Words for one matrix of a batch: "matrix 3 of the batch", "the matrix" when there is one."""
    if not batch:
        return "the matrix"
    place = [int(i) for i in np.unravel_index(index, batch)]
    return f"matrix {place[0] if len(place) == 1 else tuple(place)} of the batch"


def lapack(
    name: str,
    reason: str,
    function: Callable[..., Any],
    *arrays: np.ndarray[Any, Any],
    **words: Any,
) -> Any:
    """``function(*arrays)`` of numpy.linalg; a refusal becomes an OpError naming the matrix.

    ``reason`` completes the sentence "matrix 3 of the batch ...". Arrays have equal batch axes.
    """
    try:
        return function(*arrays, **words)
    except np.linalg.LinAlgError:
        pass
    batch = arrays[0].shape[:-2]
    flat = [a.reshape(math.prod(batch), *a.shape[-2:]) for a in arrays]
    for i in range(math.prod(batch)):
        try:
            function(*(a[i] for a in flat), **words)
        except np.linalg.LinAlgError:
            raise OpError(f"{name}: {which(i, batch)} {reason}") from None
    raise OpError(f"{name}: a matrix {reason}")


def finite(name: str, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The matrices, or an OpError that names one with NaN or infinity.

    LAPACK may refuse those, return NaN or go on for ever, as its makers pleased.
    """
    fine = np.isfinite(x)
    if not fine.all():
        bad = ~fine.reshape(-1, x.shape[-2] * x.shape[-1]).all(axis=-1)
        place = which(int(bad.argmax()), x.shape[:-2])
        raise OpError(f"{name}: {place} holds NaN or infinity; look for where it arose")
    return x


FEW = 16
"""Entries of a vector that are compared one by one."""


def signed(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The unit numbers that make the leading entry of each column real and positive.

    The leading entry is the first whose magnitude is nearly the column's largest: "nearly", since
    entries of equal magnitude differ by roundings, which must not decide.
    """
    if vectors.size == 0:
        return np.ones((*vectors.shape[:-2], 1, vectors.shape[-1]), vectors.dtype)
    size = np.abs(vectors)
    n = vectors.shape[-2]
    if n <= FEW:  # numpy reduces short axes slowly
        limit = 0.999 * functools.reduce(np.maximum, (size[..., i, :] for i in range(n)))
        lead = vectors[..., n - 1, :]
        for i in reversed(range(n - 1)):
            lead = np.where(size[..., i, :] >= limit, vectors[..., i, :], lead)
        lead = lead[..., None, :]
    else:
        near = size >= 0.999 * size.max(axis=-2, keepdims=True)
        lead = np.take_along_axis(vectors, near.argmax(axis=-2)[..., None, :], axis=-2)
    length = np.abs(lead)
    return np.where(length > 0, np.conj(lead) / np.where(length > 0, length, 1), 1).astype(
        vectors.dtype
    )


def results(values: Any) -> tuple[Any, ...]:
    """The fields of numpy's named results as a plain tuple."""
    return tuple(iterate(tuple(values)))
