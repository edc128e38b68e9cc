"""Array as an object: protocols, scalars, interchange, and what it refuses."""

from __future__ import annotations

import copy
import ctypes
import gc
import pickle
import weakref

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast

NUMPY = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NUMPY += ["float16", "float32", "float64"]


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 1, 1, 1, 1, 1, 2)])
def test_numpy_round_trip(name, shape):
    x = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2, dtype=name)
    y = dt.asarray(x)
    assert (y.shape, y.dtype.name, y.ndim, y.size, y.nbytes) == (
        shape,
        name,
        len(shape),
        x.size,
        x.nbytes,
    )
    back = np.asarray(y)
    assert back.dtype == x.dtype
    np.testing.assert_array_equal(back, x)
    np.testing.assert_array_equal(np.from_dlpack(y), x)
    np.testing.assert_array_equal(np.asarray(dt.from_dlpack(x)), x)


def test_asarray_copies_and_dlpack_shares():
    x = np.ones(3, np.float32)
    copied, shared = dt.asarray(x), dt.from_dlpack(x)
    x[0] = 7
    assert copied.tolist() == [1, 1, 1]
    assert shared.tolist() == [7, 1, 1]


def test_exports_are_read_only():
    x = dt.asarray([1.0])
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x)[0] = 2.0
    with pytest.raises((BufferError, TypeError), match=r"immutable|not writable"):
        ctypes.c_float.from_buffer(x)


def test_an_export_outlives_its_array():
    x = dt.asarray(np.arange(1000.0))
    view, exchanged = np.asarray(x), np.from_dlpack(x)
    del x
    gc.collect()
    dt.asarray(np.zeros(1000))  # would take the memory if it were free
    np.testing.assert_array_equal(view, np.arange(1000.0))
    np.testing.assert_array_equal(exchanged, np.arange(1000.0))


def test_assignment_does_not_reach_exports_or_views():
    x = dt.asarray([1.0, 2.0, 3.0])
    view, part = np.asarray(x), x[1:]
    x[1] = 9.0
    assert x.tolist() == [1, 9, 3]
    assert part.tolist() == [2, 3]
    np.testing.assert_array_equal(view, [1, 2, 3])


def test_bfloat16_reaches_numpy_as_float32():
    x = dt.asarray([1.0, 2.5]).astype(dt.bfloat16)
    assert np.asarray(x).dtype == np.float32
    assert x.tolist() == [1.0, 2.5]


def test_scalars():
    assert float(dt.asarray(2.5)) == 2.5
    assert int(dt.asarray([3])) == 3
    assert bool(dt.asarray(0.0)) is False
    assert list(range(5))[dt.asarray(2)] == 2
    assert dt.asarray(2**63, dtype=dt.uint64).item() == 2**63
    assert dt.asarray(-5, dtype=dt.int8).item() == -5


def test_scalars_that_have_no_single_value():
    with pytest.raises(dt.OpError, match=r"one element, not of shape \(2,\)"):
        bool(dt.asarray([1.0, 2.0]))
    with pytest.raises(TypeError, match="integer"):
        [1, 2][dt.asarray(1.0)]


@pytest.mark.parametrize(
    ("operand", "scalar", "expected"),
    [
        ("float32", 2, "float32"),
        ("float16", 2.5, "float16"),
        ("bfloat16", 2.5, "bfloat16"),
        ("int8", 2, "int8"),
        ("int32", 2.5, "float32"),
        ("uint8", True, "uint8"),
    ],
)
def test_python_scalars_take_the_arrays_dtype(operand, scalar, expected):
    x = dt.asarray([1], dtype=operand)
    assert (x + scalar).dtype.name == expected
    assert (scalar + x).dtype.name == expected


def test_a_scalar_that_does_not_fit_is_refused():
    with pytest.raises(dt.OpError, match="300 does not fit int8"):
        dt.asarray([1], dtype=dt.int8) + 300
    with pytest.raises(dt.OpError, match="-1 does not fit uint64"):
        dt.asarray([1], dtype=dt.uint64) + (-1)


