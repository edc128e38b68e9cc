"""What a recording holds (DOVETAIL_RECORD), and what it does not."""

import hashlib
import shutil
import signal
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.cli import main
from dovetail.devices import load
from dovetail.errors import DovetailError, PluginError
from dovetail.replay_calls import Recording, contained, find, read, report

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


# ---- what a recording holds ----------------------------------------------------------------------


def test_a_recording_tells_every_call(adds: Recording, faults: Faults) -> None:
    head = adds.session
    assert (head["plugin"], head["version"], head["vendor"]) == ("recfault", "1.2.3", "tests")
    assert head["library"] == "libfault0.so"  # without its folder
    assert head["sha256"] == hashlib.sha256(faults("right").read_bytes()).hexdigest()
    assert adds.damage == "" and adds.notices == []
    assert [call.name for call in adds.calls] == ["prepare", "run"] * 3
    assert [call.number for call in adds.calls] == [1, 2, 3, 4, 5, 6]
    prepare, run = adds.calls[2], adds.calls[3]
    assert prepare.begin["op"] == "add" and prepare.begin["row"]["types"] == "T=f32"
    assert [view["shape"] for view in prepare.begin["inputs"]] == [[3], [3]]
    assert prepare.end is not None and run.end is not None
    assert run.begin["kernel"] == prepare.end["kernel"]
    assert run.status == 0 and run.nanoseconds > 0
    for view, want in ((run.begin["inputs"][0], [0, 1, 2]), (run.end["outputs"][0], [0, 2, 4])):
        assert np.frombuffer(adds.data(view["data"]), np.float32).tolist() == want
    assert run.begin["inputs"][0]["data"] == run.begin["inputs"][1]["data"]  # stored once


def test_names_of_files(session: Session, tmp_path: Path, faults: Faults, adds_text: str) -> None:
    made = session(faults("right"), adds_text)
    name = str(tmp_path / "bug.dvr")
    assert made.name.startswith("bug.recfault.") and made.name.endswith(".dvr")
    assert find(name) == made
    shutil.copy(made, tmp_path / "bug.recfault.1.dvr")  # as another process would leave it
    with pytest.raises(DovetailError, match="recorded in 2 files, one per plugin and process"):
        find(name)
    (tmp_path / "bug.recfault.1.dvr").unlink()
    session(faults("right"), adds_text, DOVETAIL_RECORD=str(tmp_path / "%n-100%%"))
    assert (tmp_path / "recfault-100%").is_file()
    with pytest.raises(DovetailError, match="is not there, nor a recording of that name"):
        find(str(tmp_path / "other.dvr"))


def test_what_cannot_be_recorded_is_a_sentence(
    look_again: Look, build: Build, tmp_path: Path
) -> None:
    look_again(RECORD=tmp_path / "no" / "such" / "folder.dvr")
    with pytest.raises(PluginError, match=r"no recording: .*folder.* cannot be written \(No such"):
        load(build("good", "recnowhere"))
    look_again(RECORD=tmp_path / "bug.dvr", RECORD_DATA="some")
    with pytest.raises(
        DovetailError, match="DOVETAIL_RECORD_DATA is 'some'; it must be full, hash"
    ):
        load(build("good", "recsome"))


