"""The conformance suite as tests, one for each op; `conftest.py` beside it makes the parameters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from dovetail.op import Op
from dovetail.testing.conformance import Conformance, Lacking, beyond_two_gigabytes

__all__: list[str] = []


def _reported(check: Callable[[Op], int], op: Op, nothing: str) -> None:
    """Run a check; what a device lacks, or an op has not, is reported and is no failure."""
    skip: Any = import_module("pytest").skip
    try:
        ran = check(op)
    except Lacking as reason:
        skip(str(reason))
    else:
        if not ran:
            skip(nothing)


def test_samples(op: Op, found: Conformance) -> None:
    """0-d, empty, broadcast and special operands in every dtype agree with the reference."""
    _reported(found.samples, op, "no samples")


def test_layouts(op: Op, found: Conformance) -> None:
    """Transposed, backwards, spread and repeated operands give what contiguous ones give."""
    _reported(found.layouts, op, "no operand whose layout could change")


def test_large(op: Op, found: Conformance) -> None:
    """A million elements agree with the reference."""
    _reported(found.large, op, "its samples cannot be made larger by rule")


def test_beyond_two_gigabytes(family: str, found: Conformance) -> None:
    """More than 2**31 bytes, with --huge only: offsets do not wrap."""
    beyond_two_gigabytes(found.device.name)[family]()
