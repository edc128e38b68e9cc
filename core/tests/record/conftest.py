"""Libraries to record and to replay on, and programs that record."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dovetail_abi
from dovetail.replay_calls import Recording, read

BACKENDS = Path(__file__).parent.parent / "backends"
HERE = Path(__file__).parent
FAULTS = ("right", "slightly off", "crashes", "refuses", "fails", "hangs", "exits", "bad prepare")

Faults = Callable[[str], Path]
Session = Callable[..., Path]


def compile_backend(source: str, target: Path, name: str, count: int) -> Path:
    words = ["-std=c11", "-O1", "-shared", "-fPIC", f"-I{dovetail_abi.include_dir()}"]
    words += [f'-DNAME="{name}"', f"-DCOUNT={count}", str(BACKENDS / source), "-o", str(target)]
    subprocess.run(["gcc", *words], check=True)
    return target


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """``faults("crashes")``: the library whose `add` of three numbers has that fault."""
    built: dict[str, Path] = {}

    def build(fault: str) -> Path:
        if fault not in built:
            number = FAULTS.index(fault)
            target = tmp_path_factory.mktemp("faults") / f"libfault{number}.so"
            built[fault] = compile_backend("record_fault.c", target, "recfault", number)
        return built[fault]

    return build


@pytest.fixture(scope="session")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A library that does to its process what it should not. Argument: which of unruly.c it is."""

    def build(which: int) -> Path:
        target = tmp_path_factory.mktemp("unruly") / f"libunruly{which}.so"
        return compile_backend(str(HERE / "unruly.c"), target, "recunruly", which)

    return build


@pytest.fixture(scope="session")
def digests(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The library that makes one number of a whole graph. Argument: the group it claims."""

    def build(group: int) -> Path:
        target = tmp_path_factory.mktemp("digests") / f"libdigest{group}.so"
        return compile_backend("record_digest.c", target, f"recdigest{group}", group)

    return build


def record(folder: Path, library: Path | None, text: str, status: int, **variables: str) -> Path:
    name = folder / "bug.dvr"
    environment = {**os.environ, "DOVETAIL_RECORD": str(name), **variables}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    if library is not None:
        environment["DOVETAIL_BACKENDS"] = str(library)
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return name


def the_file(name: Path, device: str) -> Path:
    """A file that a session made for a device; the only one, unless the program forked."""
    return min(name.parent.glob(f"{name.stem}.{device}.*{name.suffix}"))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """``session(library, text, device)``: run a program that records; the file for the device.

    Its name was to be ``tmp_path / "bug.dvr"``.
    """

    def run(
        library: Path | None, text: str, device: str = "recfault", status: int = 0, **variables: str
    ) -> Path:
        return the_file(record(tmp_path, library, text, status, **variables), device)

    return run


ADDS = """
import numpy as np
import dovetail as dt
with dt.use_device("recfault"):
    for n in (2, 3, 4):
        x = dt.asarray(np.arange(n, dtype="float32"))
        (x + x).tolist()
"""


@pytest.fixture(scope="session")
def adds_text() -> str:
    """A program that makes three sums."""
    return ADDS


@pytest.fixture(scope="session")
def adds(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Recording:
    """Those sums on a library that is right."""
    folder = tmp_path_factory.mktemp("adds")
    return read(the_file(record(folder, faults("right"), ADDS, 0), "recfault"))
