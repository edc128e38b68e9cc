"""Operands under every kind of strides, unaligned, and with values that are easily forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail._abi import lib
from dovetail.check_backend.drive.compare import difference
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.drive.layout import LAYOUTS, Placed, placed
from dovetail.check_backend.drive.problem import Problem, problems, stored
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import REGISTRY, Op, Spec
from dovetail.reference import carrier
from dovetail.testing.closeness import allowed

__all__ = ["STAGE"]

_QUICK_CASES = 6  # of each row


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    rows = list(driver.kernel_rows(REGISTRY))
    if not any(row.flags & lib.DVT_KERNEL_STRIDED for _, row in rows):
        subject.skip("strides: no row sets DVT_KERNEL_STRIDED")
    if not any(row.flags & lib.DVT_KERNEL_UNALIGNED for _, row in rows):
        subject.skip("unaligned operands: no row sets DVT_KERNEL_UNALIGNED")
    for op, row in driver.each_row(subject, "{} on operands laid out otherwise"):
        seen: set[str] = set()
        for code, what, where in _row(subject, driver, op, row):
            if code not in seen:
                seen.add(code)
                yield Finding(code, STAGE.name, what, where)


def _row(
    subject: Subject, driver: Driver, op: Op, row: KernelRow
) -> Iterator[tuple[str, str, str]]:
    laid_out = [(p, "") for p in problems(op, row) if _has_room(p)]
    special = [(p, "special") for p in _special(op, row)]
    if subject.quick:
        laid_out = laid_out[:: max(1, len(laid_out) // _QUICK_CASES)]
    for problem, kind in (*laid_out, *special):
        subject.doing(f"{problem} laid out otherwise" if not kind else f"{problem}, special values")
        try:
            if kind:
                yield from ((*one, str(problem)) for one in _values(driver, row, problem))
                continue
            if row.flags & lib.DVT_KERNEL_STRIDED:
                for layout in LAYOUTS:
                    yield from (
                        (*one, str(problem)) for one in _strided(driver, row, problem, layout)
                    )
            if row.flags & lib.DVT_KERNEL_UNALIGNED:
                yield from ((*one, str(problem)) for one in _unaligned(driver, row, problem))
        except CallFailed as failure:
            yield failure.code("ops"), str(failure), str(problem)


def _has_room(problem: Problem) -> bool:
    return any(s.ndim and s.size > 1 for s in problem.specs) and any(
        s.size for s in problem.results
    )


def _results(
    driver: Driver,
    row: KernelRow,
    problem: Problem,
    layouts: Sequence[Placed] | None = None,
    shift: int = 0,
) -> list[np.ndarray[Any, Any]] | None:
    """What the row gives; None when it refuses."""
    kernel = driver.prepare(row, problem, layouts)
    if not isinstance(kernel, Kernel):
        return None
    launch = driver.launch(kernel, layouts=layouts, shift=shift)
    driver.run(launch)
    found = driver.results(launch)
    driver.finish(launch)
    kernel.destroy()
    return found


# ---- strides and alignment: against the same kernel on contiguous operands ----------------------


def _strided(
    driver: Driver, row: KernelRow, problem: Problem, layout: str
) -> Iterator[tuple[str, str]]:
    layouts = [
        placed(stored(x, s.dtype), layout)
        for x, s in zip(problem.values, problem.specs, strict=True)
    ]
    if layout == "repeated":  # it shows one slice again and again
        shown = [
            np.broadcast_to(x[:1], x.shape) if x.ndim and x.size else x for x in problem.values
        ]
        problem = problem.with_values(shown)
    want = _results(driver, row, problem)
    got = _results(driver, row, problem, layouts) if want is not None else None
    if got is not None and want is not None:
        how = difference(problem, got, want)
        if how:
            yield "ops/wrong-strided", f"{layout} operands, against contiguous ones: {how}"


def _unaligned(driver: Driver, row: KernelRow, problem: Problem) -> Iterator[tuple[str, str]]:
    want = _results(driver, row, problem)
    got = _results(driver, row, problem, shift=1) if want is not None else None
    if got is not None and want is not None:
        how = difference(problem, got, want)
        if how:
            yield "ops/wrong-unaligned", f"operands at odd addresses: {how}"


# ---- values --------------------------------------------------------------------------------------


def _special(op: Op, row: KernelRow) -> Iterator[Problem]:
    """An element-wise op whose record argues for values that are not finite, on pairs of them."""
    exact = all(op.tolerance.get(name) == 0 for name in ("float32", "float64"))
    # Of functions of two operands that are no arithmetic, few pairs of special values are settled.
    if not op.operands or op.variadic or len(op.operands) > (2 if exact else 1):
        return
    done: set[str] = set()
    for problem in problems(op, row):
        kinds = {s.dtype for s in problem.specs}
        if len(kinds) != 1 or next(iter(kinds)).kind != "float":
            continue
        kind = next(iter(kinds))
        if kind.name in done or not _element_wise(problem) or not _argued(problem):
            continue
        done.add(kind.name)
        values = _values_of(problem.specs[0])
        count = len(problem.specs)
        grid = np.meshgrid(*[values] * count, indexing="ij")
        specs = tuple(Spec(x.shape, kind) for x in grid)
        results = tuple(Spec(grid[0].shape, r.dtype) for r in problem.results)
        yield Problem(op, tuple(grid), specs, results, problem.attributes)


def _element_wise(problem: Problem) -> bool:
    shape = problem.specs[0].shape
    return (
        bool(shape)
        and not any(v is not None for v in problem.attributes.values())
        and all(s.shape == shape for s in (*problem.specs, *problem.results))
    )


def _argued(problem: Problem) -> bool:
    return any(not np.isfinite(x).all() for x in problem.values)


def _values_of(spec: Spec) -> np.ndarray[Any, Any]:
    bits, least = {
        "float16": (11, -14),
        "bfloat16": (8, -126),
        "float32": (24, -126),
        "float64": (53, -1022),
    }[spec.dtype.name]
    smallest = 2.0**least  # of the normal numbers
    tiny = [smallest * 2.0 ** (1 - bits), smallest * 0.5, smallest]
    values = [0.0, *tiny, 1.0, 3.0, np.inf]
    return np.array([np.nan, *values, *(-v for v in values)], carrier(spec.dtype))


def _values(driver: Driver, row: KernelRow, problem: Problem) -> Iterator[tuple[str, str]]:
    got = _results(driver, row, problem)
    if got is None:
        return
    for one, want, spec in zip(got, problem.expected(), problem.results, strict=True):
        if spec.dtype.kind != "float":
            continue
        wide, right = one.astype(np.float64), want.astype(np.float64)
        least = float(_values_of(spec)[4])
        small = np.isfinite(right) & (right != 0) & (np.abs(right) < least)
        # A result of a few of the smallest steps may be off by all of them.
        steps = 1 + allowed(problem.op.tolerance, spec.dtype)
        lost = small & (wide == 0) & (np.abs(right) > steps * _values_of(spec)[2])
        # At the border of a domain a tiny step decides between inf and NaN.
        tiny = [(x != 0) & (np.abs(x.astype(np.float64)) <= least) for x in problem.values]
        firm = ~np.logical_or.reduce(tiny)
        other = firm & ~(np.isfinite(right) & np.isfinite(wide)) & ~_same(wide, right)
        sign = (right == 0) & (wide == 0) & (np.signbit(wide) != np.signbit(right))
        for code, wrong in (
            ("ops/denormals", lost),
            ("ops/special-values", other),
            ("ops/zero-sign", sign),
        ):
            if wrong.any():
                at = tuple(int(i) for i in np.argwhere(wrong)[0])
                operands = ", ".join(repr(float(x[at])) for x in problem.values)
                what = f"of ({operands}) it gives {float(one[at])!r} instead of {float(want[at])!r}"
                yield code, f"{what}; {int(wrong.sum())} of {wrong.size} elements are so"


def _same(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray((x == y) | (np.isnan(x) & np.isnan(y)))


STAGE = Stage("layouts", "Strides, alignment and special values are taken as claimed", _run)
