"""Distinct elements and membership against numpy, with sizes that data decides and without."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dovetail as dt
from dovetail.errors import OpError, TraceError

few = settings(max_examples=40, deadline=None)
KINDS = ["bool", "int8", "uint16", "int64", "float32", "float64", "complex64"]


def arrays(kinds: list[str] = KINDS, min_side: int = 0) -> st.SearchStrategy[np.ndarray]:
    """Small arrays in which most elements repeat."""

    def of(kind: str) -> st.SearchStrategy[np.ndarray]:
        dtype = np.dtype(kind)
        numbers = {"b": [True, False], "f": [0.0, 1.0, -1.5, np.inf], "c": [1 + 1j, 1 - 1j, 2.0]}
        elements = st.sampled_from(numbers.get(dtype.kind, [0, 1, 2, 5]))
        shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=min_side, max_side=5)
        return hnp.arrays(dtype, shapes, elements=elements)

    return st.sampled_from(kinds).flatmap(of)


def equal(found: Any, wanted: Any) -> None:
    np.testing.assert_array_equal(np.asarray(found), wanted)


@few
@given(arrays())
def test_the_four_functions_agree_with_numpy(x: np.ndarray) -> None:
    wanted = np.unique_all(x)
    ours = dt.asarray(x)
    found = dt.unique_all(ours)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    for name in found._fields:
        equal(getattr(found, name), getattr(wanted, name))
    assert found.values.dtype is ours.dtype
    assert found.inverse_indices.shape == x.shape
    equal(dt.unique_values(ours), wanted.values)
    equal(dt.unique_counts(ours).counts, wanted.counts)
    equal(dt.unique_inverse(ours).inverse_indices, wanted.inverse_indices)


@few
@given(arrays(min_side=1), st.integers(0, 7), st.booleans())
def test_with_a_size_it_compiles(x: np.ndarray, size: int, fill: bool) -> None:
    values, indices, inverse, counts = np.unique_all(x)
    fill_value = 2 if fill and x.dtype.kind not in "bc" else None
    more = max(size - len(values), 0)
    first = values[0] if fill_value is None else fill_value
    wanted = (
        np.concatenate([values[:size], np.full(more, first, x.dtype)]),
        np.concatenate([indices[:size], np.full(more, indices[0])]),
        np.minimum(inverse, max(size - 1, 0)),
        np.concatenate([counts[:size], np.zeros(more, np.int64)]),
    )

    def unique(a: Any) -> Any:
        return tuple(dt.unique_all(a, size=size, fill_value=fill_value))

    for found in (unique(dt.asarray(x)), dt.jit(unique)(dt.asarray(x))):
        for one, two in zip(found, wanted, strict=True):
            equal(one, two)


def test_with_a_size_it_batches() -> None:
    x = dt.asarray([[3, 1, 3, 2], [5, 5, 5, 5]])
    values, counts = dt.vmap(lambda a: tuple(dt.unique_counts(a, size=3)))(x)
    assert values.tolist() == [[1, 2, 3], [5, 5, 5]]
    assert counts.tolist() == [[1, 1, 2], [4, 0, 0]]


def test_nothing_has_no_values_but_a_size() -> None:
    values, indices, inverse, counts = dt.unique_all(dt.zeros((0, 3)), size=2, fill_value=7)
    assert values.tolist() == [7.0, 7.0]
    assert counts.tolist() == indices.tolist() == [0, 0]
    assert inverse.shape == (0, 3)


@pytest.mark.parametrize("size", [None, 5])
def test_every_nan_is_a_value_of_its_own(size: int | None) -> None:
    x = dt.asarray([dt.nan, 1.0, dt.nan, 1.0])
    values, counts = dt.unique_counts(x, size=size)
    assert counts.tolist() == [2, 1, 1] if size is None else [2, 1, 1, 0, 0]
    assert np.isnan(np.asarray(values)[1:3]).all()


def test_values_keep_bfloat16_and_gradients() -> None:
    x = dt.asarray([2.0, 1.0, 2.0], dtype=dt.bfloat16)
    assert dt.unique_values(x).dtype is dt.bfloat16
    weights = dt.asarray([10.0, 20.0])
    g = dt.grad(lambda a: dt.sum(dt.unique_values(a) * weights))(dt.asarray([2.0, 1.0, 2.0]))
    assert g.tolist() == [20.0, 10.0, 0.0]


@pytest.mark.parametrize(
    "function", [dt.unique_all, dt.unique_counts, dt.unique_inverse, dt.unique_values]
)
def test_without_a_size_jit_refuses(function: Any) -> None:
    with pytest.raises(TraceError, match="size="):
        dt.jit(function)(dt.asarray([1, 2]))
    with pytest.raises(OpError, match="must not be negative"):
        function(dt.asarray([1, 2]), size=-1)
    with pytest.raises(OpError, match="give size="):
        function(dt.asarray([1, 2]), fill_value=0)


# ---- isin ---------------------------------------------------------------------------------------

real = ["bool", "int8", "uint16", "int64", "float32", "float64"]


@few
@given(arrays(real), st.data(), st.booleans())
def test_isin_agrees_with_numpy(x: np.ndarray, data: st.DataObject, invert: bool) -> None:
    y = data.draw(arrays([x.dtype.name]))
    wanted = np.isin(x, y, invert=invert)

    def isin(a: Any, b: Any) -> Any:
        return dt.isin(a, b, invert=invert)

    for function in (isin, dt.jit(isin)):
        found = function(dt.asarray(x), dt.asarray(y))
        assert found.dtype is dt.bool
        assert found.shape == x.shape
        equal(found, wanted)
    inside = dt.isin.op.decomposition(dt.asarray(x), dt.asarray(y), invert=invert)
    equal(inside, wanted)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_isin_batches(axes: tuple[int | None, int | None]) -> None:
    random = np.random.default_rng(1)
    x, y = random.integers(0, 9, (4, 2, 5)), random.integers(0, 9, (4, 3))
    pair = [a if where == 0 else a[0] for a, where in zip((x, y), axes, strict=True)]
    found = dt.vmap(dt.isin, in_axes=axes)(*map(dt.asarray, pair))
    for i in range(4):
        one = [a[i] if where == 0 else a for a, where in zip(pair, axes, strict=True)]
        equal(found[i], np.isin(*one))


def test_isin_takes_a_number_on_either_side() -> None:
    assert dt.isin(dt.asarray([1, 2]), 2).tolist() == [False, True]
    found = dt.isin(2, dt.asarray([1, 2]))
    assert found.shape == ()
    assert found.item() is True
    assert dt.isin(dt.asarray([dt.nan]), dt.asarray([dt.nan])).tolist() == [False]
