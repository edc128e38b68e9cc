"""Every shipped backend under `dovetail check-backend`: it passes, and its certificate is kept.

Run by the tox env `check_backends`, which says where the certificates go.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workspace import distributions

# The CPU device claims 163 ops: the whole check takes a quarter of an hour.
HOW = {"cpu": ["--quick", "--jobs", "2"]}
WORDS = [
    word
    for one in distributions()
    for word in one.project.get("entry-points", {}).get("dovetail.backends", {})
]


def test_there_are_backends() -> None:
    assert {"cpu", "hello"} <= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_a_shipped_backend_passes(word: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("CERTIFICATES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    certificate = folder / f"{word}.json"
    command = [sys.executable, "-m", "dovetail", "check-backend", word, *HOW.get(word, [])]
    command += ["--json", str(certificate), "--page", str(folder / f"{word}.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(certificate.read_text(encoding="utf-8"))
    verdicts = {stage["name"]: stage["verdict"] for stage in found["stages"]}
    assert len(verdicts) > 15 and set(verdicts.values()) <= {"passed", "skipped"}, verdicts
    assert {row["op"] for row in found["ops"]} >= {"add"}
