"""The child's side: cases are checked and sampled, and a JSON line tells of each."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from spine.case import Budget, Case


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def tell(cases: Iterator[Case], check: Callable[[Case], None], budget: Budget) -> None:
    """Check and sample each case; ``check`` raises ValueError for a wrong result.

    What goes wrong in a case, or between two, is told and ends no more than it must.
    """
    last = "its first case"
    try:
        for case in cases:
            last = case.name
            try:
                check(case)
                samples = case.samples(budget)
            except Exception as error:
                say(case=case.name, error=f"{type(error).__name__}: {error}"[:400])
                continue
            say(case=case.name, how=case.how, values=samples.values, basis=samples.basis)
    except Exception as error:
        traceback.print_exc()
        say(after=last, error=f"{type(error).__name__}: {error}"[:400])
