"""Many cases, one verdict: what fails is listed, not only the first of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dovetail.errors import DovetailError
from dovetail.testing.cases import Case

__all__ = ["check_all"]

SHOWN = 5


def check_all(check: Callable[[Case], None], cases: Iterable[Case]) -> int:
    """Run a check on every case and return how many there were.

    Raises AssertionError with the first failures and their number.
    """
    count = 0
    failures = []
    for case in cases:
        count += 1
        try:
            check(case)
        except AssertionError as error:
            failures.append(str(error))
        except DovetailError as error:
            failures.append(f"{case}: {type(error).__name__}: {error}")
    if failures:
        more = f"\n... {len(failures)} of {count} cases failed" if len(failures) > 1 else ""
        raise AssertionError("\n".join(failures[:SHOWN]) + more)
    return count
