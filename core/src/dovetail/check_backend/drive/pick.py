"""Which problems of an op stand for it where not all of them can be tried."""

from __future__ import annotations

from dataclasses import replace

from dovetail.check_backend.drive.problem import Problem, fits, problem_of, problems
from dovetail.errors import DovetailError
from dovetail.kernel_row import KernelRow
from dovetail.op import Op, Sample
from dovetail.testing.cases import samples_of
from dovetail.testing.larger import larger

__all__ = ["large_problem", "one_of_each_dtype"]


def one_of_each_dtype(op: Op, row: KernelRow) -> list[Problem]:
    """For each dtype of the first operand, the sample with the most elements."""
    best: dict[str, Problem] = {}
    for problem in problems(op, row):
        if not all(s.size for s in problem.results):
            continue
        key = problem.specs[0].dtype.name if problem.specs else ""
        if key not in best or problem.elements > best[key].elements:
            best[key] = problem
    return list(best.values())


def large_problem(op: Op, row: KernelRow, size: int) -> Problem | None:
    """A sample made larger, to about ``size`` elements; as large as can be had, None for none."""
    best: Problem | None = None
    for inputs, attributes in larger(op, size):
        one = (Sample(inputs=inputs, attributes=attributes),)
        try:
            found = [problem_of(c) for c in samples_of(replace(op, samples=one.__iter__))]
        except (DovetailError, TypeError, ValueError):
            continue  # a shape that the op does not take
        for problem in found:
            if fits(row, problem) and problem.elements <= 4 * size:
                if problem.elements >= size // 2:
                    return problem
                if best is None or problem.elements > best.elements:
                    best = problem
    return best
