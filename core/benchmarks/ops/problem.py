"""What an op is asked: operands of about a million elements, made from its record's samples."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.dtypes import DTYPES, DType, dtype
from dovetail.op import Op, Sample, Spec, iterate
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
        found = list(_grown(op, size))
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


# ---- larger samples ------------------------------------------------------------------------------


def _grown(op: Op, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Samples of the record made larger, the likeliest first; samples as they are come last."""
    given = list(op.samples())
    samples = [s for s in given if s.differentiable and _suits(s)]
    samples = samples or [s for s in given if _suits(s)]
    for sample in sorted(samples, key=lambda s: -sum(map(_elements, s.inputs))):
        attributes = dict(sample.attributes)
        if "axis" in op.attributes:
            yield from _lines(op, sample, size)
        elif op.broadcast or (len(sample.inputs) == 1 and not attributes and _elementwise(op)):
            yield tuple(((size,), *v[1:]) for v in sample.inputs), attributes
        else:
            yield from _more(sample, size)
    for sample in given:  # better small than not at all
        if sample.differentiable and all(np.size(_values(v)) for v in sample.inputs):
            yield sample.inputs, dict(sample.attributes)


def _values(value: Any) -> Any:
    return np.empty(value[0]) if isinstance(value, tuple) else value


def _suits(sample: Sample) -> bool:
    drawn = all(
        isinstance(v, tuple) and len(v) == 3 and isinstance(v[0], tuple) for v in sample.inputs
    )
    return drawn and bool(sample.inputs) and all(0 not in v[0] for v in sample.inputs)


def _elements(value: Any) -> int:
    return math.prod(value[0])


def _elementwise(op: Op) -> bool:
    spec = Spec((3, 5), next(iter(sorted(op.allowed(op.operands[0][1]), key=str))))
    try:
        return all(s.shape == (3, 5) for s in iterate(op.infer(spec, **op.attributes)))
    except Exception:
        return False


def _lines(op: Op, sample: Sample, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """A square, along its last axis."""
    side = max(2, math.isqrt(size))
    shapes = {v[0] for v in sample.inputs}
    axis = sample.attributes.get("axis", op.attributes["axis"])
    if len(shapes) > 1 or isinstance(axis, tuple):
        return
    attributes = {**sample.attributes, "axis": 1}
    yield tuple(((side, side), *v[1:]) for v in sample.inputs), attributes


def _more(sample: Sample, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """More of the same along a first axis that the operands have, or are given."""
    times = max(1, size // max(map(_elements, sample.inputs)))
    firsts = {v[0][0] for v in sample.inputs if v[0]}
    if all(len(v[0]) > 2 for v in sample.inputs) and len(firsts) == 1:
        grown = tuple(((v[0][0] * times, *v[0][1:]), *v[1:]) for v in sample.inputs)
        yield grown, dict(sample.attributes)
    yield tuple(((times, *v[0]), *v[1:]) for v in sample.inputs), dict(sample.attributes)
