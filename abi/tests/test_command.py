"""``python -m dovetail_abi`` tells a compiler where the header is."""

import subprocess
import sys
from pathlib import Path


def test_it_prints_the_folder_of_the_header() -> None:
    command = [sys.executable, "-m", "dovetail_abi"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (Path(printed.strip()) / "dovetail.h").is_file()
