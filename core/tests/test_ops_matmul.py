"""The public matrix product: every combination of ranks, its derivative and its errors."""

import itertools

import numpy as np
import pytest

import dovetail as dt
from dovetail.testing import check_derivative

LEFT = [(3,), (2, 3), (1, 3), (4, 2, 3), (5, 1, 2, 3), (1, 4, 2, 3), (0, 3), (0, 2, 3)]
RIGHT = [(3,), (3, 4), (3, 1), (4, 3, 2), (5, 4, 3, 2), (1, 3, 2), (3, 0), (4, 3, 0)]


def fits(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> bool:
    x, y = pair
    try:
        np.broadcast_shapes(x[:-2], y[:-2])
    except ValueError:
        return False
    return True


PAIRS = [pair for pair in itertools.product(LEFT, RIGHT) if fits(pair)]


def test_most_pairs_fit() -> None:
    assert len(PAIRS) > 50


@pytest.mark.parametrize(("x", "y"), PAIRS, ids=str)
@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_shape_and_values_are_numpys(x: tuple[int, ...], y: tuple[int, ...], kind: str) -> None:
    random = np.random.default_rng(3)
    left = random.integers(-5, 5, x).astype(kind)
    right = random.integers(-5, 5, y).astype(kind)
    got = dt.matmul(dt.asarray(left), dt.asarray(right))
    want = left @ right
    assert got.shape == want.shape
    assert got.dtype is dt.dtype(kind)
    np.testing.assert_array_equal(np.asarray(got), want)
    np.testing.assert_array_equal(np.asarray(dt.asarray(left) @ dt.asarray(right)), want)


@pytest.mark.parametrize(("x", "y"), [p for p in PAIRS if 0 not in p[0] + p[1]], ids=str)
def test_the_derivative_is_right(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    random = np.random.default_rng(4)
    arrays = [dt.asarray(random.normal(size=s)) for s in (x, y)]
    check_derivative(dt.matmul, arrays, [0, 1], f"matmul {x} {y}")


def test_dtypes_promote() -> None:
    x, y = dt.asarray(np.ones((2, 3), np.float32)), dt.asarray(np.ones((3, 2), np.int8))
    assert (x @ y).dtype is dt.float32
    assert (y @ x).dtype is dt.float32


def test_a_transposed_operand_is_no_other() -> None:
    random = np.random.default_rng(5)
    x, y = random.normal(size=(33, 17)), random.normal(size=(9, 33))
    got = dt.asarray(x).T @ dt.asarray(y).T
    np.testing.assert_allclose(np.asarray(got), x.T @ y.T, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ((), (3,), "at least one axis"),
        ((3,), (), "at least one axis"),
        ((2, 3), (4, 5), "last axis of the left"),
        ((2, 3), (2,), "only axis of the right"),
        ((3,), (4, 2), "next-to-last"),
        ((2, 2, 3), (3, 3, 4), "batch axes"),
    ],
)
def test_wrong_shapes_are_refused_in_words(
    x: tuple[int, ...], y: tuple[int, ...], words: str
) -> None:
    with pytest.raises(dt.OpError, match=words) as error:
        dt.matmul(dt.asarray(np.ones(x)), dt.asarray(np.ones(y)))
    assert str(error.value).startswith("matmul: ")
    for shape in (x, y):
        assert f"float64[{', '.join(map(str, shape))}]" in str(error.value)


def test_numbers_are_refused_in_words() -> None:
    with pytest.raises((dt.OpError, TypeError)):
        dt.matmul(dt.asarray(np.ones((2, 2))), 3)
    with pytest.raises(dt.OpError, match="list"):
        dt.matmul([[1.0]], dt.asarray(np.ones((1, 1))))
