"""Recorded copies and fills, made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dovetail._abi import ffi
from dovetail.replay_calls.outcome import Outcome
from dovetail.replay_calls.reader import Call
from dovetail.replay_calls.target import new_struct, timed
from dovetail.replay_calls.values import stored

if TYPE_CHECKING:
    from dovetail.replay_calls.engine import Engine

__all__ = ["copy", "fill"]


def copy(engine: Engine, call: Call) -> Outcome:
    """A copy between the host and a device, or within a device."""
    begin = call.begin
    if not engine.target.offers("copy"):
        return Outcome(kind="skipped", text="it has no copy: the host copies")
    for end in ("from", "to"):
        if not begin[f"{end}_host"] and not begin[f"{end}_device"]:
            return Outcome(kind="skipped", text="its other end was another plugin's device")
    with engine.scope(begin["device"]) as scope:
        source = scope.given(begin["inputs"][0], on_host=bool(begin["from_host"]))
        to = scope.wanted(begin["outputs"][0], on_host=bool(begin["to_host"]))
        request = new_struct("dvt_copy", source=source.tensor, destination=to.tensor)
        handle = scope.device.handle
        request.source_device = ffi.NULL if begin["from_host"] else handle
        request.destination_device = ffi.NULL if begin["to_host"] else handle
        request.stream, request.tag = engine.streams.handle(int(begin["stream"])), begin["tag"]
        return engine.finish(call, scope, [to], timed(engine.target.api.copy, handle, request))


def fill(engine: Engine, call: Call) -> Outcome:
    """A fill with one element."""
    begin = call.begin
    if not engine.target.offers("fill"):
        return Outcome(kind="skipped", text="it has no fill: the host copies")
    with engine.scope(begin["device"]) as scope:
        data = stored(engine.recording, begin["pattern"])
        scope.known = data is not None
        pattern = scope.keep(ffi.new("char[]", data or bytes(begin["pattern"]["size"])))
        to = scope.wanted(begin["outputs"][0])
        request = new_struct("dvt_fill", destination=to.tensor, pattern=pattern)
        request.stream, request.tag = engine.streams.handle(int(begin["stream"])), begin["tag"]
        went = timed(engine.target.api.fill, scope.device.handle, request)
        return engine.finish(call, scope, [to], went)
