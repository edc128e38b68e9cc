"""An op's batching rule against one call per example, for every choice of batched operands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dovetail.errors import DovetailError
from dovetail.op import REQUIRED, Op, iterate
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import assert_close
from dovetail.testing.collect import check_all
from dovetail.testing.device_check import arrays_of, function_of, numpy_results

__all__ = ["check_batching", "check_case_batched"]

SIZE = 3

LARGEST = 2000
"""Samples with more elements say nothing more about a rule, which looks at shapes alone."""


def check_batching(op: Op) -> int:
    """Check every sample, once for each kind of its dtypes; return how many there were.

    0 for an op without operands, which has nothing that could be batched.
    """

    def chosen() -> Iterator[Case]:
        seen: set[tuple[Any, ...]] = set()
        for case in samples_of(op):
            key = (case.number, *(t.kind for t in case.dtypes))
            if key not in seen and max(x.size for x in case.arrays) <= LARGEST:
                seen.add(key)
                yield case

    return check_all(check_case_batched, chosen()) if op.operands else 0


def check_case_batched(case: Case) -> None:
    """Compare the rule with a loop, for each choice of batched operands (of the first four)."""
    from dovetail.batching import batch  # noqa: PLC0415  cases alone need no native part
    from dovetail.dispatch import canonical_attributes, promoted, specs_of  # noqa: PLC0415
    from dovetail.manipulation import stack  # noqa: PLC0415
    from dovetail.promotion import promotion  # noqa: PLC0415

    op = case.op
    first = tuple(arrays_of(case))
    casts, shapes = promotion(op, specs_of(first))
    given = {k: v for k, v in op.attributes.items() if v is not REQUIRED} | dict(case.attributes)
    attributes = canonical_attributes(op, specs_of(promoted(first, casts, shapes)), given)
    examples = [promoted(tuple(arrays_of(one)), casts, shapes) for one in _examples(case)]
    function = function_of(op)

    def call(operands: Sequence[Any]) -> list[tuple[np.ndarray[Any, Any], Any]]:
        return numpy_results(function(*operands, **attributes))

    try:
        for xs in examples:
            call(xs)
    except DovetailError:  # such as a matrix that has no Cholesky factor any more
        examples = [examples[0]] * SIZE
    for flags in _flags(len(first)):
        operands = [
            stack([xs[i] for xs in examples]) if flag else examples[0][i]
            for i, flag in enumerate(flags)
        ]
        found = [np.asarray(y) for y in iterate(batch(op, SIZE, flags, operands, attributes))]
        for k in range(SIZE):
            mine = [examples[k if flag else 0][i] for i, flag in enumerate(flags)]
            for y, (want, kind) in zip(found, call(mine), strict=True):
                what = f"example {k} with batched operands {flags}, {case}"
                assert_close(y[k], want, kind, op.tolerance, what)


def _flags(count: int) -> list[tuple[bool, ...]]:
    """Every choice with something batched; operands after the fourth follow it."""
    every = itertools.product((True, False), repeat=min(count, 4))
    return [flags + (flags[-1],) * (count - len(flags)) for flags in every if any(flags)]


def _examples(case: Case) -> Iterator[Case]:
    """The case, and others with the same elements at other places: they stay what the op takes."""
    for k in range(SIZE):
        arrays = tuple(
            np.roll(x.reshape(-1)[:: -1 if k % 2 else 1], k).reshape(x.shape) for x in case.arrays
        )
        yield Case(op=case.op, arrays=arrays, dtypes=case.dtypes, attributes=case.attributes)
