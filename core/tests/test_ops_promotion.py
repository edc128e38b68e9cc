"""Broadcasting and promotion of whole calls, against numpy, for drawn shapes and dtypes."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import dovetail as dt
from dovetail.dtypes import COMPLEX, DTYPES, FLOATING, INTEGER, bfloat16, bool_
from dovetail.op import REGISTRY, Spec
from dovetail.promotion import promotion

SHAPES = mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=5, min_side=0)
NUMPY = [t for t in DTYPES if t is not bfloat16]


@given(SHAPES)
def test_three_shapes_broadcast_as_numpys_do(drawn) -> None:
    arrays = [np.ones(shape, np.float32) for shape in drawn.input_shapes]
    condition = dt.asarray(arrays[0] > 0)
    y = dt.where(condition, dt.asarray(arrays[1]), dt.asarray(arrays[2]))
    assert y.shape == drawn.result_shape
    assert dt.add(dt.asarray(arrays[1]), dt.asarray(arrays[2])).shape == np.broadcast_shapes(
        *drawn.input_shapes[1:]
    )


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=2, max_size=2))
def test_shapes_broadcast_exactly_when_numpys_do(shapes: list[list[int]]) -> None:
    arrays = [dt.asarray(np.ones(shape, np.float32)) for shape in shapes]
    try:
        want = np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        with pytest.raises(dt.OpError, match=r"multiply: .* do not broadcast"):
            dt.multiply(*arrays)
    else:
        assert dt.multiply(*arrays).shape == want


@given(SHAPES)
def test_values_land_where_numpys_do(drawn) -> None:
    x, y = (
        np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
        for shape in drawn.input_shapes[:2]
    )
    got = dt.subtract(dt.asarray(3 * x), dt.asarray(y))
    np.testing.assert_array_equal(np.asarray(got), 3 * x - y)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(NUMPY, NUMPY)), ids=str)
def test_the_sum_has_the_common_dtype(a: dt.DType, b: dt.DType) -> None:
    x, y = dt.asarray(np.ones(2, a.name)), dt.asarray(np.ones(2, b.name))
    try:
        want = dt.promote_types(a, b)
    except dt.OpError:
        with pytest.raises(dt.OpError, match=r"add: .* astype"):
            x + y
        return
    z = x + y
    assert z.dtype is (dt.int64 if want is bool_ else want)
    assert z.tolist() == [2, 2]


@pytest.mark.parametrize("kind", DTYPES, ids=str)
def test_a_function_of_floats_takes_everything(kind: dt.DType) -> None:
    y = dt.exp(dt.asarray(np.zeros(2), dtype=kind))
    assert y.dtype is (kind if kind in FLOATING | COMPLEX else dt.float32)
    assert y.tolist() == [1, 1]


@pytest.mark.parametrize("kind", DTYPES, ids=str)
def test_a_python_number_takes_the_arrays_dtype(kind: dt.DType) -> None:
    x = dt.asarray(np.ones(2), dtype=kind)
    assert (x + 1).dtype is (dt.int64 if kind is bool_ else kind)
    assert (1 + x).dtype is (dt.int64 if kind is bool_ else kind)
    assert (x * 1.5).dtype is (kind if kind in FLOATING | COMPLEX else dt.float32)
    assert dt.where(x == 1, x, 0).dtype is (dt.int64 if kind is bool_ else kind)
    assert dt.where(x == 1, x, True).dtype is kind


@pytest.mark.parametrize("kind", sorted(INTEGER, key=str), ids=str)
def test_a_python_integer_that_does_not_fit_is_refused(kind: dt.DType) -> None:
    x = dt.asarray(np.ones(2), dtype=kind)
    ends = np.iinfo(kind.name)
    assert (x * 0 + int(ends.max)).tolist() == [ends.max] * 2
    with pytest.raises(dt.OpError, match="does not fit"):
        x + (int(ends.max) + 1)


def test_groups_of_operands_promote_on_their_own() -> None:
    y = dt.where(dt.asarray([True]), dt.asarray([1], dtype=dt.int8), dt.asarray([1.0]))
    assert y.dtype is dt.float32
    with pytest.raises(dt.OpError, match=r"where: .*compare with zero"):
        dt.where(dt.asarray([1]), 1, 2)


@given(st.lists(st.sampled_from(DTYPES), min_size=2, max_size=4))
def test_many_operands_promote_like_pairs(kinds: list[dt.DType]) -> None:
    specs = [Spec((1,), kind) for kind in kinds]
    try:
        want = kinds[0]
        for kind in kinds[1:]:
            want = dt.promote_types(want, kind)
    except dt.OpError:
        assume(False)
    casts, shapes = promotion(REGISTRY["concat"], specs)
    assert [c or k for c, k in zip(casts, kinds, strict=True)] == [want] * len(kinds)
    assert set(shapes) == {None}


@given(SHAPES)
def test_the_gradient_of_a_broadcast_sums_over_it(drawn) -> None:
    x, y = (np.ones(shape) for shape in drawn.input_shapes[:2])
    gx, gy = dt.grad(lambda x, y: dt.sum(x * y), argnums=(0, 1))(dt.asarray(x), dt.asarray(y))
    size = int(np.prod(np.broadcast_shapes(x.shape, y.shape), dtype=int))
    assert gx.shape == x.shape
    assert gy.shape == y.shape
    if x.size and y.size:
        assert set(np.asarray(gx).flat) == {size / x.size}
        assert set(np.asarray(gy).flat) == {size / y.size}
