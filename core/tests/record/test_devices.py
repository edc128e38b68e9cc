"""Recordings of whole devices: the CPU with everything it does, and one with streams of its own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import dovetail as dt
import dovetail_abi
from dovetail.cli import main
from dovetail.replay_calls import Recording, contained, read, report
from dovetail.replay_calls.words import op_of

Session = Callable[..., Path]
ACCELERATOR = Path(dt.__file__).parent / "templates" / "accelerator" / "csrc"


def replayed(recording: Recording, library: Path, **options: float) -> contained.Replay:
    return contained.replay(recording, library, recording.calls, **options)


def ops_of(recording: Recording, name: str) -> set[str]:
    makers = recording.makers()
    return {op for c in recording.calls if c.name == name for op in op_of(c, makers)}


EVERYTHING = """
import numpy as np
import dovetail as dt
x = dt.asarray(np.arange(24, dtype="float32").reshape(4, 6))
results = [
    x[::2] @ x[1::2].T,                      # strides and offsets
    dt.flip(x, axis=0) - x,                         # negative strides
    dt.sum(x, axis=(0, 1)), dt.sum(x, axis=1, keepdims=True),
    dt.astype(x, dt.bfloat16) * 3, dt.astype(x, dt.float16) + 1, dt.astype(x, dt.complex64) * 1j,
    x > 5, dt.astype(x, dt.int8) // 3, dt.zeros((0, 3)) + 1, dt.full((2, 2), -0.0),
    dt.sort(dt.sin(x), axis=1), dt.argmax(x, axis=0), dt.concat([x, x], axis=1),
    dt.where(x > 3, x, -x), dt.take(x, dt.asarray([2, 0]), axis=0),
    dt.nn.softmax(x), dt.nn.gelu(x), dt.exp(x) / 7,
]

@dt.jit
def body(x):
    y = dt.exp(x * 0.125) + x.T.sum()
    return dt.sum(y @ y.T, axis=0)

@dt.jit
def loop(x):
    total, rows = dt.scan(lambda carry, row: (carry + row, carry * row), x[0], x)
    count = dt.while_loop(lambda n: n < 100, lambda n: n * 3 + 1, dt.sum(dt.astype(x, dt.int32)))
    return total, rows, count, dt.cond(x[0, 0] > 1, lambda v: v - 1, lambda v: v + 1, x)

for _ in range(2):
    results += [body(x), *loop(x)]
results.append(dt.grad(lambda v: dt.sum(body(v)))(x))
for result in results:
    np.asarray(result if result.dtype is not dt.bfloat16 else dt.astype(result, dt.float32))
"""


@pytest.mark.parametrize("validate", ["0", "1"])
def test_the_cpu_is_recorded_and_replayed(session: Session, validate: str) -> None:
    recording = read(session(None, EVERYTHING, "cpu", DOVETAIL_VALIDATE=validate))
    assert not recording.notices and not recording.damage
    assert {"matmul", "sum", "argmax", "concat", "where"} <= ops_of(recording, "run")
    assert len(ops_of(recording, "execute")) > 1  # groups that it compiled
    views = [v for c in recording.calls if c.name == "run" for v in c.begin["inputs"]]
    assert any(stride < 0 for view in views for stride in view["strides"])
    result = replayed(recording, _cpu())
    assert list(report.problems(result)) == []
    assert {o.kind for name in ("run", "execute") for o in result.of(name)} == {"same"}
    assert all(o.ulp == 0 for o in result.of("run") if o.ulp is not None)
    assert len(result.of("run")) > 20


def _cpu() -> Path:
    from dovetail.check_backend import target

    return target.find("cpu").path


def test_a_cpu_recording_without_data_runs_on_data_made_up(session: Session) -> None:
    recording = read(session(None, EVERYTHING, "cpu", DOVETAIL_RECORD_DATA="hash"))
    result = replayed(recording, _cpu())
    assert list(report.problems(result)) == []
    assert {o.kind for o in result.of("run")} <= {"unchecked", "same"}  # same: outputs are empty
    assert "unchecked" in {o.kind for o in result.of("execute")}


@pytest.mark.parametrize("kind", ["separate", "mapped", "async_opaque"])
def test_memory_that_the_host_cannot_read_is_fetched(
    session: Session, build: Callable[..., Path], kind: str
) -> None:
    """By the device's copy, by its map, and by a copy that needs a stream."""
    library = build(kind, f"rec{kind}")
    text = f"""
import numpy as np
import dovetail as dt
with dt.use_device("rec{kind}"):
    x = dt.asarray(np.arange(4, dtype="float32"))
    assert dt.jit(lambda a: a + a + a)(x + x).tolist() == [0.0, 6.0, 12.0, 18.0]
"""
    recording = read(session(library, text, f"rec{kind}"))
    runs = [call for call in recording.calls if call.name == "run"]
    assert len(runs) == 3
    held = [view for c in runs for view in (*c.begin["inputs"], *(c.end or {})["outputs"])]
    assert all("data" in view for view in held)
    result = replayed(recording, library)
    assert list(report.problems(result)) == []
    assert [outcome.kind for outcome in result.of("run")] == ["same"] * 3


