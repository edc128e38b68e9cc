"""A compiled function called from C in a loop, beside the same arithmetic in plain C."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cffi
import numpy as np

import dovetail as dt
import dovetail_abi
from spine import problems
from spine.case import Budget, Case, Samples, timed

SIZE = 4
SOURCE = Path(__file__).with_name("native_loop.c")
CDEF = """
int32_t repeat(uintptr_t, const void *const *, void *const *, int64_t);
void plain_one(const double *, const double *, double *, int64_t, int64_t);
void plain_ten(const double *, const double *, double *, int64_t, int64_t);
"""


def build(folder: Path) -> Any:
    """The caller as a library that cffi can call, and its ffi."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("gcc was not found; the C entry is measured from C")
    library = folder / "native_loop.so"
    include = Path(dt.__file__).parent / "include"
    command = [compiler, "-std=gnu11", "-O2", "-shared", "-fPIC", f"-I{include}"]
    command += [f"-I{dovetail_abi.include_dir()}", str(SOURCE), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    ffi = cffi.FFI()
    ffi.cdef(CDEF)
    return ffi, ffi.dlopen(str(library))


def _runs(
    ffi: Any, library: Any, function: Callable[..., Any], plain: Any
) -> tuple[Callable[[int], Any], Callable[[int], Any], Any, Any]:
    """Calls through the entry, the plain calls, and the result of each."""
    x, y = problems.pair(np.float64, SIZE)
    found, by_hand = np.zeros(SIZE), np.zeros(SIZE)
    entry = dt.jit(function).entry(dt.asarray(x), dt.asarray(y))
    inputs = ffi.new("const void *[]", [ffi.from_buffer(x), ffi.from_buffer(y)])
    outputs = ffi.new("void *[]", [ffi.from_buffer(found, require_writable=True)])
    pointers = [ffi.from_buffer("double[]", a) for a in (x, y, by_hand)]

    def call(n: int, entry: Any = entry) -> None:  # the entry lives as long as this function
        status = library.repeat(entry.address, inputs, outputs, n)
        if status:
            raise RuntimeError(f"the compiled function returned status {status}")

    def by_c(n: int) -> None:
        plain(*pointers, SIZE, n)

    return call, by_c, found, by_hand


def _paired(
    call: Callable[[int], Any], by_c: Callable[[int], Any], budget: Budget, pinned: bool
) -> Samples:
    """Seconds of a call beyond those of the arithmetic."""
    plain = timed(by_c, Budget(warm=0.05, seconds=0.2, samples=10), pinned=pinned)
    base = sorted(plain.values)[len(plain.values) // 2]
    calls = timed(call, budget, pinned=pinned)
    return Samples(values=[max(0.0, v - base) for v in calls.values], basis=calls.basis)


def cases(threads: int) -> Iterator[Case]:
    pinned = threads == 1
    with tempfile.TemporaryDirectory() as folder:
        ffi, library = build(Path(folder))
        graphs = (
            ("one", lambda x, y: x + y, library.plain_one),
            ("ten", lambda x, y: problems.ten(dt, x, y), library.plain_ten),
        )
        for word, function, plain in graphs:
            call, by_c, found, by_hand = _runs(ffi, library, function, plain)

            def value(call: Any = call, by_c: Any = by_c, a: Any = found, b: Any = by_hand) -> Any:
                a[:] = b[:] = 0
                call(1)
                by_c(1)
                if not problems.same(b, a):
                    raise RuntimeError(f"the plain C gives {b}, the compiled function {a}")
                return a.copy()

            yield Case(
                name=f"entry_{word}",
                how=f"{word} float64 operation(s) on {SIZE} elements, called from C",
                samples=lambda budget, c=call: timed(c, budget, pinned=pinned),
                value=value,
            )
            yield Case(
                name=f"entry_{word}_overhead",
                how="the call less the same arithmetic in plain C",
                samples=lambda budget, c=call, p=by_c: _paired(c, p, budget, pinned),
            )
