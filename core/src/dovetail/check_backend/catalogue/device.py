"""Codes about devices: memory, copies, streams, events."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

_TEXT = "Fill dvt_error with a sentence: what went wrong, with which values, what to do next."
_NOTHING = "The user sees a number and has nothing to go on."
_WRONG = "Users compute with wrong numbers."

CODES: Mapping[str, Code] = {
    # ---- memory --------------------------------------------------------------------------------
    "memory/overlap": Code(
        "two allocations share memory",
        "One array changes another.",
        "Round sizes up, not down, and keep what is handed out until it is released.",
    ),
    "memory/alignment": Code(
        "alloc gives memory that is not aligned as asked",
        "Kernels with vector loads crash or are slow.",
        "Keep dvt_alloc_desc.alignment, or the space's when that is zero.",
    ),
    "memory/no-limit": Code(
        "alloc of more than there is does not answer OUT_OF_MEMORY",
        "The host frees its caches and tries again only on OUT_OF_MEMORY.",
        "Check sizes before they are rounded up; answer DVT_OUT_OF_MEMORY with a sentence.",
    ),
    "memory/not-returned": Code(
        "released memory is not free again",
        "Every program runs out of memory in the end.",
        "Free in release, or set DVT_SPACE_POOLED and hand the memory out again.",
    ),
    "memory/counters": Code(
        "device_memory counts wrongly",
        "Programs that look how much is free are misled.",
        "Free bytes are at most the total.",
    ),
    "memory/fails": Code(
        "a small allocation, or a copy into it, fails", "Nothing works.", "See the text."
    ),
    "memory/fails-silently": Code("memory fails without a text", _NOTHING, _TEXT),
    # ---- copies --------------------------------------------------------------------------------
    "copies/wrong": Code(
        "a plain copy is wrong", _WRONG, "Compare bytes: shape times size of an element."
    ),
    "copies/offset": Code(
        "a copy ignores byte_offset",
        "Views of a part show the beginning instead.",
        "An element lies at data + byte_offset, at both ends.",
    ),
    "copies/strides": Code(
        "a copy ignores strides",
        "Slices and transposes arrive scrambled.",
        "Both ends have strides of their own, in elements; 0 and negative ones too.",
    ),
    "copies/fill": Code(
        "a fill is wrong",
        _WRONG,
        "The pattern is one whole element; use the destination's strides and byte_offset.",
    ),
    "copies/fails": Code(
        "a copy or a fill fails",
        "The host cannot bring data to the device, or back.",
        "copy takes any two views of equal shape and type; it may not refuse strides.",
    ),
    "copies/fails-silently": Code("a copy or a fill fails without a text", _NOTHING, _TEXT),
    # ---- streams -------------------------------------------------------------------------------
    "streams/order": Code(
        "work on a stream is not done in its order",
        _WRONG,
        "Copies, fills and kernels of one stream go through one queue; what a call was given is "
        "copied before it returns.",
    ),
    "streams/null-not-done": Code(
        "a call without a stream returns before it is done",
        _WRONG,
        "With a null stream, wait before returning.",
    ),
    "streams/sync-not-done": Code(
        "device_sync returns before all streams are done",
        _WRONG,
        "Wait for every stream of the device, or leave the slot null.",
    ),
    "streams/work-dropped": Code(
        "stream_destroy drops what is still queued",
        "Results are missing.",
        "Let the stream end after its work.",
    ),
    "streams/wait-ignored": Code(
        "stream_wait does not keep later work back",
        "Streams read what others have not written yet, now and then.",
        "Queue the wait like any other work.",
    ),
    "streams/released-early": Code(
        "memory is reused while work queued before its release still needs it",
        _WRONG,
        "Queue the release on desc.stream, or wait for it.",
    ),
    "streams/error-lost": Code(
        "a late failure is not told",
        "The user's results are missing, and nobody says so.",
        "Keep the first failure of a stream until a sync or query delivers it.",
    ),
    "streams/error-again": Code(
        "a late failure is told again and again",
        "The stream can never be used again.",
        "Clear it when it is delivered.",
    ),
    "streams/error-without-text": Code("a late failure has no text", _NOTHING, _TEXT),
    "streams/error-without-tag": Code(
        "a late failure does not say which call it was",
        "The host cannot name the op and the user's line.",
        "Put dvt_call.tag of the failed call into dvt_error.tag.",
    ),
    "streams/fails": Code(
        "a call about streams or events fails",
        "The device cannot be used asynchronously.",
        "See the text; leave the slots null that are not there.",
    ),
    "streams/fails-silently": Code("a stream fails without a text", _NOTHING, _TEXT),
    # ---- events --------------------------------------------------------------------------------
    "events/early": Code(
        "an event passes before the work in front of it is done",
        "Memory is read before it is written, now and then.",
        "Queue the mark like any other work.",
    ),
    "events/never": Code(
        "an event does not pass although its stream is done",
        "The host waits for ever, or never gives memory back.",
        "event_query answers DVT_OK once the mark is behind.",
    ),
    "events/timeout-ignored": Code(
        "event_sync waits longer than the time given",
        "Programs that want to do something else meanwhile stand still.",
        "Return DVT_TIMEOUT when timeout_ns are over.",
    ),
    "events/elapsed": Code(
        "event_elapsed gives no time",
        "Measurements are wrong.",
        "Nanoseconds from the first to the second, zero or more.",
    ),
}
