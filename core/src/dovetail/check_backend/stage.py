'''A stage: one part of the contract, checked in a child process of its own.

How to write one: a module ``stages/<name>.py`` with a generator and a record, and the record's name
in ``stages/__init__.py``. The generator is given a `Subject` and yields what it finds:

    """Do the kernels leave their inputs as they were?"""

    from collections.abc import Iterator

    from dovetail.check_backend.finding import Finding
    from dovetail.check_backend.stage import Stage
    from dovetail.check_backend.subject import Subject

    __all__ = ["STAGE"]


    def _run(subject: Subject) -> Iterator[Finding]:
        device = subject.device()                     # the core's own Device, opened
        if not device.rows:
            subject.skip("the library has no kernel rows")
            return
        # Each item is a step with a name. When the library crashes or hangs in a step, the parent
        # records that with the step's name, starts another child and goes on with the next step.
        for op in subject.each(sorted(device.rows), "run {}"):
            if subject.quick and slow(op):
                continue
            if changed(op):
                what = "input 0 was 1.0 before and 2.0 after"
                yield Finding("ops/changes-input", STAGE.name, what, where=op)


    STAGE = Stage("inputs", "Kernels leave their inputs alone", _run)

Rules. Findings carry codes of the catalogue (``catalogue/behaviour.py`` for the behaviour of ops,
threads, streams, graphs): a new kind of badness is a new code there, with what it breaks and what
to do. A finding is yielded as soon as it is known, since the next step may end the process. What
could not be checked is said with `Subject.skip`, never passed over. What belongs on the
certificate is told with `Subject.fact` and `Subject.op`. Nothing depends on the speed of the
machine: a step has ``--patience`` seconds. Two codes judge time by themselves, with room for a
busy machine: ``load/slow`` and ``events/timeout-ignored``; let there be no third.
'''

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.check_backend.finding import Finding

if TYPE_CHECKING:
    from dovetail.check_backend.subject import Subject

__all__ = ["OpResult", "Stage", "Stop"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    name: str
    """A word, as in ``--only NAME``."""
    title: str
    """What a passed stage means, as a sentence without its full stop."""
    run: Callable[[Subject], Iterator[Finding]]
    """Yields what it finds; runs in the child."""
    needs: tuple[str, ...] = ("load", "query", "structs")
    """Stages that must have run to their end: else this one is skipped, and the reason named."""
    exits: bool = False
    """Whether the child ends as programs do, with what the library registered to run at exit."""
    quick: bool = True
    """Whether ``--quick`` runs it."""


class Stop(Exception):
    """Raised in a stage: the rest of it makes no sense, and neither do stages that need it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpResult:
    """How an op fared in one dtype, for the certificate."""

    op: str
    dtype: str
    cases: int
    worst_ulp: float | None
    """Largest error in units in the last place; None where the result is not a number of that
    kind."""
    bound_ulp: float | None = None
    """What the op's record allows; None: exact, or not judged by ulp."""
    runs_as: str = "kernel"
    """``kernel``, ``decomposed``, ``view``, ``numpy`` or ``control flow``."""
