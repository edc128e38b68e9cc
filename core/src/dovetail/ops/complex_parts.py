"""The parts of complex numbers, and the conjugate."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import COMPLEX, FLOATING, real_of
from dovetail.op import Op, Spec, define
from dovetail.ops.astype import astype
from dovetail.ops.full import filled_like
from dovetail.ops.identity import identity
from dovetail.samples import unary

__all__ = ["conj", "conj_op", "imag", "imag_op", "real", "real_op"]

# Moving parts and changing a sign are exact.
EXACT = dict.fromkeys(("float32", "float64", "complex64", "complex128"), 0)


def _part(x: Spec) -> Spec:
    return Spec(x.shape, real_of(x.dtype))


# Gradients g of a value z pair as Re(g dz): no rule conjugates anything but what the op conjugates.
real_op: Any = define(
    Op(
        name="real",
        doc="""Real part of x, element by element.

    Of complex64 it is float32, of complex128 float64. The function returns real numbers as they
    are.

    >>> import dovetail as dt
    >>> dt.real(dt.asarray([1 + 2j, 3j])).tolist()
    [1.0, 0.0]
    """,
        signature="x: T -> R",
        types={"T": COMPLEX, "R": FLOATING},
        infer=_part,
        batching=batching.elementwise,
        gradient=(lambda g, y, x: astype(g, dtype=x.dtype),),
        reference=np.real,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)

imag_op: Any = define(
    Op(
        name="imag",
        doc="""Imaginary part of x, element by element.

    Of complex64 it is float32, of complex128 float64. The function gives zeros for real numbers.

    >>> import dovetail as dt
    >>> dt.imag(dt.asarray([1 + 2j, 3j])).tolist()
    [2.0, 3.0]
    """,
        signature="x: T -> R",
        types={"T": COMPLEX, "R": FLOATING},
        infer=_part,
        batching=batching.elementwise,
        gradient=(lambda g, y, x: -1j * astype(g, dtype=x.dtype),),
        reference=np.imag,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)

conj_op: Any = define(
    Op(
        name="conj",
        doc="""Complex conjugate of x, element by element: the imaginary part changes its sign.

    The result has x's shape and dtype. The function returns real numbers as they are.

    >>> import dovetail as dt
    >>> dt.conj(dt.asarray([1 + 2j, 3j])).tolist()
    [(1-2j), -3j]
    """,
        signature="x: T -> T",
        types={"T": COMPLEX},
        infer=lambda x: x,
        batching=batching.elementwise,
        gradient=(lambda g, y, x: conj_op(g),),
        reference=np.conj,
        samples=unary(-9, 9),
        tolerance=EXACT,
    )
)


def _is_real(x: Any) -> bool:
    """Whether an array, or a number, has no imaginary part by its type."""
    dtype = getattr(x, "dtype", None)
    kind = type(x).__name__ if dtype is None else dtype.kind
    return kind in ("bool", "int", "uint", "float", "b", "i", "u", "f")


def real(x: Any) -> Any:
    """Return the real part; see the op real."""
    return identity(x) if _is_real(x) else real_op(x)


def imag(x: Any) -> Any:
    """Return the imaginary part; see the op imag."""
    return filled_like(identity(x), 0) if _is_real(x) else imag_op(x)


def conj(x: Any) -> Any:
    """Return the complex conjugate; see the op conj."""
    return identity(x) if _is_real(x) else conj_op(x)


real.__doc__ = real_op.__doc__
imag.__doc__ = imag_op.__doc__
conj.__doc__ = conj_op.__doc__
