"""dovetail_compiled.h: installed, plain C99 and C++11, and what a native loop needs."""

import ctypes
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi

NAME = "dovetail_compiled.h"
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wpadded", "-Werror"]

# Calls a compiled function n times, each time on its own result.
LOOP = """\
#include "dovetail_compiled.h"
int32_t loop(const dvt_compiled *c, uint32_t n, float *x, float *y, dvt_error *error);
int32_t loop(const dvt_compiled *c, uint32_t n, float *x, float *y, dvt_error *error) {
    uint32_t i;
    if (c->struct_size < sizeof *c || c->n_inputs != 1 || c->n_outputs != 1) return -100;
    if (c->inputs[0].ndim != 1 || c->outputs[0].shape[0] != c->inputs[0].shape[0]) return -101;
    for (i = 0; i < n; i++) {
        const void *inputs[1];
        void *outputs[1];
        float *other;
        dvt_status status;
        inputs[0] = x;
        outputs[0] = y;
        status = c->call(c->context, inputs, outputs, error);
        if (status != DVT_OK) return status;
        other = x;
        x = y;
        y = other;
    }
    return DVT_OK;
}
"""


def folders() -> list[str]:
    """Return the options that find both headers where the wheels put them."""
    listed = [Path(str(one.locate())) for one in distribution("dovetail").files or []]
    [header] = [path for path in listed if path.name == NAME]
    return [f"-I{header.parent}", f"-I{dovetail_abi.include_dir()}"]


def build(compiler: str, *options: str) -> None:
    """Run a compiler; fail with what it says, or with what to install."""
    if shutil.which(compiler) is None:
        pytest.fail(f"{compiler} was not found: 'apt install {compiler}' or 'dnf install gcc-c++'")
    command = [compiler, *STRICT, *folders(), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("compiler", "language", "standard"),
    [("gcc", "c", "c99"), ("gcc", "c", "c17"), ("g++", "c++", "c++11"), ("g++", "c++", "c++20")],
)
def test_it_compiles_alone(tmp_path: Path, compiler: str, language: str, standard: str) -> None:
    source = tmp_path / "program"
    source.write_text(LOOP, encoding="utf-8")
    build(compiler, "-x", language, f"-std={standard}", "-fsyntax-only", str(source))


def test_a_hole_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "hole.c"
    source.write_text(LOOP + "struct hole { char c; void *p; } hole;\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="padding"):
        build("gcc", "-std=c99", "-fsyntax-only", str(source))


def test_native_code_loops_over_a_compiled_function(tmp_path: Path) -> None:
    source, library = tmp_path / "loop.c", tmp_path / "loop.so"
    source.write_text(LOOP, encoding="utf-8")
    build("gcc", "-std=c99", "-O1", "-fPIC", "-shared", str(source), "-o", str(library))
    step = dt.jit(lambda x: x * 0.5 + 1.0)
    start = np.asarray([0.0, 8.0, -3.0], dtype=np.float32)
    entry = step.entry(dt.asarray(start))
    x, y = start.copy(), np.empty_like(start)
    error = ctypes.create_string_buffer(512)
    error[0:4] = (512).to_bytes(4, "little")
    loop = ctypes.CDLL(str(library)).loop
    pointer = ctypes.c_void_p
    loop.argtypes = [pointer, ctypes.c_uint32, pointer, pointer, pointer]
    status = loop(entry.address, 5, x.ctypes.data, y.ctypes.data, error)
    assert status == 0, error.raw[32:]
    expected = start
    for _ in range(5):
        expected = expected * np.float32(0.5) + np.float32(1.0)
    assert y.tolist() == expected.tolist(), "five steps end in y"
