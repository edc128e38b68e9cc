"""What prepare answers: to the unknown, to the odd, to younger hosts; and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.driver import Driver
from dovetail.check_backend.drive.problem import Problem
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.question import Answer, Question, ask, question_of, sample_of
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.kernel_row import KernelRow
from dovetail.op import REGISTRY

__all__ = ["STAGE"]

_LOW_FLAG = 1 << 15  # defined in no version yet; hosts to come may set it
_LONGER = 32
_UNKNOWN_TYPES = {
    "dtype code 200": (200, 8, 1),
    "a float of 24 bits": (lib.DVT_FLOAT, 24, 1),
    "four lanes": (lib.DVT_FLOAT, 32, 4),
    "a float of 4 bits": (lib.DVT_FLOAT4_E2M1FN, 4, 1),
}
_MOST_LOGGED = 3


def _run(subject: Subject) -> Iterator[Finding]:
    driver = Driver(subject)
    asked = [
        (op, row)
        for op, row in driver.kernel_rows(REGISTRY)
        if driver.defs[row.index].prepare != ffi.NULL
    ]
    if not asked:
        subject.skip("answers of prepare: no row of an op that this Dovetail knows has one")
    found = _Findings()
    for op, row in asked:
        sample = sample_of(op, row)
        if sample is None:
            continue
        yield from found.of_row(subject, driver, row, sample)
    subject.doing("closing the device")
    driver.close()


class _Findings:
    """Few of each code: a fault in one place of a library shows in a hundred rows."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def _one(self, code: str, what: str, where: str) -> Iterator[Finding]:
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= _MOST_LOGGED:
            yield Finding(code, STAGE.name, what, where)

    def of_row(
        self, subject: Subject, driver: Driver, row: KernelRow, sample: Problem
    ) -> Iterator[Finding]:
        """Everything asked of one row."""
        honest = question_of(driver, row, sample)
        where = f"prepare of row {row.index}, {sample}"
        usual = None
        for question in self._questions(honest):
            what = f"{where}: {question.what}"
            for _ in subject.each([what], crash="answers/crash"):
                live = set(driver.host.live)
                answer = ask(driver, row, question)
                if question is honest:
                    usual = answer.status
                faults = [
                    *answer.faults,
                    *_whole(answer),
                    *_judged(row, question, answer, usual),
                ]
                answer.destroy()
                faults += driver.host.take_faults()
                faults += _kept(driver, live)
                for code, fault in faults:
                    yield from self._one(code, fault, what)
            if question is honest and usual is None and not subject.ended_here:
                subject.doing(what)  # another child asked it; this one needs to know
                answer = ask(driver, row, honest)
                usual = answer.status
                answer.destroy()
                driver.host.take_faults()

    @staticmethod
    def _questions(honest: Question) -> Iterator[Question]:
        yield honest
        yield replace(honest, what="structs of a younger host, longer and zeroed", longer=_LONGER)
        yield replace(honest, what="an unknown flag of the low 16 bits", flags=_LOW_FLAG)
        yield replace(honest, what="DETERMINISTIC asked", flags=lib.DVT_MATH_DETERMINISTIC)
        strange = {**honest.attributes, "x_dovetail_unknown": 3}
        yield replace(honest, what="an attribute that the op does not have", attributes=strange)
        if not honest.inputs:
            return
        for what, kind in _UNKNOWN_TYPES.items():
            yield honest.typed(what, kind)
        yield honest.shaped("0 axes", ())
        yield honest.shaped("64 axes of extent 1", (1,) * 64)
        yield honest.shaped("empty operands", tuple(0 for _ in honest.inputs[0][0]) or (0,))
        yield honest.shaped("a negative extent", (-1, *honest.inputs[0][0][1:]))
        yield honest.shaped("extents whose product overflows", (1 << 40, 1 << 40))


def _whole(answer: Answer) -> Iterator[tuple[str, str]]:
    """Whether an answer has what its kind needs."""
    info = answer.info
    if answer.accepted:
        if info.run == ffi.NULL:
            yield "answers/nothing-to-run", "it answers DVT_OK, and neither info nor row has run"
        alignment = int(info.workspace_alignment)
        if alignment & (alignment - 1):
            yield "answers/bad-workspace", f"workspace_alignment is {alignment}"
        return
    if info.kernel != ffi.NULL:
        yield "answers/kernel-with-refusal", f"it answers {answer.word} and sets info->kernel"
    if answer.status == lib.DVT_UNSUPPORTED:
        if info.reason == ffi.NULL:
            yield "answers/no-reason", "it answers UNSUPPORTED without a reason"
            return
        try:
            ffi.string(info.reason).decode()
        except UnicodeDecodeError:
            yield "answers/bad-reason", f"the reason is {ffi.string(info.reason)!r}"
    elif not answer.error.message:
        yield "error/empty", f"it answers {answer.word} without a sentence in error.message"


def _judged(
    row: KernelRow, question: Question, answer: Answer, usual: int | None
) -> Iterator[tuple[str, str]]:
    """Whether it is the right answer to this question."""
    took = usual == lib.DVT_OK
    flags = int(answer.info.flags) if answer.accepted else 0
    if question.flags & lib.DVT_MATH_DETERMINISTIC:
        if answer.accepted and not flags & lib.DVT_INFO_DETERMINISTIC:
            what = "it accepts, and does not set DVT_INFO_DETERMINISTIC in its answer"
            yield "answers/determinism-not-confirmed", what
    elif flags & (lib.DVT_INFO_USED_TF32 | lib.DVT_INFO_USED_REDUCED_ACCUMULATION):
        what = f"its answer has the flags {flags:#x}; the question allowed no lower precision"
        yield "answers/unasked-precision", what
    if question.flags & _LOW_FLAG and took and not answer.accepted:
        yield "answers/low-flag-refused", f"without the flag it accepts, with it: {answer.word}"
    if question.longer and usual is not None and answer.status != usual:
        what = f"to structs of this header it answers {usual}, to longer ones {answer.word}"
        yield "answers/refuses-longer-struct", what
    if question.what in _UNKNOWN_TYPES and row.types is None:
        # Where the row names types the host keeps others away; here prepare decides.
        if answer.accepted:
            yield "answers/accepts-unknown-dtype", f"it accepts {question.what}"
        elif answer.status < 0:
            yield "answers/unknown-is-error", f"it answers {question.what} with {answer.word}"


def _kept(driver: Driver, before: set[int]) -> Iterator[tuple[str, str]]:
    """Host memory that a question left behind."""
    left = {a: s for a, (s, _) in driver.host.live.items() if a not in before}
    if left:
        what = f"{sum(left.values())} bytes of host_alloc are left after the kernel was destroyed"
        yield "alloc/leak", what


STAGE = Stage("answers", "prepare answers the unknown with a refusal, and in full", _run)
