"""The file: a shared library of this machine that exports one symbol and takes none of the host."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dovetail.check_backend.elf import Elf, NotElf, Symbol, read
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]

_ENTRY = "dvt_plugin_query"
# Marks that old linkers put into every library.
_OF_THE_LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start", "_edata_", "__end__"}
# Instances of the C++ library's templates, which carry default visibility whatever the flags say.
_OF_CXX = re.compile(r"_Z(N|NK|T[ISV]N?|GV|ZN|ZNK)?(St|S[abdios]|9__gnu_cxx|10__cxxabiv1)")
_OF_THE_HOST = re.compile(r"_?Py[A-Z_]|dvf_|_cffi")
_HOST_LIBRARIES = re.compile(r"(libpython|_fast\.|libdovetail_cpu|_multiarray_umath|libtorch)")
# What every system has, with the runtimes of compilers.
_USUAL = re.compile(
    r"(lib(c|m|dl|rt|pthread|util|gcc_s|stdc\+\+|c\+\+|c\+\+abi|unwind|gomp|omp|iomp5|atomic"
    r"|c\.musl-\w+)\.so|ld-linux|ld-musl|linux-vdso)"
)
_ALWAYS_THERE = ("libc.so.6", f"libc.musl-{platform.machine()}.so.1")
_MANY = 8
_LONG = 60


def _run(subject: Subject) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        subject.skip(f"symbols: files of {sys.platform} cannot be read yet, only ELF")
        return
    subject.doing("reading the ELF headers")
    try:
        elf = read(subject.path)
    except NotElf as fault:
        yield Finding("file/not-a-library", STAGE.name, str(fault))
        raise subject.stop(str(fault)) from fault
    if not elf.is_library:
        yield Finding("file/not-a-library", STAGE.name, "it is an ELF file, but no shared library")
        raise subject.stop("it is no shared library")
    yield from _machine(elf)
    yield from _layout(elf)
    yield from _exports(elf)
    yield from _needs(subject, elf)


def _machine(elf: Elf) -> Iterator[Finding]:
    here = platform.machine().lower()
    here = {"amd64": "x86_64", "arm64": "aarch64"}.get(here, here)
    bits, order = (64 if sys.maxsize > 2**32 else 32), sys.byteorder == "big"
    if (elf.machine, elf.bits, elf.big_endian) != (here, bits, order):
        what = f"it is for {elf.machine} with {elf.bits} bits; this process is {here} with {bits}"
        yield Finding("file/other-machine", STAGE.name, what)


def _layout(elf: Elf) -> Iterator[Finding]:
    if elf.executable_stack:
        what = "its GNU_STACK header asks for an executable stack, or it has none of that header"
        yield Finding("file/executable-stack", STAGE.name, what)
    if elf.text_relocations:
        yield Finding("file/text-relocations", STAGE.name, "its dynamic table has TEXTREL")
    if elf.static_tls:
        yield Finding("file/static-tls", STAGE.name, "its dynamic table has the flag STATIC_TLS")
    for entry in elf.search:
        if not entry.startswith(("$ORIGIN", "${ORIGIN}")):
            what = f"its RPATH or RUNPATH has {entry!r}"
            yield Finding("file/absolute-rpath", STAGE.name, what)


def _exports(elf: Elf) -> Iterator[Finding]:
    exported = [one for one in elf.symbols if one.exported and one.name not in _OF_THE_LINKER]
    if not any(one.name == _ENTRY for one in exported):
        what = f"it exports {_listed([s.name for s in exported]) or 'nothing'}, not {_ENTRY}"
        yield Finding("symbols/no-entry", STAGE.name, what, _ENTRY)
    others = [one for one in exported if one.name != _ENTRY]
    of_cxx = [one.name for one in others if _OF_CXX.match(one.name)]
    extra = [one.name for one in others if not _OF_CXX.match(one.name)]
    if extra:
        what = f"beside {_ENTRY} it exports {_listed(extra)}"
        yield Finding("symbols/extra-export", STAGE.name, what, _short(extra[0]))
    if of_cxx:
        what = f"it exports {_listed(of_cxx)}, instances of the C++ library's templates"
        yield Finding("symbols/extra-export", STAGE.name, what, _short(of_cxx[0]), "warning")


def _needs(subject: Subject, elf: Elf) -> Iterator[Finding]:
    subject.fact("needed_libraries", list(elf.needed))
    versions = [s.version for s in elf.symbols if s.version.startswith("GLIBC_")]
    numbers = [tuple(map(int, re.findall(r"\d+", v))) for v in versions]
    if numbers:
        subject.fact("glibc", ".".join(map(str, max(numbers))))
    for name in elf.needed:
        if _HOST_LIBRARIES.search(name):
            yield Finding("symbols/links-host", STAGE.name, f"it needs {name}", name)
    unusual = [n for n in elf.needed if not _USUAL.match(n) and not _HOST_LIBRARIES.search(n)]
    if unusual:
        what = f"it needs {_listed(unusual)}, which its users must have"
        yield Finding("symbols/needs-library", STAGE.name, what, unusual[0])
    undefined = [s for s in elf.symbols if not s.defined and not s.weak and s.name]
    of_host = [s.name for s in undefined if _OF_THE_HOST.match(s.name)]
    if of_host:
        what = f"it takes {_listed(of_host)} from the process that loads it"
        yield Finding("symbols/foreign-import", STAGE.name, what, of_host[0])
    unknown = [s for s in undefined if not s.version and s.name not in of_host]
    yield from _untraced(subject, elf, unknown)


def _untraced(subject: Subject, elf: Elf, undefined: list[Symbol]) -> Iterator[Finding]:
    """Undefined symbols without a version: a library that is needed must have them."""
    libraries = []
    for name in _ALWAYS_THERE:  # some linkers do not name what every process has
        with contextlib.suppress(OSError):
            libraries.append(ctypes.CDLL(name))
    for name in elf.needed:
        subject.doing(f"opening {name}, which it needs", crash="load/crash", hang="load/hang")
        try:
            libraries.append(ctypes.CDLL(_located(name, elf, subject.path), os.RTLD_LAZY))
        except OSError as fault:
            yield Finding("symbols/missing-library", STAGE.name, f"{name}: {fault}", name)
            subject.skip(f"symbols that {name} may have: it cannot be opened here")
            return
    missing = [s.name for s in undefined if not any(hasattr(one, s.name) for one in libraries)]
    if missing:
        what = (
            f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} undefined, and none of "
            f"the libraries it names has {'it' if len(missing) == 1 else 'them'}"
        )
        yield Finding("symbols/foreign-import", STAGE.name, what, missing[0])


def _located(name: str, elf: Elf, path: Path) -> str:
    for entry in elf.search:
        folder = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(path.parent))
        if (Path(folder) / name).is_file():
            return str(Path(folder) / name)
    return name


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(map(_short, names[:_MANY])) + more


def _short(name: str) -> str:
    """Names of C++ may have hundreds of characters."""
    return name if len(name) <= _LONG else name[:_LONG] + "..."


STAGE = Stage("file", "The file exports one symbol and takes none of the host", _run, ())
