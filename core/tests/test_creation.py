"""Arrays from data and from rules, and the sentences for data that makes none."""

import array
import math
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import DTYPES
from dovetail.errors import OpError, TraceError

NUMPY_DTYPES = [t for t in DTYPES if t is not dt.bfloat16]


# ---- Python data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (True, dt.bool),
        (3, dt.int64),
        (2.5, dt.float32),
        ([True, False], dt.bool),
        ([True, 2], dt.int64),
        ([1, 2.5], dt.float32),
        ([True, 2.5], dt.float32),
        ([], dt.float32),
        ([[], []], dt.float32),
        (((1, 2), [3, 4]), dt.int64),
        ([np.float64(1.5)], dt.float64),
        ([np.zeros(2, np.int8), np.ones(2, np.int8)], dt.int8),
    ],
)
def test_python_data_has_its_default_dtype(data: Any, dtype: Any) -> None:
    x = dt.asarray(data)
    assert x.dtype is dtype
    assert x.shape == np.shape(data)
    np.testing.assert_array_equal(np.asarray(x), np.asarray(data, dtype=dtype.name))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_python_data_takes_any_dtype(dtype: Any) -> None:
    x = dt.asarray([[0, 1], [1, 0]], dtype=dtype)
    assert x.dtype is dtype
    assert x.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("data", "dtype", "message"),
    [
        ([[1, 2], [3]], None, r"element \[1\] has shape \(1,\).*element \[0\] has shape \(2,\)"),
        ([[1], 2], None, r"element \[1\] has shape \(\)"),
        ([[[1, 2]], [[3, 4], [5, 6]]], None, r"element \[1\] has shape \(2, 2\)"),
        ([[1, [2]], [3, 4]], None, r"element \[0\]\[1\]"),
        ([2**63], None, str(2**63)),
        ([1, 300], dt.uint8, "300 does not fit uint8"),
        ([[-1]], dt.uint32, "-1 does not fit uint32"),
        (["a"], None, "'a' of type str"),
        ("abc", None, "str"),
        ([1j], dt.float32, "imaginary|complex"),
        ([2j], dt.int8, "complex"),
        ([None], None, "NoneType"),
        ({"a": 1}, None, "dict"),
        (object(), None, "object"),
        ([float("nan")], dt.int32, "NaN"),
    ],
)
def test_bad_data_is_explained(data: Any, dtype: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        dt.asarray(data, dtype=dtype)


def test_the_largest_unsigned_integer_fits() -> None:
    assert dt.asarray([2**64 - 1], dtype=dt.uint64).tolist() == [2**64 - 1]


def test_lists_of_arrays_are_joined_and_differentiable() -> None:
    def f(a: Any) -> Any:
        return dt.sum(dt.asarray([[a, 2.0], [a * a, 1.0]]) * dt.asarray([[1.0, 2.0], [3.0, 4.0]]))

    x = dt.asarray(5.0)
    assert f(x).item() == 5 + 4 + 75 + 4
    assert dt.grad(f)(x).item() == 1 + 3 * 2 * 5
    assert dt.jit(f)(x).item() == f(x).item()
    rows = dt.asarray([dt.zeros(2), dt.ones(2)], dtype=dt.int32)
    assert rows.tolist() == [[0, 0], [1, 1]]
    with pytest.raises(OpError, match=r"element \[1\]"):
        dt.asarray([dt.zeros(2), dt.zeros(3)])


# ---- data of others ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NUMPY_DTYPES, ids=str)
def test_numpy_arrays_of_every_layout_keep_values_and_dtype(dtype: Any) -> None:
    whole = (np.arange(60) % 2 if dtype is dt.bool else np.arange(60)).astype(dtype.name)
    whole = whole.reshape(3, 4, 5)
    for data in (
        whole,
        whole.T,
        whole[::2, ::-1, 1:4],
        whole[1, 2, 3],
        np.broadcast_to(whole[0, 0], (2, 5)),
        np.asfortranarray(whole),
        whole[:, :0],
        np.array(whole[0, 0, 1]),
        whole.astype(whole.dtype.newbyteorder(">")),
    ):
        x = dt.asarray(data)
        assert x.dtype is dtype
        assert x.shape == np.shape(data)
        np.testing.assert_array_equal(np.asarray(x), data)


def test_numpy_memory_is_copied_unless_shared_on_purpose() -> None:
    data = np.arange(4.0)
    copied, shared = dt.asarray(data), dt.asarray(data, copy=False)
    data[0] = 9
    assert copied.tolist()[0] == 0
    assert shared.tolist()[0] == 9


@pytest.mark.parametrize(
    ("data", "dtype", "device"),
    [
        (np.zeros(3), dt.float32, None),
        (np.zeros(3, ">f4"), None, None),
        ([1, 2], None, None),
        (np.zeros(3)[::-1], None, None),
        (np.frombuffer(bytes(25), np.float64, 3, offset=1), None, None),
    ],
)
def test_sharing_what_cannot_be_shared_is_refused(data: Any, dtype: Any, device: Any) -> None:
    with pytest.raises(OpError, match="copy=False"):
        dt.asarray(data, dtype=dtype, device=device, copy=False)


@pytest.mark.parametrize(
    "data", [np.zeros(1, np.clongdouble), np.array(["a"]), np.array([object()])]
)
def test_numpy_dtypes_without_ours_are_named(data: Any) -> None:
    with pytest.raises(OpError, match="no dtype of Dovetail"):
        dt.asarray(data)


def test_buffers_are_read() -> None:
    assert dt.asarray(array.array("i", [1, 2, 3])).tolist() == [1, 2, 3]
    assert dt.asarray(bytearray(b"ab")).tolist() == [97, 98]
    view = memoryview(np.arange(6.0).reshape(2, 3))[::-1]
    assert dt.asarray(view).tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]


