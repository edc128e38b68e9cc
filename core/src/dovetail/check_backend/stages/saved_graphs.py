"""Executables as bytes: what was saved loads and gives the same; nothing else loads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import CallFailed, RawDevice, status_word
from dovetail.check_backend.drive.graph import Executable
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.raw import normalised, string
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.stages.graphs import Group, some_group, wrong
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]

_FLIPS, _QUICK_FLIPS = 400, 60

Found = Iterator[tuple[str, str]]


def _run(subject: Subject) -> Iterator[Finding]:
    api = normalised(subject.plugin.graph, "dvt_graph_api")
    if api == ffi.NULL or not (api.save and api.load):
        subject.skip("saved graphs: the library has no graph table with save and load")
        return
    device = RawDevice(subject)
    chosen = some_group(device, api)
    if chosen is None:
        subject.skip("saved graphs: no graph that was offered is compiled")
        return
    group, made = chosen
    try:
        # What it gives itself is what the loaded one shall give, right or wrong.
        group = replace(group, want=tuple(made.run(group.arrays)[0]))
        content = made.save()
    except CallFailed as failure:
        yield Finding(failure.code("graphs"), STAGE.name, str(failure), "save")
        return
    subject.fact("saved_bytes", len(content))
    for _ in subject.each(["load of what was saved"]):
        for code, what in _whole(made, group, content):
            yield Finding(code, STAGE.name, what, "load of what was saved")
    damaged = _damaged(subject, device, content)
    seen: set[str] = set()
    for name in subject.each(damaged, "load of {}", crash="graphs/blob-crash"):
        for one in damaged[name]:
            for code, what in _refused(made, group, one, foreign=name == "another chip's"):
                if code not in seen:
                    seen.add(code)
                    yield Finding(code, STAGE.name, what, f"load of {name}")
    made.destroy()


def _whole(made: Executable, group: Group, content: bytes) -> Found:
    status, error, loaded = made.load(content)
    if loaded is None:
        what = f"load of what save wrote answered {status_word(status)}: {error.text}"
        yield "graphs/not-loaded", what
        return
    got, outside = loaded.run(group.arrays)
    if outside:
        yield "graphs/writes-outside", f"loaded from {len(content)} bytes: {outside}"
    if how := wrong(group, got):
        yield "graphs/save-differs", f"loaded from {len(content)} bytes: {how}"
    loaded.destroy()


def _damaged(subject: Subject, device: RawDevice, content: bytes) -> dict[str, list[bytes]]:
    draw = random.Random(len(content))
    size = len(content)
    ends = sorted({0, 1, 4, 8, 16, 32, size // 3, size // 2, size - 8, size - 1} & set(range(size)))
    found = {
        "a part": [content[:end] for end in ends],
        "more than was saved": [content + b"\0", content + content],
        "other bytes": [b"\0" * size, b"\xff" * size, draw.randbytes(size), b"hello, world"],
    }
    places = draw.sample(range(size), min(size, _QUICK_FLIPS if subject.quick else _FLIPS))
    flipped = []
    for place in sorted(places):
        one = bytearray(content)
        one[place] ^= draw.choice((0x01, 0x80, 0xFF))
        flipped.append(bytes(one))
    found["a damaged one"] = flipped
    key = _key(device)
    if key and key in content:
        other = bytes(b ^ 1 for b in key[-1:])
        found["another chip's"] = [content.replace(key, key[:-1] + other)]
    return found


def _key(device: RawDevice) -> bytes:
    if device.api == ffi.NULL:
        return b""
    return (string(device.info.compatibility_key) or "").encode()


def _refused(made: Executable, group: Group, content: bytes, *, foreign: bool) -> Found:
    status, error, loaded = made.load(content)
    if loaded is None:
        if status != lib.DVT_UNSUPPORTED and not error.text:
            yield "graphs/fails-silently", f"load answered {status_word(status)} without a text"
        return
    if foreign:
        yield "graphs/foreign-accepted", "the compatibility key in it is another, and load is OK"
        loaded.destroy()
        return
    try:
        got, _ = loaded.run(group.arrays)
        how = wrong(group, got)
    except CallFailed as failure:
        how = str(failure)
    loaded.destroy()
    if how:
        yield "graphs/damaged-accepted", f"load of {len(content)} bytes is OK, and {how}"


STAGE = Stage(
    "saved_graphs", "Saved executables load where they fit and are refused elsewhere", _run
)
