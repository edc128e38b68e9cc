"""One call of an op as a kernel sees it: promoted, broadcast, with canonical attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dovetail.dtypes import DType, bfloat16
from dovetail.kernel_row import KernelRow, misfit
from dovetail.op import Op, Spec, iterate
from dovetail.promotion import promotion
from dovetail.reference import evaluate, rounded
from dovetail.testing.cases import Case, samples_of

__all__ = ["Problem", "fits", "problem_of", "problems", "stored", "unstored"]


def stored(values: np.ndarray[Any, Any], kind: DType) -> np.ndarray[Any, Any]:
    """Values as they lie in memory: bfloat16, which numpy lacks, as the upper half of float32."""
    if kind is not bfloat16:
        return np.asarray(values)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32) >> np.uint32(16)
    return np.asarray(bits.astype(np.uint16).reshape(np.shape(values)))


def unstored(content: bytes, spec: Spec) -> np.ndarray[Any, Any]:
    """Values from contiguous memory, in the carrier of their dtype."""
    if spec.dtype is not bfloat16:
        return np.frombuffer(content, np.dtype(spec.dtype.name)).reshape(spec.shape)
    bits = np.frombuffer(content, np.uint16).astype(np.uint32) << np.uint32(16)
    return bits.view(np.float32).reshape(spec.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Operands with values, attributes, and the specs of the results."""

    op: Op
    values: tuple[np.ndarray[Any, Any], ...]
    """In the carriers of their dtypes (float32 for bfloat16)."""
    specs: tuple[Spec, ...]
    results: tuple[Spec, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        attributes = "".join(f", {k}={v}" for k, v in self.attributes.items() if v is not None)
        return f"{self.op.name}({', '.join(map(str, self.specs))}{attributes})"

    @property
    def elements(self) -> int:
        """Elements of the largest operand or result."""
        return max((s.size for s in (*self.specs, *self.results)), default=0)

    def expected(self) -> tuple[np.ndarray[Any, Any], ...]:
        """The results by the op's numpy meaning, computed wide and rounded once."""
        return evaluate(self.op, self.values, self.specs, self.attributes, precise=True)

    def with_values(self, values: Sequence[np.ndarray[Any, Any]]) -> Problem:
        """The same call on other values of the same shapes and dtypes."""
        return replace(self, values=tuple(values))


def problem_of(case: Case) -> Problem:
    """A case of the conformance samples, brought to the form that kernels are asked in."""
    op = case.op
    specs = [Spec(x.shape, k) for x, k in zip(case.arrays, case.dtypes, strict=True)]
    arrays: list[np.ndarray[Any, Any]] = list(case.arrays)
    if arrays:
        casts, shapes = promotion(op, specs)
        kinds = [c or s.dtype for c, s in zip(casts, specs, strict=True)]
        arrays = [x if c is None else rounded(x, c) for x, c in zip(arrays, casts, strict=True)]
        arrays = [
            x if s is None else np.broadcast_to(x, s) for x, s in zip(arrays, shapes, strict=True)
        ]
        specs = [Spec(x.shape, k) for x, k in zip(arrays, kinds, strict=True)]
    attributes = {**op.attributes, **case.attributes}
    if op.canonical is not None:
        attributes = op.canonical(*specs, **attributes)
    results = tuple(iterate(op.infer(*specs, **attributes)))
    return Problem(op, tuple(arrays), tuple(specs), results, attributes)


def fits(row: KernelRow, problem: Problem) -> bool:
    """Whether a row claims the op in these types; prepare may still refuse."""
    op = problem.op
    words = ([s.dtype.word for s in specs] for specs in (problem.specs, problem.results))
    return row.op == op.name and not misfit(row, op, op.version, *words)


def problems(op: Op, row: KernelRow) -> Iterator[Problem]:
    """The conformance samples of an op that a row claims."""
    if op.claim in ("structured", "view"):
        return
    for case in samples_of(op):
        problem = problem_of(case)
        if fits(row, problem):
            yield problem
