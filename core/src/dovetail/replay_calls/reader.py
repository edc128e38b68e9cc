"""A recording as Python objects: frames in, calls out, up to the last whole frame.

The file begins with the line ``dovetail record 1``. Then come frames: ``DVTF``, kind, bytes of
JSON, zero and bytes of payload (4 + 4 + 4 + 4 + 8 bytes, little-endian), the JSON object, the
payload.
"""

from __future__ import annotations

import glob
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from dovetail.errors import DovetailError

__all__ = ["Call", "Recording", "find", "read"]

_LINE = b"dovetail record "
_FORMAT = 1
_HEAD = struct.Struct("<4sIIIQ")
_SESSION, _DATA, _BEGIN, _END, _NOTICE = range(1, 6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call. ``begin``: what it was given; ``end``: what came back, None when nothing did."""

    number: int
    name: str
    begin: Mapping[str, Any]
    end: Mapping[str, Any] | None

    @property
    def status(self) -> int | None:
        """The status it returned; None when it never came back."""
        return None if self.end is None else int(self.end["status"])

    @property
    def nanoseconds(self) -> int:
        """How long it took, work that it put on a stream included; 0 when it never came back."""
        return 0 if self.end is None else int(self.end.get("done_ns", self.end["ns"]))


@dataclass(kw_only=True)
class Recording:
    """Everything in a file. Data stay there until `data` fetches them."""

    path: Path
    session: Mapping[str, Any]
    calls: list[Call]
    notices: list[str]
    damage: str = ""
    """Why the rest of the file could not be read; empty when all of it could."""
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where the data of each number lie: offset and size."""

    def data(self, number: int) -> bytes:
        """The bytes of a number."""
        if number not in self.places:
            raise DovetailError(f"{self.path} does not hold the data {number}")
        offset, size = self.places[number]
        with self.path.open("rb") as file:
            file.seek(offset)
            found = file.read(size)
        if len(found) != size:
            raise DovetailError(f"{self.path} became shorter while it was read")
        return found

    def makers(self) -> dict[int, Call]:
        """The prepare, compile or load that made each kernel and executable."""
        found: dict[int, Call] = {}
        for call in self.calls:
            if call.end is not None and call.name in ("prepare", "compile", "load"):
                made = call.end.get("kernel") or call.end.get("executable")
                if made:
                    found[int(made)] = call
        return found


def find(asked: str) -> Path:
    """The file that ``asked`` names: itself, or the one that DOVETAIL_RECORD of that name made."""
    path = Path(asked)
    if path.is_file():
        return path
    pattern = f"{glob.escape(path.stem)}.*.*{glob.escape(path.suffix)}"
    made = sorted(path.parent.glob(pattern)) if path.parent.is_dir() else []
    if len(made) == 1:
        return made[0]
    if made:
        names = ", ".join(str(one) for one in made)
        raise DovetailError(
            f"{asked} was recorded in {len(made)} files, one per plugin and process: name one of "
            f"{names}"
        )
    raise DovetailError(f"{asked} is not there, nor a recording of that name")


def read(path: Path) -> Recording:
    """Read a recording. What is cut off or damaged ends it, and `Recording.damage` says so."""
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise DovetailError(f"{path} cannot be read: {error.strerror}") from error


def _read(path: Path, file: BinaryIO) -> Recording:
    line = file.readline(64)
    if not line.startswith(_LINE) or not line.endswith(b"\n"):
        raise DovetailError(f"{path} is no recording: it does not begin with 'dovetail record'")
    if line[len(_LINE) :].strip() != str(_FORMAT).encode():
        version = line[len(_LINE) :].strip().decode("ascii", "replace")
        raise DovetailError(
            f"{path} is a recording of format {version}, this Dovetail reads format {_FORMAT}: use "
            f"the Dovetail that recorded it, or a newer one"
        )
    recording = Recording(path=path, session={}, calls=[], notices=[])
    begins: dict[int, Mapping[str, Any]] = {}
    ends: dict[int, Mapping[str, Any]] = {}
    try:
        for kind, said, offset, size in _frames(file):
            if kind == _SESSION:
                recording.session = said
            elif kind == _DATA:
                recording.places[int(said["data"])] = (offset, size)
            elif kind == _BEGIN:
                begins[int(said["n"])] = said
            elif kind == _END:
                ends[int(said["n"])] = said
            elif kind == _NOTICE:
                recording.notices.append(str(said["notice"]))
            # A kind that is not known is younger than this reader: skipped.
    except _Damage as damage:
        recording.damage = str(damage)
    except (KeyError, TypeError, ValueError) as error:
        recording.damage = f"a frame lacks what belongs in it: {error!r}"
    # In the order in which they were given to the plugin, which numbers of several threads are not.
    recording.calls = [
        Call(number=number, name=str(said["call"]), begin=said, end=ends.get(number))
        for number, said in begins.items()
    ]
    return recording


class _Damage(Exception):
    pass


def _frames(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any], int, int]]:
    """Kind, JSON object, and offset and size of the payload of each whole frame."""
    length = file.seek(0, 2)
    at = len(_LINE) + len(str(_FORMAT)) + 1
    while at < length:
        file.seek(at)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise _Damage(f"the file ends within a frame, at byte {at}: the rest was not written")
        magic, kind, text_size, _, payload_size = _HEAD.unpack(head)
        if magic != b"DVTF":
            raise _Damage(f"byte {at} begins no frame: the file is damaged from there on")
        payload = at + _HEAD.size + text_size
        if payload + payload_size > length:
            raise _Damage(f"the file ends within a frame, at byte {at}: the rest was not written")
        try:
            said = json.loads(file.read(text_size))
        except ValueError as error:
            raise _Damage(f"the frame at byte {at} cannot be read: {error}") from error
        if not isinstance(said, dict):
            raise _Damage(f"the frame at byte {at} holds no object")
        yield kind, said, payload, payload_size
        at = payload + payload_size