def test_an_array_is_itself_unless_something_changes() -> None:
    x = dt.asarray([1.0, 2.0])
    assert dt.asarray(x) is x
    assert dt.asarray(x, dtype=dt.float32) is x
    assert dt.asarray(x, copy=True) is not x
    assert dt.asarray(x, dtype=dt.int8).tolist() == [1, 2]
    with pytest.raises(OpError, match="copy=False"):
        dt.asarray(x, dtype=dt.int8, copy=False)


class Producer:
    """Something that speaks DLPack and nothing else."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.data.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()


def test_dlpack_shares_and_asarray_copies() -> None:
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    shared, copied = dt.from_dlpack(Producer(data)), dt.asarray(Producer(data))
    own = dt.from_dlpack(Producer(data), copy=True)
    data[0, 0] = 7
    assert shared.tolist()[0][0] == 7
    assert copied.tolist()[0][0] == 0
    assert own.tolist()[0][0] == 0
    assert dt.from_dlpack(Producer(data.T)).tolist() == data.T.tolist()
    with pytest.raises(OpError, match="does not speak DLPack"):
        dt.from_dlpack([1, 2])


def test_arrays_travel_by_dlpack_in_both_directions() -> None:
    x = dt.asarray([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(np.from_dlpack(x[:, ::-1]), [[2, 1], [4, 3]])
    assert dt.from_dlpack(x).tolist() == x.tolist()


# ---- shapes and rules ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), 3, (2, 0), [2, 3]], ids=str)
@pytest.mark.parametrize("dtype", [None, dt.int8, dt.bfloat16, dt.bool], ids=str)
def test_zeros_and_ones_fill_a_shape(shape: Any, dtype: Any) -> None:
    full = (shape,) if isinstance(shape, int) else tuple(shape)
    for make, value in ((dt.zeros, 0), (dt.ones, 1)):
        x = make(shape, dtype=dtype)
        assert x.shape == full
        assert x.dtype is (dtype or dt.float32)
        assert (np.asarray(x) == value).all()
        y = (dt.zeros_like if value == 0 else dt.ones_like)(x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        np.testing.assert_array_equal(np.asarray(y), np.asarray(x))


@pytest.mark.parametrize(
    ("value", "dtype"), [(True, dt.bool), (7, dt.int64), (2.5, dt.float32), (math.inf, dt.float32)]
)
def test_full_takes_the_dtype_of_its_value(value: Any, dtype: Any) -> None:
    x = dt.full((2, 2), value)
    assert x.dtype is dtype
    assert x.tolist() == [[value] * 2] * 2
    assert dt.full_like(x, value).tolist() == x.tolist()
    assert dt.full(3, dt.asarray(value)).tolist() == [value] * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dt.zeros((2, -1)), "negative extent -1 on axis 1"),
        (lambda: dt.zeros((2**40, 2**40)), "exceeds"),
        (lambda: dt.zeros((0, 2**62, 2)), "exceeds"),
        (lambda: dt.zeros((2**61, 2)), "exceeds"),
        (lambda: dt.zeros((2.5,)), "not an integer"),
        (lambda: dt.full(2, 300, dt.uint8), "300 does not fit uint8"),
        (lambda: dt.full(2, 1.5, dt.int32), "does not fit int32"),
        (lambda: dt.full(2, "a"), "not a number"),
        (lambda: dt.full(2, dt.zeros(2)), "single number"),
        (lambda: dt.arange(1, 5, 0), "step is 0"),
        (lambda: dt.arange(math.inf), "no end"),
        (lambda: dt.arange(300, dtype=dt.uint8), "299 does not fit uint8"),
        (lambda: dt.arange(0, 1, 0.5, dtype=dt.int32), "not integers"),
        (lambda: dt.arange(3, dtype=dt.bool), "bool"),
        (lambda: dt.linspace(0, 1, -1), "negative"),
        (lambda: dt.eye(-1), "negative extent"),
        (lambda: dt.tril(dt.zeros(3)), "no matrix"),
    ],
)
def test_impossible_arrays_are_explained(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()


@pytest.mark.parametrize(
    "args", [(5,), (2, 7), (7, 2), (7, 2, -2), (0, 10, 3), (-5, 5, 4), (0,), (2**40, 2**40 + 3)]
)
def test_arange_of_integers_agrees_with_numpy(args: tuple[int, ...]) -> None:
    x = dt.arange(*args)
    assert x.dtype is dt.int64
    np.testing.assert_array_equal(np.asarray(x), np.arange(*args))
    np.testing.assert_array_equal(np.asarray(dt.arange(*args, dtype=dt.float64)), np.arange(*args))


@pytest.mark.parametrize("args", [(0.0, 1.0, 0.1), (1.0, 0.0, -0.25), (2.5,), (0, 3, 0.7)])
def test_arange_of_floats_is_rounded_once(args: tuple[float, ...]) -> None:
    x = dt.arange(*args)
    assert x.dtype is dt.float32
    np.testing.assert_array_equal(np.asarray(x), np.arange(*args).astype(np.float32))


def test_arange_reaches_the_ends_of_uint64() -> None:
    top = 2**64 - 3
    assert dt.arange(top, top + 3, dtype=dt.uint64).tolist() == [top, top + 1, top + 2]


@pytest.mark.parametrize("num", [0, 1, 2, 7, 50])
@pytest.mark.parametrize("endpoint", [True, False])
def test_linspace_agrees_with_numpy_and_ends_exactly(num: int, endpoint: bool) -> None:
    for first, last in ((0.0, 1.0), (-3.0, 0.1), (5.0, 5.0)):
        x = dt.linspace(first, last, num, dtype=dt.float64, endpoint=endpoint)
        expected = np.linspace(first, last, num, endpoint=endpoint)
        np.testing.assert_allclose(np.asarray(x), expected, rtol=1e-15, atol=1e-15)
        if endpoint and num > 1:
            assert x.tolist()[-1] == last


@pytest.mark.parametrize("k", [-9, -1, 0, 2, 9])
def test_triangles_and_eye_agree_with_numpy(k: int) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(np.asarray(dt.tril(dt.asarray(x), k=k)), np.tril(x, k))
    np.testing.assert_array_equal(np.asarray(dt.triu(dt.asarray(x), k=k)), np.triu(x, k))
    np.testing.assert_array_equal(np.asarray(dt.eye(3, 4, k=k)), np.eye(3, 4, k))


def test_a_triangle_ignores_what_it_cuts_off() -> None:
    x = dt.asarray([[1.0, math.nan], [2.0, 3.0]])
    assert dt.tril(x).tolist() == [[1.0, 0.0], [2.0, 3.0]]
    assert dt.grad(lambda x: dt.sum(dt.tril(x)))(x).tolist() == [[1.0, 0.0], [1.0, 1.0]]


# ---- under a trace -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: dt.zeros(3),
        lambda: dt.full((3,), 2.5),
        lambda: dt.arange(3),
        lambda: dt.linspace(0, 1, 3),
        lambda: dt.eye(3)[0],
    ],
)
def test_creation_under_a_trace_makes_nodes_with_the_same_values(make: Any) -> None:
    x = dt.asarray([1.0, 2.0, 3.0])
    compiled = dt.jit(lambda x: x + make())(x)
    np.testing.assert_array_equal(np.asarray(compiled), np.asarray(x + make()))
    kept: list[Any] = []
    dt.jit(lambda x: kept.append(make()) or x)(x)
    assert kept[0]._tracer is not None


def test_a_traced_bound_cannot_decide_a_shape() -> None:
    with pytest.raises(TraceError, match="shape"):
        dt.jit(dt.arange)(dt.asarray(3))
