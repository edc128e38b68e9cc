"""The checks themselves: they pass what is right and catch what is a little wrong."""

from dataclasses import replace

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import bfloat16, float16, float32, float64, int8, int64, uint8
from dovetail.op import REGISTRY, Op, Sample, Spec
from dovetail.testing import (
    assert_close,
    check_all,
    check_derivative,
    samples_of,
    ulp_error,
)
from dovetail.testing.device_check import compare
from dovetail.testing.gradient_check import differentiable_operands


def test_an_error_is_counted_in_steps_of_the_dtype() -> None:
    for kind, bits in [(float16, 10), (bfloat16, 7), (float32, 23), (float64, 52)]:
        one = np.float64(1)
        assert ulp_error(one + 3 * 2.0**-bits, one, kind) == 3
        # Below a power of two steps are half as large, and the unit is the reference's.
        assert ulp_error(one - 2.0**-bits, one, kind) == 1
        assert ulp_error(2 + 2.0 ** (1 - bits), 2.0, kind) == 1


def test_an_error_near_zero_is_counted_in_subnormal_steps() -> None:
    assert ulp_error(np.float32(1e-45), np.float32(0), float32) == 1
    assert ulp_error(2.0**-24, 0.0, float16) == 1
    assert ulp_error(5e-324, 0.0, float64) == 1


def test_what_is_not_finite_is_equal_or_infinitely_far() -> None:
    inf, nan = np.inf, np.nan
    got = np.array([inf, -inf, nan, inf, nan, 1.0, 1.0])
    want = np.array([inf, -inf, nan, -inf, 1.0, nan, inf])
    error = ulp_error(got, want, float32)
    assert list(error) == [0, 0, 0, inf, inf, inf, inf]


def test_integers_are_equal_or_infinitely_far() -> None:
    assert list(ulp_error(np.array([1, 2]), np.array([1, 3]), int64)) == [0, np.inf]


def test_the_norm_counts_in_steps_of_the_largest() -> None:
    got, want = np.array([1024.0, 2.0**-13]), np.array([1024.0, 0.0])
    assert list(ulp_error(got, want, float32, norm=True)) == [0, 1]


def test_a_wrong_element_is_named() -> None:
    want = np.ones((2, 3), np.float32)
    got = want.copy()
    got[1, 2] = np.nextafter(np.float32(1), np.float32(2))
    assert_close(got, want, float32, {"float32": 1}, "x")
    with pytest.raises(AssertionError, match=r"x: element \(1, 2\) .* 1 of 6"):
        assert_close(got, want, float32, {"float32": 0}, "x")
    with pytest.raises(AssertionError, match="shape"):
        assert_close(got[0], want, float32, {}, "x")


