"""Claimed kernels write their outputs, all of them and nothing else, and leave the process be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail._abi import lib
from dovetail.check_backend.drive.compare import difference
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver, Kernel, Launch
from dovetail.check_backend.drive.problem import Problem, problems
from dovetail.check_backend.drive.process import Process, printed, restore
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import REGISTRY, Op

__all__ = ["STAGE"]

_QUICK_CASES = 8  # of each row
_PRESETS = (b"\xc3", b"\x3c")  # an element that shows both was not written


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    if not driver.rows:
        subject.skip("kernels: the library has no kernel rows")
        return
    unknown = sorted(name for name in driver.rows if name not in REGISTRY)
    if unknown:
        what = f"it has rows for ops that this Dovetail does not know: {', '.join(unknown)}"
        yield Finding("ops/unknown", STAGE.name, what)
    for op, row in driver.each_row(subject, "prepare and run {}"):
        yield from _row(subject, driver, op, row)


def _row(subject: Subject, driver: Driver, op: Op, row: KernelRow) -> Iterator[Finding]:
    if not row.min_version <= op.version <= row.max_version:
        covers = f"version {row.min_version}"
        if row.max_version > row.min_version:
            covers = f"versions {row.min_version} to {row.max_version}"
        what = (
            f"row {row.index} covers {covers} of {op.name}, this Dovetail has version "
            f"{op.version}: it is never asked"
        )
        yield Finding("ops/other-version", STAGE.name, what, op.name)
        return
    seen: set[str] = set()
    refusals: list[str] = []
    ran = 0
    for number, problem in enumerate(problems(op, row)):
        if subject.quick and number >= _QUICK_CASES:
            break
        if not _asked(problem, row):
            continue
        subject.doing(f"prepare and run of {problem}")
        try:
            kernel = driver.prepare(row, problem)
            if isinstance(kernel, str):
                refusals.append(kernel)
                continue
            found = list(_one(driver, kernel))
            kernel.destroy()
        except CallFailed as failure:
            found = [(failure.code("ops"), str(failure))]
        ran += 1
        for code, what in found:
            if code not in seen:  # the first shows how; the others would say the same
                seen.add(code)
                yield Finding(code, STAGE.name, what, str(problem))
    driver.host.check_live()
    for code, what in driver.host.take_faults():
        yield Finding(code, STAGE.name, what, op.name)
    if refusals and not ran:
        what = f"it claims {op.name} and refused all {len(refusals)} samples: {refusals[0]}"
        yield Finding("ops/refuses-always", STAGE.name, what, op.name)


def _asked(problem: Problem, row: KernelRow) -> bool:
    """Whether a host would call it: not for results without elements, unless it wants that."""
    return bool(row.flags & lib.DVT_KERNEL_EMPTY) or any(s.size for s in problem.results)


def _one(driver: Driver, kernel: Kernel) -> Iterator[tuple[str, str]]:
    """Run it twice and look at all the memory that it was given."""
    launch = driver.launch(kernel)
    seen = []
    for preset in _PRESETS:
        driver.preset(launch, preset)
        before, written = Process.now(), printed()
        driver.run(launch)
        changes = before.changes(Process.now())
        if changes:
            restore(before)
            yield from changes
        if printed() != written:
            yield "state/prints", "it wrote to the standard output or error of the process"
        seen.append(driver.contents(launch))
    yield from _memory(driver, launch)
    for i, spec in enumerate(kernel.problem.results):
        left = _unwritten(seen[0][i], seen[1][i], spec.dtype.itemsize)
        if left:
            where = f"{len(left)} of {spec.size} elements, the first is number {left[0]}"
            yield "ops/leaves-output", f"output {i} was not written completely: {where}"
    yield from _in_place(driver, kernel, driver.results(launch))
    driver.finish(launch)


def _in_place(
    driver: Driver, kernel: Kernel, want: list[np.ndarray[Any, Any]]
) -> Iterator[tuple[str, str]]:
    """Outputs in the memory of inputs, as far as the kernel says that they may be."""
    problem = kernel.problem
    for o, i in itertools.product(range(len(want)), range(len(problem.specs))):
        if max(o, i) > 7 or not int(kernel.info.may_alias) >> (8 * o + i) & 1:
            continue
        if problem.results[o].nbytes != problem.specs[i].nbytes:
            continue
        launch = driver.launch(kernel, alias=(o, i))
        driver.run(launch)
        how = difference(problem, driver.results(launch), want)
        if how:
            yield "ops/wrong-in-place", f"output {o} in the memory of operand {i}: {how}"
        driver.finish(launch)


def _memory(driver: Driver, launch: Launch) -> Iterator[tuple[str, str]]:
    for i, (buffer, content) in enumerate(zip(launch.inputs, launch.contents, strict=True)):
        if driver.get(buffer) != content:
            yield "ops/changes-input", f"operand {i} holds other values after the run"
        elif where := driver.guards(buffer):
            yield "ops/writes-outside", f"operand {i}: {where}"
    for i, buffer in enumerate(launch.outputs):
        if where := driver.guards(buffer):
            yield "ops/writes-outside", f"output {i} of {buffer.size} bytes: {where}"
    if launch.workspace is not None and (where := driver.guards(launch.workspace)):
        what = f"the workspace of {launch.workspace.size} bytes that it asked for: {where}"
        yield "ops/workspace-overrun", what


def _unwritten(first: bytes, second: bytes, size: int) -> list[int]:
    one, other = _PRESETS[0] * size, _PRESETS[1] * size
    starts = range(0, len(first), size)
    return [
        at // size
        for at in starts
        if first[at : at + size] == one and second[at : at + size] == other
    ]


STAGE = Stage("kernels", "Kernels write their outputs, all of them and nothing else", _run)
