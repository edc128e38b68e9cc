"""The batching rule of every record, for any of its operands batched, against a loop of calls."""

import itertools
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.batching import batch
from dovetail.dispatch import canonical_attributes, promoted, specs_of
from dovetail.op import FUNCTIONS, REGISTRY, REQUIRED, Op, Spec, iterate
from dovetail.promotion import promotion
from dovetail.testing import samples_of
from dovetail.testing.cases import Case
from dovetail.testing.closeness import assert_close
from dovetail.testing.device_check import arrays_of, numpy_results

OPS = sorted((op for op in REGISTRY.values() if op.operands), key=lambda op: op.name)
SIZE = 3
LARGE = 2000
"""Elements beyond which a sample says nothing more about a rule."""


def cases(op: Op) -> list[Case]:
    """One case of each sample: rules do not look at dtypes."""
    found: dict[int, Case] = {}
    for case in samples_of(op):
        if max(x.size for x in case.arrays) <= LARGE:
            found.setdefault(case.number, case)
            if case.dtypes[0].name in ("float32", "complex64"):
                found[case.number] = case
    return list(found.values())


def turned(x: np.ndarray[Any, Any], k: int) -> np.ndarray[Any, Any]:
    """The same elements at other places, so that they stay what the op takes."""
    flat = x.reshape(-1)
    return np.roll(flat[::-1] if k % 2 else flat, k).reshape(x.shape)


def one(op: Op, operands: Any, attributes: Any) -> list[Any]:
    return numpy_results(tuple(iterate(FUNCTIONS[op.name](*operands, **attributes))))


def examples_of(op: Op, case: Case, attributes: Any) -> list[tuple[Any, ...]]:
    """Operands of ``SIZE`` calls, promoted as a rule gets them."""
    drawn = []
    for k in range(SIZE):
        arrays = tuple(turned(x, k) for x in case.arrays)
        moved = Case(op=op, arrays=arrays, dtypes=case.dtypes, attributes=case.attributes)
        drawn.append(tuple(arrays_of(moved)))
    casts, shapes = promotion(op, specs_of(drawn[0]))
    found = [promoted(xs, casts, shapes) for xs in drawn]
    try:
        for xs in found:
            one(op, xs, attributes)
    except dt.OpError:  # a matrix that has no Cholesky factor any more
        found = [found[0]] * SIZE
    return found


def attributes_of(op: Op, case: Case) -> dict[str, Any]:
    given = {k: v for k, v in op.attributes.items() if v is not REQUIRED} | dict(case.attributes)
    arrays = tuple(arrays_of(case))
    casts, shapes = promotion(op, specs_of(arrays))
    return canonical_attributes(op, specs_of(promoted(arrays, casts, shapes)), given)


def flags_of(count: int) -> list[tuple[bool, ...]]:
    every = [f for f in itertools.product((True, False), repeat=min(count, 4)) if any(f)]
    return [f + (f[-1],) * (count - len(f)) for f in every]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_rule_is_the_loop(op: Op) -> None:
    for case in cases(op):
        attributes = attributes_of(op, case)
        examples = examples_of(op, case, attributes)
        for flags in flags_of(len(case.arrays)):
            operands = [
                dt.stack([xs[i] for xs in examples]) if b else examples[0][i]
                for i, b in enumerate(flags)
            ]
            got = numpy_results(batch(op, SIZE, flags, operands, attributes))
            for k in range(SIZE):
                mine = [examples[k if b else 0][i] for i, b in enumerate(flags)]
                want = one(op, mine, attributes)
                for (all_of_them, kind), (y, same_kind) in zip(got, want, strict=True):
                    assert kind is same_kind
                    assert all_of_them.shape == (SIZE, *y.shape)
                    what = f"example {k} of {case} with {flags} batched"
                    assert_close(all_of_them[k], y, kind, twice(op), what)


def twice(op: Op) -> dict[str, Any]:
    """Both sides may be as far off as a kernel may be."""
    return {k: v if k == "norm" else 2 * v for k, v in op.tolerance.items()}


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_no_example_at_all_has_a_shape(op: Op) -> None:
    case = cases(op)[0]
    attributes = attributes_of(op, case)
    examples = examples_of(op, case, attributes)
    flags = (True,) * len(case.arrays)
    operands = [dt.stack([x])[:0] for x in examples[0]]
    got = batch(op, 0, flags, operands, attributes)
    specs = [Spec(x.shape, x.dtype) for x in examples[0]]
    want = tuple(iterate(op.infer(*specs, **attributes)))
    assert [(y.shape, y.dtype) for y in got] == [((0, *s.shape), s.dtype) for s in want]


def test_every_record_has_a_rule_of_its_own_or_broadcasts() -> None:
    lacking = [op.name for op in OPS if op.batching is None and not op.broadcast]
    assert not lacking, "these would run one example after the other"
