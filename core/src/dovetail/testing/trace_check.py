"""Compiled against eager, and the recorded graph against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.op import Op, iterate
from dovetail.reference import run
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import assert_close
from dovetail.testing.collect import check_all
from dovetail.testing.device_check import arrays_of, function_of, numpy_results

__all__ = ["check_case_traced", "check_trace"]


def check_case_traced(case: Case) -> None:
    """Compare one call under jit, and its graph in numpy, with the eager call."""
    from dovetail.trace import trace  # noqa: PLC0415  cases alone need no native part
    from dovetail.transforms import jit  # noqa: PLC0415

    function = function_of(case.op)

    def call(*xs: Any) -> Any:
        return function(*xs, **case.attributes)

    arrays = arrays_of(case)
    eager = numpy_results(call(*arrays))
    for (got, kind), (want, _) in zip(numpy_results(jit(call)(*arrays)), eager, strict=True):
        assert_close(got, want, kind, case.op.tolerance, f"under jit, {case}")
    graph = trace(call, tuple(arrays)).graph
    in_numpy = iterate(run(graph, *case.arrays))
    for got, (want, kind) in zip(in_numpy, eager, strict=True):
        # numpy computes in the dtype itself here and is as far off as the kernel may be.
        wider = {
            name: limit if name == "norm" else 2 * limit + 4 * (kind.itemsize > 2)
            for name, limit in case.op.tolerance.items()
        }
        assert_close(np.asarray(got), want, kind, wider, f"its graph in numpy, {case}")


def check_trace(op: Op) -> int:
    """Check every sample in every dtype; return how many there were."""
    return check_all(check_case_traced, samples_of(op))
