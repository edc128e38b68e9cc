"""A device's results against the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dovetail.dtypes import DType
from dovetail.op import FUNCTIONS, Op, iterate
from dovetail.reference import call
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.closeness import assert_close
from dovetail.testing.collect import check_all

__all__ = ["arrays_of", "check_case", "check_op", "function_of", "numpy_results"]

_functions: dict[str, Callable[..., Any]] = {}


def function_of(op: Op) -> Callable[..., Any]:
    """The callable of a record itself, without what a public function adds to it."""
    from dovetail import _fast  # noqa: PLC0415  generating cases alone needs no native part

    if op.name not in _functions:
        own = op.claim == "structured"
        _functions[op.name] = FUNCTIONS[op.name] if own else _fast.OpFunction(op)
    return _functions[op.name]


def arrays_of(case: Case, device: str | None = None) -> list[Any]:
    """The case's inputs as arrays on a device."""
    from dovetail.creation import asarray  # noqa: PLC0415  as above

    return [
        asarray(x, dtype=kind, device=device)
        for x, kind in zip(case.arrays, case.dtypes, strict=True)
    ]


def numpy_results(results: Any) -> list[tuple[np.ndarray[Any, Any], DType]]:
    """Each result as numpy values and its dtype."""
    return [(np.asarray(y), y.dtype) for y in iterate(results)]


def check_case(case: Case, device: str | None = None) -> None:
    """Compare one call on a device with the reference."""
    from dovetail.devices import use_device  # noqa: PLC0415  as above

    function = function_of(case.op)
    if device is None:
        results = function(*arrays_of(case), **case.attributes)
    else:
        with use_device(device):
            results = function(*arrays_of(case, device), **case.attributes)
    compare(case, results, case.op.tolerance)


def compare(case: Case, results: Any, tolerance: Mapping[str, Any]) -> None:
    """Compare results of a case with the reference computed in double precision."""
    want = iterate(call(case.op, *case.arrays, dtypes=case.dtypes, precise=True, **case.attributes))
    for (got, kind), expected in zip(numpy_results(results), want, strict=True):
        assert_close(got, expected, kind, tolerance, case)


def check_op(op: Op, device: str | None = None) -> int:
    """Compare every sample in every dtype with the reference; return how many there were."""
    return check_all(lambda case: check_case(case, device), samples_of(op))
