"""Interchange by DLPack: the Python protocol in both of its forms, and the C exchange table."""

import ctypes
import gc
import weakref
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import DTYPES, bfloat16

SHARED = [t for t in DTYPES if t is not bfloat16]  # numpy has no bfloat16


class Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class Managed(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    )


REPORT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
DELETER = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
OUT = ctypes.POINTER(ctypes.c_void_p)


class Exchange(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("older", ctypes.c_void_p),
        (
            "allocate",
            ctypes.CFUNCTYPE(
                ctypes.c_int,
                ctypes.POINTER(Tensor),
                ctypes.POINTER(ctypes.POINTER(Managed)),
                ctypes.c_void_p,
                REPORT,
            ),
        ),
        (
            "from_object",
            ctypes.PYFUNCTYPE(
                ctypes.c_int, ctypes.py_object, ctypes.POINTER(ctypes.POINTER(Managed))
            ),
        ),
        ("to_object", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(Managed), OUT)),
        (
            "view_object",
            ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(Tensor)),
        ),
        (
            "current_stream",
            ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, OUT),
        ),
    )


def pointer(capsule: Any, name: bytes) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return get(capsule, name)


def managed(capsule: Any) -> Managed:
    return Managed.from_address(pointer(capsule, b"dltensor_versioned"))


def exchange() -> Exchange:
    capsule = dt.Array.__dlpack_c_exchange_api__
    return Exchange.from_address(pointer(capsule, b"dlpack_exchange_api"))


def owned(address: int | None) -> Any:
    """The object behind a new reference."""
    result = ctypes.cast(address, ctypes.py_object).value
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(result))
    return result


# ---- round trips ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", SHARED, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 0, 3), (2, 3, 4)], ids=str)
def test_numpy_and_dovetail_exchange_every_dtype(dtype: Any, shape: tuple[int, ...]) -> None:
    data = np.arange(int(np.prod(shape, dtype=int))).reshape(shape).astype(dtype.name)
    x = dt.from_dlpack(data)
    assert x.dtype is dtype
    assert x.shape == shape
    back = np.from_dlpack(x)
    assert back.dtype == data.dtype
    np.testing.assert_array_equal(back, data)
    np.testing.assert_array_equal(np.asarray(dt.from_dlpack(x, copy=True)), data)


def test_strides_and_offsets_survive() -> None:
    data = np.arange(24).reshape(4, 6)
    for part in (data.T, data[1:, ::2], data[::-1, ::-1], np.broadcast_to(data[0], (3, 6))):
        assert dt.from_dlpack(part).tolist() == part.tolist()
    x = dt.asarray(data)
    np.testing.assert_array_equal(np.from_dlpack(x[1:, ::2].T), data[1:, ::2].T)


def test_the_tensor_points_at_the_first_element() -> None:
    x = dt.arange(10)[3:]
    tensor = managed(x.__dlpack__(max_version=(1, 0))).tensor
    assert tensor.byte_offset == 0
    assert ctypes.c_int64.from_address(tensor.data).value == 3
    assert not managed(dt.zeros((0, 3)).__dlpack__(max_version=(1, 0))).tensor.data


# ---- versions, flags, copies ---------------------------------------------------------------------


def test_a_shared_export_is_read_only_and_a_copy_is_marked() -> None:
    x = dt.asarray([1.0, 2.0])
    shared = managed(x.__dlpack__(max_version=(1, 0)))
    assert (shared.flags, shared.tensor.data) == (1, x._address)
    copied = managed(x.__dlpack__(max_version=(1, 0), copy=True))
    assert copied.flags == 2
    assert copied.tensor.data != x._address
    view = np.from_dlpack(x)
    assert not view.flags.writeable
    own = np.from_dlpack(x, copy=True)
    own[0] = 9
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("asked", "given"), [((1, 0), (1, 0)), ((1, 3), (1, 3)), ((1, 9), (1, 3)), ((2, 0), (1, 3))]
)
def test_the_version_is_the_newest_both_know(asked: Any, given: Any) -> None:
    capsule = dt.ones(2).__dlpack__(max_version=asked)
    found = managed(capsule)
    assert (found.major, found.minor) == given


