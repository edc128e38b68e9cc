"""Work for streams: data that goes through the device in steps, so that any wrong order shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail._abi import ffi
from dovetail.check_backend.drive.device import RawDevice
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.drive.view import View
from dovetail.dtypes import uint8

__all__ = ["Traffic"]


class Traffic:
    """Some device blocks of one size and a host block that they end in.

    Steps are copies from block to block (each holds another byte at first), so that block 0's byte
    arrives at the end only when every step was made after the one before it.
    """

    def __init__(self, device: RawDevice, *, blocks: int = 6, first: int = 5) -> None:
        self.device = device
        self.size = size = 1 << 16 if device.quick else 1 << 20
        self.data = [device.alloc(size) for _ in range(blocks)]
        self.host = np.zeros(size, np.uint8)
        self._sources = [np.full(size, 17 * i + first, np.uint8) for i in range(blocks)]
        self.reset()

    def reset(self) -> None:
        """Every block holds its own byte again; done on return."""
        for data, source in zip(self.data, self._sources, strict=True):
            self.device.copy(_host_view(source), ffi.NULL, self._view(data), self.device.handle)
        self.host[:] = 0

    def release(self) -> None:
        """Give the blocks back; nothing may be under way."""
        for data in self.data:
            self.device.release(data, self.size)

    def step(self, source: int, target: int, stream: Stream | None) -> None:
        """Copy a block onto another."""
        self.device.copy(
            self._view(self.data[source]),
            self.device.handle,
            self._view(self.data[target]),
            self.device.handle,
            stream=_handle(stream),
        )

    def fill(self, target: int, byte: int, stream: Stream | None) -> None:
        """Fill a block."""
        self.device.fill(self._view(self.data[target]), bytes([byte]), _handle(stream))

    def home(self, source: int, stream: Stream | None) -> None:
        """Copy a block to the host."""
        self.device.copy(
            self._view(self.data[source]),
            self.device.handle,
            _host_view(self.host),
            ffi.NULL,
            stream=_handle(stream),
        )

    def chain(self, stream: Stream | None, *, home: bool = True) -> None:
        """Block 0 to all others in turn, and to the host."""
        last = len(self.data) - 1
        for block in range(last):
            self.step(block, block + 1, stream)
        if home:
            self.home(last, stream)

    def arrived(self, byte: int = 5) -> str:
        """Empty when the host holds the byte everywhere, else what it holds."""
        wrong = np.flatnonzero(self.host != byte)
        if not wrong.size:
            return ""
        at = int(wrong[0])
        return (
            f"{wrong.size} of {self.size} bytes have not arrived: byte {at} is {self.host[at]} "
            f"instead of {byte}"
        )

    def _view(self, data: Any) -> View:
        return View(data, (self.size,), uint8, place=self.device.place)


def _handle(stream: Stream | None) -> Any:
    return ffi.NULL if stream is None else stream.handle


def _host_view(values: np.ndarray[Any, Any]) -> View:
    return View(ffi.cast("void *", values.ctypes.data), values.shape, uint8)
