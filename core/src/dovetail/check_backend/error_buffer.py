"""A dvt_error of any length with guard bytes around it, so that a write outside is seen."""

from __future__ import annotations

from typing import Any

from dovetail._abi import ffi

__all__ = ["HEAD", "WHOLE", "ErrorBuffer"]

HEAD = int(ffi.offsetof("dvt_error", "message"))
"""Bytes before the message: the shortest struct that a caller can pass."""
WHOLE = int(ffi.sizeof("dvt_error"))

_GUARD = 64
_FILL = b"\xa5"


class ErrorBuffer:
    """One call's error.

    >>> error = ErrorBuffer()
    >>> error.write(-1, "too hot: " + "é" * 400)
    -1
    >>> error.code, error.text[:8], error.faults()
    (-1, 'too hot:', [])
    """

    def __init__(self, size: int = WHOLE) -> None:
        self.size = size
        self._memory = ffi.new("char[]", _FILL * (2 * _GUARD + max(size, WHOLE)))
        ffi.memmove(self._memory + _GUARD, bytes(size), size)
        self.pointer: Any = ffi.cast("dvt_error *", self._memory + _GUARD)
        self.pointer.struct_size = size

    @property
    def code(self) -> int:
        """What the callee wrote; 0 when it wrote nothing."""
        return int(self.pointer.code)

    @property
    def tag(self) -> int:
        """The tag of the call that failed."""
        return int(self.pointer.tag)

    @property
    def message(self) -> bytes:
        """The bytes of the message up to its NUL, or all of them when it has none."""
        room = bytes(ffi.buffer(self._memory + _GUARD + HEAD, max(self.size - HEAD, 0)))
        return room.split(b"\0", 1)[0]

    @property
    def text(self) -> str:
        """The message for people."""
        return self.message.decode("utf-8", "replace")

    def write(self, code: int, text: str) -> int:
        """As the host's ``fail``: cut at a character, always ended by NUL."""
        self.pointer.code = code
        room = self.size - HEAD
        if room > 0:
            cut = text.encode()[: room - 1].decode("utf-8", "ignore").encode()
            ffi.memmove(self._memory + _GUARD + HEAD, cut + b"\0", len(cut) + 1)
        return code

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with it after a call: (code of the catalogue, sentence)."""
        found = []
        before = bytes(ffi.buffer(self._memory, _GUARD))
        after = bytes(ffi.buffer(self._memory + _GUARD + self.size, _GUARD))
        if before != _FILL * _GUARD or after != _FILL * _GUARD:
            found.append(
                (
                    "error/overrun",
                    f"it wrote outside a dvt_error of struct_size {self.size}: "
                    f"{_where(before, after)}",
                )
            )
        if int(self.pointer.struct_size) != self.size:
            found.append(
                (
                    "error/size-changed",
                    f"it changed the caller's struct_size {self.size} to "
                    f"{int(self.pointer.struct_size)}",
                )
            )
        room = bytes(ffi.buffer(self._memory + _GUARD + HEAD, max(self.size - HEAD, 0)))
        if room and b"\0" not in room:
            found.append(("error/no-end", f"the message fills all {len(room)} bytes without a NUL"))
        try:
            self.message.decode()
        except UnicodeDecodeError as fault:
            found.append(("error/not-utf8", f"the message {self.message!r} is not UTF-8: {fault}"))
        return found


def _where(before: bytes, after: bytes) -> str:
    changed = [i for i, byte in enumerate(after) if byte != _FILL[0]]
    if changed:
        return f"byte {changed[0]} past its end and {len(changed) - 1} others"
    return f"{sum(byte != _FILL[0] for byte in before)} bytes before its beginning"
