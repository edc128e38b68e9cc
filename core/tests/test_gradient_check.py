"""The judge of gradients: differences that know their error, and a bar that wrong rules miss."""

import math

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample
from dovetail.testing import check_derivative, check_gradient
from dovetail.testing.differences import derivative

ONE = [np.ones(())]


def slope(function, x: float):
    return derivative(lambda t: [np.asarray(function(x + t))], ONE, lambda found: False)


@pytest.mark.parametrize(
    ("function", "x", "want"),
    [
        (math.exp, 1.0, math.e),
        (math.sin, 10.0, math.cos(10.0)),
        (lambda x: math.log(abs(x)), 0.011, 1 / 0.011),  # close to a pole
        (lambda x: abs(x) ** 3, 1e-3, 3e-6),  # close to a kink of a higher derivative
        (lambda x: abs(x), 5e-4, 1.0),  # the first steps reach over the kink
        (lambda x: 1e6 + math.tanh(x), 0.3, 1 - math.tanh(0.3) ** 2),  # much cancellation
        (lambda x: math.sqrt(x) if x >= 0 else math.nan, 1e-3, 0.5 / math.sqrt(1e-3)),
        (lambda x: 3.0, 0.0, 0.0),
    ],
)
def test_a_difference_is_as_good_as_it_says(function, x: float, want: float) -> None:
    found = slope(function, x)
    assert abs(found.value - want) <= max(10 * found.error, 1e-9 * found.scale)
    assert abs(found.value - want) <= 1e-8 * max(found.scale, 1e-300)


def wrong(factor: float) -> Op:
    return Op(
        name=f"test_exp_times_{factor}",
        doc="",
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=lambda x: x,
        gradient=(lambda g, y, x: g * y * factor,),
        reference=np.exp,
        samples=lambda: iter([Sample(inputs=(((3,), -1, 1),))]),
    )


def test_a_rule_that_is_off_by_a_millionth_is_refused() -> None:
    assert check_gradient(wrong(1.0)) == 1
    for factor in (1 + 3e-6, 1 - 3e-6, -1.0, 0.0):
        with pytest.raises(AssertionError, match="difference quotient"):
            check_gradient(wrong(factor))


def test_a_wrong_second_derivative_is_refused() -> None:
    @dt.custom_gradient
    def square(x):
        return x * x, lambda g: 2.0 * g * dt.stop_gradient(x)

    check_derivative(square, (dt.asarray([1.5, 2.0], dtype=dt.float64),), (0,), "square")
    first = dt.grad(lambda x: dt.sum(square(x)))
    with pytest.raises(AssertionError, match="difference quotient"):
        check_derivative(first, (dt.asarray([1.5], dtype=dt.float64),), (0,), "its gradient")
