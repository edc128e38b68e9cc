"""Copies between devices of one plugin and of two, and with the host; strided, empty, any dtype."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.devices import device, load
from dovetail.dtypes import DTYPES
from dovetail.errors import DeviceError

Build = Callable[..., Path]
A = np.arange(1, 25, dtype=np.float32).reshape(4, 6)
KINDS = {
    "west": "async_opaque",  # handles and events
    "east": "async_plain",  # handles, no events
    "open": "async_visible",  # memory that the host sees, written later
    "known": "async_known",  # addresses of a kind of memory
    "guest": "async_imports",  # takes the memory of others as it lies
    "lone": "separate",  # handles, synchronous
    "shown": "mapped",  # memory behind map and unmap
}
TWO = ("west", "east", "open", "known", "guest")


@pytest.fixture(scope="module", autouse=True)
def plugins(build_once: Build) -> None:
    for name, kind in KINDS.items():
        load(build_once(kind, name, 2 if name in TWO else 1))


def put(values: Any, where: str) -> Any:
    return dt.asarray(np.asarray(values, np.float32), device=where)


ENDS = ["cpu", *KINDS, *(f"{name}:1" for name in TWO)]


@pytest.mark.parametrize("to", ENDS)
@pytest.mark.parametrize("source", ENDS)
def test_from_anywhere_to_anywhere(source: str, to: str) -> None:
    x = put(A, source)
    y = x + x  # still under way when it is moved, where that can be
    there = y.to_device(to)
    assert there.device is device(to)
    np.testing.assert_array_equal(np.asarray(there + there), 4 * A)
    turned = y.T[1:, ::2].to_device(to)
    np.testing.assert_array_equal(np.asarray(turned), 2 * A.T[1:, ::2])
    np.testing.assert_array_equal(np.asarray(turned + turned), 4 * A.T[1:, ::2])
    flipped = dt.flip(y, axis=1).to_device(to)
    np.testing.assert_array_equal(np.asarray(flipped), 2 * A[:, ::-1])
    assert y[:0].to_device(to).shape == (0, 6)
    assert y[3, 5].to_device(to).item() == 48.0


@pytest.mark.parametrize("to", ["west:1", "east", "lone", "shown", "open"])
def test_every_dtype_arrives_as_it_left(to: str) -> None:
    for dtype in DTYPES:
        x = dt.astype(dt.asarray([[0, 1, 2], [3, 4, 5]]), dtype)
        y = x.to_device("west").to_device(to).to_device("cpu")
        assert y.dtype is dtype
        assert bool(dt.all(x == y)), dtype


@pytest.mark.parametrize("name", ["west", "east", "open", "known"])
def test_the_senders_memory_is_not_used_again_too_early(name: str) -> None:
    x, ones = put(A, name), put(np.ones_like(A), name)
    for k in range(8):
        y = x + x
        there = y.to_device(f"{name}:1")
        del y
        noise = [ones + ones for _ in range(3)]  # takes the memory that was y's
        answer = np.asarray(there + put(np.full_like(A, k), f"{name}:1"))
        np.testing.assert_array_equal(answer, 2 * A + k)
        assert len(noise) == 3


@pytest.mark.parametrize("to", ["west:1", "east:1", "known", "lone", "cpu"])
@pytest.mark.parametrize("source", ["west", "east"])
def test_a_failure_of_the_sender_reaches_the_reader(source: str, to: str) -> None:
    x, zero = put(A, source), put(np.zeros_like(A), source)
    with pytest.raises(DeviceError, match=rf"^divide at test_transfer.py:\d+ in .* on {source}:0"):
        np.asarray((x / zero).to_device(to))
    device(source).sync()  # told once
    device(to).sync()
    np.testing.assert_array_equal(np.asarray((x + x).to_device(to)), 2 * A)


def test_memory_is_imported_where_the_receiver_can(
    build: Build, python: Callable[..., str]
) -> None:
    text = f"""
import numpy as np, dovetail as dt
from dovetail.devices import load
known = load({str(build("async_known", "known"))!r})
guest = load({str(build("async_imports", "guest"))!r})
handles = load({str(build("async_opaque", "handles"))!r})
x = dt.asarray(np.arange(6, dtype=np.float32).reshape(2, 3), device=known)
y = (x + x).T.to_device(guest)
print(y.tolist(), flush=True)
z = dt.asarray([1.0, 2.0], dtype=dt.float32, device=handles).to_device(guest)  # no address: staged
print(z.tolist(), flush=True)
"""
    environment = {**os.environ, "ASYNC_TELL": "stdout"}
    lines = python(text, environment=environment).split("\n")
    assert lines[:4] == [
        "guest imported",
        "guest unimported",
        "[[0.0, 6.0], [2.0, 8.0], [4.0, 10.0]]",
        "[1.0, 2.0]",
    ]


def test_host_visible_devices_still_share(build_once: Build) -> None:
    load(build_once("good", "plain"))
    x = dt.asarray(A.copy())
    assert x.to_device("plain")._address == x._address


def test_values_of_numpy_arrive_whatever_their_strides() -> None:
    for name in ("west", "shown", "open"):
        for view in (A.T, A[::-1], A[1:, ::3], np.broadcast_to(A[0], (4, 6))):
            np.testing.assert_array_equal(np.asarray(dt.asarray(view, device=name)), view)
