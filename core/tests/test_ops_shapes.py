"""Reshaping, permuting, stretching, cutting, padding and joining: against numpy, and refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dovetail as dt
from dovetail.op import REGISTRY, Spec
from dovetail.reference import call

SHAPE = st.lists(st.integers(0, 5), max_size=4).map(tuple)
WHOLE = st.integers(-7, 7)


def counted(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)


@st.composite
def shape_and_slices(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    shape = draw(SHAPE)
    step = st.one_of(st.none(), WHOLE.filter(bool))
    bound = st.one_of(st.none(), WHOLE)
    return shape, tuple(slice(draw(bound), draw(bound), draw(step)) for _ in shape)


@given(shape_and_slices())
def test_a_slice_is_pythons(drawn: tuple[tuple[int, ...], tuple[slice, ...]]) -> None:
    shape, slices = drawn
    x = counted(shape)
    attributes = {
        word: tuple(getattr(s, word) for s in slices) for word in ("start", "stop", "step")
    }
    y = dt.ops.slice(dt.asarray(x), **attributes)
    np.testing.assert_array_equal(np.asarray(y), x[slices])
    canonical = REGISTRY["slice"].canonical(Spec(shape, dt.int32), **attributes)
    assert REGISTRY["slice"].canonical(Spec(shape, dt.int32), **canonical) == canonical
    again = dt.ops.slice(dt.asarray(x), **canonical)
    np.testing.assert_array_equal(np.asarray(again), x[slices])
    assert all(v >= 0 for v in canonical["start"])


@given(shape_and_slices())
def test_what_was_cut_flows_back_to_where_it_was(
    drawn: tuple[tuple[int, ...], tuple[slice, ...]],
) -> None:
    shape, slices = drawn
    attributes = {
        word: tuple(getattr(s, word) for s in slices) for word in ("start", "stop", "step")
    }
    x = counted(shape).astype(np.float64)
    g = dt.grad(lambda x: 0.5 * dt.sum(dt.ops.slice(x, **attributes) ** 2))(dt.asarray(x))
    want = np.zeros(shape)
    want[slices] = x[slices]
    np.testing.assert_array_equal(np.asarray(g), want)


@st.composite
def layout(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """An array that is a view of another: cut and permuted."""
    shape, slices = draw(shape_and_slices())
    x = counted(shape)[(*slices, ...)]
    return x.transpose(draw(st.permutations(range(x.ndim))))


@given(layout(), st.data())
def test_a_reshape_is_numpys_whatever_the_strides(x: Any, data: st.DataObject) -> None:
    order = data.draw(st.permutations([n for n in x.shape if n != 1]))
    cut = data.draw(st.integers(0, len(order)))
    groups = [*order[:cut], int(np.prod(order[cut:], dtype=int))]
    shape = tuple(data.draw(st.permutations([*groups, 1])))
    strides = tuple(s // x.itemsize for s in x.strides)
    found = REGISTRY["reshape"].view(x.shape, strides, shape=shape)
    want = x.reshape(shape)
    shared = want.size == 0 or np.shares_memory(want, x)
    if shared:
        assert found is not None, "numpy needs no copy here"
    if found is not None and want.size:
        assert shared, "numpy needs a copy here"
        got = np.lib.stride_tricks.as_strided(x, found[0], [s * x.itemsize for s in found[1]])
        np.testing.assert_array_equal(got, want)


@given(SHAPE, st.data())
def test_one_extent_may_be_inferred(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(shape)
    wanted = list(data.draw(st.permutations(shape))) or [1]
    wanted[data.draw(st.integers(0, len(wanted) - 1))] = -1
    try:
        want = x.reshape(wanted)
    except ValueError:
        with pytest.raises(dt.OpError, match="reshape: "):
            dt.reshape(dt.asarray(x), wanted)
        return
    np.testing.assert_array_equal(np.asarray(dt.reshape(dt.asarray(x), wanted)), want)


@given(SHAPE, st.data())
def test_padding_is_xlas(shape: tuple[int, ...], data: st.DataObject) -> None:
    amounts = st.tuples(*(st.integers(0, 3) for _ in shape))
    low, high, interior = data.draw(amounts), data.draw(amounts), data.draw(amounts)
    x = counted(shape)
    got = call(REGISTRY["pad"], x, low=low, high=high, interior=interior, value=-1)
    want = x
    for d, (a, b, i) in enumerate(zip(low, high, interior, strict=True)):
        rows = [np.take(want, k, axis=d) for k in range(want.shape[d])]
        margin = np.full(want.shape[:d] + want.shape[d + 1 :], -1, x.dtype)
        spread = [margin] * a
        for k, row in enumerate(rows):
            spread += [margin] * (i if k else 0) + [row]
        spread += [margin] * b
        empty = np.empty((*want.shape[:d], 0, *want.shape[d + 1 :]), x.dtype)
        want = np.stack(spread, axis=d) if spread else empty
    np.testing.assert_array_equal(got, want)


def refused(words: str, function: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(dt.OpError, match=words):
        function(*args, **kwargs)


def test_shapes_that_cannot_be_are_refused_in_words() -> None:
    x = dt.asarray(np.ones((2, 3), np.float32))
    refused(
        r"reshape: float32\[2, 3\] has 6 elements and shape \(4, 2\) has 8", dt.reshape, x, (4, 2)
    )
    refused("reshape: .* do not fill", dt.reshape, x, (4, -1))
    refused("reshape: .* more than once", dt.reshape, x, (-1, -1))
    refused("reshape: .* negative extent", dt.reshape, x, (-2, 3))
    refused("reshape: shape='ab' must be", dt.reshape, x, "ab")
    refused("permute_dims: .* exactly once", dt.permute_dims, x, (0, 0))
    refused("permute_dims: .* exactly once", dt.permute_dims, x, (0,))
    refused("permute_dims: axes 2 is out of range|permute_dims: axis 2", dt.permute_dims, x, (0, 2))
    refused(r"broadcast_to: .* 3 is not 4", dt.broadcast_to, x, (2, 4))
    refused("broadcast_to: .* axes can only be added", dt.broadcast_to, x, (3,))
    refused("broadcast_to: .* negative", dt.broadcast_to, x, (-1, 3))
    refused("slice: step=.* has a 0", dt.ops.slice, x, (0, 0), (1, 1), (1, 0))
    refused("slice: start=.* has 1 entries for 2 axes", dt.ops.slice, x, (0,), (1, 1))
    refused("pad: low=.* has a negative entry", dt.pad, x, (-1, 0), (0, 0))
    refused("pad: high=.* has 1 entries for 2 axes", dt.pad, x, (1, 0), (0,))
    refused("pad: value='x' must be a number", dt.pad, x, (1, 0), (0, 0), None, "x")


def test_sizes_that_nobody_can_address_are_refused_in_words() -> None:
    one = dt.asarray(np.ones((1, 1), np.float32))
    huge = 2**40
    refused("broadcast_to: .* bytes, more than", dt.broadcast_to, one, (huge, huge))
    refused("pad: .* bytes, more than", dt.pad, one, (huge, 0), (0, huge))
    column, row = dt.broadcast_to(one, (huge, 1)), dt.broadcast_to(one, (1, huge))
    refused("matmul: .* bytes, more than", dt.matmul, column, row)
    refused("add: |broadcast_to: ", dt.add, column, row)
    many = dt.broadcast_to(one, (2**60, 1))
    refused("concat: .* bytes, more than", dt.concat, [many] * 3)


def test_joining_takes_a_sequence_and_flattens_without_an_axis() -> None:
    x, y = np.ones((2, 3), np.float32), np.zeros((1, 3), np.int8)
    for arrays in ([dt.asarray(x), dt.asarray(y)], (dt.asarray(x), dt.asarray(y))):
        got = dt.concat(arrays)
        assert got.dtype is dt.float32
        np.testing.assert_array_equal(np.asarray(got), np.concatenate([x, y]))
    flat = dt.concat([dt.asarray(x), dt.asarray(y)], axis=None)
    np.testing.assert_array_equal(np.asarray(flat), np.concatenate([x, y], axis=None))


def test_arrays_that_cannot_be_joined_are_refused_in_words() -> None:
    x, y = dt.asarray(np.ones((2, 3))), dt.asarray(np.ones((2, 4)))
    refused("concat: array 1 is .* not along 1", dt.concat, [x, y], 0)
    refused("concat: array 1 is .* number of axes", dt.concat, [x, dt.asarray(np.ones(2))], 0)
    refused("concat: axis 2 is out of range", dt.concat, [x, x], 2)
    with pytest.raises(dt.OpError, match="at least one array"):
        dt.concat([])


def test_whole_numbers_are_rounded_to_themselves() -> None:
    for name in ("int8", "uint64"):
        x = dt.asarray(np.array([1, 2], name))
        for function in (dt.floor, dt.ceil, dt.trunc, dt.round):
            y = function(x)
            assert y.dtype is x.dtype
            assert y.tolist() == [1, 2]
