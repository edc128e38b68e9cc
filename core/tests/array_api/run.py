"""Run the test suite of the array API standard, file by file; README.md says how to get it."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

VERSION = "2025.12"
SKIPS = Path(__file__).with_name("skips.txt")


def parts(suite: Path) -> list[str]:
    """Return the names of the suite's test files, without test_ and .py."""
    files = sorted((suite / "array_api_tests").glob("test_*.py"))
    return [file.stem.removeprefix("test_") for file in files]


def judge(suite: Path, part: str, examples: int) -> tuple[bool, str]:
    """Run one file; whether all passed, and the output."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "--tb=short", "--disable-deadline"]
    command += ["-p", "no:cacheprovider", f"--max-examples={examples}", f"--skips-file={SKIPS}"]
    found = subprocess.run(
        [*command, f"array_api_tests/test_{part}.py"],
        cwd=suite,
        env={
            **os.environ,
            "ARRAY_API_TESTS_MODULE": "dovetail",
            "ARRAY_API_TESTS_VERSION": VERSION,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode == 0, found.stdout + found.stderr


def main() -> int:
    """Print one line for each file, and the output of those that fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="folder of a clone of array-api-tests")
    parser.add_argument("parts", nargs="*", help="such as sorting_functions; default: all")
    parser.add_argument("--examples", type=int, default=200, help="for each property")
    given = parser.parse_intermixed_args()
    suite = given.suite.resolve()
    known = parts(suite)
    if not known:
        parser.error(f"{suite} has no array_api_tests/test_*.py; give the folder of a clone")
    unknown = sorted(set(given.parts) - set(known))
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(known)}")
    failed = []
    for part in given.parts or known:
        start = time.perf_counter()
        passed, output = judge(suite, part, given.examples)
        last = output.strip().splitlines()[-1] if output.strip() else "no output"
        print(f"{part}: {last} [{time.perf_counter() - start:.0f} s]", flush=True)
        if not passed:
            failed.append(part)
            print(output, flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "everything passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
