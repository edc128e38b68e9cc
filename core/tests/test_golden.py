"""Files that earlier versions wrote load for ever, and give what they gave.

golden/write.py makes the folder of a version; a released one is never changed again.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail import container

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = sorted(
    path.name for path in GOLDEN.iterdir() if path.is_dir() and path.name[0].isdigit()
)
CALLS = sorted(GOLDEN.glob("[0-9]*/*.npz"))


def leaves(value):
    if isinstance(value, container.Record):
        value = list(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [leaf for one in value for leaf in leaves(one)]
    return [] if value is None else [value]


def entry_of(call: Path) -> dt.Program:
    """The function that a file of inputs and results belongs to."""
    name, _, word = call.stem.partition(".")
    program = dt.load(call.with_name(f"{name}.dvt"), verify=True)
    return program[word] if word else program


def test_the_first_version_is_there() -> None:
    assert "0.1.0" in VERSIONS
    assert len(list((GOLDEN / "0.1.0").glob("*.dvt"))) == 5


@pytest.mark.parametrize("version", VERSIONS)
def test_the_files_are_the_ones_that_were_written(version: str) -> None:
    folder = GOLDEN / version
    rows = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in rows} == {p.name for p in folder.iterdir()} - {"SHA256SUMS"}
    for digest, name in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("call", CALLS, ids=lambda p: f"{p.parent.name}/{p.stem}")
@pytest.mark.parametrize("way", ["device", "numpy"])
def test_a_file_gives_what_it_gave(call: Path, way: str) -> None:
    entry = entry_of(call)
    with np.load(call) as kept:
        inputs = [kept[f"in{i}"] for i in range(len(kept)) if f"in{i}" in kept]
        want = [kept[f"out{i}"] for i in range(len(kept)) if f"out{i}" in kept]
    given = container.build(entry.signature.inputs, inputs)
    found = leaves(entry(*given) if way == "device" else entry.reference(*given))
    assert len(found) == len(want)
    for a, b in zip(found, want, strict=True):
        array = np.asarray(a)
        assert (array.shape, array.dtype) == (b.shape, b.dtype)
        if b.dtype.kind == "f":
            np.testing.assert_allclose(array, b, rtol=2e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(array, b)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("[0-9]*/*.dvt")), ids=lambda p: p.stem)
def test_a_file_explains_itself(path: Path) -> None:
    assert "plan: " in str(dt.load(path).explain())


def test_the_script_writes_a_set_of_this_version(tmp_path: Path) -> None:
    command = [sys.executable, str(GOLDEN / "write.py"), str(tmp_path / "set")]
    subprocess.run(command, capture_output=True, check=True)
    written = {p.name for p in (tmp_path / "set").iterdir()}
    assert written == {p.name for p in (GOLDEN / VERSIONS[-1]).iterdir()}
    texts = [dt.load(path / "dense.dvt").text for path in (tmp_path / "set", GOLDEN / VERSIONS[-1])]
    now, kept = ([line.partition("  #")[0] for line in text.splitlines()] for text in texts)
    assert now == kept, "apart from the lines of this script"
