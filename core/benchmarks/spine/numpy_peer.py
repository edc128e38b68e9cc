"""numpy: what a call from Python costs where nothing is traced, placed or differentiated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from spine import problems
from spine.case import Budget, Case, Samples, timed


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def cases(threads: int) -> Iterator[Case]:
    pinned = threads == 1
    a, b = problems.pair()

    def add(n: int) -> None:
        for _ in range(n):
            a + b

    def mul_sum(n: int) -> Any:
        for _ in range(n):
            result = (a * b).sum()
        return result

    def sampled(run: Callable[[int], object]) -> Callable[[Budget], Samples]:
        return lambda budget: timed(run, budget, pinned=pinned)

    yield Case(name="add", how="a + b", samples=sampled(add), value=lambda: a + b)
    yield Case(
        name="mul_sum", how="(a * b).sum()", samples=sampled(mul_sum), value=lambda: mul_sum(1)
    )
