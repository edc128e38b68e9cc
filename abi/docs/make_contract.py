"""Write the tables of the contract from dovetail.h: ``python abi/docs/make_contract.py``.

Every line of contract.md comes from the header's comments; a test compares the committed page with
what this script prints.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cffi

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import header  # it reads declarations and comments; the ABI's tests share it

HEAD = """\
# The contract, as tables

Made from the comments of [dovetail.h](../src/dovetail_abi/include/dovetail.h) by
[make_contract.py](make_contract.py); the header is what counts.

- *Thread*: `any`: from any thread at any time; `per-object`: never two calls with the same handle
  at once; `hot`: any, and it must not allocate, lock or block; `may-block`: any, and it may wait
  for the device.
- *Owner*: who frees what the call gives.
- *If null*: what the host does when the slot is not filled.
"""

GROWTH = """\
## What may grow

Sizes are those of 64-bit systems. A struct that grows begins with its `struct_size`; whoever reads
it reads no further than that, and what is missing is zero. Frozen structs never change in a major.
"""

FROZEN = {
    "dvt_dtype": "frozen",
    "dvt_place": "frozen",
    "dvt_tensor": "frozen: DLPack's layout",
    "dvt_attr": "frozen",
    "dvt_kernel_def": "at its end; its size is `dvt_plugin.kernel_def_size`",
}
SENTENCE = re.compile(r"(Thread|Owner|If null):\s*")


def _plain(comment: str) -> str:
    """A comment without its signs, on one line."""
    text = re.sub(r"/\*|\*/", " ", comment)
    return re.sub(r"\s+", " ", re.sub(r"\n\s*\*", "\n", text)).strip()


def _cells(comment: str) -> tuple[str, str, str, str]:
    """(meaning, thread, owner, if null)."""
    parts = SENTENCE.split(_plain(comment))
    said = dict(zip(parts[1::2], parts[2::2], strict=True))
    cells = (parts[0], said["Thread"], said["Owner"], said["If null"])
    return tuple(cell.strip().rstrip(".").replace("|", "\\|") for cell in cells)  # type: ignore


def slots() -> str:
    """A table of every struct that holds functions."""
    text = ""
    for name, fields in header.structs().items():
        rows = [
            field
            for field in fields
            if header.is_function_pointer(field.declaration, header.function_types())
        ]
        if not rows:
            continue
        text += (
            f"\n## {name}\n\n| slot | meaning | thread | owner | if null |\n|---|---|---|---|---|\n"
        )
        for field in rows:
            meaning, thread, owner, null = _cells(field.comment)
            text += f"| `{field.name}` | {meaning} | {thread} | {owner} | {null} |\n"
    return text


def growth() -> str:
    """Every struct with its size and how it grows."""
    ffi = cffi.FFI()
    ffi.cdef(header.cdef())
    text = f"\n{GROWTH}\n| struct | bytes | grows |\n|---|---|---|\n"
    for name in header.structs():
        text += (
            f"| `{name}` | {ffi.sizeof(f'struct {name}')} | {FROZEN.get(name, 'at its end')} |\n"
        )
    return text


def constants() -> str:
    """Every constant that crosses the border."""
    found = re.findall(
        r"^#define (DVT_\w+) (-?\d+)(?:[ \t]*/\*(.*?)\*/)?", header.cdef(), re.M | re.S
    )
    text = "\n## Constants\n\n| name | value | |\n|---|---|---|\n"
    for name, value, comment in found:
        text += f"| `{name}` | {value} | {_plain(comment)} |\n"
    return text


def page() -> str:
    """The whole page."""
    return HEAD + slots() + growth() + constants()


if __name__ == "__main__":
    Path(__file__).with_name("contract.md").write_text(page(), encoding="utf-8")