def test_a_crash_is_the_last_line(
    session: Session, faults: Faults, adds_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = session(faults("crashes"), adds_text, status=-signal.SIGABRT)
    recording = read(path)
    assert [call.status for call in recording.calls] == [0, 0, 0, None]
    assert main(["replay", str(path)]) == 0
    assert "call 4, run add, did not come back" in capsys.readouterr().out
    assert kinds(replayed(recording, faults("crashes")).of("run")) == ["same", "crashed"]
    mended = replayed(recording, faults("right"))
    assert problems(mended) == [
        "differs at call 4: add (run): it did not come back when it was recorded; now it does"
    ]


SECRET = np.frombuffer(hashlib.sha256(b"a secret").digest() * 4, np.float32)


@pytest.mark.parametrize("mode", ["full", "hash", "none"])
def test_digests_reveal_no_data(mode: str, session: Session, faults: Faults) -> None:
    finite = np.nan_to_num(SECRET, nan=1.5)
    text = f"""
import numpy as np
import dovetail as dt
x = np.frombuffer(bytes.fromhex({finite.tobytes().hex()!r}), np.float32)
with dt.use_device("recfault"):
    (dt.asarray(x) + dt.asarray(x)).tolist()
"""
    path = session(faults("right"), text, DOVETAIL_RECORD_DATA=mode)
    content, recording = path.read_bytes(), read(path)
    for values in (finite, finite + finite):
        pieces = [values.tobytes()[at : at + 4] for at in range(0, values.nbytes, 4)]
        assert any(piece in content for piece in pieces) == (mode == "full")
        assert not any(repr(float(value)).encode() in content for value in values)
        digest = hashlib.sha256(values.tobytes()).hexdigest().encode()
        assert digest not in content  # which would let anybody try values out
    [run] = [call for call in recording.calls if call.name == "run"]
    first, second = run.begin["inputs"]
    assert ("digest" in first) == (mode == "hash")
    assert ("missing" in first) == (mode == "none")
    if mode == "hash":
        assert first["digest"] == second["digest"]
    result = replayed(recording, faults("right"))
    assert report.is_good(result)
    assert kinds(result.of("run")) == (["same"] if mode == "full" else ["unchecked"])


def test_long_operands_are_digests(session: Session, faults: Faults, adds_text: str) -> None:
    path = session(faults("right"), adds_text, DOVETAIL_RECORD_OPERAND_LIMIT=str(3 * 4))
    recording = read(path)
    held = ["data" in call.begin["inputs"][0] for call in recording.calls if call.name == "run"]
    assert held == [True, True, False]
    assert kinds(replayed(recording, faults("right")).of("run")) == ["same", "same", "unchecked"]


def test_the_limit_ends_the_recording_and_not_the_program(
    session: Session, faults: Faults, adds_text: str
) -> None:
    text = adds_text.replace("(2, 3, 4)", "(7,) * 200").replace("tolist()", "item(3)")
    text = text.replace(".item(3)", ".tolist()[3] == 6 or exit(1)")
    path = session(faults("right"), text, DOVETAIL_RECORD_LIMIT="6000")
    recording = read(path)
    assert 5000 < path.stat().st_size < 7000
    assert recording.notices == [
        "the limit of 6000 bytes (DOVETAIL_RECORD_LIMIT) is reached; later calls are not recorded"
    ]
    assert 4 < len(recording.calls) < 100
    assert all(call.end is not None for call in recording.calls)


def test_threads_do_not_mix(look_again: Look, build: Build, tmp_path: Path, faults: Faults) -> None:
    look_again(RECORD=tmp_path / "bug.dvr")
    device = load(build("good", "recthreads"))
    failed: list[object] = []

    def work(first: int) -> None:
        for n in range(first, 80, 2):
            x = np.full(n % 5 + 1, n, np.float32)
            with dt.use_device(device):
                if (dt.asarray(x) + dt.asarray(x)).tolist() != [2.0 * n] * x.size:
                    failed.append(n)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    recording = read(find(str(tmp_path / "bug.dvr")))
    runs = [call for call in recording.calls if call.name == "run"]
    assert len(runs) == 80 and recording.damage == ""
    assert all(call.end is not None for call in recording.calls)
    assert len({call.begin["thread"] for call in runs}) == 2
    assert kinds(replayed(recording, faults("right")).of("run")) == ["same"] * 80


def test_a_forked_child_has_a_file_of_its_own(
    session: Session, tmp_path: Path, faults: Faults, adds_text: str
) -> None:
    text = (
        adds_text
        + """
import os, warnings
warnings.simplefilter("ignore")
pid = os.fork()
with dt.use_device("recfault"):
    for n in (5, 6) if pid == 0 else (7,):
        x = dt.asarray(np.arange(n, dtype="float32"))
        (x + x).tolist()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""
    )
    session(faults("right"), text)
    by_fork = {}
    for path in tmp_path.glob("bug.recfault.*.dvr"):
        recording = read(path)
        assert recording.damage == ""
        by_fork[recording.session["forked"]] = recording
    shapes = {
        forked: [c.begin["outputs"][0]["shape"] for c in one.calls if c.name == "run"]
        for forked, one in by_fork.items()
    }
    assert shapes == {0: [[2], [3], [4], [7]], 1: [[5], [6]]}
    assert str(by_fork[1].session["pid"]) in by_fork[1].path.name
    assert kinds(replayed(by_fork[1], faults("right")).of("run")) == ["same", "same"]


# ---- reading what is cut off or damaged ----------------------------------------------------------


def test_a_recording_cut_at_any_length_is_read_up_to_there(adds: Recording, tmp_path: Path) -> None:
    whole = adds.path.read_bytes()
    boundaries, at = [18], 18
    while at < len(whole) and len(boundaries) < 8:
        text_size, payload_size = struct.unpack_from("<8xI4xQ", whole, at)
        at += 24 + text_size + payload_size
        boundaries.append(at)
    whole = whole[:at]  # the head, one prepare, its run and their data
    cut = tmp_path / "cut.dvr"
    counts = []
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        if length < 18:
            with pytest.raises(DovetailError, match="is no recording"):
                read(cut)
            continue
        found = read(cut)
        counts.append(len(found.calls))
        assert (found.damage == "") == (length in boundaries)
        for ours, theirs in zip(found.calls, adds.calls, strict=False):
            assert ours.begin == theirs.begin and ours.end in (None, theirs.end)
    assert counts == sorted(counts) and counts[-1] == 2


def test_a_damaged_recording_is_a_sentence_at_worst(adds: Recording, tmp_path: Path) -> None:
    whole = adds.path.read_bytes()
    random = np.random.default_rng(4)
    damaged = tmp_path / "damaged.dvr"
    for _ in range(400):
        content = bytearray(whole)
        for at in random.integers(0, len(whole), 3):
            content[at] = random.integers(0, 256)
        damaged.write_bytes(content)
        try:
            found = read(damaged)
        except DovetailError:
            continue
        assert len(found.calls) <= len(adds.calls)


def test_a_younger_format_is_refused_by_number(tmp_path: Path) -> None:
    path = tmp_path / "young.dvr"
    path.write_bytes(b"dovetail record 7\n")
    with pytest.raises(DovetailError, match="format 7, this Dovetail reads format 1"):
        read(path)
