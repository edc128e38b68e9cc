"""Device memory, and what goes into it and out of it: alloc, release, fill and the one copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.device import Buffer, CallFailed, RawDevice
from dovetail.check_backend.drive.layout import LAYOUTS, placed
from dovetail.check_backend.drive.view import View
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject
from dovetail.dtypes import DType, complex128, dtype

__all__ = ["STAGE"]

_SHAPES = ((), (1,), (7,), (3, 5), (2, 3, 4), (4, 1, 6), (0,), (2, 0, 3), (129,), (2, 1, 3, 2, 2))
_QUICK_SHAPES = 5
_KINDS = ("uint8", "int16", "float32", "float64", "complex128")
_ENDS = (("host", "device"), ("device", "host"), ("device", "device"))
_FILL = 0xEE


def _run(subject: Subject) -> Iterator[Finding]:
    device = RawDevice(subject)
    if device.api == ffi.NULL or not (device.separate or device.api.copy):
        subject.skip("copies: the library has no memory of its own; the host copies")
        return
    shapes = _SHAPES[:_QUICK_SHAPES] if subject.quick else _SHAPES
    asked = [f"{a} to {b}" for a, b in _ENDS] if device.api.copy else []
    if not asked:
        subject.skip("copies: the device table has no copy; the host copies")
    for name in subject.each(asked, "copies from {}"):
        source, target = _ENDS[asked.index(name)]
        yield from _copies(device, source, target, shapes)
    fills = ["fill"] if device.api.fill else []
    if not fills:
        subject.skip("fill: the device table has none; the host copies")
    for _ in subject.each(fills):
        yield from _fills(device, shapes)


@dataclass(frozen=True, slots=True)
class _Case:
    """One copy: what is read, and how both ends lie."""

    shape: tuple[int, ...]
    kind: DType
    source: str
    target: str
    offset: int

    def __str__(self) -> str:
        parts = "" if self.source == self.target == "contiguous" else f", {self.source}"
        behind = f" at byte {self.offset}" if self.offset else ""
        return f"{self.kind}{list(self.shape)}{parts} to {self.target}{behind}"

    @property
    def code(self) -> str:
        """What a wrong result means: the simple cases come first."""
        if self.source != "contiguous" or self.target != "contiguous":
            return "copies/strides"
        return "copies/offset" if self.offset else "copies/wrong"


def _cases(shapes: tuple[tuple[int, ...], ...]) -> list[_Case]:
    simple = [_Case(s, dtype(k), "contiguous", "contiguous", 0) for s in shapes for k in _KINDS]
    behind = [
        _Case(s, dtype(k), "contiguous", "contiguous", 3 * dtype(k).itemsize)
        for s, k in zip(shapes, itertools.cycle(_KINDS), strict=False)
    ]
    targets = ("contiguous", "transposed", "backwards", "spread")
    other = [
        _Case(s, dtype(k), a, b, 0)
        for (a, b), s, k in zip(
            itertools.product(("contiguous", *LAYOUTS), targets),
            itertools.cycle([x for x in shapes if len(x) > 1] or shapes),
            itertools.cycle(_KINDS),
            strict=False,
        )
        if (a, b) != ("contiguous", "contiguous")
    ]
    return [*simple, *behind, *other]


def _values(case: _Case) -> np.ndarray[Any, Any]:
    """Every byte differs from its neighbours, so that a shift by any number of bytes shows."""
    count = int(np.prod(case.shape, dtype=int)) * case.kind.itemsize
    content = (np.arange(count, dtype=np.uint32) * 7 + 1).astype(np.uint8)
    return content.view(np.dtype(case.kind.name)).reshape(case.shape)


def _copies(
    device: RawDevice, source: str, target: str, shapes: tuple[tuple[int, ...], ...]
) -> Iterator[Finding]:
    wrong: set[str] = set()
    for case in _cases(shapes):
        # Where plain copies are wrong already, the others would only say so again.
        if wrong & {"copies/wrong", "copies/offset", case.code}:
            continue
        try:
            how = _copy(device, source, target, case)
        except CallFailed as failure:
            wrong.add(case.code)
            yield Finding(
                failure.code("copies"), STAGE.name, f"{source} to {target}: {failure}", str(case)
            )
            continue
        if how:
            wrong.add(case.code)
            yield Finding(case.code, STAGE.name, f"{source} to {target}: {how}", str(case))


def _copy(device: RawDevice, source: str, target: str, case: _Case) -> str:
    """One copy; what is wrong with it, in words."""
    one = placed(_values(case), case.source)
    other = placed(np.zeros(case.shape, np.dtype(case.kind.name)), case.target)
    start, end = case.offset + len(one.content), case.offset + len(other.content)
    before = bytes(itertools.islice(itertools.cycle(range(251)), case.offset))
    read = device.buffer(start, on_host=source == "host")
    written = device.buffer(end, on_host=target == "host")
    device.put(read, before + one.content)
    device.put(written, bytes([_FILL]) * end)
    decoy = device.buffer(64, on_host=source == "host")
    device.put(decoy, b"\x99" * 64)
    sight = _view(device, read, case, one.strides, one.offset)
    place = _view(device, written, case, other.strides, other.offset)
    device.copy(sight, _end(device, source), place, _end(device, target))
    sight.scramble(decoy.data)
    want = np.full(end, _FILL, np.uint8)
    if one.values.size:
        _window(want, case, other.strides, case.offset + other.offset)[...] = one.values
    got = np.frombuffer(device.get(written), np.uint8)
    outside = device.guards(written)
    for buffer in (read, written, decoy):
        device.drop(buffer)
    if outside:
        return f"it wrote outside the destination: {outside}"
    places = np.flatnonzero(got != want)
    if not places.size:
        return ""
    at = int(places[0])
    return (
        f"{places.size} of {end} bytes are wrong, the first is byte {at}: {got[at]} instead of "
        f"{want[at]}"
    )


def _view(
    device: RawDevice, buffer: Buffer, case: _Case, strides: tuple[int, ...], offset: int
) -> View:
    if case.offset or (device.space_flags & lib.DVT_SPACE_OPAQUE and not buffer.on_host):
        whole = case.offset + offset
        return device.view(buffer, case.shape, case.kind, strides=strides, offset=whole)
    start = ffi.cast("char *", buffer.data) + buffer.offset
    place = device.place_of(buffer.on_host)
    return View(start, case.shape, case.kind, strides=strides, offset=offset, place=place)


def _end(device: RawDevice, name: str) -> Any:
    return ffi.NULL if name == "host" else device.handle


def _window(
    content: np.ndarray[Any, Any], case: _Case, strides: tuple[int, ...], offset: int
) -> np.ndarray[Any, Any]:
    """A view of bytes, as the destination's."""
    return np.ndarray(
        case.shape,
        np.dtype(case.kind.name),
        content,
        offset,
        tuple(s * case.kind.itemsize for s in strides),
    )


