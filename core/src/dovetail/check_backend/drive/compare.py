"""Whether two runs of one kernel gave the same, but for the order in which it may add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dovetail.check_backend.drive.problem import Problem
from dovetail.testing.closeness import allowed, assert_close

__all__ = ["difference"]

_SUMS = 64  # the op's own tolerance so many times: a sum in another order is another sum


def difference(
    problem: Problem,
    got: Sequence[np.ndarray[Any, Any]],
    want: Sequence[np.ndarray[Any, Any]],
) -> str:
    """How results differ, in words; empty when they do not."""
    tolerance: dict[str, Any] = {"norm": True}
    for spec in problem.results:
        tolerance[spec.dtype.name] = _SUMS * max(allowed(problem.op.tolerance, spec.dtype), 4)
    try:
        for one, other, spec in zip(got, want, problem.results, strict=True):
            assert_close(one, other, spec.dtype, tolerance, problem)
    except AssertionError as error:
        return str(error)
    return ""
