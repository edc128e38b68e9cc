"""The one count over all envs, from what tox and pytest write."""

import json
from pathlib import Path

import pytest
import summary

JUNIT = """\
<testsuites><testsuite name="pytest" errors="{errors}" failures="{failures}" skipped="{skipped}"
tests="{tests}"></testsuite></testsuites>
"""


def run(folder: Path, envs: dict[str, bool], reports: dict[str, dict[str, int]]) -> int:
    """Write what tox and pytest would, and return the exit status of the summary."""
    result = {"testenvs": {name: {"result": {"success": ok}} for name, ok in envs.items()}}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    for name, numbers in reports.items():
        counts = {"errors": 0, "failures": 0, "skipped": 0} | numbers
        (folder / f"{name}.xml").write_text(JUNIT.format(**counts), encoding="utf-8")
    return summary.main(folder / "result.json", folder)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the last line that was printed."""
    return capsys.readouterr().out.splitlines()[-1]


def test_adds_envs_with_and_without_tests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(tmp_path, {"lint": True, "core": True}, {"core": {"tests": 5, "skipped": 2}})
    assert (status, last_line(capsys)) == (0, "4 passed, 0 failed")


def test_failures_and_errors_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(tmp_path, {"core": False}, {"core": {"tests": 5, "failures": 1, "errors": 1}})
    assert (status, last_line(capsys)) == (1, "3 passed, 2 failed")


def test_a_crash_after_passing_tests_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(tmp_path, {"core": False}, {"core": {"tests": 5}})
    assert (status, last_line(capsys)) == (1, "5 passed, 1 failed")


def test_an_env_that_died_before_its_report_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(tmp_path, {"lint": True, "core": False}, {})
    assert (status, last_line(capsys)) == (1, "1 passed, 1 failed")


def test_nothing_run_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, {}, {}) == 1
    assert last_line(capsys) == "0 passed, 0 failed"
    assert summary.main(tmp_path / "missing.json", tmp_path) == 1


def test_an_env_that_nobody_asked_for_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    envs = {"types": {"result": {"success": True}}, "release": {}, "core": {}}
    (tmp_path / "result.json").write_text(json.dumps({"testenvs": envs}), encoding="utf-8")
    assert summary.main(tmp_path / "result.json", tmp_path) == 1
    said = capsys.readouterr().out
    assert "release" not in said
    assert said.endswith("1 passed, 1 failed\n"), "core is in env_list, and did not run"
