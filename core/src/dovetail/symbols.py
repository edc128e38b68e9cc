"""Extents with a name: sizes that are chosen when a program is called, not when it is saved.

A number that depends on such sizes is a whole multiple of each plus a constant: ``2*n+1``. It is an
ordinary int, with its value for the sizes at hand, that remembers how it came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dovetail import dtypes
from dovetail.dtypes import DType
from dovetail.errors import ProgramError
from dovetail.op import Spec

__all__ = ["ArraySpec", "Dim", "FloatDim", "affine", "check_symbol", "evaluated", "spec"]

_RESERVED = {t.name for t in dtypes.DTYPES} | {
    "none",
    "true",
    "false",
    "float",
    "constant",
    "return",
}


class Dim(int):
    """A whole number that depends on symbols; printed as the expression.

    >>> size = Dim(7, (("n", 2),), 1)
    >>> str(size), size + 1, evaluated(size, {"n": 5})
    ('2*n+1', 8, 11)
    """

    terms: tuple[tuple[str, int], ...]
    constant: int

    def __new__(cls, value: int, terms: Sequence[tuple[str, int]], constant: int) -> Dim:
        """The number ``value``, which is the sum of the terms and the constant."""
        made = super().__new__(cls, value)
        made.terms = tuple(terms)
        made.constant = constant
        return made

    def __str__(self) -> str:
        return affine(self.terms, self.constant)

    __repr__ = __str__

    @property
    def symbol(self) -> str | None:
        """The symbol that this number is, if it is nothing else."""
        plain = len(self.terms) == 1 and self.terms[0][1] == 1 and self.constant == 0
        return self.terms[0][0] if plain else None


class FloatDim(float):
    """A float that is a `Dim`, as where a sum is divided by the number of rows."""

    dim: Dim

    def __new__(cls, dim: Dim) -> FloatDim:
        """The number as a float."""
        made = super().__new__(cls, int(dim))
        made.dim = dim
        return made

    def __str__(self) -> str:
        return f"float({self.dim})"

    __repr__ = __str__


def affine(terms: Sequence[tuple[str, int]], constant: int) -> str:
    """An expression as text.

    >>> affine((("n", 1), ("m", -2)), 3), affine((), 4)
    ('n-2*m+3', '4')
    """
    parts = [name if k == 1 else f"{k}*{name}" for name, k in terms]
    if constant or not parts:
        parts.append(str(constant))
    return parts[0] + "".join(p if p.startswith("-") else f"+{p}" for p in parts[1:])


def evaluated(value: int, sizes: Mapping[str, int]) -> int:
    """A number for given sizes of the symbols."""
    if not isinstance(value, Dim):
        return value
    return value.constant + sum(k * sizes[name] for name, k in value.terms)


def check_symbol(name: Any) -> str:
    """The name, or an error that says why it cannot be that of a size."""
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier():
        raise ProgramError(f"{name!r} cannot name a size: a name is letters, digits and _")
    if name in _RESERVED:
        raise ProgramError(f"{name!r} cannot name a size: it is a word of the program's text")
    return name


class ArraySpec:
    """Shape and dtype of an array that need not exist; extents may be names."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int | str, ...], kind: DType) -> None:
        self.shape = shape
        self.dtype = kind

    def __repr__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    def at(self, sizes: Mapping[str, int]) -> Spec:
        """The spec for given sizes."""
        return Spec(tuple(sizes[n] if isinstance(n, str) else n for n in self.shape), self.dtype)


def spec(shape: int | str | Sequence[int | str], dtype: Any = None) -> ArraySpec:
    """Shape and dtype of an argument of `save`, in the place of an example array.

    An extent that is a name may have any size when the program is called; the same name is the
    same size everywhere. ``dtype`` is float32 unless given.

    >>> import dovetail as dt
    >>> dt.spec(("n", 784))
    float32[n, 784]
    """
    extents = (shape,) if isinstance(shape, int | str) else tuple(shape)
    for extent in extents:
        if isinstance(extent, str):
            check_symbol(extent)
        elif isinstance(extent, bool) or not isinstance(extent, int) or extent < 0:
            raise ProgramError(f"spec: {extent!r} is no extent; it is a whole number or a name")
    return ArraySpec(extents, dtypes.float32 if dtype is None else dtypes.dtype(dtype))
