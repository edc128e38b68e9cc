"""Order: sort, argsort, topk and searchsorted against what they mean, and under every transform."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dovetail as dt
from dovetail.errors import OpError

KINDS = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"]
few = settings(max_examples=40, deadline=None)


def arrays(*, min_dims: int = 1, kinds: list[str] = KINDS) -> st.SearchStrategy[np.ndarray]:
    """Small arrays full of ties, with every odd float there is."""

    def of(kind: str) -> st.SearchStrategy[np.ndarray]:
        dtype = np.dtype(kind)
        elements: Any = st.integers(0, 3)
        if dtype.kind == "f":
            elements = st.sampled_from([0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 2.5])
        elif dtype.kind == "b":
            elements = st.booleans()
        shapes = hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=0, max_side=6)
        return hnp.arrays(dtype, shapes, elements=elements)

    return st.sampled_from(kinds).flatmap(of)


def same(found: Any, wanted: np.ndarray) -> None:
    """Equal bits, so that zeros have their sign."""
    found = np.asarray(found)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    if wanted.dtype.kind == "f":
        np.testing.assert_array_equal(
            np.signbit(found[~np.isnan(wanted)]), np.signbit(wanted[~np.isnan(wanted)])
        )


def order_of(line: np.ndarray, descending: bool) -> list[int]:
    """The stable order in plain Python, NaN above all."""

    def key(i: int) -> tuple[bool, float]:
        value = float(line[i])
        return (math.isnan(value), 0.0 if math.isnan(value) else value)

    places = list(range(len(line)))
    if descending:
        # Python keeps the order of equals in reverse, too.
        return sorted(places, key=key, reverse=True)
    return sorted(places, key=key)


def orders(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    lines = np.moveaxis(x, axis, -1)
    found = np.empty(lines.shape, np.int64)
    for at in np.ndindex(*lines.shape[:-1]):
        found[at] = order_of(lines[at], descending)
    return np.moveaxis(found, -1, axis)


@few
@given(arrays(), st.data(), st.booleans())
def test_sort_and_argsort_are_stable_both_ways(
    x: np.ndarray, data: st.DataObject, descending: bool
) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    wanted = orders(x, axis, descending)
    ours = dt.asarray(x)
    same(dt.argsort(ours, axis=axis, descending=descending), wanted)
    same(dt.sort(ours, axis=axis, descending=descending), np.take_along_axis(x, wanted, axis))
    unstable = np.asarray(dt.argsort(ours, axis=axis, descending=descending, stable=False))
    values = np.take_along_axis(x, unstable, axis)
    np.testing.assert_array_equal(values, np.take_along_axis(x, wanted, axis))


@few
@given(arrays(min_dims=2), st.booleans())
def test_order_is_the_same_compiled_and_batched(x: np.ndarray, descending: bool) -> None:
    ours = dt.asarray(x)
    if x.shape[0] == 0:
        return

    def both(a: Any) -> Any:
        return dt.sort(a, axis=-1, descending=descending), dt.argsort(a, descending=descending)

    for eager, compiled, batched in zip(
        both(ours), dt.jit(both)(ours), dt.vmap(both)(ours), strict=True
    ):
        same(compiled, np.asarray(eager))
        same(batched, np.asarray(eager))


@few
@given(arrays(kinds=["int8", "uint16", "int64", "float32", "float64"]), st.data(), st.booleans())
def test_topk_is_the_start_of_the_order(x: np.ndarray, data: st.DataObject, largest: bool) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    k = data.draw(st.integers(0, x.shape[axis]))
    wanted = np.take(orders(x, axis, largest), np.arange(k), axis)
    values, places = dt.topk(dt.asarray(x), k, axis=axis, largest=largest)
    same(places, wanted)
    same(values, np.take_along_axis(x, wanted, axis))


def test_topk_batches_and_compiles() -> None:
    x = dt.asarray(np.random.default_rng(0).normal(size=(4, 3, 9)))
    eager = dt.topk(x, 4, axis=-1)
    for found in (dt.jit(lambda a: dt.topk(a, 4))(x), dt.vmap(lambda a: dt.topk(a, 4))(x)):
        for one, two in zip(found, eager, strict=True):
            same(one, np.asarray(two))


def test_gradients_go_back_to_where_elements_came_from() -> None:
    x, w = dt.asarray([3.0, 1.0, 2.0]), dt.asarray([10.0, 20.0, 30.0])
    assert dt.grad(lambda a: dt.sum(dt.sort(a) * w))(x).tolist() == [30.0, 10.0, 20.0]
    down = dt.grad(lambda a: dt.sum(dt.sort(a, descending=True) * w))(x)
    assert down.tolist() == [10.0, 30.0, 20.0]
    top = dt.grad(lambda a: dt.sum(dt.topk(a, 2)[0] * w[:2]))(x)
    assert top.tolist() == [10.0, 0.0, 20.0]


def test_complex_numbers_are_ordered_by_parts() -> None:
    x = np.asarray([2 + 1j, 1 + 5j, 2 - 1j, 1 + 2j])
    np.testing.assert_array_equal(np.asarray(dt.sort(dt.asarray(x))), np.sort(x))
    assert dt.argsort(dt.asarray(x)).tolist() == [3, 1, 2, 0]


def test_bfloat16_is_sorted() -> None:
    x = dt.asarray([2.0, -1.0, 0.5], dtype=dt.bfloat16)
    assert dt.sort(x).tolist() == [-1.0, 0.5, 2.0]
    assert dt.sort(x).dtype is dt.bfloat16


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dt.sort(dt.ones((2, 3)), axis=2), "sort: axis 2 is out of range"),
        (lambda: dt.argsort(dt.asarray(1.0)), "argsort: axis -1 is out of range"),
        (lambda: dt.topk(dt.ones(3), 4), r"k=4 of axis 0 of float32\[3\]"),
        (lambda: dt.topk(dt.ones(3), -1), "k must lie between 0 and its extent"),
        (lambda: dt.searchsorted(dt.asarray(1.0), dt.ones(2)), "needs an axis"),
        (lambda: dt.searchsorted(dt.ones((2, 3)), dt.ones((3, 3))), "the same axes before"),
        (lambda: dt.searchsorted(dt.ones(3), dt.ones(2), side="middle"), 'use "left" or "right"'),
    ],
)
def test_errors_say_what_is_wrong(call: Any, words: str) -> None:
    with pytest.raises(OpError, match=words):
        call()


# ---- searchsorted -------------------------------------------------------------------------------


pairs = st.sampled_from(["int64", "float32", "float64"]).flatmap(
    lambda kind: st.tuples(*(arrays(min_dims=0, kinds=[kind]) for _ in range(2)))
)


@few
@given(pairs, st.sampled_from(["left", "right"]))
def test_searchsorted_agrees_with_numpy(pair: tuple[np.ndarray, np.ndarray], side: Any) -> None:
    flat, v = pair[0].ravel(), pair[1]
    line = np.sort(flat)
    wanted = np.asarray(np.searchsorted(line, v, side=side))
    same(dt.searchsorted(dt.asarray(line), dt.asarray(v), side=side), wanted)
    compiled = dt.jit(lambda a, b: dt.searchsorted(a, b, side=side))
    same(compiled(dt.asarray(line), dt.asarray(v)), wanted)
    order = dt.argsort(dt.asarray(flat))
    same(dt.searchsorted(dt.asarray(flat), dt.asarray(v), side=side, sorter=order), wanted)


def test_searchsorted_takes_numbers() -> None:
    line = dt.asarray([1, 3, 5])
    assert dt.searchsorted(line, 3).item() == 1
    assert dt.searchsorted(line, 3, side="right").item() == 2
    assert dt.searchsorted(dt.asarray([1.0, 3.0]), 2).dtype is dt.int64
    assert dt.searchsorted(line, 3).shape == ()


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_searchsorted_batches(axes: tuple[int | None, int | None], shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    lines = np.sort(random.integers(0, 9, (4, 6)), axis=1)
    values = random.integers(0, 9, (4, *shape))
    given_ = [a if where == 0 else a[0] for a, where in zip((lines, values), axes, strict=True)]
    found = dt.vmap(dt.searchsorted, in_axes=axes)(*map(dt.asarray, given_))
    rows = [
        np.searchsorted(*(a[i] if where == 0 else a for a, where in zip(given_, axes, strict=True)))
        for i in range(4)
    ]
    same(found, np.stack(rows))


def test_searchsorted_of_lines() -> None:
    lines = dt.asarray([[1, 2, 3], [10, 20, 30]])
    values = dt.asarray([[0, 2], [20, 99]])
    assert dt.searchsorted(lines, values).tolist() == [[0, 1], [1, 3]]
    twice = dt.vmap(dt.searchsorted, in_axes=(None, 0))(lines, dt.stack([values, values]))
    assert twice.tolist() == [[[0, 1], [1, 3]]] * 2
