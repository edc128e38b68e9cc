"""A dvt_host of the kit's own: it counts, fails when told to, and watches what it hands out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.error_buffer import HEAD

__all__ = ["KitHost"]

_GUARD = 64
_FILL = b"\xa5"
_MOST_LINES = 1000


class KitHost:
    """One host; keep it alive as long as the library may use it.

    ``pieces`` says how parallel_for cuts: ``whole`` in one call, ``odd`` in uneven pieces one after
    another, ``threads`` in pieces on threads of their own at the same time.
    """

    def __init__(self, *, threads: int = 4, pieces: str = "odd") -> None:
        self.pieces = pieces
        self.allocations = 0
        """Calls of host_alloc so far."""
        self.fail_at = 0
        """The allocation with this number, counted from 1, and all later ones fail; 0: none."""
        self.fail_once = False
        """Only that one fails."""
        self.failed = 0
        """How many were made to fail."""
        self.live: dict[int, tuple[int, Any]] = {}
        """Address -> (size, memory) of what was not given back."""
        self.lines: list[tuple[int, str]] = []
        """What was logged: (level, text)."""
        self.faults: list[tuple[str, str]] = []
        """Wrong uses of the host: (code of the catalogue, sentence)."""
        self._lock = threading.Lock()
        self._keep: list[Any] = [ffi.new("char[]", b"dovetail"), ffi.new("char[]", b"check")]
        table = ffi.new("dvt_host *")
        table.struct_size = ffi.sizeof("dvt_host")
        table.abi_version = lib.DVT_ABI_VERSION
        table.n_threads = threads
        table.name, table.version = self._keep
        self.pointer: Any = table
        kinds = {name: field.type for name, field in ffi.typeof("dvt_host").fields}
        for slot, function in (
            ("log", self._log),
            ("fail", self._fail),
            ("get_extension", self._get_extension),
            ("parallel_for", self._parallel_for),
            ("host_alloc", self._host_alloc),
            ("host_free", self._host_free),
        ):
            callback = ffi.callback(kinds[slot], function)
            self._keep.append(callback)
            setattr(table, slot, callback)

    @contextmanager
    def failing(self, number: int, *, once: bool = False) -> Iterator[None]:
        """From here on the allocation with this number, counted from 1, fails, and so do later ones
        unless ``once``."""
        self.allocations, self.fail_at, self.fail_once, self.failed = 0, number, once, 0
        try:
            yield
        finally:
            self.fail_at = 0

    @property
    def live_bytes(self) -> int:
        """Bytes that were not given back."""
        with self._lock:
            return sum(size for size, _ in self.live.values())

    def check_live(self) -> None:
        """Look for writes outside what is still handed out; `faults` has them afterwards."""
        with self._lock:
            for address, (size, _) in self.live.items():
                self._check_guards(address, size)

    def take_faults(self) -> list[tuple[str, str]]:
        """The faults since the last call."""
        with self._lock:
            found, self.faults = self.faults, []
        return found

    # ---- the slots -------------------------------------------------------------------------------

    def _log(self, _host: Any, level: int, text: Any) -> None:
        if text == ffi.NULL:
            self.faults.append(("host/null-text", "it logged a null text"))
            return
        raw = ffi.string(text)
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            self.faults.append(("host/not-utf8", f"it logged {raw[:80]!r}, which is not UTF-8"))
            line = raw.decode("utf-8", "replace")
        if len(self.lines) < _MOST_LINES:
            self.lines.append((level, line))

    def _fail(self, _host: Any, error: Any, code: int, text: Any) -> int:
        if ffi.NULL in (error, text):
            self.faults.append(("host/null-text", "it called fail with a null error or text"))
            return code
        error.code = code
        room = min(int(error.struct_size) - HEAD, ffi.sizeof("dvt_error") - HEAD)
        if room > 0:
            cut = ffi.string(text)[: room - 1].decode("utf-8", "ignore").encode()
            ffi.memmove(ffi.cast("char *", error) + HEAD, cut + b"\0", len(cut) + 1)
        return code

    def _get_extension(self, _host: Any, _name: Any) -> Any:
        return ffi.NULL  # 1.0 defines no host extension

    def _parallel_for(self, _host: Any, n: int, grain: int, function: Any, context: Any) -> None:
        pieces = list(self._cut(n, max(grain, 1)))
        if self.pieces != "threads" or len(pieces) < 2:
            for begin, end in pieces:
                function(context, begin, end, 0)
            return
        workers = max(int(self.pointer.n_threads), 1)

        def work(worker: int) -> None:
            for begin, end in pieces[worker::workers]:
                function(context, begin, end, worker)

        others = [threading.Thread(target=work, args=(i,)) for i in range(1, workers)]
        for one in others:
            one.start()
        work(0)
        for one in others:
            one.join()

    def _cut(self, n: int, grain: int) -> Iterator[tuple[int, int]]:
        """Pieces of at least ``grain`` items; uneven, so that nobody relies on equal ones."""
        if self.pieces == "whole":
            if n:
                yield 0, n
            return
        least = max(grain, -(-n // 32))
        begin, extra = 0, 0
        while begin < n:
            end = begin + least + extra
            if n - end < least:
                end = n
            yield begin, end
            begin, extra = end, (extra + 1) % 4

    def _host_alloc(self, _host: Any, size: int, alignment: int) -> Any:
        alignment = alignment or 64
        if alignment & (alignment - 1):
            with self._lock:
                self.faults.append(
                    (
                        "host/bad-alignment",
                        f"it asked host_alloc for {size} bytes aligned to {alignment}, which is no "
                        f"power of two",
                    )
                )
            return ffi.NULL
        with self._lock:
            self.allocations += 1
            number, at = self.allocations, self.fail_at
            if at and (number == at or (number > at and not self.fail_once)):
                self.failed += 1
                return ffi.NULL
        try:
            memory = ffi.new("char[]", size + alignment + 2 * _GUARD)
        except (MemoryError, OverflowError):
            return ffi.NULL
        start = int(ffi.cast("uintptr_t", memory)) + _GUARD
        address = -(-start // alignment) * alignment
        self._set_guards(address, size)
        with self._lock:
            self.live[address] = (size, memory)
        return ffi.cast("void *", address)

    def _host_free(self, _host: Any, data: Any, size: int) -> None:
        if data == ffi.NULL:
            return
        address = int(ffi.cast("uintptr_t", data))
        with self._lock:
            known = self.live.pop(address, None)
            if known is None:
                self.faults.append(
                    (
                        "host/free-of-unknown",
                        f"it gave host_free {size} bytes at {address:#x}, which host_alloc never "
                        f"handed out or which were given back before",
                    )
                )
                return
            if size != known[0]:
                self.faults.append(
                    (
                        "host/free-of-other-size",
                        f"it gave back {size} bytes of memory that was asked for with {known[0]}",
                    )
                )
            self._check_guards(address, known[0])

    @staticmethod
    def _set_guards(address: int, size: int) -> None:
        for start in (address - _GUARD, address + size):
            ffi.memmove(ffi.cast("void *", start), _FILL * _GUARD, _GUARD)

    def _check_guards(self, address: int, size: int) -> None:
        before = bytes(ffi.buffer(ffi.cast("char *", address - _GUARD), _GUARD))
        after = bytes(ffi.buffer(ffi.cast("char *", address + size), _GUARD))
        if before != _FILL * _GUARD or after != _FILL * _GUARD:
            side = "before" if before != _FILL * _GUARD else "behind"
            self.faults.append(
                ("host/memory-overrun", f"it wrote {side} {size} bytes that host_alloc gave it")
            )
            self._set_guards(address, size)  # said once
