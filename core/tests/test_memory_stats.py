"""What the allocator says about itself."""

import pytest

import dovetail as dt
from dovetail.errors import DeviceError

MIB = 1 << 20


def test_live_cached_and_peak_follow_the_arrays() -> None:
    dt.release_memory()
    before = dt.memory_stats(reset_peak=True)
    assert before.cached_bytes == 0
    x = dt.zeros(4 * MIB, dtype=dt.uint8)
    held = dt.memory_stats("cpu:0")
    assert held.live_bytes == before.live_bytes + 4 * MIB == held.peak_bytes
    assert held.allocations > before.allocations
    del x
    after = dt.memory_stats()
    assert after.live_bytes == before.live_bytes and after.cached_bytes >= 4 * MIB
    assert after.peak_bytes == held.peak_bytes


def test_the_peak_starts_anew_and_blocks_are_used_again() -> None:
    y = dt.zeros(MIB, dtype=dt.uint8)
    del y
    before = dt.memory_stats(dt.device("cpu"), reset_peak=True)
    y = dt.zeros(MIB, dtype=dt.uint8)
    again = dt.memory_stats()
    assert again.system_allocations == before.system_allocations
    assert again.peak_bytes == before.live_bytes + MIB
    del y


def test_released_memory_is_asked_for_again() -> None:
    y = dt.zeros(MIB, dtype=dt.uint8)
    del y
    dt.release_memory("cpu")
    before = dt.memory_stats()
    y = dt.zeros(MIB, dtype=dt.uint8)
    assert dt.memory_stats().system_allocations > before.system_allocations
    del y


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match="there is no cpu:1"):
        dt.memory_stats("cpu:1")
