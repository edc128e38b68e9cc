"""Add up what the tox envs reported. Usage: summary.py RESULT.json REPORTS_FOLDER

RESULT.json is tox's --result-json, the folder holds one junit file per env. An env that runs no
tests (lint, types, wheels) counts as one check; an env that failed without a failed test counts as
one failure. The last line is `N passed, N failed`; the exit status is 0 only when something ran and
nothing failed.
"""

import json
import sys
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

SETTINGS = Path(__file__).resolve().parent.parent / "pyproject.toml"


@dataclass(frozen=True)
class Count:
    """What one env did."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def junit(path: Path) -> Count:
    """Return the counts of one junit file."""
    total = Count()
    for suite in ET.parse(path).getroot().iter("testsuite"):
        number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        passed = number["tests"] - failed - number["skipped"]
        total += Count(max(0, passed), failed, number["skipped"])
    return total


def count(succeeded: bool, report: Path) -> Count:
    """Return the counts of one env."""
    if not report.is_file():
        return Count(passed=1) if succeeded else Count(failed=1)
    counted = junit(report)
    if not succeeded and not counted.failed:
        counted += Count(failed=1)
    return counted


def succeeded(env: dict[str, object]) -> bool:
    """Whether every command of an env, its installation included, ended with 0."""
    result = env.get("result")
    return isinstance(result, dict) and bool(result.get("success"))


def main(result: Path, reports: Path) -> int:
    """Print a line for each env and the sum; return the exit status."""
    if not result.is_file():
        print(f"{result.name} is missing: tox did not come to its end")
        print("0 passed, 1 failed")
        return 1
    envs = json.loads(result.read_text(encoding="utf-8"))["testenvs"]
    # tox also lists envs that nobody asked for, such as the one that makes releases, as empty.
    asked = set(tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["tool"]["tox"]["env_list"])
    envs = {n: e for n, e in envs.items() if not n.startswith(".") and (e or n in asked)}
    total = Count()
    for name, env in envs.items():
        one = count(succeeded(env), reports / f"{name}.xml")
        print(f"{name:12} {one.passed} passed, {one.failed} failed, {one.skipped} skipped")
        total += one
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
