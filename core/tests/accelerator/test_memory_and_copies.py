"""Memory of the simulated accelerator: spaces, limits, addresses; copies and fills by strides."""

import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail._abi import ffi, lib

FLOATS = np.arange(100, dtype=np.float32)


def test_it_exports_one_symbol(library) -> None:
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True
    )
    assert [line.split()[-1] for line in listing.stdout.splitlines()] == ["dvt_plugin_query"]


def test_opening_starts_no_thread_and_a_stream_one(chip) -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def come_to(number: int) -> bool:
        """A thread that was joined may stand in the list a little longer."""
        deadline = time.monotonic() + 10
        while threads() != number and time.monotonic() < deadline:
            time.sleep(0.01)
        return threads() == number

    time.sleep(0.05)
    before = threads()
    one = chip()
    one.put(FLOATS)
    assert come_to(before)
    one.stream()
    assert come_to(before + 1)
    one.close()
    assert come_to(before)


def test_it_describes_itself(chip, table) -> None:
    one = chip(1, memory=1 << 20, chip=7)
    info = table.sized("dvt_device_info")
    table.ok(one.api.device_info, one.handle, info)
    names = [ffi.string(info.spaces[i].name).decode() for i in range(info.n_spaces)]
    assert names == ["hbm", "scratch", "pinned"]
    assert [info.spaces[i].place.id for i in range(3)] == [1, 1, 0]
    assert info.spaces[0].capacity == 1 << 20 and not info.spaces[0].flags
    assert info.spaces[2].flags == lib.DVT_SPACE_HOST_VISIBLE | lib.DVT_SPACE_COHERENT
    assert b"chip7" in ffi.string(info.compatibility_key)
    facts = {ffi.string(info.properties[i].name).decode() for i in range(info.n_properties)}
    assert facts == {"queue", "chip", "memory", "made_of"}


# ---- memory --------------------------------------------------------------------------------------


def test_memory_has_a_limit_and_comes_back(chip, table) -> None:
    one = chip(memory=1000, scratch=100)
    data = one.alloc(700)
    answer = table.refused(one.alloc, 400)
    assert answer.status == lib.DVT_OUT_OF_MEMORY
    assert "400 bytes in hbm: 700 of 1000" in answer.text
    assert one.free_bytes() == 300 and one.free_bytes(1) == 100
    assert table.refused(one.alloc, 101, space=1).status == lib.DVT_OUT_OF_MEMORY
    one.release(data, 700)
    assert one.free_bytes() == 1000
    one.release(one.alloc(1000), 1000)


def test_what_is_given_back_twice_is_told_to_the_host(chip, log) -> None:
    one = chip(memory=1000)
    stream = one.stream()
    first, second = one.alloc(300), one.alloc(200)
    before = len(log)
    for _ in range(2):
        one.release(first, 300)
        one.release(second, 200, stream=stream)
    one.release(ffi.cast("void *", 8), 8)
    assert len(log) == before + 3
    assert all("which is given back; was it before?" in line for line in log[before:])
    assert one.free_bytes() == 1000


def test_arguments_of_alloc_are_checked(chip, table) -> None:
    one = chip()
    for words in ({"size": 0}, {"size": 8, "space": 3}):
        assert table.refused(one.alloc, **words).status == lib.DVT_INVALID_ARGUMENT
    assert table.refused(one.free_bytes, 2).status == lib.DVT_INVALID_ARGUMENT


def test_addresses_are_aligned_unreadable_and_never_given_twice(chip, table) -> None:
    one, two = chip(0), chip(1)
    seen = set()
    for size in (1, 255, 4096, 5):
        for device in (one, two):
            data = device.alloc(size)
            assert table.address(data) % 256 == 0 and table.address(data) >= 3 << 62
            seen.add(table.address(data))
            device.release(data, size)
    assert len(seen) == 8


def test_pinned_memory_is_a_pointer(chip, table) -> None:
    one = chip()
    data = one.alloc(400, space=2)
    mine = np.frombuffer(ffi.buffer(data, 400), np.float32)
    mine[:] = FLOATS
    own = one.put(FLOATS)
    result = one.alloc(400)
    add = one.kernel("add", [FLOATS, FLOATS], [FLOATS])
    views = [table.View(data, FLOATS, lib.DVT_PLACE_CPU), one.view(own, FLOATS)]
    one.copy(views[0], views[1], (one, one))
    add.run(own, own, result)
    assert (one.get(result, FLOATS) == 2 * FLOATS).all()
    one.release(data, 400, space=2)


@pytest.mark.parametrize("use", ["released", "overrun", "other device", "never"])
def test_wrong_addresses_are_memory_faults(use: str, chip, table) -> None:
    one, two = chip(0), chip(1)
    data = one.put(FLOATS)
    like = FLOATS
    if use == "released":
        one.release(data, 400)
    elif use == "overrun":
        like = np.zeros(101, np.float32)
    elif use == "other device":
        one, two = two, one
    else:
        data = ffi.cast("void *", 4096)
    answer = table.refused(one.get, data, like)
    assert answer.status == lib.DVT_INTERNAL and "copy: memory fault at 0x" in answer.text
    assert f"table:{one.ordinal}" in answer.text


