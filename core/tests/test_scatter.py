"""Writing at positions: x.at, put, segments, what repeats and what lies beyond the ends."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.testing.gradient_check import check_derivative

UFUNCS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}
X = np.arange(24.0).reshape(4, 6) - 11.5


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ---- what it means -------------------------------------------------------------------------------

INDICES: list[Any] = [
    0,
    -1,
    slice(1, None, 2),
    (slice(None), 2),
    (Ellipsis, slice(None, None, -1)),
    (1, 2),
    [0, 2, 2, -1],
    (slice(None), [0, 0, 5]),
    ([0, 0, 3], [1, 1, -6]),
    (slice(1, 3), [[0, 1], [1, 1]]),
    ([0, 0], slice(2, 4)),
    (None, [1, 1]),
    X[:, 0] > 0,
    X > 0,
]


def as_index(index: Any, to: Any) -> Any:
    """An index for numpy, or with its arrays on our device."""
    if isinstance(index, tuple):
        return tuple(as_index(part, to) for part in index)
    return to(index) if isinstance(index, (list, np.ndarray)) else index


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("how", sorted(UFUNCS))
@pytest.mark.parametrize("place", [np.asarray, dt.asarray], ids=["host", "device"])
def test_updates_are_those_of_numpy(index: Any, how: str, place: Any) -> None:
    picked = X[as_index(index, np.asarray)]
    for values in (np.float64(3.0), draw(*picked.shape), draw(*picked.shape[-1:])):
        want = X.copy()
        UFUNCS[how].at(want, as_index(index, np.asarray), values)
        got = getattr(dt.asarray(X).at[as_index(index, place)], how)(dt.asarray(values))
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-15)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_set_get_and_divide_are_those_of_numpy(index: Any) -> None:
    known, ours = as_index(index, np.asarray), as_index(index, dt.asarray)
    np.testing.assert_array_equal(np.asarray(dt.asarray(X).at[ours].get()), X[known])
    want = X.copy()
    want[known] = 5.0
    np.testing.assert_array_equal(np.asarray(dt.asarray(X).at[ours].set(5.0)), want)
    want = X.copy()
    np.divide.at(want, known, 4.0)
    np.testing.assert_array_equal(np.asarray(dt.asarray(X).at[ours].divide(4.0)), want)


def test_the_operand_stays_as_it_was() -> None:
    x = dt.asarray(X)
    x.at[0].set(0.0)
    x.at[dt.asarray([1, 1])].add(1.0)
    np.testing.assert_array_equal(np.asarray(x), X)


def test_integers_wrap_and_stay_integers() -> None:
    x = dt.asarray([200, 1], dtype=dt.uint8)
    y = x.at[dt.asarray([0, 0])].multiply(2)
    assert y.dtype is dt.uint8 and y.tolist() == [(200 * 4) % 256, 1]
    small = dt.asarray([-5, 5], dtype=dt.int16)
    assert small.at[dt.asarray([0, 1, 1])].min(dt.asarray([3, 4, -9], dtype=dt.int16)).tolist() == [
        -5,
        -9,
    ]


def test_a_nan_wins_an_extremum() -> None:
    values = dt.asarray([np.nan, 9.0])
    assert np.isnan(np.asarray(dt.zeros(2).at[dt.asarray([0, 0])].max(values))[0])
    assert np.isnan(np.asarray(dt.full(2, np.nan).at[dt.asarray([0, 1])].min(values))).all()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(UFUNCS)),
    st.lists(st.integers(-5, 4), min_size=0, max_size=30),
    st.integers(1, 40),
    st.sampled_from(["float32", "float64", "int32", "uint8", "float16"]),
)
def test_slices_of_any_width_and_dtype(how: str, at: list[int], width: int, kind: str) -> None:
    random = np.random.default_rng(len(at) + width)
    x = random.integers(0, 7, (5, width)).astype(kind)
    values = random.integers(0, 4, (len(at), width)).astype(kind)
    where = np.asarray(at, dtype=np.int64)
    want = x.copy()
    UFUNCS[how].at(want, where, values)
    got = getattr(dt.asarray(x).at[dt.asarray(where)], how)(dt.asarray(values))
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-2 if kind == "float16" else 1e-6)


# ---- beyond the ends -----------------------------------------------------------------------------


@pytest.mark.parametrize("traced", [False, True])
def test_modes_beyond_the_ends(traced: bool) -> None:
    wrap = dt.jit if traced else (lambda f: f)
    x, at = dt.asarray(X[0]), dt.asarray([0, 7, -9, 1])
    v = dt.asarray([1.0, 2.0, 3.0, 4.0], dtype=dt.float64)

    def run(f: Any) -> list[float]:
        return wrap(f)(x, at, v).tolist()

    row = X[0].tolist()
    assert run(lambda x, at, v: x.at[at].get(mode="clip")) == [row[0], row[5], row[0], row[1]]
    filled = run(lambda x, at, v: x.at[at].get(mode="fill", fill_value=8.0))
    assert filled == [row[0], 8.0, 8.0, row[1]]
    assert np.isnan(run(lambda x, at, v: x.at[at].get(mode="fill"))[1])
    added = run(lambda x, at, v: x.at[at].add(v, mode="drop"))
    assert added == [row[0] + 1, row[1] + 4, *row[2:]]
    clipped = run(lambda x, at, v: x.at[at].add(v, mode="clip"))
    assert clipped == [row[0] + 4, row[1] + 4, *row[2:5], row[5] + 2]
    assert run(lambda x, at, v: x.at[at].set(v, mode="drop")) == [1.0, 4.0, *row[2:]]
    with pytest.raises((dt.OpError, ValueError), match="out of range"):
        run(lambda x, at, v: x.at[at].add(v))


def test_a_dropped_update_does_not_overwrite_its_neighbour() -> None:
    x = dt.asarray([1.0, 2.0])
    assert x.at[dt.asarray([1, 2])].set(dt.asarray([5.0, 7.0]), mode="drop").tolist() == [1.0, 5.0]
    both = x.at[[0, 5],].max(dt.asarray([9.0, 9.0]), mode="drop")
    assert both.tolist() == [9.0, 2.0]


def test_one_axis_outside_drops_the_pair() -> None:
    x = dt.asarray(X)
    y = x.at[dt.asarray([0, 4, 1]), dt.asarray([1, 1, 6])].set(0.0, mode="drop")
    want = X.copy()
    want[0, 1] = 0
    np.testing.assert_array_equal(np.asarray(y), want)


def test_plain_integers_beyond_the_ends() -> None:
    x = dt.asarray(X)
    assert x.at[9].get(mode="fill", fill_value=0).tolist() == [0.0] * 6
    np.testing.assert_array_equal(np.asarray(x.at[9].set(1.0, mode="drop")), X)
    np.testing.assert_array_equal(np.asarray(x.at[9].get(mode="clip")), X[3])
    assert dt.asarray([1, 2]).at[5].get(mode="fill").item() == -(2**63)
    assert dt.zeros((0,)).at[dt.asarray([0])].get(mode="fill", fill_value=3.0).tolist() == [3.0]


# ---- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["set", "add", "subtract", "multiply", "divide", "min", "max"])
@pytest.mark.parametrize("mode", ["error", "drop"])
def test_gradients_of_updates(how: str, mode: str) -> None:
    at = dt.asarray([[0, 2], [2, 5 if mode == "drop" else 1]])
    x, v = dt.asarray(draw(4, 3)), dt.asarray(draw(2, 2, 3, seed=1) + 3.0)

    def update(x: Any, v: Any) -> Any:
        return getattr(x.at[at], how)(v, mode=mode)

    check_derivative(update, (x, v), (0, 1), how)
    check_derivative(
        lambda x, v: dt.grad(lambda x, v: dt.sum(update(x, v) ** 2), argnums=(0, 1))(x, v),
        (x, v),
        (0, 1),
        f"second of {how}",
        tolerance=2e-5,
    )


def test_ties_of_an_extremum_share_the_gradient() -> None:
    at = dt.asarray([0, 0, 1])
    x, v = dt.asarray([2.0, 5.0]), dt.asarray([2.0, 2.0, 1.0])
    gx, gv = dt.grad(lambda x, v: dt.sum(x.at[at].max(v)), argnums=(0, 1))(x, v)
    np.testing.assert_allclose(np.asarray(gx), [1 / 3, 1.0], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(gv), [1 / 3, 1 / 3, 0.0], rtol=1e-6)


def test_a_product_with_zeros_has_the_products_of_the_others() -> None:
    at = dt.asarray([0, 0, 1, 1, 2])
    x, v = dt.asarray([2.0, 3.0, 5.0]), dt.asarray([0.0, 7.0, 0.0, 0.0, 0.0])
    gx, gv = dt.grad(lambda x, v: dt.sum(x.at[at].multiply(v)), argnums=(0, 1))(x, v)
    assert gx.tolist() == [0.0, 0.0, 0.0]
    assert gv.tolist() == [14.0, 0.0, 0.0, 0.0, 5.0]


def test_unique_indices_keep_second_derivatives_of_products_at_zero() -> None:
    at, x = dt.asarray([1, 0]), dt.asarray([2.0, 3.0], dtype=dt.float64)

    def loss(v: Any) -> Any:
        return dt.sum(x.at[at].multiply(v, unique_indices=True) ** 2)

    slope = dt.grad(lambda v: dt.sum(dt.grad(loss)(v)))(dt.zeros(2, dtype=dt.float64))
    assert slope.tolist() == [18.0, 8.0]


def test_a_traced_mask_updates_what_it_selects() -> None:
    x = dt.asarray(X)
    want = np.where(X > 0, X * 2, X)
    got = dt.jit(lambda x: x.at[x > 0].multiply(2.0))(x)
    np.testing.assert_array_equal(np.asarray(got), want)
    rows = dt.jit(lambda x: x.at[x[:, 0] > 0].add(dt.arange(6, dtype=dt.float64)))(x)
    np.testing.assert_array_equal(np.asarray(rows)[2:], X[2:] + np.arange(6))


# ---- put and segments ----------------------------------------------------------------------------


def test_put_writes_flat_or_along_an_axis() -> None:
    want = X.copy()
    np.put(want, [0, 23, -2], [1.0, 2.0, 3.0])
    got = dt.put(dt.asarray(X), dt.asarray([0, 23, -2]), dt.asarray([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(np.asarray(got), want)
    got = dt.put(dt.asarray(X), dt.asarray([1, 1]), 2.0, axis=1, how="add")
    want = X.copy()
    want[:, 1] += 4
    np.testing.assert_array_equal(np.asarray(got), want)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_put_along_axis_is_numpys(axis: int) -> None:
    at = np.argsort(draw(4, 6), axis=axis).take([0, 1], axis=axis)
    values = draw(*at.shape, seed=4)
    want = X.copy()
    np.put_along_axis(want, at, values, axis)
    got = dt.put_along_axis(dt.asarray(X), dt.asarray(at), dt.asarray(values), axis=axis)
    np.testing.assert_array_equal(np.asarray(got), want)
    added = dt.put_along_axis(dt.asarray(X), dt.asarray(at), 1.0, axis=axis, how="add")
    back = dt.take_along_axis(added, dt.asarray(at), axis=axis)
    np.testing.assert_allclose(np.asarray(back), np.take_along_axis(X, at, axis) + 1)


SEGMENTS = {
    "segment_sum": (lambda rows: rows.sum(axis=0), 0.0),
    "segment_prod": (lambda rows: rows.prod(axis=0), 1.0),
    "segment_max": (lambda rows: rows.max(axis=0), -np.inf),
    "segment_min": (lambda rows: rows.min(axis=0), np.inf),
    "segment_mean": (lambda rows: rows.mean(axis=0), 0.0),
}


@pytest.mark.parametrize("name", sorted(SEGMENTS))
def test_segments_in_any_order(name: str) -> None:
    data, ids = draw(2, 5, 3), np.array([[3, 0, 3, 1, 0], [0, 3, 1, 1, 5]])
    each, nothing = SEGMENTS[name]
    want = [each(data[ids == s]) if (ids == s).any() else np.full(3, nothing) for s in range(6)]
    function = getattr(dt, name)
    got = function(dt.asarray(data), dt.asarray(ids))
    np.testing.assert_allclose(np.asarray(got), np.stack(want), rtol=1e-13)
    traced = dt.jit(lambda d, i: function(d, i, 6))(dt.asarray(data), dt.asarray(ids))
    np.testing.assert_allclose(np.asarray(traced), np.stack(want), rtol=1e-13)
    fewer = function(dt.asarray(data), dt.asarray(ids - 1), 3, mode="drop")
    np.testing.assert_allclose(np.asarray(fewer), np.stack(want)[1:4], rtol=1e-13)
    used = dt.asarray(np.arange(10).reshape(2, 5) * 3 % 4)  # of an infinity there is no difference
    check_derivative(lambda d: function(d, used), (dt.asarray(data),), (0,), name)


def test_segments_of_integers_have_their_ends() -> None:
    data, ids = dt.asarray([5, -7], dtype=dt.int8), dt.asarray([0, 0])
    assert dt.segment_max(data, ids, 2).tolist() == [5, -128]
    assert dt.segment_min(data, ids, 2).tolist() == [-7, 127]
    wide = dt.asarray([3], dtype=dt.uint64)
    assert dt.segment_min(wide, dt.asarray([1])).tolist() == [2**64 - 1, 3]


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.at[0].set(1.0, mode="wrap"), "mode='wrap'"),
        (lambda x: x.at[dt.asarray([0.5])].add(1.0), "integer or bool"),
        (lambda x: x.at[dt.asarray([0.5])].add(1.0, mode="drop"), "integer or bool"),
        (lambda x: x.at[0].add(dt.ones(7)), "broadcast"),
        (lambda x: x.at[0, 0, 0].add(1.0), "3 axes"),
        (lambda x: x.at[99].add(1.0), "index 99"),
        (lambda x: dt.astype(x, dt.int64).at[0].divide(2), "divide needs floats"),
        (lambda x: dt.astype(x, dt.int64).at[0].add(0.5), "without loss"),
        (lambda x: x[:0].at[dt.asarray([0])].get(mode="clip"), "no elements"),
        (lambda x: dt.put(x, dt.asarray([0]), 1.0, how="xor"), "how='xor'"),
        (lambda x: dt.put(x, dt.asarray([0]), 1.0, axis=5), "axis 5"),
        (lambda x: dt.put_along_axis(x, dt.asarray([0]), 1.0), "same number of axes"),
        (lambda x: dt.put_along_axis(x, dt.zeros((3, 1), dtype=dt.int64), 1.0), "broadcast"),
        (lambda x: dt.segment_sum(x, dt.asarray([0, 1])), "first axes"),
        (lambda x: dt.segment_sum(x, dt.ones(4)), "integers"),
        (lambda x: dt.segment_sum(x, dt.asarray([0, 1, 2, 3]), -1), "negative"),
        (lambda x: dt.segment_sum(x, dt.asarray([0, 1, 2, 3]), 1.5), "integer or None"),
        (lambda x: dt.segment_sum(x, dt.asarray([0, 1, 2, 3]), 2), "out of range"),
        (lambda x: dt.segment_sum(x, dt.asarray([0, -1, 1, 0]), 2), "out of range"),
        (lambda x: dt.segment_mean(dt.astype(x, dt.int64), dt.asarray([0, 1, 2, 3])), "floats"),
        (lambda x: dt.ops.scatter_maximum(x, dt.asarray([0]), dt.ones(2)), "axis"),
        (lambda x: dt.ops.scatter_maximum(x, dt.asarray([0]), dt.ones(2), axis=0), "updates are"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises((dt.OpError, IndexError, ValueError), match=message):
        call(dt.asarray(X))


def test_the_number_of_segments_must_be_known_under_jit() -> None:
    with pytest.raises(dt.TraceError, match="num_segments"):
        dt.jit(lambda d, i: dt.segment_sum(d, i))(dt.ones(3), dt.asarray([0, 1, 0]))


def test_a_traced_mask_with_a_value_for_each_element_is_refused() -> None:
    with pytest.raises(dt.OpError, match=r"dt\.where"):
        dt.jit(lambda x: x.at[x > 0].add(dt.ones(11)))(dt.asarray(X))
