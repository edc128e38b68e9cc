"""The end of a process, and a fork: devices close in order, what outlives them harms nobody."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Build = Callable[..., Path]
Run = Callable[..., tuple[list[str], str]]


@pytest.fixture
def run(build: Build) -> Run:
    """A program in a fresh interpreter, with `chip` (asynchronous), `plain` (no device table) and
    some arrays; its lines, and what it wrote to stderr."""
    head = f"""
import atexit, os, sys, threading, time
EARLIER = []
atexit.register(lambda: [f() for f in EARLIER])  # runs after Dovetail's own
import numpy as np, dovetail as dt
from dovetail.devices import device, load
chip = load({str(build("async_opaque", "chip", 2))!r})
plain = load({str(build("good", "plain"))!r})
x = dt.asarray(np.arange(4, dtype=np.float32), device=chip)
zero = dt.asarray(np.zeros(4, np.float32), device=chip)
"""

    def run_one(text: str) -> tuple[list[str], str]:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", head + text],
            env={**os.environ, "ASYNC_TELL": "stdout"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), done.stderr

    return run_one


def test_devices_are_closed_and_plugins_shut_down_in_reverse_order(run: Run) -> None:
    lines, errors = run('device("chip:1"); (x + x).tolist(); print("end", flush=True)')
    assert lines == ["end", "chip closed 1", "chip closed 0", "chip shut down"]
    assert errors == ""


def test_events_go_before_the_device_that_they_are_of(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 65 copies, the last one's event waits on the sender alone: the receiver let go of its
    own when they became too many. The validation layer knows whose event it is."""
    monkeypatch.setenv("DOVETAIL_VALIDATE", "1")
    text = 'device("chip:1"); kept = [x.to_device("chip:1") for _ in range(65)]'
    lines, errors = run(text)
    assert lines == ["chip closed 1", "chip closed 0", "chip shut down"]
    assert errors == ""


def test_what_outlives_its_device_harms_nobody(run: Run) -> None:
    text = """
f = dt.jit(lambda x, y: dt.sqrt(x + y) + x)
entry = dt.jit(lambda x: x + x).entry(dt.asarray([1.0]))
y = f(x, x)  # still under way
z = dt.asarray(np.ones(3, np.float32), device=plain)
kept = [x + x, x + 1.5, f, y, entry, dt.asarray([1.0]), z + z]
kept.append(kept)  # a cycle: collected when the interpreter goes
class Late:
    def __del__(self):
        try:
            x + x
        except Exception as error:
            print(type(error).__name__, error)
late = Late()
"""
    lines, errors = run(text)
    assert lines[:2] == ["chip closed 0", "chip shut down"], errors
    assert errors == ""


def test_a_use_after_the_end_is_an_error_in_words(run: Run) -> None:
    text = """
f = dt.jit(lambda x: x + x)
f(x)
c = dt.asarray([1.0, 2.0])
def attempt(use):
    try:
        print(use())
    except Exception as error:
        print(type(error).__name__, error)
EARLIER += [lambda use=use: attempt(use) for use in (
    lambda: x + x, lambda: f(x), lambda: x.tolist(), lambda: chip.sync(),
    lambda: x.to_device("cpu"), lambda: dt.asarray([1.0], device=chip),
    lambda: device("chip:1"), lambda: (c + c).tolist(),
)]
"""
    lines, errors = run(text)
    assert errors == ""
    assert lines[:2] == ["chip closed 0", "chip shut down"]
    chip, other, cpu = lines[2:8], lines[8], lines[9]
    assert all(
        line.startswith("DeviceError chip:0 was closed when the interpreter began to exit; finish")
        for line in chip
    ), chip
    assert other.startswith("DeviceError the interpreter has begun to exit, and every device was")
    assert cpu == "[2.0, 4.0]"  # what the host shares is there to the end


def test_memory_that_the_host_shares_is_there_until_the_interpreter_is_gone(
    build: Build, run: Run
) -> None:
    text = f"""
shared = load({str(build("closes", "shared"))!r})
ones = dt.asarray(np.ones(4, np.float32), device=shared)
view = np.asarray(ones + ones)
f = dt.jit(lambda x: x + x)
f(ones)
class Late:
    def __init__(self, view):
        self.view = view
    def __del__(self, write=os.write):
        write(1, b"%d\\n" % self.view.item(0))
late = Late(view)
EARLIER.append(lambda: print((ones + ones).tolist(), flush=True))
"""
    lines, errors = run(text)
    assert errors == ""
    assert lines[-2:] == ["shared closed", "shared shut down"]
    assert "shared kernel destroyed" in lines
    lines = [line for line in lines[:-2] if line != "shared kernel destroyed"]
    assert lines == ["chip closed 0", "chip shut down", "[2.0, 2.0, 2.0, 2.0]", "2"]


def test_a_failure_that_nobody_waited_for_is_still_told(run: Run) -> None:
    lines, errors = run("x / zero")
    assert lines == ["chip closed 0", "chip shut down"]
    assert "divide at <string>:" in errors and "found later by the end of the process" in errors


def test_a_thread_in_the_middle_of_a_call_is_waited_for(run: Run) -> None:
    text = """
def work():
    try:
        while True:
            (x + x).tolist()
    except dt.DeviceError:
        pass
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
"""
    lines, errors = run(text)
    assert lines == ["chip closed 0", "chip shut down"]
    assert errors == ""


def test_a_forked_child_uses_nothing_of_its_parents_and_closes_nothing(run: Run) -> None:
    text = """
y = x + x
child = os.fork()
if child == 0:
    for use in (lambda: x + x, lambda: x.tolist(), lambda: y.to_device("cpu"), lambda: chip.sync(),
                lambda: device("chip")):
        try:
            use()
            print("no error")
        except dt.DeviceError as error:
            print("child:", error)
    print((dt.asarray([1.0]) + 1).tolist(), flush=True)
    del y
    sys.exit(0)  # in order: what is registered to run at exit runs
assert os.waitpid(child, 0)[1] == 0
print(y.tolist(), flush=True)
"""
    lines, errors = run(text)
    assert errors == ""
    said, rest = lines[:5], lines[5:]
    assert all(
        line.startswith("child: chip:0 was opened before this process was forked") for line in said
    ), said
    assert rest == ["[2.0]", "[0.0, 2.0, 4.0, 6.0]", "chip closed 0", "chip shut down"]


def test_a_child_closes_what_it_opened_itself(build: Build, run: Run) -> None:
    text = f"""
child = os.fork()
if child == 0:
    own = load({str(build("async_plain", "own"))!r})
    print(dt.asarray(np.ones(2, np.float32), device=own).tolist(), flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent", flush=True)
"""
    lines, errors = run(text)
    assert errors == ""
    assert lines == [
        "[1.0, 1.0]",
        "own closed 0",
        "own shut down",
        "parent",
        "chip closed 0",
        "chip shut down",
    ]
