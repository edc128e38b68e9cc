"""The tensor view has the layout of DLPack's DLTensor, on 64-bit and on 32-bit machines."""

import subprocess
from pathlib import Path

import pytest

import dovetail_abi

INCLUDE = f"-I{dovetail_abi.include_dir()}"

# DLTensor of dlpack.h 1.x, written out again: what ours is compared with, field by field.
DLPACK = """\
#include <stddef.h>
#include <stdint.h>
#include "dovetail.h"
typedef struct { int32_t device_type; int32_t device_id; } DLDevice;
typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } DLDataType;
typedef struct {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} DLTensor;
#define SAME(ours, field, theirs, other)                                             \\
    _Static_assert(offsetof(ours, field) == offsetof(theirs, other), "offset " #field); \\
    _Static_assert(sizeof(((ours *)0)->field) == sizeof(((theirs *)0)->other), "size " #field)
SAME(dvt_tensor, data, DLTensor, data);
SAME(dvt_tensor, place, DLTensor, device);
SAME(dvt_tensor, ndim, DLTensor, ndim);
SAME(dvt_tensor, dtype, DLTensor, dtype);
SAME(dvt_tensor, shape, DLTensor, shape);
SAME(dvt_tensor, strides, DLTensor, strides);
SAME(dvt_tensor, byte_offset, DLTensor, byte_offset);
SAME(dvt_dtype, code, DLDataType, code);
SAME(dvt_dtype, bits, DLDataType, bits);
SAME(dvt_dtype, lanes, DLDataType, lanes);
SAME(dvt_place, type, DLDevice, device_type);
SAME(dvt_place, id, DLDevice, device_id);
_Static_assert(sizeof(dvt_tensor) == sizeof(DLTensor), "size of the whole");
"""

LP64 = """\
_Static_assert(sizeof(dvt_tensor) == 48, "48 bytes");
_Static_assert(offsetof(dvt_tensor, place) == 8, "place");
_Static_assert(offsetof(dvt_tensor, ndim) == 16, "ndim");
_Static_assert(offsetof(dvt_tensor, dtype) == 20, "dtype");
_Static_assert(offsetof(dvt_tensor, shape) == 24, "shape");
_Static_assert(offsetof(dvt_tensor, strides) == 32, "strides");
_Static_assert(offsetof(dvt_tensor, byte_offset) == 40, "byte_offset");
"""

I386 = """\
_Static_assert(sizeof(void *) == 4, "a 32-bit compilation");
_Static_assert(sizeof(dvt_tensor) == 36, "36 bytes");
_Static_assert(offsetof(dvt_tensor, shape) == 20, "shape");
_Static_assert(offsetof(dvt_tensor, byte_offset) == 28, "byte_offset");
"""


def complaints(tmp_path: Path, text: str, *options: str) -> str:
    """Return what gcc says; nothing when every assertion holds."""
    source = tmp_path / "layout.c"
    source.write_text(text, encoding="utf-8")
    command = ["gcc", "-std=c11", "-ffreestanding", "-fsyntax-only", INCLUDE, *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def test_equals_dlpack(tmp_path: Path) -> None:
    assert complaints(tmp_path, DLPACK) == ""


def test_offsets_on_64_bit_machines(tmp_path: Path) -> None:
    pointer = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True)
    assert "64" in pointer.stdout, "this test is written for 64-bit compilers"
    assert complaints(tmp_path, DLPACK + LP64) == ""


def test_a_wrong_offset_is_seen(tmp_path: Path) -> None:
    wrong = LP64.replace("offsetof(dvt_tensor, shape) == 24", "offsetof(dvt_tensor, shape) == 32")
    assert "shape" in complaints(tmp_path, DLPACK + wrong)


X86 = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not X86.startswith("x86_64"), reason="gcc knows -m32 on x86 alone")
def test_offsets_on_i386(tmp_path: Path) -> None:
    """Freestanding: gcc's own stdint.h and stddef.h serve, no 32-bit C library is needed."""
    assert complaints(tmp_path, DLPACK + I386, "-m32") == ""


@pytest.mark.skipif(not X86.startswith("x86_64"), reason="gcc knows -m32 on x86 alone")
def test_no_hidden_padding_on_i386(tmp_path: Path) -> None:
    assert complaints(tmp_path, '#include "dovetail.h"\n', "-m32", "-Wpadded", "-Werror") == ""