def test_samples_are_the_same_in_every_run() -> None:
    first = [c.arrays for c in samples_of(REGISTRY["add"])]
    second = [c.arrays for c in samples_of(REGISTRY["add"])]
    assert len(first) > 100
    for a, b in zip(first, second, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_samples_cover_every_dtype_and_odd_extents() -> None:
    for op in (REGISTRY["add"], REGISTRY["sum"], REGISTRY["where"]):
        cases = list(samples_of(op))
        allowed = op.allowed("T")
        assert {c.dtypes[-1] for c in cases} == allowed
        extents = {n for c in cases for x in c.arrays for n in x.shape}
        assert {0, 1, 17, 33} <= extents
        assert any(x.ndim == 0 for c in cases for x in c.arrays)


def _op(**changes: object) -> Op:
    fields: dict[str, object] = {
        "name": "test_twice",
        "doc": "Two x.",
        "signature": "x: T -> T",
        "infer": lambda x: Spec(x.shape, x.dtype),
        "reference": lambda x: 2 * x,
        "samples": lambda: [Sample(inputs=(((5,), -300, 300),))],
    }
    return Op(**{**fields, **changes})


def test_drawn_values_fit_the_dtype() -> None:
    cases = {c.dtypes[0]: c.arrays[0] for c in samples_of(_op())}
    assert cases[int8].dtype == np.int8
    assert cases[uint8].min() >= 0
    assert cases[bfloat16].dtype == np.float32
    assert not np.any(cases[bfloat16].view(np.uint32) & 0xFFFF)


def test_explicit_values_saturate_in_integers() -> None:
    values = [float("nan"), float("inf"), -1e30, 1.5]
    op = _op(samples=lambda: [Sample(inputs=(values,))])
    cases = {c.dtypes[0]: c.arrays[0].tolist() for c in samples_of(op)}
    assert cases[int8] == [0, 127, -128, 1]
    assert cases[uint8] == [0, 255, 0, 1]


def test_a_result_that_is_one_step_off_is_caught() -> None:
    op = REGISTRY["add"]
    case = next(c for c in samples_of(op) if c.dtypes[0] is float32 and c.arrays[0].size > 9)
    right = dt.asarray(np.add(*np.broadcast_arrays(*case.arrays)))
    compare(case, right, op.tolerance)
    wrong = np.asarray(right).copy()
    wrong.flat[3] = np.nextafter(wrong.flat[3], np.float32(np.inf))
    with pytest.raises(AssertionError, match="add"):
        compare(case, dt.asarray(wrong), op.tolerance)


def test_a_gradient_that_is_one_percent_off_is_caught() -> None:
    x = dt.asarray(np.linspace(0.5, 2, 7))

    def right(x: dt.Array) -> dt.Array:
        return dt.exp(x)

    def wrong(x: dt.Array) -> dt.Array:
        # The value of exp with 1.01 times its derivative.
        return dt.exp(1.01 * x - dt.stop_gradient(0.01 * x))

    check_derivative(right, [x], [0], "exp")
    with pytest.raises(AssertionError, match="exp"):
        check_derivative(wrong, [x], [0], "exp")


def test_a_wrong_second_derivative_is_caught() -> None:
    x = dt.asarray(np.linspace(0.5, 2, 7))

    def slope(x: dt.Array) -> dt.Array:
        def loss(x: dt.Array) -> dt.Array:
            # Right value and slope of a cube, wrong curvature: one factor is held fixed.
            held = dt.stop_gradient(x)
            return dt.sum(3 * held * held * x - dt.stop_gradient(2 * x * x * x))

        return dt.grad(loss)(x)

    with pytest.raises(AssertionError, match="cube"):
        check_derivative(slope, [x], [0], "cube")


def test_large_operands_are_checked_in_every_element() -> None:
    x = dt.asarray(np.linspace(0.5, 2, 100))
    mask = dt.asarray(np.arange(100) == 77)

    def wrong(x: dt.Array) -> dt.Array:
        return dt.where(mask, 1.5 * x - 0.5 * dt.stop_gradient(x), x)

    with pytest.raises(AssertionError):
        check_derivative(wrong, [x], [0], "one of a hundred")


def test_all_failures_are_counted() -> None:
    cases = list(samples_of(_op()))

    def check(case: object) -> None:
        raise AssertionError("no")

    with pytest.raises(AssertionError, match=f"{len(cases)} of {len(cases)} cases failed"):
        check_all(check, cases)
    assert check_all(lambda case: None, cases) == len(cases)


def test_a_crash_of_the_check_is_no_failure_of_the_case() -> None:
    def check(case: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_all(check, samples_of(_op()))


def test_differentiable_operands_are_those_with_a_rule() -> None:
    assert differentiable_operands(REGISTRY["where"], 3) == (1, 2)
    assert differentiable_operands(REGISTRY["concat"], 2) == (0, 1)
    assert differentiable_operands(REGISTRY["equal"], 2) == ()
    assert differentiable_operands(REGISTRY["mean"], 1) == (0,)
    only = replace(REGISTRY["add"], differentiable=frozenset({1}))
    assert differentiable_operands(only, 2) == (1,)
