"""What a shared library says of itself, read from its ELF headers: no binutils, nothing loaded.

Only what the loader itself goes by is read: program headers and the dynamic table. Sections may be
stripped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Elf", "NotElf", "Symbol", "read"]

_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB = 1, 4, 5, 6
_DT_RPATH, _DT_TEXTREL, _DT_RUNPATH, _DT_FLAGS = 15, 22, 29, 30
_DT_GNU_HASH, _DT_VERSYM, _DT_VERNEED, _DT_VERNEEDNUM = (
    0x6FFFFEF5,
    0x6FFFFFF0,
    0x6FFFFFFE,
    0x6FFFFFFF,
)
_DF_TEXTREL, _DF_STATIC_TLS = 4, 16
_MACHINES = {3: "i386", 8: "mips", 21: "ppc64", 22: "s390", 40: "arm", 62: "x86_64", 183: "aarch64"}
_MACHINES |= {243: "riscv64", 258: "loongarch64"}
_MOST_SYMBOLS = 1 << 22


class NotElf(Exception):
    """The file is no ELF library, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One dynamic symbol."""

    name: str
    defined: bool
    weak: bool
    exported: bool
    """Defined and visible to others."""
    version: str
    """Of an undefined one, as GLIBC_2.17; empty when it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """A shared library."""

    machine: str
    bits: int
    big_endian: bool
    is_library: bool
    needed: tuple[str, ...]
    search: tuple[str, ...]
    """Its RPATH or RUNPATH, entry by entry."""
    executable_stack: bool
    text_relocations: bool
    static_tls: bool
    symbols: tuple[Symbol, ...]


def read(path: Path) -> Elf:
    """Read a library; raises `NotElf`."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF":
        raise NotElf(f"it begins with {data[:4]!r}, not with the four bytes of an ELF file")
    try:
        return _Reader(data).elf()
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as fault:
        raise NotElf(f"its headers cannot be read: {type(fault).__name__} {fault}") from fault


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._wide = {1: False, 2: True}[data[4]]
        self._order = {1: "<", 2: ">"}[data[5]]

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(self._order + form, self._data, at)

    def elf(self) -> Elf:
        kind, machine = self._unpack("HH", 16)
        self._loads: list[tuple[int, int, int]] = []  # (address, offset, size in the file)
        stack, dynamic = None, {}
        for type_, flags, offset, address, size in self._program_headers():
            if type_ == _PT_LOAD:
                self._loads.append((address, offset, size))
            elif type_ == _PT_GNU_STACK:
                stack = flags
            elif type_ == _PT_DYNAMIC:
                dynamic = self._dynamic(offset, size)
        first = {tag: values[0] for tag, values in dynamic.items()}
        self._strings = self._at(first[_DT_STRTAB]) if _DT_STRTAB in first else 0
        flags = first.get(_DT_FLAGS, 0)
        search = [*dynamic.get(_DT_RPATH, ()), *dynamic.get(_DT_RUNPATH, ())]
        return Elf(
            machine=_MACHINES.get(machine, f"machine {machine}"),
            bits=64 if self._wide else 32,
            big_endian=self._order == ">",
            is_library=kind == 3 and bool(dynamic),
            needed=tuple(self._string(at) for at in dynamic.get(_DT_NEEDED, ())),
            search=tuple(p for at in search for p in self._string(at).split(":") if p),
            executable_stack=stack is None or bool(stack & 1),
            text_relocations=_DT_TEXTREL in first or bool(flags & _DF_TEXTREL),
            static_tls=bool(flags & _DF_STATIC_TLS),
            symbols=tuple(self._symbols(first)) if _DT_SYMTAB in first else (),
        )

    def _program_headers(self) -> Iterator[tuple[int, int, int, int, int]]:
        """(type, flags, offset, address, size in the file) of each."""
        at, size, count = (
            (self._unpack("Q", 32)[0], *self._unpack("HH", 54))
            if self._wide
            else (self._unpack("I", 28)[0], *self._unpack("HH", 42))
        )
        for i in range(count):
            here = at + i * size
            if self._wide:
                type_, flags, offset, address, _, length = self._unpack("IIQQQQ", here)
            else:
                type_, offset, address, _, length, _, flags = self._unpack("IIIIIII", here)
            yield type_, flags, offset, address, length

    def _dynamic(self, offset: int, size: int) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        form, step = ("qQ", 16) if self._wide else ("iI", 8)
        for at in range(offset, offset + size, step):
            tag, value = self._unpack(form, at)
            if tag == 0:
                break
            found.setdefault(tag & 0xFFFFFFFF, []).append(value)
        return found

    def _at(self, address: int) -> int:
        """Where an address of the loaded library lies in the file."""
        for start, offset, size in self._loads:
            if start <= address < start + size:
                return address - start + offset
        raise KeyError(f"address {address:#x} is in no segment")

    def _string(self, at: int) -> str:
        start = self._strings + at
        return self._data[start : self._data.index(b"\0", start)].decode()

    # ---- symbols ---------------------------------------------------------------------------------

    def _symbols(self, first: dict[int, int]) -> Iterator[Symbol]:
        at = self._at(first[_DT_SYMTAB])
        versions = self._versions(first)
        versym = self._at(first[_DT_VERSYM]) if _DT_VERSYM in first else None
        for i in range(1, min(self._count(first), _MOST_SYMBOLS)):
            if self._wide:
                name, info, other, section, _, _ = self._unpack("IBBHQQ", at + 24 * i)
            else:
                name, _, _, info, other, section = self._unpack("IIIBBH", at + 16 * i)
            index = self._unpack("H", versym + 2 * i)[0] & 0x7FFF if versym is not None else 0
            defined, binding = section != 0, info >> 4
            yield Symbol(
                name=self._string(name),
                defined=defined,
                weak=binding == 2,
                exported=defined and binding != 0 and other & 3 in (0, 3) and section != 0xFFF1,
                version="" if defined else versions.get(index, ""),
            )

    def _count(self, first: dict[int, int]) -> int:
        if _DT_HASH in first:
            return int(self._unpack("II", self._at(first[_DT_HASH]))[1])
        at = self._at(first[_DT_GNU_HASH])
        buckets, offset, bloom, _ = self._unpack("IIII", at)
        start = at + 16 + bloom * (8 if self._wide else 4)
        last = max(self._unpack(f"{buckets}I", start), default=0)
        if last < offset:  # nothing is defined
            return int(offset)
        chain = start + 4 * buckets
        while not self._unpack("I", chain + 4 * (last - offset))[0] & 1:
            last += 1
        return int(last) + 1

    def _versions(self, first: dict[int, int]) -> dict[int, str]:
        """Version index -> its name."""
        found: dict[int, str] = {}
        if _DT_VERNEED not in first:
            return found
        at = self._at(first[_DT_VERNEED])
        for _ in range(first.get(_DT_VERNEEDNUM, 0)):
            _, count, _, aux, following = self._unpack("HHIII", at)
            here = at + aux
            for _ in range(count):
                _, _, index, name, step = self._unpack("IHHII", here)
                found[index & 0x7FFF] = self._string(name)
                here += step
            at += following
        return found
