"""Loading: the library opens, quietly, and leaves the process as it was."""

from __future__ import annotations

from collections.abc import Iterator

from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]


def _run(subject: Subject) -> Iterator[Finding]:
    subject.doing("dlopen")
    _ = subject.library
    yield from ()


STAGE = Stage("load", "It loads, quietly, and leaves the process as it was", _run, (), exits=True)
