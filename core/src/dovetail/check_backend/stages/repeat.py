"""The same call again, and in other pieces on other threads: the same bits, if that is claimed."""

from __future__ import annotations

from collections.abc import Iterator

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail._abi import lib
from dovetail.check_backend.drive.device import CallFailed
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.drive.pick import large_problem, one_of_each_dtype
from dovetail.check_backend.drive.problem import Problem
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import REGISTRY

__all__ = ["STAGE"]

_TIMES = 3
_SIZE = 1 << 12
# How parallel_for cuts, and on how many threads it runs: see KitHost.
_WAYS = (("whole", 1), ("odd", 4), ("threads", 2), ("threads", 4))


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    if not any(driver.kernel_rows(REGISTRY)):
        subject.skip("repeatability: the library has no kernel rows that this Dovetail knows")
    for op, row in driver.each_row(subject, "{} again and again"):
        chosen = one_of_each_dtype(op, row)
        larger = large_problem(op, row, _SIZE if subject.quick else 16 * _SIZE)
        try:
            for problem in (*chosen, larger):
                code, what = ("", "") if problem is None else _problem(driver, row, problem)
                if code:
                    yield Finding(code, STAGE.name, what, str(problem))
                    break
        except CallFailed as failure:
            yield Finding(failure.code("ops"), STAGE.name, str(failure), op.name)


def _problem(driver: Driver, row: KernelRow, problem: Problem) -> tuple[str, str]:
    """(code of the catalogue, sentence); empty when all runs gave the same bits."""
    first: list[bytes] | None = None
    claimed = False
    for pieces, threads in _WAYS:
        driver.host.pieces, driver.host.pointer.n_threads = pieces, threads
        kernel = driver.prepare(row, problem)
        if not isinstance(kernel, Kernel):
            return "", ""
        claimed = bool(kernel.flags & lib.DVT_INFO_DETERMINISTIC)
        for time in range(_TIMES if pieces == "whole" else 1):
            launch = driver.launch(kernel)
            driver.run(launch)
            bits = driver.contents(launch)
            driver.finish(launch)
            if first is None:
                first = bits
            elif bits != first:
                where = _where(problem, first, bits)
                if pieces == "whole":
                    what = f"run {time + 1} of the same call gave other bits: {where}"
                    code = "repeat/not-deterministic"
                else:
                    what = f"parallel_for in pieces ({pieces}) on {threads} threads: {where}"
                    code = "repeat/depends-on-threads"
                kernel.destroy()
                promise = "DVT_INFO_DETERMINISTIC is set, but " if claimed else ""
                return (code if claimed else "repeat/varies"), promise + what
        kernel.destroy()
    return "", ""


def _where(problem: Problem, first: list[bytes], other: list[bytes]) -> str:
    for number, (one, two) in enumerate(zip(first, other, strict=True)):
        size = problem.results[number].dtype.itemsize
        places = [
            at for at in range(0, len(one), size) if one[at : at + size] != two[at : at + size]
        ]
        if places:
            count = len(one) // size
            first_one = places[0] // size
            return (
                f"{len(places)} of {count} elements of result {number}, from element {first_one} on"
            )
    return "nothing"


STAGE = Stage("repeat", "The same call gives the same bits where that is claimed", _run)
