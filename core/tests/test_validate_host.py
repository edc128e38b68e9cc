"""DOVETAIL_VALIDATE=1: a host that breaks the device contract is named too.

Here a test is the host: it calls the slots of backends/validate_device.c through the layer.
"""

import platform
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail._abi import ffi
from dovetail.errors import DeviceError


class Refused(Exception):
    """The text of a call's error."""


class Host:
    """A host that calls a device's slots itself. The core's stream of the device is the first."""

    def __init__(self, device: Any) -> None:
        self.api = ffi.cast("dvt_plugin *", device.plugin_address).device
        self.device = ffi.cast("dvt_device *", device.handle)
        self.error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})

    def call(self, slot: str, *arguments: Any) -> None:
        status = getattr(self.api, slot)(*arguments, self.error)
        if status != 0:
            raise Refused(ffi.string(self.error.message).decode())

    def make(self, slot: str, kind: str, *arguments: Any) -> Any:
        made = ffi.new(f"{kind} *")
        self.call(slot, *arguments, made)
        return made[0]

    def sized(self, kind: str, **fields: Any) -> Any:
        return ffi.new(f"{kind} *", {"struct_size": ffi.sizeof(kind), **fields})

    def alloc(self, size: int, **fields: Any) -> Any:
        desc = self.sized("dvt_alloc_desc", size=size, **fields)
        return self.make("alloc", "void *", self.device, desc)

    def release(self, data: Any, size: int, **fields: Any) -> None:
        self.api.release(self.device, self.sized("dvt_alloc_desc", data=data, size=size, **fields))

    def stream(self) -> Any:
        desc = self.sized("dvt_stream_desc")
        return self.make("stream_create", "dvt_stream *", self.device, desc)

    def event(self) -> Any:
        return self.make("event_create", "dvt_event *", self.device)

    def copy(self, source: Any, destination: Any, n: int = 8, **fields: Any) -> None:
        """Copy n float32 within device memory."""
        shape, strides = ffi.new("int64_t[]", [n]), ffi.new("int64_t[]", [1])
        ends = [
            ffi.new(
                "dvt_tensor *",
                {"data": data, "ndim": 1, "shape": shape, "strides": strides, "dtype": (2, 32, 1)},
            )
            for data in (source, destination)
        ]
        desc = {"source": ends[0], "destination": ends[1]}
        desc |= {"source_device": self.device, "destination_device": self.device, **fields}
        self.call("copy", self.device, self.sized("dvt_copy", **desc))

    def next_answer(self) -> str:
        """What a slot without a status found is the answer of the next one that has one."""
        free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        status = self.api.device_memory(self.device, 0, free, total, self.error)
        return ffi.string(self.error.message).decode() if status else ""


# ---- what hosts do wrong ------------------------------------------------------------------------


@pytest.fixture
def host(validated: Callable[..., Any]) -> Host:
    return Host(validated("device"))


def blamed(text: str) -> Any:
    return pytest.raises(Refused, match=f"^validation: {text}.*The fault is the host's")


def test_memory_goes_back_once_and_whole(host: Host) -> None:
    data = host.alloc(64)
    host.release(data, 63)
    assert "63 bytes are given back where 64 were allocated" in host.next_answer()
    host.release(data + 8, 64)
    assert "lies inside live memory, but not at its start" in host.next_answer()
    host.release(data, 64)
    assert host.next_answer() == ""
    host.release(data, 64)
    said = host.next_answer()
    assert said.startswith("validation: release of ") and "it was given back already" in said
    assert said.endswith("The fault is the host's.")


def test_a_late_finding_costs_no_object(host: Host) -> None:
    data = host.alloc(64)
    host.release(data, 63)
    other, event = host.alloc(64), host.event()  # given, and not lost for what release did
    assert "63 bytes are given back where 64 were allocated" in host.next_answer()
    host.api.event_destroy(event)
    host.release(other, 64)
    host.release(data, 64)
    assert host.next_answer() == ""