def _fills(device: RawDevice, shapes: tuple[tuple[int, ...], ...]) -> Iterator[Finding]:
    for kind, layout in itertools.product(
        (*_KINDS, complex128.name), ("contiguous", "transposed", "spread")
    ):
        for shape in shapes:
            case = _Case(shape, dtype(kind), layout, layout, 0)
            if not int(np.prod(shape, dtype=int)):
                continue
            pattern = bytes(range(1, case.kind.itemsize + 1))
            target = placed(np.zeros(shape, np.dtype(kind)), layout)
            buffer = device.buffer(len(target.content))
            device.put(buffer, bytes([_FILL]) * buffer.size)
            want = np.full(buffer.size, _FILL, np.uint8)
            value = np.frombuffer(pattern, np.dtype(kind))[0]
            _window(want, case, target.strides, target.offset)[...] = value
            try:
                device.fill(_view(device, buffer, case, target.strides, target.offset), pattern)
            except CallFailed as failure:
                yield Finding(failure.code("copies"), STAGE.name, str(failure), f"fill of {case}")
                return
            got, outside = np.frombuffer(device.get(buffer), np.uint8), device.guards(buffer)
            device.drop(buffer)
            places = np.flatnonzero(got != want)
            if places.size or outside:
                what = outside or (
                    f"{places.size} of {want.size} bytes are wrong, the first is byte {places[0]}: "
                    f"{got[places[0]]} instead of {want[places[0]]}"
                )
                yield Finding("copies/fill", STAGE.name, what, f"fill of {case}")
                return


STAGE = Stage("copies", "Copies and fills of any shape and stride are exact", _run)
