"""Streams, events and kernels of the simulated accelerator, called as a host would."""

from typing import Any

import numpy as np
import pytest

from dovetail._abi import ffi, lib

FLOATS = np.arange(100, dtype=np.float32)
FOR_EVER = 2**64 - 1


def query(one: Any, event: Any, table: Any) -> int:
    return int(one.api.event_query(event, table.sized("dvt_error")))


# ---- order ---------------------------------------------------------------------------------------


def test_a_stream_runs_in_order_and_what_is_passed_in_is_copied(chip) -> None:
    """The views are spoiled after each call, long before the delayed commands run."""
    one = chip(delay_us=400, seed=3)
    stream = one.stream()
    add = one.kernel("add", [FLOATS, FLOATS], [FLOATS])
    data = one.put(FLOATS, stream)
    for _ in range(10):
        add.run(data, data, data, stream=stream)
    add.destroy()  # launches that are queued still hold it
    back = one.get(data, FLOATS, stream)
    one.sync(stream)
    np.testing.assert_array_equal(back, FLOATS * 1024)


def test_a_short_queue_makes_the_caller_wait_and_loses_nothing(chip) -> None:
    one = chip(queue=2, delay_us=50)
    stream = one.stream()
    add = one.kernel("add", [FLOATS, FLOATS], [FLOATS])
    data, ones = one.put(FLOATS, stream), one.put(np.ones_like(FLOATS), stream)
    for _ in range(200):
        add.run(data, ones, data, stream=stream)
    back = one.get(data, FLOATS, stream)
    one.sync(stream)
    np.testing.assert_array_equal(back, FLOATS + 200)


def test_without_a_stream_a_call_returns_when_it_is_done(chip) -> None:
    one = chip(delay_us=400)
    data = one.put(FLOATS)
    one.kernel("negative", [FLOATS], [FLOATS]).run(data, data)
    np.testing.assert_array_equal(one.get(data, FLOATS), -FLOATS)


def test_destroying_a_stream_waits_for_its_work(chip) -> None:
    one = chip(copy_us=2000)
    stream = one.stream()
    data = one.put(FLOATS, stream)
    back = one.get(data, FLOATS, stream)
    one.close()
    np.testing.assert_array_equal(back, FLOATS)


# ---- events --------------------------------------------------------------------------------------


def test_an_event_is_pending_until_the_stream_comes_to_it(chip, table) -> None:
    one = chip(copy_us=20000)
    stream, event = one.stream(), one.event()
    assert query(one, event, table) == lib.DVT_OK  # nothing recorded: nothing to wait for
    seen = set()
    for _ in range(20):  # a busy machine may come too late for some
        one.put(FLOATS, stream)
        one.record(event, stream)
        seen.add(query(one, event, table))
        table.ok(one.api.event_sync, event, FOR_EVER)
        assert query(one, event, table) == lib.DVT_OK
        if lib.DVT_PENDING in seen:
            break
    assert lib.DVT_PENDING in seen


def test_waiting_for_an_event_can_time_out(chip, table) -> None:
    one = chip(copy_us=20000)
    stream, event = one.stream(), one.event()
    for _ in range(20):
        one.put(FLOATS, stream)
        one.record(event, stream)
        error = table.sized("dvt_error")
        status = one.api.event_sync(event, 1000, error)
        table.ok(one.api.event_sync, event, FOR_EVER)
        if status == lib.DVT_TIMEOUT:
            assert b"within 1000 ns" in ffi.string(error.message)
            return
    pytest.fail("a copy of 20 ms never outlasted a wait of a microsecond")


def test_a_stream_waits_for_another_devices(chip) -> None:
    """x is written slowly on one device; the other reads it, ordered by an event alone."""
    one, two = chip(0, copy_us=3000), chip(1)
    first, second = one.stream(), two.stream()
    x, made, done = one.put(np.zeros_like(FLOATS)), one.event(), two.event()
    y = two.put(np.zeros_like(FLOATS))
    for round_ in range(4):
        values = FLOATS + round_  # kept until it is read
        source = one.put(values, first)
        one.copy(one.view(source, FLOATS), one.view(x, FLOATS), (one, one), first)
        one.record(made, first)
        two.wait(second, made)
        two.copy(one.view(x, FLOATS), two.view(y, FLOATS), (one, two), second)
        two.record(done, second)
        one.wait(first, done)  # x may be overwritten once it is read
        back = two.get(y, FLOATS, second)
        two.sync(second)
        np.testing.assert_array_equal(back, FLOATS + round_)


