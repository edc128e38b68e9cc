"""The stub of the C module says what the module has: mypy imports the module and compares."""

import re
import subprocess
import sys
from pathlib import Path

# Methods of Array are op functions and Python functions, whose first parameter is x; the buffer
# protocol has names in Python since 3.12.
ACCEPTED = re.compile(
    r'\w+ is inconsistent, stub parameter "self" differs from runtime parameter "x"$'
    r"|Array\.__(release_)?buffer__ is not present at runtime$"
)


def differences(tmp_path: Path, module: str) -> list[str]:
    """Return what stubtest says about an installed module, but for what is accepted above."""
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", module]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    lines = done.stdout.splitlines()
    assert bool(lines) == bool(done.returncode), done.stdout
    return [line for line in lines if not ACCEPTED.search(line)]


def test_the_stub_of_the_hot_path(tmp_path: Path) -> None:
    assert differences(tmp_path, "dovetail._fast") == []


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "drifted.py").write_text("def f(x): return x\n", encoding="utf-8")
    (tmp_path / "drifted.pyi").write_text("def f(x: int, y: int) -> int: ...\n", encoding="utf-8")
    assert differences(tmp_path, "drifted")
