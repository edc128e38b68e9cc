"""Format the C sources with clang-format, or with --check say which are not formatted."""

import subprocess
import sys

from workspace import ROOT

FOLDERS = ("abi", "core", "plugins", "contrib_migrated")


def main(check: bool) -> int:
    """Return clang-format's exit status over all files."""
    files = sorted(
        str(path)
        for folder in FOLDERS
        for pattern in ("*.c", "*.h")
        for path in (ROOT / folder).rglob(pattern)
    )
    mode = ["--dry-run", "-Werror"] if check else ["-i"]
    return subprocess.run(["clang-format", *mode, *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