def test_a_wait_is_for_the_recording_that_was_there(chip, table) -> None:
    one = chip(copy_us=2000)
    first, second, event = one.stream(), one.stream(), one.event()
    one.wait(second, event)  # never recorded: no wait
    x = one.put(FLOATS, first)
    one.record(event, first)
    one.wait(second, event)
    one.record(event, second)  # again, on the stream that waits for it: no deadlock
    back = one.get(x, FLOATS, second)
    one.sync(second)
    np.testing.assert_array_equal(back, FLOATS)
    table.ok(one.api.event_sync, event, FOR_EVER)


def test_events_tell_the_time_between_them(chip, table) -> None:
    one = chip(copy_us=3000)
    stream, start, end, ns = one.stream(), one.event(), one.event(), ffi.new("double *")
    answer = table.refused(table.ok, one.api.event_elapsed, start, end, ns)
    assert answer.status == lib.DVT_INVALID_ARGUMENT
    one.record(start, stream)
    one.put(FLOATS, stream)
    one.record(end, stream)
    table.ok(one.api.event_sync, end, FOR_EVER)
    table.ok(one.api.event_elapsed, start, end, ns)
    assert 3e6 <= ns[0] < 60e9
    table.ok(one.api.event_elapsed, end, start, ns)
    assert ns[0] < 0


def test_an_event_may_be_destroyed_before_it_passes(chip) -> None:
    one = chip(copy_us=2000)
    first, second = one.stream(), one.stream()
    for _ in range(3):
        event = one.event()
        one.put(FLOATS, first)
        one.record(event, first)
        one.wait(second, event)
        one.forget(event)
    one.sync(second)
    one.sync(first)


# ---- kernels -------------------------------------------------------------------------------------


def test_preparing_tells_cost_workspace_and_aliases(chip) -> None:
    one = chip()
    matrix = np.ones((3, 4), np.float32)
    add = one.kernel("add", [matrix, matrix], [matrix])
    assert add.info.may_alias == 0b11 and add.info.workspace_size == 0 and add.info.cost_ns > 1000
    total = one.kernel("sum", [matrix], [np.ones(4, np.float32)], axis=(0,), keepdims=0)
    assert total.info.may_alias == 0 and total.info.workspace_size >= 4 * 8
    assert total.info.flags & lib.DVT_INFO_DETERMINISTIC


def test_a_kernel_refuses_a_call_without_its_workspace(chip, table) -> None:
    one = chip()
    row = np.ones((2, 5), np.float32)
    kernel = one.kernel("sum", [row], [np.ones(2, np.float32)], axis=(1,), keepdims=0)
    x, z = one.put(row), one.alloc(8)
    answer = table.refused(kernel.run, x, z)
    assert answer.status == lib.DVT_INVALID_ARGUMENT and "workspace of 0 bytes" in answer.text
    size = int(kernel.info.workspace_size)
    kernel.run(x, z, workspace=one.alloc(size))
    np.testing.assert_array_equal(one.get(z, np.ones(2, np.float32)), [5, 5])


def test_what_no_kernel_takes_has_a_reason(chip, table) -> None:
    one = chip()
    deep = np.ones((1,) * 9, np.float32)
    answer = table.refused(one.kernel, "sum", [deep], [np.ones((), np.float32)])
    assert answer.status == lib.DVT_UNSUPPORTED
    half = np.ones(3, np.float16)
    for op in ("add", "matmul", "astype"):
        answer = table.refused(one.kernel, op, [half, half][: 2 - (op == "astype")], [half])
        assert answer.status == lib.DVT_UNSUPPORTED and answer.text == ""


def test_another_number_of_operands_is_refused(chip, table) -> None:
    one = chip()
    for op, n in (("add", 1), ("negative", 2), ("matmul", 1), ("sum", 2)):
        answer = table.refused(one.kernel, op, [FLOATS] * n, [FLOATS])
        assert answer.status == lib.DVT_INVALID_ARGUMENT and f"{op}: {n} operands" in answer.text
    add = one.kernel("add", [FLOATS, FLOATS], [FLOATS])
    add.like.pop()
    add.n_inputs = 1
    answer = table.refused(add.run, one.put(FLOATS), one.put(FLOATS))
    assert answer.status == lib.DVT_INVALID_ARGUMENT and "prepared for 2 and 1" in answer.text


def test_results_repeat_bit_for_bit(chip) -> None:
    one = chip()
    random = np.random.default_rng(1)
    x = random.standard_normal((37, 53))
    kernel = one.kernel("sum", [x], [np.ones(37)], axis=(1,), keepdims=0)
    data, z, room = one.put(x), one.alloc(37 * 8), one.alloc(int(kernel.info.workspace_size))
    results = set()
    for _ in range(5):
        kernel.run(data, z, workspace=room)
        results.add(one.get(z, np.ones(37)).tobytes())
    assert len(results) == 1
