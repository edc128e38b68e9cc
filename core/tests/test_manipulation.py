"""Rearranging against numpy, with gradients and under jit."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError

X = np.arange(24.0).reshape(2, 3, 4)

# name -> (ours, numpy's); each is also compiled and differentiated.
CASES: dict[str, tuple[Any, Any]] = {
    "expand_dims first": (lambda x: dt.expand_dims(x), lambda x: np.expand_dims(x, 0)),
    "expand_dims last": (lambda x: dt.expand_dims(x, axis=-1), lambda x: np.expand_dims(x, -1)),
    "expand_dims two": (
        lambda x: dt.expand_dims(x, axis=(0, -2)),
        lambda x: np.expand_dims(x, (0, -2)),
    ),
    "squeeze": (lambda x: dt.squeeze(x[:, :1], axis=1), lambda x: x[:, 0]),
    "squeeze all": (lambda x: dt.squeeze(x[:1, :1]), lambda x: x[0, 0]),
    "stack": (lambda x: dt.stack([x, x * 2], axis=-2), lambda x: np.stack([x, x * 2], -2)),
    "unstack": (lambda x: dt.unstack(x, axis=1)[2], lambda x: x[:, 2]),
    "split equal": (lambda x: dt.split(x, 2, axis=-1)[1], lambda x: np.split(x, 2, -1)[1]),
    "split cuts": (lambda x: dt.split(x, (1, 3), axis=2)[1], lambda x: np.split(x, (1, 3), 2)[1]),
    "flip all": (lambda x: dt.flip(x), lambda x: np.flip(x)),
    "flip two": (lambda x: dt.flip(x, axis=(0, -1)), lambda x: np.flip(x, (0, -1))),
    "roll flat": (lambda x: dt.roll(x, 5), lambda x: np.roll(x, 5)),
    "roll axis": (lambda x: dt.roll(x, -7, axis=1), lambda x: np.roll(x, -7, 1)),
    "roll two": (lambda x: dt.roll(x, (1, 2), axis=(0, 2)), lambda x: np.roll(x, (1, 2), (0, 2))),
    "roll same axis twice": (
        lambda x: dt.roll(x, (1, 2), axis=(2, 2)),
        lambda x: np.roll(x, (1, 2), (2, 2)),
    ),
    "moveaxis": (lambda x: dt.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1)),
    "moveaxis two": (
        lambda x: dt.moveaxis(x, (0, 1), (-1, 0)),
        lambda x: np.moveaxis(x, (0, 1), (-1, 0)),
    ),
    "swapaxes": (lambda x: dt.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1)),
    "matrix_transpose": (dt.matrix_transpose, lambda x: np.swapaxes(x, -1, -2)),
    "ravel": (lambda x: dt.ravel(x[:, ::-1]), lambda x: np.ravel(x[:, ::-1])),
    "tile": (lambda x: dt.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3))),
    "tile more axes": (lambda x: dt.tile(x, (2, 1, 2, 1)), lambda x: np.tile(x, (2, 1, 2, 1))),
    "tile nothing": (lambda x: dt.tile(x, 0), lambda x: np.tile(x, 0)),
    "repeat flat": (lambda x: dt.repeat(x, 3), lambda x: np.repeat(x, 3)),
    "repeat axis": (lambda x: dt.repeat(x, 2, axis=1), lambda x: np.repeat(x, 2, 1)),
    "repeat each": (
        lambda x: dt.repeat(x, (2, 0, 1), axis=1),
        lambda x: np.repeat(x, (2, 0, 1), 1),
    ),
    "broadcast_arrays": (
        lambda x: dt.broadcast_arrays(x[:, :1], x[:1])[0],
        lambda x: np.broadcast_arrays(x[:, :1], x[:1])[0],
    ),
    "meshgrid xy": (
        lambda x: dt.meshgrid(x[0, 0], x[0, :, 0], x[:, 0, 0])[0],
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0], x[:, 0, 0])[0],
    ),
    "meshgrid ij": (
        lambda x: dt.meshgrid(x[0, 0], x[0, :, 0], indexing="ij")[1],
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0], indexing="ij")[1],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_agree_with_numpy(name: str) -> None:
    ours, theirs = CASES[name]
    expected = theirs(X)
    for got in (ours(dt.asarray(X)), dt.jit(ours)(dt.asarray(X))):
        assert got.shape == expected.shape
        np.testing.assert_array_equal(np.asarray(got), expected)


@pytest.mark.parametrize("name", CASES)
def test_gradients_go_back_where_the_values_came_from(name: str) -> None:
    ours, theirs = CASES[name]
    weights = np.cos(np.arange(theirs(X).size)).reshape(theirs(X).shape)
    got = dt.grad(lambda x: dt.sum(ours(x) * dt.asarray(weights)))(dt.asarray(X))
    # All cases are linear: the derivative of an element is the result for a unit at its place.
    expected = np.zeros_like(X)
    for place in np.ndindex(*X.shape):
        unit = np.zeros_like(X)
        unit[place] = 1
        expected[place] = (theirs(unit) * weights).sum()
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-13, atol=1e-13)


def test_a_result_is_a_new_object_even_where_nothing_moves() -> None:
    x = dt.asarray([1.0, 2.0])
    for y in (dt.roll(x, 0, axis=0), dt.tile(x, 1), dt.squeeze(x), dt.flip(x, axis=()), x[:]):
        x[0] = x[0] + 1
        assert y.tolist() == [1.0, 2.0]


def test_extents_of_zero_survive() -> None:
    x = dt.zeros((0, 3))
    assert dt.roll(x, 1, axis=0).shape == (0, 3)
    assert [p.shape for p in dt.split(x, 2)] == [(0, 3), (0, 3)]
    assert dt.unstack(x) == ()
    assert dt.repeat(x, 2, axis=0).shape == (0, 3)
    assert [a.shape for a in dt.meshgrid(dt.zeros(0), dt.zeros(2))] == [(2, 0), (2, 0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.expand_dims(x, axis=5), "axis"),
        (lambda x: dt.expand_dims(x, axis=(0, 0)), "twice"),
        (lambda x: dt.squeeze(x, axis=1), "extent 3, not 1"),
        (lambda x: dt.stack([]), "at least one"),
        (lambda x: dt.stack([x, x[0]]), "array 1 has shape"),
        (lambda x: dt.split(x, 2, axis=1), "does not divide"),
        (lambda x: dt.split(x, (2, 1), axis=1), "rise"),
        (lambda x: dt.split(x, (9,), axis=1), "rise"),
        (lambda x: dt.roll(x, (1, 2)), "axes"),
        (lambda x: dt.roll(x, (1, 2), axis=(0, 1, 2)), "differ in length"),
        (lambda x: dt.moveaxis(x, (0, 0), (1, 2)), "different"),
        (lambda x: dt.moveaxis(x, (0, 1), (2, 2)), "twice"),
        (lambda x: dt.matrix_transpose(x[0, 0]), "no matrix"),
        (lambda x: dt.tile(x, -1), "negative"),
        (lambda x: dt.repeat(x, (1, 2), axis=1), "2 numbers of repeats"),
        (lambda x: dt.broadcast_arrays(x, x[:, :2]), "do not broadcast"),
        (lambda x: dt.meshgrid(x), "one axis"),
        (lambda x: dt.meshgrid(x[0, 0], indexing="yx"), "indexing"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.asarray(X))
