"""An op's samples as concrete inputs: numpy arrays for each dtype, the same in every run."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dovetail.dtypes import DTYPES, DType, dtype
from dovetail.op import Op, Sample
from dovetail.reference import carrier, rounded

__all__ = ["Case", "samples_of"]

_BY_WORD = {t.word: t for t in DTYPES} | {t.name: t for t in DTYPES}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """Inputs of one call of an op. bfloat16 arrays are float32 with values that bfloat16 has."""

    op: Op
    arrays: tuple[np.ndarray[Any, Any], ...]
    dtypes: tuple[DType, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    differentiable: bool = True
    number: int = 0

    def __str__(self) -> str:
        operands = ", ".join(
            f"{t}[{', '.join(map(str, x.shape))}]"
            for t, x in zip(self.dtypes, self.arrays, strict=True)
        )
        attributes = "".join(f", {k}={v}" for k, v in self.attributes.items())
        return f"{self.op.name}({operands}{attributes}) of sample {self.number}"


def _is_drawn(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], tuple)


def _whole_range(kind: DType, low: float, high: float) -> tuple[int, int]:
    ends = np.iinfo(carrier(kind))
    first = max(int(np.ceil(low)), int(ends.min))
    last = min(int(np.ceil(high)), int(ends.max) + 1)
    return first, max(last, first + 1)


def _draw(random: np.random.Generator, value: Any, kind: DType) -> np.ndarray[Any, Any]:
    shape, low, high = value
    if kind.kind == "bool":
        return np.asarray(random.integers(0, 2, shape), dtype=bool)
    if kind.kind == "float":
        return rounded(random.uniform(low, high, shape), kind)
    if kind.kind == "complex":  # the same box for both parts, the imaginary one about zero
        half = (high - low) / 2
        parts = random.uniform(low, high, shape) + 1j * random.uniform(-half, half, shape)
        return rounded(parts, kind)
    first, last = _whole_range(kind, low, high)
    # Endpoint form, since one past the end of 64 bits is no number of numpy's.
    drawn = random.integers(first, last - 1, shape, dtype=carrier(kind), endpoint=True)
    return np.asarray(drawn, dtype=carrier(kind))


def _convert(value: Any, kind: DType) -> np.ndarray[Any, Any]:
    """Explicit values in a dtype; integers that lack them take the nearest they have."""
    given = np.asarray(value)
    if kind.kind in ("bool", "float", "complex"):
        return rounded(given, kind)
    given = np.real(given)
    ends = np.iinfo(carrier(kind))
    if given.dtype.kind == "f":
        given = np.nan_to_num(np.trunc(given), nan=0, posinf=ends.max, neginf=ends.min)
    clipped = [min(max(int(v), int(ends.min)), int(ends.max)) for v in given.reshape(-1)]
    return np.array(clipped, dtype=carrier(kind)).reshape(given.shape)


def _choices(op: Op, sample: Sample) -> Iterator[dict[str, DType]]:
    """A dtype for each type variable of the operands: all of the first, the others in turn."""
    words = dict.fromkeys(op.words(len(sample.inputs)))
    variables = [w for w in words if w not in _BY_WORD]
    fixed = {w: _BY_WORD[w] for w in words if w in _BY_WORD}
    if not variables:
        yield fixed
        return
    first, *others = variables
    allowed = op.allowed(first) if sample.dtypes is None else sample.dtypes & op.allowed(first)
    for i, kind in enumerate(t for t in DTYPES if t in allowed):
        chosen = {first: kind}
        for word in others:
            options = [t for t in DTYPES if t in op.allowed(word)]
            chosen[word] = options[i % len(options)]
        yield fixed | chosen


def samples_of(op: Op) -> Iterator[Case]:
    """Every sample of an op's record in every dtype it names."""
    for number, sample in enumerate(op.samples()):
        for chosen in _choices(op, sample):
            seed = f"{op.name} {number} {' '.join(t.name for t in chosen.values())}"
            random = np.random.default_rng(zlib.crc32(seed.encode()))
            arrays, kinds = [], []
            for value, word in zip(sample.inputs, op.words(len(sample.inputs)), strict=True):
                kind = chosen[word]
                if isinstance(value, np.ndarray):  # its dtype is meant
                    kind = dtype(value.dtype)
                    arrays.append(value)
                elif _is_drawn(value):
                    arrays.append(_draw(random, value, kind))
                else:
                    arrays.append(_convert(value, kind))
                kinds.append(kind)
            yield Case(
                op=op,
                arrays=tuple(arrays),
                dtypes=tuple(kinds),
                attributes=sample.attributes,
                differentiable=sample.differentiable,
                number=number,
            )
