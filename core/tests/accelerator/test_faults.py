"""Faults of the simulated accelerator: asked for by options, delivered as the header says."""

import os
import signal
import time
from typing import Any

import numpy as np
import pytest

from dovetail._abi import ffi, lib

FLOATS = np.arange(100, dtype=np.float32)
FOR_EVER = 2**64 - 1


def test_a_failure_is_sticky_and_delivered_once_with_text_and_tag(chip, table) -> None:
    one = chip(fail_at=3, fail_text="the second multiplier is on fire")
    stream, event = one.stream(), one.event()
    data = one.put(FLOATS, stream, tag=11)
    kernel = one.kernel("negative", [FLOATS], [FLOATS])
    kernel.run(data, data, stream=stream, tag=12)
    kernel.run(data, data, stream=stream, tag=13)
    for tag in (14, 15):
        kernel.run(data, data, stream=stream, tag=tag)
    one.record(event, stream)
    # An event behind the failure tells it, and leaves it to the stream.
    answer = table.refused(table.ok, one.api.event_sync, event, FOR_EVER)
    assert (answer.status, answer.tag) == (lib.DVT_INTERNAL, 13)
    answer = table.refused(one.sync, stream)
    assert (answer.status, answer.tag) == (lib.DVT_INTERNAL, 13)
    assert answer.text.startswith("call 3: the second multiplier is on fire")
    assert "2 later calls on its stream were skipped" in answer.text
    one.sync(stream)  # cleared
    np.testing.assert_array_equal(one.get(data, FLOATS), -FLOATS)
    kernel.run(data, data, stream=stream)
    one.sync(stream)
    np.testing.assert_array_equal(one.get(data, FLOATS), FLOATS)


def test_a_failure_stays_on_its_stream_and_those_that_wait_for_it(chip, table) -> None:
    one = chip(fail_at=1, fail_text="burnt")
    bad, waits, good = one.stream(), one.stream(), one.stream()
    event = one.event()
    one.fill(one.alloc(400), FLOATS, 1, bad)
    one.record(event, bad)
    one.wait(waits, event)
    x = one.put(FLOATS, good)
    untouched = one.alloc(400)
    one.fill(untouched, FLOATS, 5)
    one.fill(untouched, FLOATS, 7, waits)
    one.sync(good)
    answer = table.refused(one.sync, waits)
    assert answer.status == lib.DVT_CANCELLED and answer.text.count("burnt") == 1
    assert (one.get(untouched, FLOATS) == 5).all(), "what depends on a failure is not run"
    assert table.refused(one.sync, bad).status == lib.DVT_INTERNAL
    for stream in (bad, waits, good):
        one.sync(stream)
    np.testing.assert_array_equal(one.get(x, FLOATS), FLOATS)


def test_syncing_the_device_delivers_one_failure_and_keeps_the_others(chip, table) -> None:
    one = chip()
    streams = [one.stream() for _ in range(3)]
    gone = one.alloc(400)
    one.release(gone, 400)
    hosts = [np.zeros_like(FLOATS) for _ in range(2)]
    for tag, host in enumerate(hosts):
        views = one.view(gone, FLOATS), table.on_host(host)
        one.copy(*views, (one, None), streams[tag], 20 + tag)
    tags = {
        table.refused(table.ok, one.api.device_sync, one.handle).tag,
        table.refused(table.ok, one.api.device_sync, one.handle).tag,
    }
    assert tags == {20, 21}
    table.ok(one.api.device_sync, one.handle)


@pytest.mark.parametrize("padding", range(4))
def test_long_texts_are_cut_at_a_whole_character(padding: int, chip, table) -> None:
    """`Answer` decodes every text; a torn character would raise."""
    one = chip(fail_at=1, fail_text="x" * padding + "\N{FIRE}" * 200)
    bad, waits, event = one.stream(), one.stream(), one.event()
    for _ in range(2):
        one.fill(one.alloc(400), FLOATS, 1, bad)
    one.record(event, bad)
    one.wait(waits, event)
    for stream in (waits, bad):
        text = table.refused(one.sync, stream).text
        assert "\N{FIRE}" * 80 in text and len(text.encode()) < 480


def test_without_a_stream_the_call_itself_fails(chip, table) -> None:
    one = chip(fail_at=2, fail_text="burnt")
    data = one.put(FLOATS)
    answer = table.refused(one.put, FLOATS, ffi.NULL, 8)
    assert (answer.status, answer.tag, answer.text) == (lib.DVT_INTERNAL, 8, "call 2: burnt")
    np.testing.assert_array_equal(one.get(data, FLOATS), FLOATS)


