"""dt.debug: wrong gradients and the first NaN are found and named."""

import doctest
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.debug import gradients, nonfinite
from dovetail.errors import DovetailError, OpError


@dataclass
class Layer:
    w: Any
    b: Any


def model(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = dt.tanh(x @ layer.w + layer.b)
    return {"out": x, "total": dt.sum(x)}


def layers() -> list[Layer]:
    rng = np.random.default_rng(0)
    return [Layer(dt.asarray(rng.normal(size=(3, 3))), dt.asarray(rng.normal(size=3)))] * 2


def test_right_gradients_pass_with_a_small_error() -> None:
    report = dt.debug.check_gradients(model, layers(), dt.asarray([0.1, -0.2, 0.3]))
    assert len(report.checks) == 2 * (2 * (9 + 3) + 3)  # both orders of every element
    assert not report.wrong
    assert report.error < 1e-7
    assert "largest error" in str(report)


def test_large_arrays_are_moved_at_random() -> None:
    report = dt.debug.check_gradients(lambda x: dt.sin(x) * x, dt.ones((40, 40)))
    assert len(report.checks) == 2 * gradients.RANDOM
    assert "random direction 0" in report.checks[0].where


def test_narrow_floats_are_widened_and_integers_stay() -> None:
    def f(x: Any, i: Any, n: int) -> Any:
        return dt.take(x, i) ** n

    x = dt.asarray([1.5, 2.5], dtype=dt.float32)
    assert dt.debug.check_gradients(f, x, dt.asarray([1, 1, 0]), 3).error < 1e-8


def test_complex_arguments_move_both_ways() -> None:
    z = dt.asarray([0.3 + 0.4j, -1.0 + 0.1j])
    report = dt.debug.check_gradients(lambda z: z * z * dt.exp(z), z)
    assert len(report.checks) == 2 * 4
    assert report.error < 1e-7


def test_all_transforms_may_stand_inside() -> None:
    f = dt.jit(dt.vmap(dt.checkpoint(lambda x: dt.sum(dt.exp(dt.sin(x))))))
    dt.debug.check_gradients(f, dt.ones((2, 3)))


@dt.custom_gradient
def wrong(x: Any) -> Any:
    return x**3, lambda g: g * 2.9 * x * x


@dt.custom_gradient
def wrong_later(x: Any) -> Any:
    slope = dt.stop_gradient(3 * x * x)  # right, but a constant to the second derivative
    return x**3, lambda g: g * slope


def test_a_wrong_gradient_is_named_with_its_place() -> None:
    with pytest.raises(AssertionError) as found:
        dt.debug.check_gradients(lambda p: wrong(p["a"])[1] + p["b"], {"a": dt.ones(3), "b": 1.0})
    text = str(found.value)
    assert "compared with central differences" in text
    assert "-> 1" in text
    assert "argument 0['a'][1]" in text
    assert "argument 0['b']" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("-> 1")]
    got, want = map(float, row.split()[2:4])
    assert got / want == pytest.approx(2.9 / 3, rel=1e-6)


def test_a_wrong_second_derivative_is_found_by_order_two_only() -> None:
    assert not dt.debug.check_gradients(wrong_later, dt.asarray(2.0), order=1).wrong
    with pytest.raises(AssertionError, match="-> 2"):
        dt.debug.check_gradients(wrong_later, dt.asarray(2.0))


def test_a_gradient_that_is_not_a_number_is_wrong() -> None:
    with pytest.raises(AssertionError, match="nan"):
        dt.debug.check_gradients(lambda x: dt.where(x > 5, dt.sqrt(x - 5), 0), dt.asarray(1.0))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: c(lambda x: x, dt.asarray(1)), "no argument holds a floating array"),
        (lambda c: c(lambda x: dt.asarray(1), dt.asarray(1.0)), "returns no floating array"),
        (lambda c: c(lambda x: x, dt.asarray(1.0), order=3), "order=3 must be 1 or 2"),
    ],
)
def test_what_cannot_be_compared_is_said(call: Any, says: str) -> None:
    with pytest.raises(OpError, match=says):
        call(dt.debug.check_gradients)


# ---- the first NaN -------------------------------------------------------------------------------


def loss(x: Any) -> Any:
    h = dt.exp(x)
    y = dt.log(h - 1)
    return dt.sum(y * 0)


def test_the_op_and_the_line_that_made_it_are_named() -> None:
    with pytest.raises(DovetailError) as found:
        dt.debug.nan_check(loss)(dt.asarray([1.0, 0.0, -1.0]))
    text = str(found.value)
    assert text.startswith("log gave -inf at test_debug.py:")
    assert " in loss: 2 of 3 elements" in text
    assert "the first is [1]" in text
    assert "0.0 there" in text


def test_finite_values_pass_through() -> None:
    x = dt.asarray([1.0, 2.0])
    assert dt.debug.nan_check(loss)(x).item() == 0.0
    got = dt.debug.nan_check(dt.vmap(dt.grad(lambda x: x * x)))({"x": x}["x"])
    assert got.tolist() == [2.0, 4.0]


def test_what_was_not_finite_before_is_not_blamed() -> None:
    x = dt.asarray([1.0, float("inf")])
    assert dt.debug.nan_check(lambda x: x - x)(x).tolist()[0] == 0.0


def test_gradients_are_checked_like_functions() -> None:
    slope = dt.debug.nan_check(dt.grad(lambda x: dt.sum(dt.sqrt(x))))
    with pytest.raises(DovetailError, match="inf"):
        slope(dt.asarray([4.0, 0.0]))


def test_inside_a_trace_there_are_no_values_to_look_at() -> None:
    with pytest.raises(dt.TraceError, match="nan_check looks at values, which loss has none of"):
        dt.jit(dt.debug.nan_check(loss))(dt.ones(3))


def test_it_looks_into_checkpointed_functions() -> None:
    f = dt.checkpoint(lambda x: dt.log(x))
    with pytest.raises(DovetailError, match="log gave nan"):
        dt.debug.nan_check(f)(dt.asarray(-1.0))


@pytest.mark.parametrize("module", [gradients, nonfinite])
def test_examples_run(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
