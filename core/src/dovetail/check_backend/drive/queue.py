"""Streams and events of the device under test."""

from __future__ import annotations

from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import RawDevice
from dovetail.check_backend.error_buffer import ErrorBuffer

__all__ = ["FOREVER", "Event", "Stream"]

FOREVER = (1 << 64) - 1


class Stream:
    """One stream; the caller destroys it."""

    def __init__(self, device: RawDevice) -> None:
        self.device = device
        desc = ffi.new("dvt_stream_desc *")
        desc.struct_size = ffi.sizeof("dvt_stream_desc")
        out = ffi.new("dvt_stream **")
        device.checked("stream_create", device.api.stream_create, device.handle, desc, out)
        self.handle: Any = out[0]

    def sync(self) -> None:
        """Wait; `CallFailed` with what was sticky."""
        self.device.checked("stream_sync", self.device.api.stream_sync, self.handle)

    def sync_answer(self) -> tuple[int, ErrorBuffer]:
        """Wait; the answer as it is."""
        return self.device.answer(self.device.api.stream_sync, self.handle)

    def wait(self, event: Event) -> None:
        """Later work waits for the event."""
        self.device.checked("stream_wait", self.device.api.stream_wait, self.handle, event.handle)

    def destroy(self) -> None:
        """End it, after its work."""
        if self.device.api.stream_destroy != ffi.NULL:
            self.device.api.stream_destroy(self.handle)


class Event:
    """One event; the caller destroys it."""

    def __init__(self, device: RawDevice) -> None:
        self.device = device
        out = ffi.new("dvt_event **")
        device.checked("event_create", device.api.event_create, device.handle, out)
        self.handle: Any = out[0]

    def record(self, stream: Stream) -> None:
        """Mark the present end of the stream."""
        self.device.checked(
            "event_record", self.device.api.event_record, self.handle, stream.handle
        )

    def query(self) -> bool:
        """Whether it has passed; where the device cannot say, wait for it."""
        if self.device.api.event_query == ffi.NULL:
            return self.sync()
        status, error = self.device.answer(self.device.api.event_query, self.handle)
        return self.device.either("event_query", status, error, lib.DVT_PENDING)

    def sync(self, timeout_ns: int = FOREVER) -> bool:
        """Wait at most so long; whether it has passed."""
        status, error = self.device.answer(self.device.api.event_sync, self.handle, timeout_ns)
        return self.device.either("event_sync", status, error, lib.DVT_TIMEOUT)

    def destroy(self) -> None:
        """End it."""
        if self.device.api.event_destroy != ffi.NULL:
            self.device.api.event_destroy(self.handle)
