"""What the public reductions add to the records: wide sums, truth of numbers, errors in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt

NARROW = ["bool", "int8", "int16", "int32"]


@pytest.mark.parametrize("function", [dt.sum, dt.prod])
@pytest.mark.parametrize("name", NARROW)
def test_narrow_signed_integers_and_bools_become_int64(
    function: Callable[..., Any], name: str
) -> None:
    y = function(dt.asarray(np.ones(3, name)))
    assert y.dtype is dt.int64


@pytest.mark.parametrize("function", [dt.sum, dt.prod])
@pytest.mark.parametrize("name", ["uint8", "uint16", "uint32", "uint64"])
def test_unsigned_integers_become_uint64(function: Callable[..., Any], name: str) -> None:
    assert function(dt.asarray(np.ones(3, name))).dtype is dt.uint64


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_floats_keep_their_dtype(kind: dt.DType) -> None:
    x = dt.asarray([1.0, 2.0], dtype=kind)
    for function in (dt.sum, dt.prod, dt.mean, dt.max, dt.min):
        assert function(x).dtype is kind


def test_a_sum_of_small_integers_does_not_wrap() -> None:
    assert dt.sum(dt.asarray(np.full(1000, 100, np.int8))).item() == 100_000
    assert dt.sum(dt.asarray(np.full(1000, True))).item() == 1000


def test_a_sum_takes_a_dtype() -> None:
    x = dt.asarray([1.5, 2.5])
    assert dt.sum(x, dtype=dt.float64).dtype is dt.float64
    assert dt.sum(dt.asarray([1, 2]), dtype="int8").dtype is dt.int8
    assert dt.prod(x, dtype=int).item() == 2


def test_a_sum_takes_numpy_arrays_and_numbers() -> None:
    assert dt.sum(np.ones(3, np.int8)).dtype is dt.int64
    assert dt.sum(3).item() == 3


def test_methods_are_the_functions() -> None:
    x = dt.asarray(np.arange(6.0).reshape(2, 3))
    assert x.sum(axis=0).tolist() == [3, 5, 7]
    assert x.prod(axis=1).tolist() == [0, 60]
    assert x.mean().item() == 2.5
    assert x.max(axis=1, keepdims=True).tolist() == [[2], [5]]
    assert x.argmin(axis=0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("values", [[0, 0], [0, 2], [1, -1]])
def test_any_and_all_take_numbers(values: list[int]) -> None:
    for name in ("int8", "uint64", "float16", "float64"):
        x = np.array(values).astype(name)
        assert dt.any(dt.asarray(x)).item() == bool(x.any())
        assert dt.all(dt.asarray(x)).item() == bool(x.all())


def test_a_nan_is_true() -> None:
    assert dt.any(dt.asarray([0.0, float("nan")])).item() is True


def test_reductions_of_nothing_have_their_neutral_element() -> None:
    nothing = dt.asarray(np.zeros((0, 2), np.float32))
    assert dt.sum(nothing, axis=0).tolist() == [0, 0]
    assert dt.prod(nothing, axis=0).tolist() == [1, 1]
    assert dt.any(nothing, axis=0).tolist() == [False, False]
    assert dt.all(nothing, axis=0).tolist() == [True, True]
    assert np.isnan(dt.mean(nothing, axis=0).tolist()).all()


@pytest.mark.parametrize("function", [dt.max, dt.min, dt.argmax, dt.argmin, dt.logsumexp])
def test_a_choice_among_nothing_is_refused_in_words(function: Callable[..., Any]) -> None:
    with pytest.raises(dt.OpError, match=r"float32\[0, 2\] has no elements") as error:
        function(dt.asarray(np.zeros((0, 2), np.float32)), axis=0)
    assert str(error.value).startswith(function.__name__)
    assert function(dt.asarray(np.zeros((0, 2), np.float32)), axis=1).shape == (0,)


def test_no_axes_at_all_reduce_nothing() -> None:
    x = dt.asarray([[1.0, 2.0]])
    assert dt.sum(x, axis=()).tolist() == [[1, 2]]
    assert dt.max(x, axis=()).tolist() == [[1, 2]]


@pytest.mark.parametrize("axis", [(0, 0), (0, -3), (1, 2, 1)], ids=str)
def test_an_axis_named_twice_is_refused(axis: tuple[int, ...]) -> None:
    with pytest.raises(dt.OpError, match=r"sum: axis=.* names an axis twice"):
        dt.sum(dt.asarray(np.ones((2, 2, 2))), axis=axis)


def test_an_axis_of_a_scalar_is_refused() -> None:
    with pytest.raises(dt.OpError, match="an array without axes has none"):
        dt.sum(dt.asarray(1.0), axis=0)


def test_a_mean_of_many_halves_does_not_overflow() -> None:
    x = dt.asarray(np.full(4096, 60000, np.float16))
    assert dt.mean(x).item() == 60000
    ones = dt.asarray(np.ones(5000), dtype=dt.bfloat16)
    assert dt.sum(ones).item() == 4992, "accumulated wide, rounded once"


def test_argmax_names_the_first_of_equals_and_a_nan_before_all() -> None:
    assert dt.argmax(dt.asarray([1, 3, 3, 2])).item() == 1
    assert dt.argmin(dt.asarray([3, 1, 1, 2])).item() == 1
    assert dt.argmax(dt.asarray([9.0, float("nan"), float("inf"), float("nan")])).item() == 1
    assert dt.argmin(dt.asarray([9.0, float("nan"), -float("inf")])).item() == 1
    assert dt.argmax(dt.asarray([[1, 5], [7, 2]]), keepdims=True).tolist() == [[2]]