# ---- a device with streams and memory of its own -------------------------------------------------


@pytest.fixture(scope="module")
def accelerator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated accelerator of the templates."""
    target = tmp_path_factory.mktemp("recturbo") / "librecturbo.so"
    sources = sorted(map(str, ACCELERATOR.glob("*.c")))
    assert sources, "the installed dovetail lacks its templates"
    words = ["-std=c11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
    words += [f"-I{dovetail_abi.include_dir()}", '-DDEVICE_WORD="recturbo"', *sources]
    subprocess.run(["gcc", *words, "-o", str(target), "-lm", "-lpthread"], check=True)
    return target


QUEUED = """
import numpy as np
import dovetail as dt
with dt.use_device("recturbo"):
    x = dt.asarray(np.arange(12, dtype="float32").reshape(3, 4))
    y = x @ dt.ones((4, 5))
    f = dt.jit(lambda a: a * 2 + a[::2].sum())
    assert f(y + y).tolist() == f(y + y).tolist()
    (y - 1).to_device("cpu").tolist()
"""


@pytest.mark.parametrize("options", ["", "opaque=1"])
def test_work_on_streams_is_recorded_and_replayed(
    session: Session, accelerator: Path, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECTURBO_OPTIONS", options)
    recording = read(session(accelerator, QUEUED, "recturbo"))
    names = {call.name for call in recording.calls}
    assert {"stream_create", "copy", "alloc", "run", "stream_sync", "device_close"} <= names
    runs = [call for call in recording.calls if call.name == "run"]
    assert runs and all(call.begin["stream"] for call in runs)
    assert all("done_ns" in (call.end or {}) for call in runs)  # not only enqueued
    outputs = [row for call in runs for row in (call.end or {})["outputs"]]
    assert outputs and all("data" in row for row in outputs)  # fetched from the device's memory
    result = replayed(recording, accelerator)
    assert list(report.problems(result)) == []
    assert {o.kind for o in (*result.of("run"), *result.of("copy"))} == {"same"}
    assert {o.kind for o in replayed(recording, _cpu()).of("run")} == {"same"}


def test_events_are_recorded_and_replayed(
    session: Session, accelerator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two devices of one plugin order their streams by events.
    text = """
import numpy as np
import dovetail as dt
x = dt.asarray(np.arange(6, dtype="float32"), device="recturbo:0")
y = (x + x).to_device("recturbo:1")
assert (y + y).tolist() == [0.0, 4.0, 8.0, 12.0, 16.0, 20.0]
"""
    monkeypatch.setenv("RECTURBO_OPTIONS", "devices=2")
    recording = read(session(accelerator, text, "recturbo"))
    names = {call.name for call in recording.calls}
    assert {"event_create", "event_record", "stream_wait"} <= names
    result = replayed(recording, accelerator)
    assert list(report.problems(result)) == []


def test_a_failure_that_comes_late_reaches_the_program_and_the_recording(
    session: Session, accelerator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
import numpy as np
import dovetail as dt
from dovetail.errors import DeviceError
with dt.use_device("recturbo"):
    try:
        for n in range(1, 9):
            x = dt.asarray(np.ones(n, "float32"))
            (x + x).tolist()
    except DeviceError as error:
        assert "the simulated fault" in str(error), error
    else:
        raise SystemExit("no fault came")
"""
    monkeypatch.setenv("RECTURBO_OPTIONS", "fail_at=9")
    recording = read(session(accelerator, text, "recturbo"))
    late = [call for call in recording.calls if "late" in (call.end or {})]
    assert len(late) == 1 and late[0].end is not None
    assert "the simulated fault" in late[0].end["late"]["message"]
    told = [c for c in recording.calls if c.name == "stream_sync" and c.status]
    assert len(told) == 1  # and the core was told once, by its own sync
    monkeypatch.delenv("RECTURBO_OPTIONS")
    problems = list(report.problems(replayed(recording, accelerator)))
    assert len(problems) == 2 and all("ok; when it was recorded: INTERNAL" in p for p in problems)


def test_recording_and_validation_stand_together(
    session: Session, accelerator: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = session(accelerator, QUEUED, "recturbo", DOVETAIL_VALIDATE="1")
    assert main(["replay", str(path), str(accelerator)]) == 0
    assert "all as recorded" in capfd.readouterr().out
