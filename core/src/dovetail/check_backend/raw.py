"""The library by its one symbol, and its tables as they are: nothing checked, nothing cut.

The core's own loader refuses what is badly wrong; a check has to look at it instead.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.kit_host import KitHost

__all__ = ["HOST_MAX", "HOST_MIN", "Library", "normalised", "string", "version_text"]

HOST_MAX = int(lib.DVT_ABI_VERSION)
HOST_MIN = HOST_MAX & ~0xFFFF

_QUERY = "const dvt_plugin *(*)(uint32_t, uint32_t, const dvt_host *, dvt_error *)"


class Library:
    """An opened library. Opening runs what the library registered to run at load."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        symbol = self._library.dvt_plugin_query
        address = ctypes.cast(symbol, ctypes.c_void_p).value
        self._query: Any = ffi.cast(_QUERY, address)

    def query(
        self,
        host: KitHost,
        error: ErrorBuffer,
        host_min: int = HOST_MIN,
        host_max: int = HOST_MAX,
    ) -> Any:
        """The raw ``const dvt_plugin *``, null when it refuses."""
        return self._query(host_min, host_max, host.pointer, error.pointer)


def normalised(raw: Any, kind: str) -> Any:
    """A full-size copy of a sized struct, zero where the plugin's is shorter; null stays null.

    >>> normalised(ffi.new("dvt_device_api *", {"struct_size": 16}), "dvt_device_api").struct_size
    16
    """
    if raw == ffi.NULL:
        return ffi.NULL
    copy = ffi.new(f"{kind} *")
    size = min(int(raw.struct_size), ffi.sizeof(kind))
    ffi.memmove(copy, raw, size)
    return copy


def string(pointer: Any) -> str | None:
    """A C string as text; None for null."""
    return None if pointer == ffi.NULL else ffi.string(pointer).decode("utf-8", "replace")


def version_text(version: int) -> str:
    """An ABI version for people.

    >>> version_text(65537)
    '1.1'
    """
    return f"{version >> 16}.{version & 0xFFFF}"
