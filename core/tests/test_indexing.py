"""x[index] and x[index] = value against numpy, in values, gradients, traces and errors."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.errors import OpError, TraceError
from dovetail.indexing import getitem, setitem

SHAPE = (3, 4, 5, 2)
X = np.arange(np.prod(SHAPE), dtype=np.float64).reshape(SHAPE)

INDICES: list[Any] = [
    (),
    0,
    -1,
    ...,
    None,
    slice(None, None, -1),
    slice(5, 0, -2),
    slice(2, 2),
    (slice(1, 3), slice(None, None, 2), -2),
    (..., 1),
    (0, ..., None, 1),
    (None, slice(None), None, 2, ..., None),
    [2, 0, 2],
    (slice(None), [3, -4]),
    (slice(None), [[0, 1], [2, 3]], slice(1, 4)),
    ([0, 2], [1, 3]),
    ([[0], [2]], [1, 3, 3]),
    (slice(None), [0, 1], [2, 4]),
    (slice(None), [0, 1], slice(None), [1, 0]),
    ([0, 1], slice(None), [2, 4]),
    ([0, 1], None, [2, 3]),
    (None, [0, 1], [2, 3]),
    (slice(None), None, [0, 1], [2, 4], None),
    (0, slice(None), [4, 1, 1]),
    (slice(None), 2, [4, 1, 1]),
    (..., [1, 0, 1]),
    (slice(0, 2), [1, 3], ..., None, [0, 1]),
    ([],),
    (slice(None), np.zeros((0, 2), np.int64)),
    X[:, 0, 0, 0] > 30,
    X[..., 0, 0] % 3 == 0,
    X % 7 == 0,
    (slice(None), np.array([True, False, True, True])),
    (slice(None), np.array([True, False, True, True]), [0, 1, 4]),
    (np.array([True, False, True]), slice(None), 2),
    True,
    False,
    (True, 0),
    np.int64(2),
    (np.array(1), slice(None), np.uint8(3)),
]


def identify(index: Any) -> str:
    return str(index).replace("\n", "")[:60]


def on_device(index: Any) -> Any:
    """The same index with its lists and numpy arrays as Arrays."""
    if isinstance(index, tuple):
        return tuple(map(on_device, index))
    return dt.asarray(np.asarray(index)) if isinstance(index, (list, np.ndarray)) else index


def empty_lists(index: Any) -> Any:
    return np.zeros(0, np.int64) if isinstance(index, list) and not index else index


def plain(index: Any) -> Any:
    return tuple(map(empty_lists, index)) if isinstance(index, tuple) else empty_lists(index)


@pytest.mark.parametrize("index", INDICES, ids=identify)
def test_reading_agrees_with_numpy(index: Any) -> None:
    expected = X[plain(index)]
    for form in (index, on_device(plain(index))):
        got = dt.asarray(X)[form]
        assert got.shape == expected.shape
        np.testing.assert_array_equal(np.asarray(got), expected)


@pytest.mark.parametrize("index", INDICES, ids=identify)
def test_writing_agrees_with_numpy(index: Any) -> None:
    region = X[plain(index)]
    values: list[Any] = [
        -1.0,
        -1.0 - np.arange(region.size, dtype=np.float64).reshape(region.shape),
    ]
    if region.ndim and region.shape[-1] != 0:
        values.append(-1.0 - np.arange(region.shape[-1], dtype=np.float64))
    for value, form in itertools.product(values, (index, on_device(plain(index)))):
        expected = X.copy()
        expected[plain(index)] = value
        x = dt.asarray(X)
        other = x
        got = setitem(x, form, value if isinstance(value, float) else dt.asarray(value))
        np.testing.assert_array_equal(np.asarray(got), expected)
        np.testing.assert_array_equal(np.asarray(other), X, err_msg="the operand is a value")


@pytest.mark.parametrize("index", INDICES, ids=identify)
def test_the_gradient_counts_how_often_an_element_is_read(index: Any) -> None:
    region = X[plain(index)]
    weights = np.cos(np.arange(region.size, dtype=np.float64)).reshape(region.shape)
    expected = np.zeros_like(X)
    np.add.at(expected, plain(index), weights)
    w = dt.asarray(weights)
    got = dt.grad(lambda x: dt.sum(x[index] * w))(dt.asarray(X))
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("index", INDICES, ids=identify)
def test_the_gradient_of_writing_reaches_what_was_kept_and_what_was_written(index: Any) -> None:
    region = X[plain(index)]
    w = np.cos(X)
    value = np.sin(np.arange(region.size, dtype=np.float64)).reshape(region.shape)

    def loss(x: Any, v: Any) -> Any:
        return dt.sum(setitem(x, index, v) * dt.asarray(w))

    gx, gv = dt.grad(loss, (0, 1))(dt.asarray(X), dt.asarray(value))
    # Number the values: what remains in the end says whose gradient flows.
    owner = np.full(SHAPE, -1)
    owner[plain(index)] = np.arange(region.size).reshape(region.shape)
    np.testing.assert_array_equal(np.asarray(gx), np.where(owner < 0, w, 0))
    expected = np.zeros(region.size)
    expected[owner[owner >= 0]] = w[owner >= 0]
    np.testing.assert_allclose(np.asarray(gv), expected.reshape(region.shape), rtol=1e-15)


@pytest.mark.parametrize("index", INDICES, ids=identify)
def test_compiled_indexing_agrees_with_eager(index: Any) -> None:
    x = dt.asarray(X)
    read = dt.jit(lambda x: x[index])(x)
    np.testing.assert_array_equal(np.asarray(read), X[plain(index)])
    written = dt.jit(lambda x: setitem(x, index, 0.5))(x)
    np.testing.assert_array_equal(np.asarray(written), np.asarray(setitem(x, index, 0.5)))


def test_traced_positions_are_read_and_written() -> None:
    i, j = dt.asarray([2, -1, 0]), dt.asarray([[-4], [3]])
    x = dt.asarray(X)
    read = dt.jit(lambda x, i, j: x[:, j, i])(x, i, j)
    np.testing.assert_array_equal(np.asarray(read), X[:, np.asarray(j), np.asarray(i)])
    one = dt.jit(lambda x, i: x[i, :, -1])(x, dt.asarray(-2))
    np.testing.assert_array_equal(np.asarray(one), X[-2, :, -1])
    written = dt.jit(lambda x, i, j: setitem(x, (slice(None), j, i), 1.0))(x, i, j)
    expected = X.copy()
    expected[:, np.asarray(j), np.asarray(i)] = 1.0
    np.testing.assert_array_equal(np.asarray(written), expected)


def test_a_traced_position_out_of_range_does_not_read_a_neighbour() -> None:
    read = dt.jit(lambda x, i, j: x[i, j])
    x = dt.asarray(np.arange(6.0).reshape(2, 3))
    assert read(x, dt.asarray([1]), dt.asarray([2])).tolist() == [5.0]
    with pytest.raises(dt.DovetailError):
        read(x, dt.asarray([0]), dt.asarray([3]))


@st.composite
def basic_indices(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=0, max_size=4)))
    end = st.none() | st.integers(-6, 6)
    index: list[Any] = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        choices: list[Any] = [st.builds(slice, end, end, st.sampled_from([None, 1, 2, -1, -3]))]
        if n:
            choices.append(st.integers(-n, n - 1))
            choices.append(st.lists(st.integers(-n, n - 1), min_size=2, max_size=2))
        index.append(draw(st.one_of(choices)))
        if draw(st.booleans()) and len(index) < 6:
            index.append(None)
    if draw(st.booleans()):
        index.append(...)
    return shape, tuple(index)


@settings(max_examples=150, deadline=None)
@given(basic_indices())
def test_any_index_agrees_with_numpy(case: tuple[tuple[int, ...], tuple[Any, ...]]) -> None:
    shape, index = case
    data = np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
    expected = data[index]
    got = getitem(dt.asarray(data), index)
    assert got.shape == np.shape(expected)
    np.testing.assert_array_equal(np.asarray(got), expected)
    changed = data.copy()
    changed[index] = -np.arange(np.size(expected)).reshape(np.shape(expected)) - 1
    value = dt.asarray(-np.arange(np.size(expected)).reshape(np.shape(expected)) - 1)
    np.testing.assert_array_equal(np.asarray(setitem(dt.asarray(data), index, value)), changed)


def test_setitem_rebinds_one_name_only() -> None:
    x = dt.zeros(3)
    y = x[:]
    x[1] = 5
    assert x.tolist() == [0.0, 5.0, 0.0]
    assert y.tolist() == [0.0, 0.0, 0.0]


def test_a_traced_mask_chooses_under_jit_but_does_not_select() -> None:
    x = dt.asarray([1.0, -2.0, 3.0])
    clipped = dt.jit(lambda x: setitem(x, x < 0, 0.0))
    assert clipped(x).tolist() == [1.0, 0.0, 3.0]
    with pytest.raises(TraceError, match=r"dt\.where"):
        dt.jit(lambda x: x[x < 0])(x)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (3, "index 3 is out of range for axis 0 with size 3"),
        ((0, -5), "index -5 is out of range for axis 1 with size 4"),
        ([0, 7], "index 7 is out of range"),
        (([0, 1], [0, 4]), "index 4 is out of range for axis 1"),
        ((0, 0, 0, 0, 0), "5 axes"),
        ((..., ...), "one Ellipsis"),
        (1.0, "float"),
        ("a", "str"),
        ([0.5], "integer or bool"),
        (slice(0, 1.5), "not an integer"),
        (slice(None, None, 0), "step of 0"),
        (np.array([True, False]), "mask of shape"),
        (([0, 1], [0, 1, 2]), "do not broadcast"),
    ],
    ids=str,
)
def test_a_bad_index_is_explained(index: Any, message: str) -> None:
    for call in (lambda: dt.asarray(X)[index], lambda: setitem(dt.asarray(X), index, 0.0)):
        with pytest.raises(OpError, match=message):
            call()


def test_out_of_range_is_also_an_index_error() -> None:
    with pytest.raises(IndexError):
        dt.zeros(2)[2]


@pytest.mark.parametrize(
    ("x", "value", "message"),
    [
        ([1, 2], 1.5, "without loss"),
        ([True, False], 2, "without loss"),
        ([1, 2], [1, 2, 3], "broadcast"),
        ([1, 2], [[1, 2], [3, 4]], "broadcast"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(x: Any, value: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        setitem(
            dt.asarray(x), slice(None), value if isinstance(value, float) else dt.asarray(value)
        )


def test_second_derivatives_pass_through_indexing() -> None:
    def inner(x: Any) -> Any:
        return dt.sum(setitem(x, [0, 2], x[1] * x[1])[:2] * x[[2, 2]])

    x = dt.asarray([1.0, 2.0, 3.0], dtype=dt.float64)
    g = dt.grad(lambda x: dt.sum(dt.grad(inner)(x) * dt.asarray([1.0, 2.0, 3.0])))(x)
    # inner = (x1**2 + x1) * x2; its Hessian has d2/dx1 = 2 x2 and d2/dx1dx2 = 2 x1 + 1.
    np.testing.assert_allclose(np.asarray(g), [0.0, 2 * 6 + 3 * 5, 2 * 5])


def test_take_along_axis_broadcasts_the_other_axes() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    indices = np.array([[[3, 0, -1]]])
    got = dt.take_along_axis(dt.asarray(x), dt.asarray(indices), axis=-1)
    expected = np.take_along_axis(x, np.broadcast_to(indices, (2, 3, 3)), axis=-1)
    np.testing.assert_array_equal(np.asarray(got), expected)
    with pytest.raises(OpError, match="do not broadcast"):
        dt.take_along_axis(dt.asarray(x), dt.zeros((5, 1, 1), dtype=dt.int64))
    with pytest.raises(OpError, match="same number of axes"):
        dt.take_along_axis(dt.asarray(x), dt.asarray([0]))


def test_nonzero_gives_positions_of_each_axis() -> None:
    x = np.array([[0, 3], [4, 0]])
    got = dt.nonzero(dt.asarray(x))
    for a, b in zip(got, np.nonzero(x), strict=True):
        np.testing.assert_array_equal(np.asarray(a), b)
    with pytest.raises(TraceError):
        dt.jit(dt.nonzero)(dt.asarray(x))


@pytest.mark.parametrize("shape", [(), (7,), (2, 3), (2, 3, 2), (0, 3), (3, 0)])
@pytest.mark.parametrize("size", [0, 1, 4, 9])
def test_positions_with_a_size_are_the_first_ones(shape: tuple[int, ...], size: int) -> None:
    x = np.random.default_rng(0).integers(0, 2, shape)
    ours = dt.asarray(x)
    flat = np.flatnonzero(x)[:size]
    wanted = np.pad(flat, (0, size - len(flat)), constant_values=-7)
    for function in (dt.flatnonzero, dt.jit(dt.flatnonzero, static=("size", "fill_value"))):
        assert function(ours, size=size, fill_value=-7).tolist() == wanted.tolist()
    rows = np.argwhere(x)[:size]
    rows = np.pad(rows, ((0, size - len(rows)), (0, 0)), constant_values=-7)
    assert dt.argwhere(ours, size=size, fill_value=-7).tolist() == rows.tolist()
    if x.ndim:
        columns = dt.jit(lambda a: dt.nonzero(a, size=size, fill_value=-7))(ours)
        assert [a.tolist() for a in columns] == rows.T.tolist()


def test_positions_without_a_size_depend_on_the_data() -> None:
    x = np.asarray([[0.0, np.nan, 2.0], [0.0, 0.0, -0.0]])
    ours = dt.asarray(x)
    assert dt.argwhere(ours).tolist() == np.argwhere(x).tolist()
    assert dt.flatnonzero(ours).tolist() == [1, 2]
    assert dt.argwhere(dt.asarray(5)).shape == (1, 0)
    assert dt.argwhere(dt.asarray(0)).shape == (0, 0)
    batched = dt.vmap(lambda a: dt.flatnonzero(a, size=2))(ours)
    assert batched.tolist() == [[1, 2], [0, 0]]
    for function in (dt.nonzero, dt.argwhere, dt.flatnonzero):
        with pytest.raises(TraceError, match="size="):
            dt.jit(function)(ours)
        with pytest.raises(OpError, match="must not be negative"):
            function(ours, size=-1)


@pytest.mark.parametrize(
    "index", [(0, 0, 0), np.ones((3, 3), bool), 5, [7], "a", 1.5, np.ones(2), (..., ...)]
)
def test_an_index_that_does_not_fit_is_an_index_error(index: Any) -> None:
    x = dt.zeros((2, 3))
    with pytest.raises(IndexError):
        x[index]
    with pytest.raises(IndexError):
        x[index] = 1.0


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3), (0, 0)])
def test_a_mask_without_elements_fits_any_extent(shape: tuple[int, ...]) -> None:
    x = dt.asarray(np.arange(24.0).reshape(2, 3, 4))
    mask = dt.zeros(shape, dtype=dt.bool)
    assert x[mask].shape == (0, *x.shape[len(shape) :])
    y = x[...]
    y[mask] = 7.0
    assert y.tolist() == x.tolist()
    with pytest.raises(IndexError, match="a mask of shape"):
        x[dt.zeros((2, 2), dtype=dt.bool)]
    with pytest.raises(IndexError, match="a mask of shape"):
        y[dt.zeros((2, 2), dtype=dt.bool)] = 1.0
