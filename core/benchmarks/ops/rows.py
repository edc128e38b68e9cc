"""A row for each op and dtype: both times and their ratio, after both results agree."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

import dovetail as dt
from dovetail.op import REGISTRY, Op, iterate
from dovetail.testing.device_check import function_of
from ops.judges import RANDOM, judge
from ops.measure import compare
from ops.problem import NoProblem, Problem, problems

CLOSE = {"float16": 1e-2, "bfloat16": 5e-2, "float32": 2e-4, "float64": 1e-9}

FREE = frozenset({"svd", "eigh", "eig", "eigvals", "qr"})
"""Ops whose results are unique only up to signs, phases and order, where columns may differ."""


def call_of(problem: Problem) -> Callable[[], Any]:
    """The op on arrays of Dovetail."""
    arrays = [dt.asarray(x) for x in problem.arrays]
    function = function_of(problem.op)
    words = problem.attributes
    return lambda: function(*arrays, **words)


def agree(problem: Problem, ours: Any, theirs: Any) -> None:
    """Raise AssertionError unless both computed the same."""
    if problem.op.name in FREE or problem.op.name in RANDOM:
        return
    for a, b in zip(iterate(ours), iterate(theirs), strict=True):
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape:
            raise AssertionError(f"shape {x.shape} instead of {y.shape}")
        limit = CLOSE.get(str(a.dtype), 0.0)
        scale = np.max(np.abs(y), initial=0.0, where=np.isfinite(y)) if limit and y.size else 0.0
        np.testing.assert_allclose(x, y, rtol=limit, atol=limit * float(scale))


def host_run(problem: Problem) -> bool:
    """Whether numpy runs it on the CPU device too."""
    from dovetail.explain.part import part_of  # noqa: PLC0415
    from dovetail.plan import plan  # noqa: PLC0415
    from dovetail.trace import trace  # noqa: PLC0415

    function = function_of(problem.op)
    graph = trace(lambda *xs: function(*xs, **problem.attributes), _specimens(problem)).graph
    found = part_of("", graph, plan(graph, dt.devices()[0]))
    return any(step.where == "numpy on the host" for step in found.steps)


def _specimens(problem: Problem) -> tuple[Any, ...]:
    return tuple(dt.asarray(x) for x in problem.arrays)


def chosen(only: Iterable[str]) -> list[Op]:
    """The ops that are asked for, by name."""
    names = set(only)
    unknown = names - set(REGISTRY)
    if unknown:
        raise SystemExit(f"no op named {', '.join(sorted(unknown))}")
    return [REGISTRY[name] for name in sorted(names or set(REGISTRY))]


def measured(
    only: Iterable[str], *, size: int, rounds: int, seconds: float
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(rows, why others have none), the worst ratio first."""
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for op in chosen(only):
        try:
            for one in problems(op, bearable(op, size)):
                rows.append(row(one, rounds=rounds, seconds=seconds))
                print(f"{op.name} {one.kind}: {rows[-1]['ratio']:.2f}", file=sys.stderr)
        except NoProblem as reason:
            left_out[op.name] = str(reason)
        except Exception as error:
            traceback.print_exc()
            left_out[op.name] = f"{type(error).__name__}: {error}"[:300]
    rows.sort(key=lambda r: -r["ratio"])
    return rows, left_out


SMALL, BEARABLE = 256, 0.2


def bearable(op: Op, size: int) -> int:
    """The size, or less where numpy would take more than ``BEARABLE`` seconds for one call."""
    least = size
    for one in problems(op, min(SMALL, size)):
        _, theirs = judge(one)
        with np.errstate(all="ignore"):
            theirs()
            start = time.process_time()
            theirs()
        took = (time.process_time() - start) * size / SMALL
        if took > BEARABLE:
            least = min(least, max(SMALL, int(size * BEARABLE / took)))
    return least


def row(problem: Problem, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Both times of a problem."""
    text, theirs = judge(problem)
    ours = call_of(problem)
    with np.errstate(all="ignore"):
        agree(problem, ours(), theirs())
        times = compare(ours, theirs, rounds=rounds, seconds=seconds)
    return {
        "op": problem.op.name,
        "kind": problem.kind,
        "what": problem.shown,
        "judge": text,
        "numpy_runs_it": host_run(problem),
        **asdict(times),
    }
