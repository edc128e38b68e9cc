"""``dovetail replay``: recorded calls made again, on the same library and on broken ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dovetail.cli import main
from dovetail.replay_calls import Recording, contained, read, report

Faults = Callable[[str], Path]
Session = Callable[..., Path]
Build = Callable[..., Path]
Look = Callable[..., None]


def replayed(recording: Recording, library: Path, **options: float) -> contained.Replay:
    return contained.replay(recording, library, recording.calls, **options)


def kinds(outcomes: list[Any]) -> list[str]:
    return [outcome.kind for outcome in outcomes]


def problems(result: contained.Replay) -> list[str]:
    return list(report.problems(result))


# ---- replay --------------------------------------------------------------------------------------


def test_the_same_library_does_the_same(
    adds: Recording, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(adds.path), str(faults("right"))]) == 0
    printed = capsys.readouterr().out
    assert "6 calls, all as recorded" in printed
    [row] = [line.split() for line in printed.splitlines() if line.startswith("add ")]
    assert row[1] == "6" and row[7] == "0"  # six the same, worst error 0 ulp


def test_another_vendors_library_can_replay(adds: Recording) -> None:
    assert main(["replay", str(adds.path), "cpu"]) == 0


def test_faults_are_named(adds: Recording, faults: Faults) -> None:
    wrong = replayed(adds, faults("slightly off"))
    assert kinds(wrong.of("run")) == ["same", "differs", "same"]
    [text] = problems(wrong)
    assert "call 4: add (run): output 0: element (1,) is 2.0009766 instead of 2.0" in text
    assert "4.1e+03 ulp off where" in text and "1 of 3 are so" in text
    assert kinds(replayed(adds, faults("slightly off"), tolerance=5000).of("run")) == ["same"] * 3

    crash = replayed(adds, faults("crashes"))
    assert kinds(crash.of("run")) == ["same", "crashed", "same"]  # and the next child went on
    assert problems(crash) == ["crashed at call 4: add (run): it crashed with SIGABRT"]
    assert not report.is_good(crash)

    refuse = replayed(adds, faults("refuses"))
    assert kinds(refuse.of("prepare")) == ["same", "refused", "same"]
    assert kinds(refuse.of("run")) == ["same", "refused", "same"]
    assert all(text.endswith("three is not its number") for text in problems(refuse))

    fail = replayed(adds, faults("fails"))
    assert kinds(fail.of("run")) == ["same", "failed", "same"]
    assert "INTERNAL: the chip says no; ask it nicely; when it was recorded: ok" in str(
        problems(fail)
    )

    ends = replayed(adds, faults("exits"))
    assert problems(ends) == ["crashed at call 4: add (run): it ended the process with status 3"]

    early = replayed(adds, faults("bad prepare"))
    assert kinds(early.of("prepare")) == ["same", "crashed", "same"]


def test_a_hang_is_named(adds: Recording, faults: Faults) -> None:
    result = replayed(adds, faults("hangs"), seconds=2)
    assert kinds(result.of("run")) == ["same", "crashed", "same"]
    assert "did not come back within 2 seconds" in problems(result)[0]


def test_what_a_library_writes_into_pipes_is_passed_over(
    adds: Recording, unruly: Callable[[int], Path]
) -> None:
    result = replayed(adds, unruly(0))
    assert report.is_good(result) and len(result.outcomes) == len(adds.calls)


def test_a_crash_is_seen_though_a_helper_holds_the_pipe(
    adds: Recording, unruly: Callable[[int], Path]
) -> None:
    assert problems(replayed(adds, unruly(1), seconds=5)) == [
        "crashed at call 4: add (run): it crashed with SIGABRT"
    ]


def test_a_reason_need_not_be_utf_8(adds: Recording, unruly: Callable[[int], Path]) -> None:
    result = replayed(adds, unruly(2))
    assert kinds(result.of("prepare")) == ["same", "refused", "same"]
    assert all(text.endswith("drei ist unm\ufffdglich") for text in problems(result))


def test_recorded_faults_come_back(session: Session, faults: Faults, adds_text: str) -> None:
    text = adds_text.replace("(x + x).tolist()", "\n        try: (x + x).tolist()\n") + (
        "        except dt.errors.DovetailError: pass\n"
    )
    text = text.replace("import dovetail as dt", "import dovetail as dt, dovetail.errors")
    recording = read(session(faults("fails"), text))
    again = replayed(recording, faults("fails"))
    assert report.is_good(again) and kinds(again.of("run")) == ["same"] * 3
    [mended] = problems(replayed(recording, faults("right")))
    assert mended.endswith("ok; when it was recorded: INTERNAL: the chip says no; ask it nicely")


def test_lists_sums_and_json(
    adds: Recording, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str, status: int = 0) -> str:
        assert main(["replay", str(adds.path), *words]) == status
        return capsys.readouterr().out

    assert "run add  (float32[3], float32[3]) -> float32[3]" in said("--show")
    timeline = said()
    [row] = [line.split() for line in timeline.splitlines() if line.startswith("run add")]
    assert row[2] == "3"  # how often
    assert said("--show", "--ops", "matmul").count("\n") == 1  # the head alone
    listed = json.loads(said("--json"))
    assert [call["call"] for call in listed["calls"]] == ["prepare", "run"] * 3
    result = json.loads(said(str(faults("slightly off")), "--json", status=1))
    assert [call["kind"] for call in result["calls"]].count("differs") == 1
    assert result["device"] == "recfault" and result["good"] is False
    assert json.loads(said(str(faults("crashes")), "--ops", "subtract", "--json"))["calls"] == []


def test_a_library_that_cannot_be_loaded_is_a_sentence(
    adds: Recording, build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {
        "crash": "while it was loaded",  # by a signal, or by the exit of a sanitizer
        "null_answer": "asleep",
        "no_symbol": "exports no dvt_plugin_query",
    }
    for kind, message in broken.items():
        assert main(["replay", str(adds.path), str(build(kind, "recbroken"))]) == 1
        assert message in capsys.readouterr().err
    copy = tmp_path / "text.so"
    shutil.copy(__file__, copy)
    assert main(["replay", str(adds.path), str(copy)]) == 1
    assert "cannot be opened" in capsys.readouterr().err