def test_copies_stay_in_live_memory(host: Host) -> None:
    x, y = host.alloc(64), host.alloc(64)
    host.copy(x, y, 16)
    with blamed("copy of .*: source 0 reaches bytes 0 to 68 of memory of 64 bytes"):
        host.copy(x, y, 17)
    with blamed("copy of .*: source and destination overlap"):
        host.copy(x, x + 4, 8)
    host.release(y, 64)
    with blamed("copy of .*: destination 0 lies at .*, which is in no live memory of .*:0"):
        host.copy(x, y, 16)
    host.release(x, 64)


def test_descriptors_are_whole(host: Host) -> None:
    with blamed("alloc of .*: dvt_alloc_desc has struct_size 16 instead of"):
        host.alloc(64, struct_size=16)
    with blamed("alloc of .*: space 3 is asked for, but .* has 1"):
        host.alloc(64, space=3)
    with blamed("alloc of .*: the alignment 24 is no power of two"):
        host.alloc(64, alignment=24)
    with blamed("alloc of .*: no bytes are asked for"):
        host.alloc(0)
    name = ffi.new("char[]", b"com.acme.trick")
    link = host.sized("dvt_ext", name=name)
    with blamed(
        "alloc of .*: dvt_alloc_desc carries the extension com.acme.trick, which the plugin"
    ):
        host.alloc(64, ext=link)


def test_handles_are_what_they_are_taken_for(host: Host) -> None:
    stream, event = host.stream(), host.event()
    host.call("event_record", event, stream)
    with blamed("event_record of .*: 0x.* is a handle of another kind: a event where a stream"):
        host.call("event_record", event, ffi.cast("dvt_stream *", event))
    with blamed("stream_sync of .*: 0x1234 is no stream that this plugin gave"):
        host.call("stream_sync", ffi.cast("dvt_stream *", 0x1234))
    host.api.stream_destroy(stream)
    with blamed("stream_sync of .*: the stream 0x.* was ended by stream_destroy before"):
        host.call("stream_sync", stream)
    host.api.stream_destroy(stream)
    assert "was ended by stream_destroy before" in host.next_answer()
    host.api.event_destroy(event)


def test_handles_stay_with_their_plugin(validated: Callable[..., Any]) -> None:
    host, other = Host(validated("device")), Host(validated("device", "another"))
    with blamed("copy of bad_device: 0x.* is a stream of another plugin, bad_device"):
        host.copy(host.alloc(64), host.alloc(64), stream=other.stream())


def test_events_come_before_waits(host: Host) -> None:
    stream, event = host.stream(), host.event()
    with blamed("stream_wait of .*: the stream is to wait for an event that was never recorded"):
        host.call("stream_wait", stream, event)
    with blamed("event_query of .*: the event was never recorded"):
        host.call("event_query", event)


def test_streams_take_turns_with_memory(host: Host) -> None:
    x, y, z = host.alloc(64), host.alloc(64), host.alloc(64)
    one, two, event = host.stream(), host.stream(), host.event()
    host.copy(x, y, stream=one)
    host.copy(x, z, stream=two)  # both only read x
    with blamed("copy of .*: input 0 is read on stream 3, while work of stream 2 that writes it"):
        host.copy(y, z, stream=two)
    host.copy(x, y + 32, stream=two)  # another part of the block
    host.call("event_record", event, one)
    host.call("stream_wait", two, event)
    host.copy(y, z, stream=two)
    with blamed(
        "copy of .*: output 0 is written on stream 2, while work of stream 3 that reads it"
    ):
        host.copy(x, y, stream=one)
    with blamed("copy of .*: input 0 is read without a stream, while work of stream 3"):
        host.copy(z, x)
    host.call("stream_sync", two)
    host.copy(x, y, stream=one)
    host.release(y, 64, stream=two)
    assert (
        "is given back on another stream while work of stream 2 that uses it" in host.next_answer()
    )
    # An event that has passed tells the host, and with it every stream.
    host.copy(x, z, stream=one)
    host.call("event_record", event, one)
    host.call("event_sync", event, 2**64 - 1)
    host.copy(z, x)
    host.copy(z, x, stream=two)


def test_new_memory_of_a_stream_needs_an_event_elsewhere(host: Host) -> None:
    one, two = host.stream(), host.stream()
    x = host.alloc(64, stream=one)
    y = host.alloc(64)
    host.copy(x, y, stream=one)
    with blamed("copy of .*: input 0 is read on stream 3, while work of stream 2"):
        host.copy(x, host.alloc(64), stream=two)