def test_opaque_handles_take_offsets_but_no_arithmetic(chip, table) -> None:
    for opaque in (0, 1):
        one = chip(opaque=opaque)
        info = table.sized("dvt_device_info")
        table.ok(one.api.device_info, one.handle, info)
        assert bool(info.spaces[0].flags & lib.DVT_SPACE_OPAQUE) == bool(opaque)
        data = one.put(FLOATS)
        tail = np.zeros(60, np.float32)
        host = np.zeros(60, np.float32)
        one.copy(one.view(data, tail, 160), table.on_host(host), (one, None))
        assert (host == FLOATS[40:]).all()
        moved = ffi.cast("void *", table.address(data) + 160)
        if opaque:
            assert table.refused(one.get, moved, tail).status == lib.DVT_INTERNAL
        else:
            assert (one.get(moved, tail) == FLOATS[40:]).all()


def test_memory_released_on_a_stream_serves_what_is_queued_before(chip, table) -> None:
    one = chip(delay_us=500)
    stream = one.stream()
    data = one.put(FLOATS, stream)
    back = one.get(data, FLOATS, stream)
    one.release(data, 400, stream=stream)
    late = table.on_host(np.zeros(100, np.float32))
    one.copy(one.view(data, FLOATS), late, (one, None), stream, 9)  # behind its release
    answer = table.refused(one.sync, stream)
    assert (back == FLOATS).all()
    assert answer.status == lib.DVT_INTERNAL and answer.tag == 9 and "released" in answer.text


# ---- copies and fills ----------------------------------------------------------------------------


def strided(random: np.random.Generator, kind: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two views of one random shape with unrelated strides: steps, backwards, swapped, repeated."""
    ndim = int(random.integers(0, 6))
    shape = random.integers(0 if random.random() < 0.1 else 1, 5, ndim)

    def one(repeat: bool) -> np.ndarray:
        order = random.permutation(ndim)
        steps = random.integers(1, 3, ndim)
        base = np.array(random.integers(-100, 100, tuple(shape[order] * steps[order])), kind)
        view = base[(..., *(slice(None, None, int(s)) for s in steps[order]))]
        view = view.transpose(np.argsort(order)) if ndim else view
        flip = tuple(slice(None, None, -1 if random.random() < 0.3 else 1) for _ in range(ndim))
        view = view[(..., *flip)]
        if repeat and ndim and shape[0] and random.random() < 0.3:
            view = np.broadcast_to(view[:1], view.shape)
        return view

    return one(True), one(False)


def base_of(view: np.ndarray) -> tuple[np.ndarray, int]:
    """The array that owns a view's memory, and where the view begins in it."""
    owner = view
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    start = view.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    return owner, start if view.size else 0


@pytest.mark.parametrize("way", ["to the device", "to the host", "on it", "to its sibling"])
def test_copies_take_any_strides(way: str, chip, table) -> None:
    one, two = chip(0), chip(1)
    random = np.random.default_rng(len(way))
    stream = one.stream()
    kinds = ["i1", "i2", "f4", "f8", "c16", "?"]
    for number in range(60):
        source, target = strided(random, np.dtype(kinds[number % len(kinds)]))
        ends = {
            "to the device": (None, one),
            "to the host": (one, None),
            "on it": (one, one),
            "to its sibling": (one, two),
        }[way]
        want, start = base_of(target)
        want = want.copy()
        np.ndarray(target.shape, target.dtype, want, start, target.strides)[...] = source
        views, owned = [], []
        for view, end in zip((source, target), ends, strict=True):
            owner, offset = base_of(view)
            dense = np.ascontiguousarray(owner)
            if end is None:
                views.append(table.View(ffi.from_buffer(owner), view, lib.DVT_PLACE_CPU, offset))
            else:
                owned.append((end, end.put(dense), dense))
                views.append(end.view(owned[-1][1], view, offset))
        one.copy(views[0], views[1], ends, stream if number % 2 else ffi.NULL)
        one.sync(stream)
        if ends[1] is None:
            got = base_of(target)[0]
        else:
            got = ends[1].get(owned[-1][1], owned[-1][2])
        assert got.tobytes() == want.tobytes(), (source.shape, source.strides, target.strides)
        for end, data, dense in owned:
            end.release(data, max(dense.nbytes, 1))


def test_copies_of_other_shapes_or_types_are_refused(chip, table) -> None:
    one = chip()
    data = one.put(FLOATS)
    for other in (
        np.zeros(99, np.float32),
        np.zeros(100, np.int32),
        np.zeros((100, 1), np.float32),
    ):
        answer = table.refused(one.copy, one.view(data, FLOATS), table.on_host(other), (one, None))
        assert answer.status == lib.DVT_INVALID_ARGUMENT and "one shape and type" in answer.text


@pytest.mark.parametrize("kind", ["?", "u1", "i2", "f4", "f8", "c16"])
def test_fills_take_any_strides(kind: str, chip) -> None:
    one = chip(delay_us=300)
    stream = one.stream()
    whole = np.zeros((6, 8), kind)
    data = one.put(whole, stream)
    part = whole[1::2, ::-3]
    one.fill(data, part, 1, stream, base_of(part)[1])
    one.fill(data, whole[:0], 1, stream)
    got = one.get(data, whole, stream)
    one.sync(stream)
    part[...] = 1
    np.testing.assert_array_equal(got, whole)
