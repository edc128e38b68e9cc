"""Claimed ops through the core, against their numpy meaning, with the validation layer between."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail import settings
from dovetail.check_backend import objections, unsupported
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import OpResult, Stage
from dovetail.check_backend.subject import Subject
from dovetail.check_backend.unsupported import KnownFailure
from dovetail.dtypes import dtype
from dovetail.op import REGISTRY, Op
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import allowed
from dovetail.testing.conformance import LARGE, Conformance, Lacking
from dovetail.testing.layouts import LAYOUTS

__all__ = ["STAGE"]

_QUICK_CASES = 4  # of each op and dtype, about
_SOME = 1 << 12
_REFERENCE_SECONDS = 5.0  # what a million elements may take, mostly numpy

_RAISED = re.compile(r"of sample \d+: \w*Error: ")


def _run(subject: Subject) -> Iterator[Finding]:
    settings.validate_from_now_on()
    device = subject.device()
    known = unsupported.read(subject.path.parent / unsupported.FILE_NAME)
    for name in sorted({k.op for k in known} - device.rows.keys()):
        what = f"{unsupported.FILE_NAME} names {name}, for which there is no row"
        yield Finding("ops/unexpected-pass", STAGE.name, what, name)
    claimed = [
        name
        for name in sorted(device.rows)
        if name in REGISTRY and REGISTRY[name].claim not in ("view", "structured")
    ]
    if not claimed:
        subject.skip("ops: the library has no kernel rows for ops that this Dovetail knows")
    for name in subject.each(claimed, "{} on the conformance samples"):
        op = REGISTRY[name]
        by_dtype: dict[str, list[Case]] = {}
        for case in samples_of(op):
            by_dtype.setdefault(_kind(case), []).append(case)
        for kind, cases in by_dtype.items():
            step = max(1, len(cases) // _QUICK_CASES) if subject.quick else 1
            chosen = cases[::step]
            subject.doing(f"{name} of {kind} on the conformance samples")
            yield from _dtype(subject, op, kind, chosen, unsupported.find(known, name, kind))


def _kind(case: Case) -> str:
    return case.dtypes[0].name if case.dtypes else str(case.attributes.get("dtype"))


def _dtype(
    subject: Subject, op: Op, kind: str, cases: list[Case], known: KnownFailure | None
) -> Iterator[Finding]:
    """One op on operands of one dtype."""
    checker = Conformance(subject.device().name)
    try:
        found = _failures(lambda: checker.check(op, cases), "ops/wrong-result")
    except Lacking:
        return  # no row takes this dtype
    shaped = [c for c in cases if any(x.ndim and x.size > 1 for x in c.arrays)]
    if subject.quick:
        shaped = shaped[:1]
    if not found and shaped:
        for layout in LAYOUTS[1:]:
            with contextlib.suppress(Lacking):  # what is claimed may be scalars alone
                check = functools.partial(checker.check, op, shaped, layout)
                found += _failures(check, "ops/wrong-strided")
    if not found and not subject.quick and kind == "float32":
        found += _large(subject, checker, op)
    seen = checker.findings[op.name]
    for name, worst in seen.worst.items():
        bound = allowed(op.tolerance, dtype(name))
        how = "+".join(sorted(seen.runs_as))
        subject.op(
            OpResult(
                op=op.name,
                dtype=name,
                cases=seen.cases,
                worst_ulp=worst,
                bound_ulp=bound,
                runs_as=how,
            )
        )
    where = f"{op.name} of {kind}"
    if known is None:
        for code in dict.fromkeys(code for code, _ in found):
            what = next(text for c, text in found if c == code)
            yield Finding(code, STAGE.name, what, where)
    elif found:
        what = f"{known.reason} ({known.issue}); now: {found[0][1]}"
        yield Finding("ops/known-failure", STAGE.name, what, where)
    else:
        what = f"{unsupported.FILE_NAME} says that it fails ({known}), and all its samples pass"
        yield Finding("ops/unexpected-pass", STAGE.name, what, where)


def _large(subject: Subject, checker: Conformance, op: Op) -> list[tuple[str, str]]:
    """A million elements, or few thousands where the reference, not the library, is slow."""
    found: list[tuple[str, str]] = []
    for size in (_SOME, LARGE):
        subject.doing(f"{op.name} of float32 on some {size} elements")
        begin = time.perf_counter()
        try:
            found += _failures(functools.partial(checker.large, op, size), "ops/wrong-large")
        except Lacking:
            break
        if found or (time.perf_counter() - begin) * LARGE > _REFERENCE_SECONDS * size:
            break
    return found


def _failures(check: Callable[[], int], code: str) -> list[tuple[str, str]]:
    """What a check of the conformance suite finds: (code of the catalogue, sentence)."""
    try:
        check()
    except AssertionError as error:
        lines = str(error).splitlines()
        return [(_code(line, code), line) for line in lines if not line.startswith("...")]
    return []


def _code(line: str, code: str) -> str:
    if objections.MARK in line:
        return objections.code_of(line) or "ops/validation"
    if not _RAISED.search(line):
        return code
    return "ops/fails-silently" if "gave no reason" in line else "ops/fails"


STAGE = Stage("ops", "Claimed ops give what their numpy meaning gives", _run)