def test_the_nth_allocation_finds_no_memory(chip, table) -> None:
    one = chip(oom_at=2)
    one.alloc(8)
    answer = table.refused(one.alloc, 8)
    assert answer.status == lib.DVT_OUT_OF_MEMORY and "asked for" in answer.text
    one.alloc(8)


def test_a_lost_device_says_so_everywhere_and_can_be_taken_down(chip, table, log) -> None:
    one = chip(lose_at=2)
    stream, other, event = one.stream(), one.stream(), one.event()
    data = one.put(FLOATS, stream)
    kernel = one.kernel("negative", [FLOATS], [FLOATS])
    one.record(event, stream)
    kernel.run(data, data, stream=stream, tag=5)  # from some moment on, every call is refused
    answer = table.refused(one.sync, stream)
    assert (answer.status, answer.tag) == (lib.DVT_DEVICE_LOST, 5)
    assert "table:0 is lost" in answer.text and "table: the device is lost" in log
    calls: list[Any] = [
        lambda: one.sync(stream),
        lambda: one.sync(other),
        lambda: table.ok(one.api.device_sync, one.handle),
        lambda: one.alloc(8),
        lambda: kernel.run(data, data),
        lambda: one.get(data, FLOATS),
        lambda: one.fill(data, FLOATS, 1, other),
        one.stream,
        one.event,
        lambda: one.record(event, stream),
        lambda: one.wait(stream, event),
        lambda: table.ok(one.api.event_query, event),
        lambda: table.ok(one.api.event_sync, event, FOR_EVER),
        one.free_bytes,
    ]
    for call in calls:
        assert table.refused(call).status == lib.DVT_DEVICE_LOST
    one.release(data, 400, stream=stream)
    kernel.destroy()
    one.close()


def test_after_fork_the_child_is_told_and_touches_nothing(chip, table) -> None:
    one = chip(copy_us=50000)
    stream, other, event = one.stream(), one.stream(), one.event()
    data = one.put(FLOATS, stream)
    one.record(event, stream)
    one.wait(other, event)  # its worker waits while the process is forked
    time.sleep(0.01)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs fails the test instead
        one.api.after_fork_child(one.handle)
        try:
            one.sync(stream)
        except Exception as answer:
            os.write(writing, str(answer).encode())
        one.release(data, 400)
        one.forget(event)
        one.close()  # joins no thread that is not here
        os.write(writing, b"; closed")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        text = said.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    assert "before this process was forked" in text and "spawn" in text
    assert text.endswith("; closed")
    one.sync(other)
    np.testing.assert_array_equal(one.get(data, FLOATS), FLOATS)


# ---- options -------------------------------------------------------------------------------------


def test_wrong_options_are_named(chip, table) -> None:
    for options, words in (
        ({"colour": 1}, "no option colour; it has memory"),
        ({"memory": "much"}, "option memory of device table must be one integer"),
        ({"fail_text": 3}, "option fail_text of device table must be one text"),
        ({"queue": 0}, "queue must lie between"),
    ):
        answer = table.refused(chip, 0, **options)
        assert answer.status == lib.DVT_INVALID_ARGUMENT and words in answer.text
    assert "2 are there" in table.refused(chip, 2).text


@pytest.fixture
def environment():
    """Set the library's own variable; the C side sees what os.environ sets."""
    yield lambda text: os.environ.__setitem__("TABLE_OPTIONS", text)
    os.environ.pop("TABLE_OPTIONS", None)


def test_options_come_from_the_environment_too(chip, table, plugin, host, environment) -> None:
    environment("memory=1000,oom_at=2,fail_at=1,fail_text=too hot,devices=3")
    count = ffi.new("uint32_t *")
    table.ok(plugin.device.device_count, host, count)
    assert count[0] == 3
    one = chip(2, memory=500)  # what device_open is told comes last
    assert one.free_bytes() == 500
    assert "too hot" in table.refused(one.put, FLOATS).text
    assert table.refused(one.alloc, 8).status == lib.DVT_OUT_OF_MEMORY
    environment("memory=lots")
    assert "'lots'; it must be a number" in table.refused(chip).text
    environment("devices=0")
    error = table.sized("dvt_error")
    assert plugin.device.device_count(host, count, error) == lib.DVT_OK and count[0] == 0
    assert b"no chip" in ffi.string(error.message)
