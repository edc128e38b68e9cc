"""Write the C source of `dovetail._abi` from the marked part of dovetail.h.

Usage: make_abi_module.py dovetail.h _abi.c
"""

import sys
from pathlib import Path

from cffi import FFI

OPENING, CLOSING = "/* <cdef> */", "/* </cdef> */"


def marked_text(header: str) -> str:
    """Return what stands between the two markers, unchanged."""
    for marker in (OPENING, CLOSING):
        if (count := header.count(marker)) != 1:
            raise SystemExit(f"dovetail.h must hold {marker} once, not {count} times")
    rest = header.split(OPENING)[1]
    inside, closing, _ = rest.partition(CLOSING)
    if not closing:
        raise SystemExit(f"in dovetail.h the marker {CLOSING} stands before {OPENING}")
    return inside


def main(header: Path, source: Path) -> None:
    ffi = FFI()
    ffi.cdef(marked_text(header.read_text(encoding="utf-8")))
    ffi.set_source("dovetail._abi", '#include "dovetail.h"\n')
    ffi.emit_c_code(str(source))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
