"""Damaged, hostile and foreign files: each is refused with a ProgramError that names it."""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.program_file import read_program

INPUT = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("program") / "good.dt"
    w = dt.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    flags = dt.asarray([True, False, True, False])
    dt.save(path, lambda x: dt.where(flags, x @ w, 0.5), (dt.zeros((2, 3)),))
    return path.read_bytes()


def split(data: bytes) -> tuple[bytes, bytes]:
    """Header and tensor data of a file."""
    (size,) = struct.unpack("<Q", data[:8])
    return data[8 : 8 + size], data[8 + size :]


def signed(header: bytes, data: bytes) -> bytes:
    """A file with a changed header whose checksum is right: what a hostile writer would make."""
    import hashlib

    header += b" " * (-(8 + len(header)) % 64)
    blank = re.sub(rb'("sha256": ")[0-9a-f]{64}', rb"\g<1>" + b"0" * 64, header, count=1)
    prefix = struct.pack("<Q", len(header))
    digest = hashlib.sha256(prefix + blank).hexdigest().encode()
    return prefix + blank.replace(b"0" * 64, digest, 1) + data


def changed(good: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The file after ``change(header)``, with a right checksum."""
    header, data = split(good)
    entries = json.loads(header)
    change(entries)
    metadata = entries.pop("__metadata__")
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in metadata.items())
    rest = "".join(f",\n{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
    return signed(f'{{"__metadata__": {{\n{text}\n}}{rest}}}'.encode(), data)


def refused(path: Path, data: bytes, words: str, **options: bool) -> None:
    path.write_bytes(data)
    with pytest.raises(dt.ProgramError, match=words) as caught:
        dt.load(path, **options)
    assert str(caught.value).startswith(f"{path}: "), "the file is named"


def test_the_helpers_make_a_file_that_loads(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "same.dt"
    path.write_bytes(changed(good, lambda header: None))
    expected = np.where([True, False, True, False], INPUT @ np.arange(12.0).reshape(3, 4), 0.5)
    np.testing.assert_allclose(np.asarray(dt.load(path)(INPUT)), expected, rtol=1e-6)


def test_no_flipped_bit_of_the_header_passes(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.dt"
    header, _ = split(good)
    for at in range(8 + len(header)):
        damaged = bytearray(good)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        with pytest.raises(dt.ProgramError):
            read_program(path)


def test_no_truncated_file_passes(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "short.dt"
    for size in [*range(200), *range(200, len(good), 37), len(good) - 1]:
        path.write_bytes(good[:size])
        with pytest.raises(dt.ProgramError, match=r"truncated|no program"):
            read_program(path)
    refused(path, good + b"\0", "1 bytes follow")


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.none(), st.integers(0, 1 << 16)),
)
def test_any_damage_is_refused_or_harmless(
    good: bytes, tmp_path: Path, edits: list[tuple[int, int]], cut: int | None
) -> None:
    damaged = bytearray(good)
    for at, value in edits:
        damaged[at % len(damaged)] = value
    if cut is not None:
        del damaged[cut % len(damaged) :]
    path = tmp_path / "damaged.dt"
    path.write_bytes(damaged)
    try:
        program = dt.load(path, verify=True)
    except dt.ProgramError:
        assert bytes(damaged) != good
        return
    (tmp_path / "good.dt").write_bytes(good)
    expected = dt.load(tmp_path / "good.dt").reference(INPUT)
    np.testing.assert_array_equal(program.reference(INPUT), expected)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(32, 126)), min_size=1, max_size=3)
)
def test_a_hostile_header_with_a_right_checksum_is_refused_or_a_program(
    good: bytes, tmp_path: Path, edits: list[tuple[int, int]]
) -> None:
    header, data = split(good)
    damaged = bytearray(header)
    for at, value in edits:
        damaged[100 + at % (len(damaged) - 100)] = value
    path = tmp_path / "hostile.dt"
    path.write_bytes(signed(bytes(damaged), data))
    try:
        program = dt.load(path)
    except dt.ProgramError:
        return
    program.reference(*(np.zeros(i.spec.shape, i.spec.dtype.name) for i in program.inputs))


def test_a_damaged_weight_is_found_when_asked(good: bytes, tmp_path: Path) -> None:
    damaged = bytearray(good)
    at = good.index(struct.pack("<f", 7.0))
    damaged[at] ^= 1
    refused(tmp_path / "w.dt", damaged, "data of tensor 'w' was damaged", verify=True)
    dt.load(tmp_path / "w.dt")  # without verify weights are not read


def test_bytes_that_are_no_bool_never_pass(good: bytes, tmp_path: Path) -> None:
    damaged = bytearray(good)
    damaged[good.rindex(b"\1\0\1\0")] = 7
    refused(tmp_path / "b.dt", damaged, "no bool")


def test_a_newer_format_is_named(good: bytes, tmp_path: Path) -> None:
    def newer(header: dict[str, Any]) -> None:
        header["__metadata__"].update(format_version="3", dovetail_version="3.1.0")

    refused(tmp_path / "n.dt", changed(good, newer), "format 3 by dovetail 3.1.0.*install a newer")


def test_a_newer_op_is_named(good: bytes, tmp_path: Path) -> None:
    def newer(header: dict[str, Any]) -> None:
        for key, line in header["__metadata__"].items():
            header["__metadata__"][key] = line.replace("matmul@1(", "matmul@9(")

    refused(tmp_path / "n.dt", changed(good, newer), "'matmul' is used in version 9")


def test_lengths_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "length.dt"
    refused(path, struct.pack("<Q", 2**63) + b"{}", "claims 9,223,372,036,854,775,808 bytes")
    refused(path, struct.pack("<Q", 90_000_000) + b"{}", "ends after 2 of them")
    refused(path, b"", "0 bytes")
    refused(path, b"PK\3\4 a zip file, perhaps a model of another kind", "allowed|no program")


def test_a_file_of_weights_is_told_apart(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    refused(
        tmp_path / "w.safetensors", struct.pack("<Q", len(header)) + header + b"\0" * 4, "only w"
    )


def entry(header: dict[str, Any], **change: Any) -> None:
    header["w"].update(change)


LAYOUTS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda h: entry(h, data_offsets=[0, 40]), "leave 40"),
    (lambda h: entry(h, data_offsets=[4, 52]), "hole|overlaps"),
    (lambda h: entry(h, data_offsets=[-48, 0]), "two whole numbers"),
    (lambda h: entry(h, data_offsets=[0]), "two whole numbers"),
    (lambda h: entry(h, data_offsets=[0.0, 48.0]), "two whole numbers"),
    (lambda h: entry(h, data_offsets=[1 << 40, (1 << 40) + 48]), "hole|ends at"),
    (lambda h: entry(h, shape=[3, -4]), "whole numbers"),
    (lambda h: entry(h, shape=[3, True]), "whole numbers"),
    (lambda h: entry(h, shape=[1 << 62, 1 << 62]), "offsets"),
    (lambda h: entry(h, shape=[4, 3]), r"is float32\[4, 3\], the graph says float32\[3, 4\]"),
    (lambda h: entry(h, dtype="F8_E4M3"), "this version knows"),
    (lambda h: entry(h, dtype=["F32"]), "this version knows"),
    (lambda h: entry(h, extra=1), "no dtype, shape and data_offsets"),
    (lambda h: h.update(x=h.pop("w")), "no tensor named 'w'"),
    (lambda h: h.update(twin=dict(h["w"])), "overlaps"),
    (lambda h: h["__metadata__"].update(format="other"), "'other', not"),
    (lambda h: h["__metadata__"].update(format_version="-1"), "no version"),
    (lambda h: h["__metadata__"].pop("inputs"), "no 'inputs'"),
    (lambda h: h["__metadata__"].update(inputs='{"tuple": [0, 1]}'), "holds the arrays"),
    (lambda h: h["__metadata__"].update(inputs="[" * 5000), "not JSON|damaged"),
    (lambda h: h["__metadata__"].update(inputs="[" * 500 + "0" + "]" * 500), "nested"),
    (lambda h: h["__metadata__"].update(inputs="0"), "must each be a tuple"),
    (lambda h: h["__metadata__"].update(inputs='{"set": [0]}'), "describes no container"),
    (lambda h: h["__metadata__"].update(input_names="[1]"), "does not name"),
    (lambda h: h["__metadata__"].update(ops="flux@1, matmul@1, warp@2"), "named flux, warp;"),
]


@pytest.mark.parametrize(("change", "words"), LAYOUTS)
def test_a_wrong_header_with_a_right_checksum_is_refused(
    good: bytes, tmp_path: Path, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    refused(tmp_path / "h.dt", changed(good, change), words)


def test_headers_that_json_alone_would_let_pass(good: bytes, tmp_path: Path) -> None:
    header, data = split(good)
    twice = header.rstrip().removesuffix(b"}") + b',"w":{},"w":{}}'
    refused(tmp_path / "t.dt", signed(twice, data), "repeats a name")
    nan = header.rstrip().removesuffix(b"}") + b',"v":NaN}'
    refused(tmp_path / "t.dt", signed(nan, data), "NaN")
    digits = header.rstrip().removesuffix(b"}") + b',"v":' + b"9" * 5000 + b"}"
    refused(tmp_path / "t.dt", signed(digits, data), "cannot be read")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dt.load(tmp_path / "missing.dt")


def test_other_readers_see_the_tensors_and_the_graph(good: bytes) -> None:
    """The rules of the safetensors format, checked by hand: it is no dependency of the tests."""
    header, data = split(good)
    assert header.startswith(b"{") and (8 + len(header)) % 64 == 0
    entries = json.loads(header)
    metadata = entries.pop("__metadata__")
    assert all(isinstance(value, str) for value in metadata.values())
    end = 0
    for one in sorted(entries.values(), key=lambda one: one["data_offsets"]):
        assert set(one) == {"dtype", "shape", "data_offsets"}
        assert one["data_offsets"][0] == end, "no holes, no overlaps"
        end = one["data_offsets"][1]
    assert end == len(data)
    assert all(
        one["data_offsets"][0] % 64 == 0
        for name, one in entries.items()
        if not name.startswith("padding.")
    )
    start, stop = entries["w"]["data_offsets"]
    assert np.frombuffer(data[start:stop], "<f4").tolist() == list(range(12))
    lines = header.decode().splitlines()
    assert any("matmul@1(%" in line for line in lines), "one node a line, to be read by people"
