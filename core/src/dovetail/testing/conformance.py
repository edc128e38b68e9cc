"""Every op of the registry on one device, against its numpy meaning: what is run and what is found.

``pytest --pyargs dovetail.testing --backend NAME`` runs it; nothing here needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dovetail.dtypes import DType
from dovetail.errors import DeviceError, DovetailError
from dovetail.op import Op, Spec, iterate
from dovetail.reference import call
from dovetail.settings import fallback_as
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import assert_close, ulp_error
from dovetail.testing.collect import check_all
from dovetail.testing.device_check import function_of, numpy_results
from dovetail.testing.larger import larger
from dovetail.testing.layouts import LAYOUTS, laid_out, values_in

__all__ = ["Conformance", "Finding", "Lacking"]

LARGE = 1 << 20
IN_PYTHON = 1 << 31  # DVF_INFO_PYTHON of csrc/fast/fast.h


@dataclass(kw_only=True, slots=True)
class Finding:
    """What was seen of one op."""

    worst: dict[str, float] = field(default_factory=dict)
    """Dtype of a result -> the largest error in units in the last place."""
    cases: int = 0
    runs_as: set[str] = field(default_factory=set)
    """``kernel``, ``numpy``, ``view``, ``decomposed``, ``control flow``."""
    lacks: set[str] = field(default_factory=set)
    """The operands for which the device has neither a kernel nor kernels of the parts."""


class Lacking(Exception):
    """The device has no kernel for a case, nor for what it is made of."""


@contextmanager
def _without_fallback(device: str) -> Iterator[None]:
    """The device alone: the CPU does not step in for it."""
    from dovetail.devices import use_device  # noqa: PLC0415  cases alone need no native part

    with fallback_as("error"), use_device(device):
        yield


class Conformance:
    """The checks of one device, and what they found."""

    def __init__(self, device: str) -> None:
        from dovetail.devices import device as find  # noqa: PLC0415  cases alone need none

        self.device = find(device if ":" in device else f"{device}:0")
        self.findings: dict[str, Finding] = {}

    # ---- the checks ------------------------------------------------------------------------------

    def samples(self, op: Op) -> int:
        """Every sample in every dtype; how many ran. Raises AssertionError, or `Lacking`."""
        return self.check(op, samples_of(op))

    def check(self, op: Op, cases: Iterable[Case], layout: str = "contiguous") -> int:
        """Some cases of an op, with all operands in one layout; how many ran."""
        return self._all(op, lambda case: self._case(case, layout), cases)

    def layouts(self, op: Op) -> int:
        """The samples once more with all operands transposed, backwards, spread and repeated."""
        if not op.operands or op.claim == "structured":
            return 0
        cases = [c for c in samples_of(op) if any(x.ndim and x.size > 1 for x in c.arrays)]

        def check(case: Case) -> None:
            for layout in LAYOUTS[1:]:
                self._case(case, layout)

        return self._all(op, check, cases)

    def large(self, op: Op, size: int = LARGE) -> int:
        """One sample of a million elements, where a sample can be made larger; 0 where none can."""
        if op.claim == "structured" or not op.operands:
            return 0
        known = self.findings.get(op.name)
        if known is not None and known.lacks and not known.cases:  # a million would be refused, too
            raise Lacking(f"{self.device.name} lacks {op.name}: {min(known.lacks)}")
        for inputs, attributes in larger(op, size):
            try:
                case = _drawn(op, inputs, dict(attributes))
                whole = max(x.size for x in case.arrays)
                if whole < size // 2 or not _fits(case):
                    continue
            except (DovetailError, TypeError, ValueError):
                continue  # a shape that the op does not take
            return self._all(op, lambda one: self._case(one, "contiguous"), [case])
        return 0

    # ---- one case --------------------------------------------------------------------------------

    def _all(self, op: Op, check: Callable[[Case], None], cases: Any) -> int:
        finding = self.findings.setdefault(op.name, Finding())
        ran = 0

        def one(case: Case) -> None:
            nonlocal ran
            try:
                check(case)
            except Lacking as reason:
                finding.lacks.add(str(reason))
            else:
                ran += 1

        check_all(one, cases)
        finding.cases += ran
        if not ran and finding.lacks:
            raise Lacking(f"{self.device.name} lacks {op.name}: {min(finding.lacks)}")
        return ran

    def _case(self, case: Case, layout: str) -> None:
        """Compare one call with the reference, in one layout of the operands.

        Repeated operands have values of their own, for which no tolerance was argued (a matrix is
        singular, a sum always rounds the same way): they are held against contiguous copies.
        """
        op = case.op
        tolerance, norm = op.tolerance, bool(op.tolerance.get("norm"))
        if layout == "repeated":
            try:
                want, _ = self._call(case, values_in, "contiguous")
            except DovetailError:  # such as a matrix that became singular
                return
            wider = {k: 64 * max(v, 4) for k, v in op.tolerance.items() if k != "norm"}
            tolerance = {"norm": True, **dict.fromkeys(("float32", "float64"), 256), **wider}
        else:
            want = [
                np.asarray(y)
                for y in iterate(
                    call(op, *case.arrays, dtypes=case.dtypes, precise=True, **case.attributes)
                )
            ]
        results, arrays = self._call(case, values_in if layout == "repeated" else None, layout)
        finding = self.findings[op.name]
        finding.runs_as.add(self._how(case, arrays, results))
        what = case if layout == "contiguous" else f"{layout} operands, {case}"
        for (got, kind), expected in zip(numpy_results(tuple(results)), want, strict=True):
            assert_close(got, np.asarray(expected), kind, tolerance, what)
            if layout != "repeated":
                worst = float(ulp_error(got, expected, kind, norm=norm).max(initial=0.0))
                finding.worst[kind.name] = max(finding.worst.get(kind.name, 0.0), worst)

    def _call(
        self, case: Case, change: Callable[..., Any] | None, layout: str
    ) -> tuple[list[Any], list[Any]]:
        """(results on the CPU, operands on the device)."""
        name = self.device.name
        with _without_fallback(name):
            arrays = [
                laid_out(x if change is None else change(x, "repeated"), kind, name, layout)
                for x, kind in zip(case.arrays, case.dtypes, strict=True)
            ]
            try:
                found = function_of(case.op)(*arrays, **case.attributes)
            except DeviceError as error:
                # "no kernel for": of an op in the body of a loop, or of a branch
                if "no kernel for" in str(error):
                    raise Lacking(str(error)) from error
                raise
            return [y.to_device("cpu:0") for y in iterate(found)], arrays

    def _how(self, case: Case, arrays: list[Any], results: list[Any]) -> str:
        """Who computed it."""
        from dovetail.selection import Operand, Refusal, Strided, select  # noqa: PLC0415

        op = case.op
        if op.claim in ("view", "structured"):
            return "view" if op.claim == "view" else "control flow"
        casts, shapes = _promotion(op, arrays)
        operands = [
            Operand(Spec(x.shape if s is None else s, c or x.dtype))
            for x, c, s in zip(arrays, casts, shapes, strict=True)
        ]
        attributes = {**op.attributes, **case.attributes}
        if op.canonical is not None:
            attributes = op.canonical(*(o.spec for o in operands), **attributes)
        specs = [Spec(y.shape, y.dtype) for y in results]
        kernel = select(self.device, op, operands, specs, attributes)
        if isinstance(kernel, Refusal | Strided):
            return "decomposed"
        return "numpy" if kernel.flags & IN_PYTHON else "kernel"

    # ---- what was found --------------------------------------------------------------------------

    def summary(self) -> list[str]:
        """Lines for the end of the run: errors by op and dtype, what numpy ran, what is lacking."""
        name = self.device.name
        ran = {k: f for k, f in sorted(self.findings.items()) if f.cases}
        lines = [f"{len(ran)} of {len(self.findings)} ops ran on {name}; largest errors in ulp:"]
        width = max((len(k) for k in ran), default=0)
        for key, finding in ran.items():
            errors = ", ".join(f"{k} {v:.3g}" for k, v in finding.worst.items())
            how = "+".join(sorted(finding.runs_as))
            lines.append(f"  {key:<{width}}  {how:<12}  {finding.cases:>5} cases  {errors}")
        by_numpy = [k for k, f in ran.items() if "numpy" in f.runs_as]
        if by_numpy:
            lines.append(f"run by numpy on the host, in some dtypes: {', '.join(by_numpy)}")
        partly = [k for k, f in ran.items() if f.lacks]
        if partly:
            lines.append(f"lacking in some dtypes or shapes: {', '.join(partly)}")
        lacking = [k for k, f in sorted(self.findings.items()) if f.lacks and not f.cases]
        if lacking:
            lines.append(f"lacking, so that the CPU would step in: {', '.join(lacking)}")
        return lines


def _promotion(op: Op, arrays: list[Any]) -> tuple[Any, Any]:
    from dovetail.promotion import promotion  # noqa: PLC0415  as above

    if not arrays:
        return (), ()
    return promotion(op, [Spec(x.shape, x.dtype) for x in arrays])


def _drawn(op: Op, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Case:
    """A case of large operands, in the first dtype the op takes that is float32 or else wide."""
    from dovetail.op import Sample  # noqa: PLC0415

    sample = Sample(inputs=inputs, attributes=attributes)
    cases = list(samples_of(_OneSample(op, sample)))  # type: ignore[arg-type]
    return next((c for c in cases if c.dtypes[0].name == "float32"), cases[-1])


class _OneSample:
    """An op with another sample."""

    def __init__(self, op: Op, sample: Any) -> None:
        self._op, self._sample = op, sample

    def samples(self) -> Iterator[Any]:
        yield self._sample

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)


def _fits(case: Case) -> bool:
    """Whether the op takes these operands, and gives no more than a few million elements."""
    specs = [Spec(x.shape, k) for x, k in zip(case.arrays, case.dtypes, strict=True)]
    casts, shapes = _promotion(case.op, [_Shaped(s.shape, s.dtype) for s in specs])
    specs = [
        Spec(s.shape if w is None else w, c or s.dtype)
        for s, c, w in zip(specs, casts, shapes, strict=True)
    ]
    attributes = {**case.op.attributes, **case.attributes}
    if case.op.canonical is not None:
        attributes = case.op.canonical(*specs, **attributes)
    results = tuple(iterate(case.op.infer(*specs, **attributes)))
    return all(s.size <= 4 * LARGE for s in results)


@dataclass(frozen=True, slots=True)
class _Shaped:
    shape: tuple[int, ...]
    dtype: DType


def beyond_two_gigabytes(device: str) -> dict[str, Callable[[], None]]:
    """Checks of operands of more than 2**31 bytes, which 32-bit offsets would wrap, by family.

    Each needs some 5 GB of memory. Values are compared where a wrapped offset would be seen.
    """
    from dovetail import ops  # noqa: PLC0415  cases alone need no native part
    from dovetail.creation import asarray  # noqa: PLC0415
    from dovetail.devices import use_device  # noqa: PLC0415

    count = 2**31 + 4099

    def operand() -> tuple[np.ndarray[Any, Any], Any]:
        x = np.zeros(count, np.int8)
        x[[0, 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, count - 1]] = [1, 2, 3, 4, 5, 6, 7]
        return x, asarray(x, device=device)

    def elementwise() -> None:
        x, array = operand()
        with use_device(device):
            y = np.asarray(ops.negative(array))
        assert np.array_equal(-x, y), "negative of int8"

    def reduction() -> None:
        array = operand()[1]
        with use_device(device):
            assert int(ops.max(array).item()) == 7, "max of int8"
            assert int(ops.argmax(array).item()) == count - 1, "argmax of int8"

    def indexing() -> None:
        x, array = operand()
        where = np.array([0, 2**30, 2**31 - 1, 2**31, 2**31 + 1, count - 1])
        with use_device(device):
            found = ops.take(array, asarray(where, device=device), axis=0)
            part = np.asarray(array[2**31 - 2 :: 1])
        assert np.array_equal(np.asarray(found), x[where]), "take from int8"
        assert np.array_equal(part, x[2**31 - 2 :]), "slice of int8"

    return {"elementwise": elementwise, "reduction": reduction, "indexing": indexing}
