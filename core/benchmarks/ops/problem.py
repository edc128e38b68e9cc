"""What an op is asked: operands of about a million elements, made from its record's samples."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.dtypes import DTYPES, DType, dtype
from dovetail.op import Op, Spec, iterate
from dovetail.testing.larger import larger
from ops.shapes import SHAPES, Cast

WHOLE = 1 << 20
"""Elements of the largest operand."""

WORDS = {t.word: t for t in DTYPES} | {t.name: t for t in DTYPES}
WANTED = (
    ("float32", "float64"),
    ("complex64", "complex128"),
    ("int32", "int64"),
    ("uint32", "uint64"),
    ("bool",),
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One call of an op."""

    op: Op
    kind: str
    """The dtype the row is listed under: that of the first operand that may vary."""
    arrays: tuple[np.ndarray[Any, Any], ...]
    attributes: dict[str, Any]
    """As the call is given them."""
    canonical: dict[str, Any]
    """As references see them."""

    @property
    def shown(self) -> str:
        """Operands and attributes for the table."""
        operands = ", ".join(f"{list(x.shape)}" for x in self.arrays)
        words = "".join(f", {k}={v}" for k, v in self.attributes.items())
        return f"{operands}{words}".removeprefix(", ")


class NoProblem(Exception):
    """Why an op is not measured."""


def problems(op: Op, size: int = WHOLE) -> Iterator[Problem]:
    """A problem for each dtype the op is measured in."""
    if op.claim == "structured":
        raise NoProblem("a loop or a branch costs what its body costs")
    for name in kinds(op):
        yield problem(op, name, size)


def kinds(op: Op) -> tuple[str, ...]:
    """float32 and float64; for ops that take none of these, the first pair of WANTED they take.

    An op that is told the dtype of its result is measured in dtypes of the result.
    """
    words = op.words(len(op.operands))
    if not words or "dtype" in op.attributes:
        words = op.results
    words = tuple(w for w in words if w not in WORDS)
    if not words:
        return ("",)
    allowed = {t.name for t in op.allowed(words[0])}
    return next(tuple(k for k in group if k in allowed) for group in WANTED if allowed & {*group})


def problem(op: Op, kind: str, size: int) -> Problem:
    """The op's operands in one dtype."""
    random = np.random.default_rng(zlib.crc32(f"{op.name} {kind}".encode()))
    if op.name in SHAPES:
        inputs, attributes = SHAPES[op.name](size)
        found = [(inputs, attributes)]
    else:
        found = list(larger(op, size))
    reasons = []
    for inputs, attributes in found:
        try:
            return _made(op, kind, inputs, dict(attributes), random)
        except Exception as error:  # whatever a shape rule says to a shape it was not made for
            reasons.append(f"{type(error).__name__}: {error}")
    raise NoProblem(f"no sample of its record makes a problem ({'; '.join(reasons[:2])})")


def _made(
    op: Op, kind: str, inputs: tuple[Any, ...], attributes: dict[str, Any], random: Any
) -> Problem:
    chosen = {w: WORDS[w] for w in op.words(len(inputs)) if w in WORDS}
    first = True
    arrays = []
    for value, word in zip(inputs, op.words(len(inputs)), strict=True):
        if word not in chosen:
            chosen[word] = dtype(kind) if first else _other(op, word, kind)
            first = False
        arrays.append(_drawn(value, chosen[word], random))
    attributes = {k: v(kind) if callable(v) else v for k, v in attributes.items()}
    specs = [Spec(x.shape, dtype(x.dtype)) for x in arrays]
    canonical = {**op.attributes, **attributes}
    if op.canonical is not None:
        from dovetail.promotion import promotion  # noqa: PLC0415

        shapes = promotion(op, specs)[1] if specs else ()
        whole = [
            s if shape is None else Spec(shape, s.dtype)
            for s, shape in zip(specs, shapes, strict=True)
        ]
        canonical = dict(op.canonical(*whole, **canonical))
    if not op.broadcast:
        results = list(iterate(op.infer(*specs, **canonical)))
        if max(s.size for s in results) > 16 * WHOLE:
            raise ValueError(f"its result {results[0]} would be too large")
    label = kind or str(specs[0].dtype)
    return Problem(
        op=op, kind=label, arrays=tuple(arrays), attributes=attributes, canonical=canonical
    )


def _other(op: Op, word: str, kind: str) -> DType:
    """A dtype for a further type variable: that of the first, or the widest of its own."""
    allowed = op.allowed(word)
    return dtype(kind) if dtype(kind) in allowed else [t for t in DTYPES if t in allowed][-1]


def _drawn(value: Any, kind: DType, random: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Cast):
        return value.values.astype(kind.name)
    if not isinstance(value, tuple):
        return np.asarray(value).astype(kind.name)
    shape, low, high = value
    if kind.kind == "bool":
        return np.asarray(random.integers(0, 2, shape), dtype=bool)
    if kind.kind in ("int", "uint"):
        ends = np.iinfo(kind.name)
        first, last = max(math.ceil(low), int(ends.min)), min(math.ceil(high), int(ends.max))
        return np.asarray(random.integers(first, max(last, first + 1), shape), dtype=kind.name)
    drawn = random.uniform(low, high, shape)
    if kind.kind == "complex":
        drawn = drawn + 1j * random.uniform(low, high, shape)
    return np.asarray(drawn, dtype=kind.name)
