"""Samples made larger: what an op does with a million elements, for tests and for benchmarks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.op import Op, Sample, Spec, iterate

__all__ = ["larger"]


def larger(op: Op, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Samples of the record made larger, the likeliest first; samples as they are come last."""
    given = list(op.samples())
    samples = [s for s in given if s.differentiable and _suits(s)]
    samples = samples or [s for s in given if _suits(s)]
    for sample in sorted(samples, key=lambda s: -sum(map(_elements, s.inputs))):
        attributes = dict(sample.attributes)
        if "axis" in op.attributes:
            yield from _lines(op, sample, size)
        elif op.broadcast or (len(sample.inputs) == 1 and not attributes and _elementwise(op)):
            yield tuple(((size,), *v[1:]) for v in sample.inputs), attributes
        else:
            yield from _more(sample, size)
    for sample in given:  # better small than not at all
        if sample.differentiable and all(np.size(_values(v)) for v in sample.inputs):
            yield sample.inputs, dict(sample.attributes)


def _values(value: Any) -> Any:
    return np.empty(value[0]) if isinstance(value, tuple) else value


def _suits(sample: Sample) -> bool:
    drawn = all(
        isinstance(v, tuple) and len(v) == 3 and isinstance(v[0], tuple) for v in sample.inputs
    )
    return drawn and bool(sample.inputs) and all(0 not in v[0] for v in sample.inputs)


def _elements(value: Any) -> int:
    return math.prod(value[0])


def _elementwise(op: Op) -> bool:
    spec = Spec((3, 5), next(iter(sorted(op.allowed(op.operands[0][1]), key=str))))
    try:
        return all(s.shape == (3, 5) for s in iterate(op.infer(spec, **op.attributes)))
    except Exception:
        return False


def _lines(op: Op, sample: Sample, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """A square, along its last axis."""
    side = max(2, math.isqrt(size))
    shapes = {v[0] for v in sample.inputs}
    axis = sample.attributes.get("axis", op.attributes["axis"])
    if len(shapes) > 1 or isinstance(axis, tuple):
        return
    attributes = {**sample.attributes, "axis": 1}
    yield tuple(((side, side), *v[1:]) for v in sample.inputs), attributes


def _more(sample: Sample, size: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """More of the same along a first axis that the operands have, or are given."""
    times = max(1, size // max(map(_elements, sample.inputs)))
    firsts = {v[0][0] for v in sample.inputs if v[0]}
    if all(len(v[0]) > 2 for v in sample.inputs) and len(firsts) == 1:
        grown = tuple(((v[0][0] * times, *v[0][1:]), *v[1:]) for v in sample.inputs)
        yield grown, dict(sample.attributes)
    yield tuple(((times, *v[0]), *v[1:]) for v in sample.inputs), dict(sample.attributes)