@pytest.mark.parametrize("version", [None, (0, 8)])
def test_the_old_form_gets_a_copy_since_it_could_write(version: Any) -> None:
    x = dt.asarray([1.0, 2.0])
    capsule = x.__dlpack__(max_version=version)
    tensor = Tensor.from_address(pointer(capsule, b"dltensor"))
    assert tensor.data != x._address
    assert (tensor.code, tensor.bits, tensor.lanes) == (2, 32, 1)
    asked = x.__dlpack__(max_version=version, copy=False)  # the consumer says that it does not
    assert Tensor.from_address(pointer(asked, b"dltensor")).data == x._address


class Old:
    """A producer from before DLPack 1."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __dlpack__(self, stream: None = None) -> Any:
        return self.data.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def test_producers_of_the_old_form_are_read() -> None:
    assert dt.from_dlpack(Old(np.arange(3))).tolist() == [0, 1, 2]
    own = np.arange(3)
    copied = dt.from_dlpack(Old(own), copy=True)
    own[0] = 9
    assert copied.tolist() == [0, 1, 2]


def test_copy_decides_whether_memory_is_shared() -> None:
    data = np.zeros(3)
    shared, own = dt.from_dlpack(data, copy=False), dt.from_dlpack(data, copy=True)
    data[0] = 5
    assert shared.tolist() == [5, 0, 0]
    assert own.tolist() == [0, 0, 0]
    assert dt.from_dlpack(data, device="cpu").tolist() == [5, 0, 0]


class Elsewhere:
    """A producer on a device that nobody here has; it can copy to the host."""

    def __init__(self) -> None:
        self.wishes: dict[str, Any] = {}

    def __dlpack_device__(self) -> tuple[int, int]:
        return (99, 2)

    def __dlpack__(self, **wishes: Any) -> Any:
        self.wishes = wishes
        return np.arange(2.0).__dlpack__(max_version=wishes["max_version"], copy=True)


def test_a_strangers_memory_comes_by_a_copy_that_was_asked_for() -> None:
    x = Elsewhere()
    with pytest.raises(BufferError, match=r'device="cpu"'):
        dt.from_dlpack(x)
    assert dt.from_dlpack(x, device="cpu").tolist() == [0, 1]
    assert x.wishes["dl_device"] == (1, 0)
    assert dt.from_dlpack(x, device="cpu", copy=True).tolist() == [0, 1]
    assert x.wishes["copy"] is True


# ---- lifetime ------------------------------------------------------------------------------------


def test_memory_lives_as_long_as_anybody_sees_it() -> None:
    data = np.arange(1000.0)
    alive = weakref.ref(data)
    x = dt.from_dlpack(data)
    part = x[10:20]
    del data, x
    gc.collect()
    assert alive() is not None
    assert part.tolist() == list(range(10, 20))
    del part
    gc.collect()
    assert alive() is None


def test_a_capsule_that_nobody_takes_lets_go() -> None:
    data = np.arange(3.0)
    alive = weakref.ref(data)
    x = dt.from_dlpack(data)
    capsules = [x.__dlpack__(), x.__dlpack__(max_version=(1, 0))]
    del data, x
    gc.collect()
    assert alive() is not None  # by the second; the first has a copy
    capsules.clear()
    gc.collect()
    assert alive() is None


def test_a_capsule_is_taken_once() -> None:
    capsule = np.arange(3).__dlpack__(max_version=(1, 0))

    class Producer:
        def __dlpack__(self, **wishes: Any) -> Any:
            return capsule

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    assert dt.from_dlpack(Producer()).tolist() == [0, 1, 2]
    with pytest.raises(BufferError, match="used before"):
        dt.from_dlpack(Producer())


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"stream": 1}, BufferError, "no streams"),
        ({"max_version": 1}, TypeError, "pair of integers"),
        ({"max_version": (1,)}, TypeError, "pair of integers"),
        ({"dl_device": ("cpu", 0)}, TypeError, "pair of integers"),
        ({"copy": 1}, TypeError, "copy=1"),
        ({"dl_device": (99, 0), "max_version": (1, 0)}, BufferError, "99"),
        ({"dl_device": (2, 0), "max_version": (1, 0), "copy": False}, BufferError, "copy=False"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(words: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        dt.ones(2).__dlpack__(**words)


def test_a_traced_array_has_nothing_to_export() -> None:
    def f(x: Any) -> Any:
        x.__dlpack__(max_version=(1, 0))
        return x

    with pytest.raises(BufferError, match="traced"):
        dt.jit(f)(dt.ones(2))


def test_foreign_types_and_misaligned_memory_are_refused() -> None:
    with pytest.raises((BufferError, TypeError)):
        dt.from_dlpack(np.array(["a"]))
    raw = np.zeros(17, np.uint8)[1:].view(np.float64)
    with pytest.raises(BufferError, match=r"aligned.*copy=True"):
        dt.from_dlpack(raw)
    assert dt.from_dlpack(raw, copy=True).tolist() == [0, 0]


def test_arrays_say_where_they_lie_and_which_namespace_is_theirs() -> None:
    x = dt.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    assert x.to_device(x.device).device is x.device
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2025.12") is dt
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.12")


# ---- the exchange table --------------------------------------------------------------------------


def test_the_table_names_its_version() -> None:
    table = exchange()
    assert (table.major, table.minor, table.older) == (1, 3, None)
    stream = ctypes.c_void_p(1)
    assert table.current_stream(1, 0, ctypes.byref(stream)) == 0
    assert stream.value is None


def test_the_table_views_an_array_without_owning_it() -> None:
    x = dt.asarray([[1, 2, 3], [4, 5, 6]], dtype=dt.int16).T
    tensor = Tensor()
    assert exchange().view_object(x, ctypes.byref(tensor)) == 0
    assert (tensor.code, tensor.bits, tensor.ndim) == (0, 16, 2)
    assert (tensor.shape[0], tensor.shape[1]) == (3, 2)
    assert (tensor.strides[0], tensor.strides[1]) == (1, 3)
    with pytest.raises(TypeError, match="Array"):
        exchange().view_object("no array", ctypes.byref(tensor))


def test_arrays_go_out_and_come_back_by_the_table() -> None:
    table, m, out = exchange(), ctypes.POINTER(Managed)(), ctypes.c_void_p()
    data = np.arange(4.0)
    alive = weakref.ref(data)
    x = dt.from_dlpack(data)
    assert table.from_object(x, ctypes.byref(m)) == 0
    assert m.contents.flags == 1
    del data, x
    assert table.to_object(m, ctypes.byref(out)) == 0
    back = owned(out.value)
    assert back.tolist() == [0, 1, 2, 3]
    del back
    gc.collect()
    assert alive() is None


def test_the_table_gives_memory_for_results() -> None:
    table, m, out = exchange(), ctypes.POINTER(Managed)(), ctypes.c_void_p()
    extents = (ctypes.c_int64 * 2)(2, 3)
    wanted = Tensor(device_type=1, ndim=2, code=5, bits=64, lanes=1, shape=extents)
    said: list[tuple[bytes, bytes]] = []
    report = REPORT(lambda context, kind, message: said.append((kind, message)))
    assert table.allocate(ctypes.byref(wanted), ctypes.byref(m), None, report) == 0
    tensor = m.contents.tensor
    assert (m.contents.flags, tensor.strides[0], tensor.strides[1]) == (0, 3, 1)
    parts = (ctypes.c_float * 12).from_address(tensor.data)
    parts[:] = range(12)
    assert table.to_object(m, ctypes.byref(out)) == 0
    assert owned(out.value).tolist() == [[1j, 2 + 3j, 4 + 5j], [6 + 7j, 8 + 9j, 10 + 11j]]
    assert not said


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("bits", 7, b"7 bits"), ("device_type", 99, b"99"), ("shape", (2, -1), b"negative")],
)
def test_the_table_says_why_it_gives_no_memory(field: str, value: Any, message: bytes) -> None:
    extents = (ctypes.c_int64 * 2)(*(value if field == "shape" else (2, 3)))
    wanted = Tensor(device_type=1, ndim=2, code=2, bits=32, lanes=1, shape=extents)
    if field != "shape":
        setattr(wanted, field, value)
    said: list[tuple[bytes, bytes]] = []
    report = REPORT(lambda context, kind, text: said.append((kind, text)))
    m = ctypes.POINTER(Managed)()
    assert exchange().allocate(ctypes.byref(wanted), ctypes.byref(m), None, report) == -1
    assert not m
    assert len(said) == 1
    assert message in said[0][1]


def test_a_tensor_that_cannot_be_read_is_let_go() -> None:
    gone: list[int] = []
    deleter = DELETER(gone.append)
    m = Managed(major=2, deleter=ctypes.cast(deleter, ctypes.c_void_p))
    out = ctypes.c_void_p()
    with pytest.raises(BufferError, match="DLPack 2"):
        exchange().to_object(ctypes.byref(m), ctypes.byref(out))
    assert gone == [ctypes.addressof(m)]
