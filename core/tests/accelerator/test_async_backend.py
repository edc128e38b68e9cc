"""The asynchronous device of backends/async_device.h does what the tests of the core rely on."""

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail._abi import ffi, lib


@pytest.fixture
def other(build_once: Callable[..., Path], host: Any, table: Any, chip: Any) -> Iterator[Any]:
    """A device of that plugin, with the words of the template's."""
    query = ctypes.CDLL(str(build_once("async_opaque", "other"))).dvt_plugin_query
    query.restype = ctypes.c_void_p
    query.argtypes = [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p]
    version, error = lib.DVT_ABI_VERSION, table.sized("dvt_error")
    found = query(version, version, table.address(host), table.address(error))
    one = type(chip())(ffi.cast("dvt_plugin *", found), host, 0, {})
    yield one
    one.close()


def test_it_copies_arrays_of_many_axes(other: Any) -> None:
    stream = other.stream()
    values = np.arange(64, dtype=np.float32).reshape((1,) * 40 + (2,) * 6)
    data = other.put(values, stream)
    back = other.get(data, values, stream)
    other.release(data, values.nbytes, stream=stream)
    other.sync(stream)
    np.testing.assert_array_equal(back, values)


def test_an_event_stands_for_its_last_recording(
    other: Any, table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when an earlier one passes meanwhile, or the event is destroyed."""
    gate = tmp_path / "gate"
    gate.touch()
    monkeypatch.setenv("ASYNC_HOLD", str(gate))
    writer, reader, event = other.stream(), other.stream(), other.event()
    values = [np.full(6, factor, np.float32) for factor in range(20)]
    data = other.alloc(values[0].nbytes, stream=writer)
    other.record(event, writer)
    for one in values:
        other.copy(table.on_host(one), other.view(data, one), (None, other), writer, 1)
    other.record(event, writer)
    other.wait(reader, event)
    back = other.get(data, values[0], reader)
    other.forget(event)
    gate.unlink()
    other.sync(reader)
    other.sync(writer)
    np.testing.assert_array_equal(back, values[-1])
    other.release(data, back.nbytes, stream=writer)