def test_a_device_closes_with_nothing_left(validated_program: Callable[..., Any]) -> None:
    done = validated_program(
        "",
        "from dovetail import _fast",
        "from dovetail._abi import ffi",
        "x = dt.asarray(np.ones(6, np.float32), device='bad_device')",
        "api = ffi.cast('dvt_plugin *', x.device.plugin_address).device",
        "api.device_close(ffi.cast('dvt_device *', x.device.handle))",
        "for _, text in _fast.drain_log(): print(text)",
        "x + x",
        kind="device",
    )
    text = "device_close of bad_device: the host closes bad_device:0 and has not given back"
    assert f"{text} 1 streams" in done.stdout and f"{text} 1 blocks of memory" in done.stdout
    assert done.returncode == 1
    assert re.search("validation: .* the device 0x.* was ended by device_close before", done.stderr)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x87 is part of x86")
def test_both_floating_point_units_are_put_back(validated: Callable[..., Any]) -> None:
    x = dt.asarray(np.ones(6, np.float32), device=validated("kernel", "rounds upwards"))

    def thirds() -> tuple[Any, Any]:  # by both units; upwards each of them is another
        return np.longdouble(-1) / np.longdouble(3), np.float32(-1) / np.float32(3)

    before = thirds()
    with pytest.raises(DeviceError, match=r"floating-point mode was .* the x87 control word was"):
        x + x
    assert thirds() == before


FORKING = """
import os, signal, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: the point of this
x = dt.asarray(np.ones(1 << 22, np.float32), device="bad_kernel")
small, over = x[:6], threading.Event()
x + x, small + small  # which imports
def work():
    while not over.is_set(): x + x
thread = threading.Thread(target=work)
thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # a lock that nobody will give back
        small + small
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status != 0: break
over.set()
thread.join()
assert status == 0, status
"""


def test_a_child_validates_as_its_parent_did(validated_program: Callable[..., Any]) -> None:
    """The parent's other thread is mostly in the guarded memory, whose lock the child needs."""
    done = validated_program("", FORKING)
    assert done.returncode == 0, done.stderr


def test_one_thread_at_a_time(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "waits in event record"))
    stream, event, seen = host.stream(), host.event(), host.event()
    host.call("event_record", seen, stream)
    first = Host.__new__(Host)
    first.__dict__ = dict(host.__dict__)
    first.error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})
    failures: list[Refused] = []

    def record_first() -> None:
        try:
            first.call("event_record", event, stream)
        except Refused as failure:
            failures.append(failure)

    thread = threading.Thread(target=record_first)
    thread.start()
    free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    while thread.is_alive():  # until the first call is inside
        host.call("device_memory", host.device, 0, free, total)
        if free[0]:
            break
    try:
        with blamed("event_record of .*: the event 0x.* is in another call at this moment"):
            host.call("event_record", event, stream)
    finally:
        host.call("stream_wait", stream, seen)  # which lets the first one go
        thread.join()
    assert failures == []


# ---- what devices with streams do wrong ---------------------------------------------------------


def test_an_error_is_delivered_once(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "repeats its error"))
    stream = host.stream()
    with pytest.raises(Refused, match=r"^the chip is too hot$"):
        host.call("stream_sync", stream)
    with pytest.raises(Refused, match=r"^validation: stream_sync of .*: it delivered an error a"):
        host.call("stream_sync", stream)


def test_a_wait_without_end_has_none(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "gives up"))
    stream, event = host.stream(), host.event()
    host.call("event_record", event, stream)
    with pytest.raises(Refused, match=r"^it takes too long$"):
        host.call("event_sync", event, 1000)
    with pytest.raises(Refused, match="it gave up with TIMEOUT although it was to wait for ever"):
        host.call("event_sync", event, 2**64 - 1)


def test_figures_that_cannot_be(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "has more free than there is"))
    assert "it says that 2 of 1 bytes are free" in host.next_answer()
    assert Host(validated("device", "has what it says")).next_answer() == ""