def test_float64_keeps_the_digits_of_a_scalar():
    assert (dt.asarray([1.0], dtype=dt.float64) * 0.1).item() == 0.1


def test_operators_with_numpy_on_the_left():
    y = np.ones(2, np.float32) + dt.asarray([1.0, 2.0])
    assert isinstance(y, dt.Array)
    assert y.tolist() == [2, 3]


@pytest.mark.parametrize("other", ["a", [1.0], (1.0,), None, object(), b"x"])
def test_operators_refuse_what_is_no_number(other):
    with pytest.raises(TypeError):
        dt.asarray([1.0]) + other


def test_mixed_devices_are_refused():
    x = dt.asarray([1.0])
    assert x.to_device("cpu").device is x.device
    with pytest.raises(dt.DeviceError, match="nonesuch"):
        x.to_device("nonesuch")


def test_len_and_iteration():
    x = dt.asarray([[1, 2], [3, 4]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="0-d"):
        len(dt.asarray(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(dt.asarray(1.0))


def test_deletion_is_refused():
    x = dt.asarray([1.0])
    with pytest.raises(TypeError, match="cannot be deleted"):
        del x[0]


def test_repr_shows_value_and_dtype():
    assert repr(dt.asarray([1.0, 2.0])) == "Array([1., 2.], dtype=float32)"


def test_equality_is_element_wise_and_hash_is_identity():
    x, y = dt.asarray([1.0]), dt.asarray([1.0])
    assert (x == y).tolist() == [True]
    assert hash(x) != hash(y)
    assert len({x: 1, y: 2}) == 2


def test_weak_references():
    x = dt.asarray([1.0])
    r = weakref.ref(x)
    assert r() is x
    del x
    gc.collect()
    assert r() is None


def test_dtypes_pickle_by_name():
    assert pickle.loads(pickle.dumps(dt.float32)) is dt.float32


@pytest.mark.parametrize("name", [*NUMPY, "bfloat16"])
def test_arrays_pickle_and_copy(name):
    x = dt.asarray([[1, 0], [0, 1]], dtype=name)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy({"x": x})["x"], copy.copy(x)):
        assert y.dtype is x.dtype
        assert y.tolist() == x.tolist()


def test_many_axes():
    shape = (1,) * 64
    x = dt.asarray(np.ones(shape, np.float32))
    assert x.ndim == 64
    assert (x + x).reshape(1).tolist() == [2.0]


# ---- keyword handling of op functions -----------------------------------------------------------


def test_op_functions_name_a_wrong_argument():
    x = dt.asarray([[1.0, 2.0]])
    with pytest.raises(TypeError, match="'axes'"):
        dt.max(x, axes=1)
    with pytest.raises(TypeError, match="two values"):
        dt.max(x, 0, axis=1)
    with pytest.raises(TypeError, match="operand"):
        dt.exp()
    with pytest.raises(TypeError, match="at most"):
        dt.exp(x, 1, 2, 3)


def test_equal_but_different_attributes_are_kept_apart():
    x = dt.asarray([1.0])
    plus, minus = dt.full((1,), 0.0), dt.full((1,), -0.0)
    assert np.signbit(np.asarray(minus))[0]
    assert not np.signbit(np.asarray(plus))[0]
    assert dt.max(x, axis=0, keepdims=True).shape == (1,)
    assert dt.max(x, axis=0, keepdims=False).shape == ()


# ---- memory --------------------------------------------------------------------------------------


def test_the_cache_hands_memory_out_again():
    device = dt.asarray(1.0).device
    x = dt.asarray(np.ones(100_000, np.float32))
    x + x
    before = _fast.memory_stats(device)["system_allocations"]
    for _ in range(10):
        x + x
    assert _fast.memory_stats(device)["system_allocations"] == before


def test_a_shape_that_no_memory_holds():
    with pytest.raises(dt.DovetailError, match="bytes"):
        dt.zeros((2**40, 2**40))
    with pytest.raises(dt.OutOfMemoryError, match="smaller batch"):
        dt.zeros((2**46,), dtype=dt.uint8) + 1
    assert (dt.asarray([1.0]) + 1.0).item() == 2.0
