"""Streams and events of a recording, made again on a library that has them.

Like the recorder, a replay waits for a stream to read what a call wrote; an error met there is kept
for the recorded sync.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.replay_calls.outcome import Outcome, compare_status
from dovetail.replay_calls.reader import Call, Recording
from dovetail.replay_calls.target import Device, Target, error_text, new_error, new_struct

__all__ = ["Streams"]

_PASSED = frozenset({"stream_destroy", "event_destroy"})
_LONGEST_NS = 60_000_000_000  # a wait for ever is no use to a replay


class Streams:
    """By recorded number. On a library without streams every stream is the null stream."""

    def __init__(
        self, target: Target, recording: Recording, device: Callable[[int], Device]
    ) -> None:
        self.target, self._device = target, device
        self._homes = {
            int(call.begin[kind]): int(call.begin["device"])
            for call in recording.calls
            for kind in ("stream", "event")
            if call.name in ("stream_create", "stream_wrap", "event_create") and kind in call.begin
        }
        self._streams: dict[int, Any] = {}
        self._events: dict[int, Any] = {}
        self._late: dict[int, tuple[int, str]] = {}

    def verbs(self) -> dict[str, Callable[[Call], Outcome]]:
        """What the engine calls for each kind of call."""
        return {
            "stream_create": self._create,
            "stream_wrap": self._create,
            "event_create": self._create,
            "stream_sync": self._sync,
            "device_sync": self._device_sync,
            **dict.fromkeys(
                ("stream_wait", "event_record", "event_query", "event_sync", "event_elapsed"),
                self._event,
            ),
            **dict.fromkeys(_PASSED, self._passed),
        }

    def handle(self, number: int) -> Any:
        """The stream of a number, made at first use; null for 0, or without streams."""
        if number == 0 or not self.target.offers("stream_create"):
            return ffi.NULL
        if number not in self._streams:
            out, error = ffi.new("dvt_stream **"), new_error()
            device = self._device(self._homes.get(number, 0))
            desc = new_struct("dvt_stream_desc")
            status = self.target.api.stream_create(device.handle, desc, out, error)
            self.target.check(status, error, "stream_create")
            self._streams[number] = out[0]
        return self._streams[number]

    def event(self, number: int) -> Any:
        """The event of a number, made at first use; null without events."""
        if not self.target.offers("event_create"):
            return ffi.NULL
        if number not in self._events:
            out, error = ffi.new("dvt_event **"), new_error()
            device = self._device(self._homes.get(number, 0))
            status = self.target.api.event_create(device.handle, out, error)
            self.target.check(status, error, "event_create")
            self._events[number] = out[0]
        return self._events[number]

    def settle(self, number: int) -> tuple[int, str]:
        """Wait for a stream; what went wrong is also kept for its recorded sync."""
        stream = self.handle(number)
        if stream == ffi.NULL or not self.target.offers("stream_sync"):
            return lib.DVT_OK, ""
        error = new_error()
        status = self.target.api.stream_sync(stream, error)
        if status != lib.DVT_OK:
            self._late.setdefault(number, (status, error_text(error)))
        return status, error_text(error)

    def close(self) -> None:
        """Destroy what was made."""
        for kind, handles in (("event", self._events), ("stream", self._streams)):
            if self.target.offers(f"{kind}_destroy"):
                for handle in handles.values():
                    getattr(self.target.api, f"{kind}_destroy")(handle)
            handles.clear()

    # ---- the calls -------------------------------------------------------------------------------

    def _create(self, call: Call) -> Outcome:
        slot = "event_create" if call.name == "event_create" else "stream_create"
        if not self.target.offers(slot):
            return Outcome(kind="skipped", text=f"it has no {slot}: its work is synchronous")
        if slot == "event_create":
            self.event(int(call.begin["event"]))
        else:
            self.handle(int(call.begin["stream"]))
        return compare_status(call, lib.DVT_OK, "", 0) or Outcome(kind="same")

    def _passed(self, call: Call) -> Outcome:
        return Outcome(kind="skipped", text="streams and events are destroyed at the end")

    def _sync(self, call: Call) -> Outcome:
        number = int(call.begin["stream"])
        status, said = self.settle(number)
        status, said = self._late.pop(number, (status, said))
        return compare_status(call, status, said, 0) or Outcome(kind="same")

    def _device_sync(self, call: Call) -> Outcome:
        status, said = lib.DVT_OK, ""
        if self.target.offers("device_sync"):
            error = new_error()
            device = self._device(int(call.begin["device"]))
            status = self.target.api.device_sync(device.handle, error)
            said = error_text(error)
        if status == lib.DVT_OK and self._late:
            status, said = next(iter(self._late.values()))
        self._late.clear()
        return compare_status(call, status, said, 0) or Outcome(kind="same")

    def _event(self, call: Call) -> Outcome:
        api, begin, error = self.target.api, call.begin, new_error()
        if not self.target.offers(call.name) or not self.target.offers("event_create"):
            return Outcome(kind="skipped", text=f"it has no {call.name}: its work is synchronous")
        event = self.event(int(begin["event"]))
        if call.name == "stream_wait":
            status = api.stream_wait(self.handle(int(begin["stream"])), event, error)
        elif call.name == "event_record":
            status = api.event_record(event, self.handle(int(begin["stream"])), error)
        elif call.name == "event_query":
            status = api.event_query(event, error)
            if lib.DVT_PENDING in (status, call.status):
                return Outcome(kind="same")  # a matter of time
        elif call.name == "event_sync":
            status = api.event_sync(event, min(int(begin["timeout_ns"]), _LONGEST_NS), error)
        else:
            out = ffi.new("double *")
            status = api.event_elapsed(event, self.event(int(begin["end"])), out, error)
        return compare_status(call, status, error_text(error), 0) or Outcome(kind="same")
