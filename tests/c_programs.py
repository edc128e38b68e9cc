"""The test programs of core/csrc/tests, built with the sanitizers; run by tests/sanitize.py.

A program ends with 0 when it passes and with 77 when this machine lacks its instruction set.
"""

import os
import subprocess
from pathlib import Path

import pytest

from workspace import ROOT

FOLDER = Path(os.environ["C_PROGRAMS"])
SOURCES = sorted((ROOT / "core" / "csrc" / "tests").glob("*.c"))


def programs(source: Path) -> list[Path]:
    """Return what was built from a source: cpu_name_<variant>, several, or name, one."""
    pattern = f"{source.stem}_*" if source.stem.startswith("cpu_") else source.stem
    return sorted(path for path in FOLDER.glob(pattern) if os.access(path, os.X_OK))


PROGRAMS = [path for source in SOURCES for path in programs(source)]
LACKS_INSTRUCTIONS = 77


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_source_became_a_program(source: Path) -> None:
    assert programs(source)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_program_passes_without_a_leak(program: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment["ASAN_OPTIONS"] = "detect_leaks=1"
    done = subprocess.run(
        [program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if done.returncode == LACKS_INSTRUCTIONS:
        pytest.skip(f"{program.name}: this machine lacks the instruction set")
    assert done.returncode == 0, done.stdout + done.stderr
