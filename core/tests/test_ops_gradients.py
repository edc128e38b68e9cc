"""Derivatives at the points where a formula alone goes wrong: zeros, ties, infinities."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt


def slopes(function: Callable[..., Any], *values: Any) -> list[Any]:
    """Gradients of the sum of the results, in float64."""
    arrays = tuple(dt.asarray(np.asarray(v, np.float64)) for v in values)
    found = dt.grad(lambda *xs: dt.sum(function(*xs)), argnums=tuple(range(len(arrays))))(*arrays)
    return [g.tolist() for g in found]


def curvature(function: Callable[[Any], Any], value: Any) -> Any:
    """Gradient of the sum of the gradient, in float64."""
    x = dt.asarray(np.asarray(value, np.float64))
    first = dt.grad(lambda x: dt.sum(function(x)))
    return dt.grad(lambda x: dt.sum(first(x)))(x).tolist()


def test_a_square_by_power_is_smooth_at_zero() -> None:
    assert slopes(lambda x: x**2, [0.0, -3.0, 3.0]) == [[0, -6, 6]]
    assert curvature(lambda x: x**2, [0.0, -3.0, 3.0]) == [2, 2, 2]


@pytest.mark.parametrize(("power", "slope"), [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)])
def test_a_whole_power_at_zero_has_its_derivative(power: int, slope: float) -> None:
    assert slopes(lambda x: x**power, [0.0]) == [[slope]]


def test_a_power_at_zero_has_no_slope_in_the_exponent() -> None:
    base, exponent = slopes(dt.power, [0.0, 0.0], [2.0, 1.5])
    assert base == [0, 0]
    assert exponent == [0, 0]


def test_a_whole_power_of_a_negative_number_has_a_slope_in_the_base() -> None:
    base, exponent = slopes(dt.power, [-2.0], [3.0])
    assert base == [12]
    assert np.isnan(exponent).all(), "no real power lies beside a whole one"


def test_a_magnitude_has_slope_zero_at_zero() -> None:
    assert slopes(dt.abs, [-2.0, 0.0, 3.0]) == [[-1, 0, 1]]


@pytest.mark.parametrize("function", [dt.maximum, dt.minimum])
def test_the_two_of_a_tie_share_the_slope(function: Callable[..., Any]) -> None:
    assert slopes(function, [1.0], [1.0]) == [[0.5], [0.5]]
    assert np.sum(slopes(function, [1.0, 2.0, 3.0], [3.0, 2.0, 1.0])) == 3


@pytest.mark.parametrize("function", [dt.max, dt.min])
def test_all_of_a_tie_share_the_slope(function: Callable[..., Any]) -> None:
    rows = [[2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0]]
    assert slopes(lambda x: function(x, axis=1), rows) == [[[0.25] * 4] * 2]
    assert slopes(function, rows)[0] in ([[0.25] * 4, [0] * 4], [[0] * 4, [0.25] * 4])


def test_a_maximum_with_a_nan_leaves_the_other_rows_alone() -> None:
    rows = [[1.0, np.nan], [3.0, 4.0]]
    assert slopes(lambda x: dt.max(x, axis=1), rows)[0][1] == [0, 1]


ZEROS = [[2.0, 0.0, 3.0, -1.0], [0.0, 5.0, 0.0, 1.0], [0.0, 0.0, 0.0, 2.0], [1.0, -2.0, 3.0, 2.0]]


def others(row: list[float]) -> list[float]:
    return [float(np.prod(row[:i] + row[i + 1 :])) for i in range(len(row))]


def test_a_product_with_zeros_has_the_product_of_the_others() -> None:
    want = [others(row) for row in ZEROS]
    assert slopes(lambda x: dt.prod(x, axis=1), ZEROS) == [want]


def test_a_product_with_zeros_has_second_derivatives() -> None:
    x = dt.asarray(np.array([0.0, 0.0, 3.0]))
    for i in range(3):
        row = dt.grad(lambda x, i=i: dt.grad(dt.prod)(x)[i])(x).tolist()
        want = [[0, 3, 0], [3, 0, 0], [0, 0, 0]][i]
        assert row == want


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2), (1, 2), ()], ids=str)
def test_a_product_over_any_axes_has_its_derivative(axis: Any) -> None:
    x = np.random.default_rng(1).uniform(0.5, 2, (2, 3, 5))
    x[0, 1, 2] = 0
    [got] = slopes(lambda x: dt.prod(x, axis=axis), x)
    want = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        one = x.copy()
        one[place] = 1
        whole = np.prod(one, axis=axis, keepdims=True)
        at = tuple(i if whole.shape[d] > 1 else 0 for d, i in enumerate(place))
        want[place] = whole[at]
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_nothing_flows_through_what_was_not_chosen() -> None:
    def safe_log(x: Any) -> Any:
        return dt.where(x > 0, dt.log(dt.where(x > 0, x, 1)), 0)

    assert slopes(safe_log, [2.0, 0.0, -1.0]) == [[0.5, 0, 0]]
    _, chosen, other = dt.grad(lambda c, x, y: dt.sum(dt.where(c > 0, x, y)), argnums=(0, 1, 2))(
        dt.asarray([1.0, -1.0]), dt.asarray([np.nan, 2.0]), dt.asarray([1.0, np.inf])
    )
    assert chosen.tolist() == [1, 0]
    assert other.tolist() == [0, 1]


def test_logsumexp_has_the_softmax_for_a_slope() -> None:
    [got] = slopes(dt.logsumexp, [1000.0, 1000.0, -1000.0])
    np.testing.assert_allclose(got, [0.5, 0.5, 0], rtol=1e-12)
    [got] = slopes(dt.logsumexp, [-np.inf, 1.0])
    assert got == [0, 1]


def test_stop_gradient_is_a_constant() -> None:
    assert slopes(lambda x: x * dt.stop_gradient(x), [3.0]) == [[3]]
    assert slopes(lambda x: dt.stop_gradient(x) + 0 * x, [3.0]) == [[0]]


@pytest.mark.parametrize("function", [dt.floor, dt.ceil, dt.round, dt.trunc, dt.sign])
def test_steps_have_slope_zero(function: Callable[..., Any]) -> None:
    assert slopes(lambda x: x + function(x), [0.3, -1.7]) == [[1, 1]]


def test_a_gradient_through_another_float_comes_back_in_its_own() -> None:
    for kind in (dt.float16, dt.bfloat16, dt.float32):
        x = dt.asarray([1.0, 2.0], dtype=kind)
        g = dt.grad(lambda x: dt.sum(dt.astype(x, dt.float64) * 3.0))(x)
        assert g.dtype is kind
        assert g.tolist() == [3, 3]


def test_nothing_flows_back_through_integers() -> None:
    x = dt.asarray([1.5, 2.5])
    g = dt.grad(lambda x: dt.sum(dt.astype(x, dt.int32) * x))(x)
    assert g.tolist() == [1, 2]


def test_a_remainder_keeps_the_sign_of_its_divisor_and_has_slopes() -> None:
    x, y = slopes(dt.remainder, [7.0, -7.0], [3.0, 3.0])
    assert x == [1, 1]
    assert y == [-2, 3]


def test_a_repeated_operand_adds_up() -> None:
    assert slopes(lambda x: x * x * x, [2.0]) == [[12]]
    assert slopes(lambda x: dt.ops.concat([x, x, 2 * x]), [2.0]) == [[4]]


def test_a_broadcast_operand_adds_up_over_the_repetitions() -> None:
    x, y = slopes(lambda x, y: x * y, np.ones((3, 1)), np.arange(4.0))
    assert x == [[6]] * 3
    assert y == [3] * 4
