"""The entry point: which hosts it accepts, what it says to the others, and twice the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import status_word
from dovetail.check_backend.error_buffer import HEAD, WHOLE, ErrorBuffer
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.raw import HOST_MAX, HOST_MIN, version_text
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]

_MAJOR = 65536


def _run(subject: Subject) -> Iterator[Finding]:
    subject.doing("dvt_plugin_query for this host")
    error = ErrorBuffer()
    raw = subject.library.query(subject.host, error)
    if raw == ffi.NULL:
        said = error.text or "no reason"
        what = f"it refuses a host of {_range(HOST_MIN, HOST_MAX)}, which this one is: {said}"
        yield Finding("versions/refuses-valid-host", STAGE.name, what)
        raise subject.stop("it refuses this host")
    yield from _versions(raw)
    if int(raw.abi_version) >> 16 != HOST_MAX >> 16:
        raise subject.stop("its table is of another ABI major, which this host cannot read")
    yield from _twice(subject, raw)
    refused = None
    for low, high, valid in _hosts(raw):
        subject.doing(f"dvt_plugin_query for a host of {_range(low, high)}")
        error = ErrorBuffer()
        accepted = subject.library.query(subject.host, error, low, high) != ffi.NULL
        yield from _verdict(low, high, valid, accepted, error)
        if not accepted and not valid:
            refused = (low, high)
    if refused is None:
        subject.skip("short error buffers: no host is refused, so no text is written")
    else:
        yield from _short_buffers(subject, *refused)


def _range(low: int, high: int) -> str:
    return f"ABI {version_text(low)} to {version_text(high)}"


def _versions(raw: Any) -> Iterator[Finding]:
    built, needed = int(raw.abi_version), int(raw.abi_required)
    if built >> 16 != HOST_MAX >> 16:
        what = f"its abi_version is {version_text(built)}, and this host serves major 1"
        yield Finding("versions/wrong-built", STAGE.name, what, "abi_version")
    if needed == 0 or needed >> 16 != built >> 16 or needed > built:
        what = (
            f"its abi_required is {version_text(needed)}, and it was built with "
            f"{version_text(built)}; the least it needs lies from {built >> 16}.0 to that"
        )
        yield Finding("versions/wrong-required", STAGE.name, what, "abi_required")


def _twice(subject: Subject, first: Any) -> Iterator[Finding]:
    """Asked again, by another host: the same table, and the first answer as it was."""
    size = min(int(first.struct_size), ffi.sizeof("dvt_plugin"))
    before = bytes(ffi.buffer(ffi.cast("char *", first), size))
    subject.doing("dvt_plugin_query a second time, for another host")
    second = subject.library.query(KitHost(threads=1), ErrorBuffer())
    if second == ffi.NULL:
        what = "it answered the first host and refuses a second one of the same versions"
        yield Finding("query/twice-differs", STAGE.name, what)
        return
    after = bytes(ffi.buffer(ffi.cast("char *", second), size))
    kept = bytes(ffi.buffer(ffi.cast("char *", first), size))
    if after != before or kept != before:
        what = (
            "the second answer is another table than the first"
            if after != before
            else "the second call changed the table that the first host was given"
        )
        yield Finding("query/twice-differs", STAGE.name, what)


def _hosts(raw: Any) -> Iterator[tuple[int, int, bool]]:
    """(least, most, whether a plugin like this one must accept): with min = max and wide ones."""
    major = int(raw.abi_version) & ~0xFFFF
    needed = max(int(raw.abi_required), major)
    yield needed, needed, True
    yield major, needed, True
    yield major, needed + 7, True
    yield needed + 1, needed + 7, True  # hosts serve all of a major, so this is younger, not other
    yield major, 2 * major + 3, True
    yield major - _MAJOR + 1, needed, True
    yield major + _MAJOR, major + _MAJOR, False
    yield major + _MAJOR, major + 2 * _MAJOR + 1, False
    yield major - _MAJOR, major - 1, False
    if needed > major:
        yield major, needed - 1, False


def _verdict(
    low: int, high: int, valid: bool, accepted: bool, error: ErrorBuffer
) -> Iterator[Finding]:
    where = f"dvt_plugin_query({low}, {high})"
    for code, what in error.faults():
        yield Finding(code, STAGE.name, what, where)
    if accepted and not valid:
        kind = "accepts-older-host" if low >> 16 == HOST_MAX >> 16 else "accepts-other-major"
        what = f"it answers a host of {_range(low, high)}, which it cannot work with"
        yield Finding(f"versions/{kind}", STAGE.name, what, where)
    elif not accepted and valid:
        said = error.text or "no reason"
        what = f"it refuses a host of {_range(low, high)}, which serves it: {said}"
        yield Finding("versions/refuses-valid-host", STAGE.name, what, where)
    elif not accepted:
        if not error.text:
            what = f"it refuses a host of {_range(low, high)} without a sentence in error.message"
            yield Finding("error/empty", STAGE.name, what, where)
        if error.code != lib.DVT_INCOMPATIBLE:
            what = f"it refuses with the code {status_word(error.code)}, not INCOMPATIBLE"
            yield Finding("error/wrong-code", STAGE.name, what, where)


def _short_buffers(subject: Subject, low: int, high: int) -> Iterator[Finding]:
    seen = set()
    sizes = [*range(HEAD, HEAD + 80), *range(HEAD + 80, WHOLE, 37), WHOLE, WHOLE + 4, WHOLE + 256]
    for size in sizes:
        subject.doing(f"dvt_plugin_query with a dvt_error of {size} bytes", crash="error/overrun")
        error = ErrorBuffer(size)
        subject.library.query(subject.host, error, low, high)
        found = error.faults()
        if size > HEAD + 1 and not error.message:
            found.append(("error/empty", f"a dvt_error of {size} bytes came back without a text"))
        for code, what in found:
            if code not in seen:
                seen.add(code)
                yield Finding(code, STAGE.name, what, "dvt_plugin_query")


STAGE = Stage(
    "query", "dvt_plugin_query accepts the hosts it should, and no others", _run, ("load",)
)
