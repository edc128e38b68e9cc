"""Replay from outside: child processes do it, so that a crash is a line in the report.

After a call that takes the process down, another child goes on with the next call.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dovetail.errors import DovetailError
from dovetail.replay_calls.outcome import Outcome
from dovetail.replay_calls.reader import Call, Recording

__all__ = ["Replay", "replay"]

_MOST_CRASHES = 25
_SHOWN = 200
_START_SECONDS = 60.0


@dataclass(kw_only=True)
class Replay:
    """What became of each call."""

    recording: Recording
    library: Path
    device: str = ""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    ending: str = ""
    """What went wrong outside of calls: at the end, or when too much crashed."""

    def of(self, name: str) -> list[Outcome]:
        """The outcomes of calls of a name, such as "run", in their order."""
        names = {call.number: call.name for call in self.recording.calls}
        return [outcome for number, outcome in self.outcomes.items() if names[number] == name]


@dataclass(slots=True)
class _State:
    """How far a child came."""

    step: object = None
    refused: str = ""
    finished: bool = False
    fault: str = ""


def replay(
    recording: Recording,
    library: Path,
    calls: Sequence[Call],
    *,
    tolerance: float | None = None,
    seconds: float = 60.0,
    told: Callable[[Call, Outcome], None] = lambda _call, _outcome: None,
) -> Replay:
    """Make calls again on a library. ``seconds``: how long a single one may take."""
    result = Replay(recording=recording, library=library)
    by_number = {call.number: call for call in calls}
    left = list(by_number)
    crashes = 0
    while True:
        request = {
            "recording": str(recording.path.resolve()),
            "library": str(library),
            "tolerance": tolerance,
            "calls": left,
        }

        def heard(number: int, outcome: Outcome) -> None:
            result.outcomes[number] = outcome
            told(by_number[number], outcome)

        state = _one_child(request, seconds, result, heard)
        if state.refused:
            raise DovetailError(state.refused)
        if state.finished:
            return result
        if state.step in (None, "load"):
            raise DovetailError(f"{library} {state.fault} while it was loaded")
        if state.step == "close":
            result.ending = f"it {state.fault} while its handles were given back"
            return result
        number = int(str(state.step))
        heard(number, Outcome(kind="crashed", text=f"it {state.fault}"))
        left = left[left.index(number) + 1 :]
        crashes += 1
        if crashes == _MOST_CRASHES and left:
            result.ending = f"it crashed {crashes} times; {len(left)} calls were not made again"
            return result


def _one_child(
    request: dict[str, Any],
    seconds: float,
    result: Replay,
    heard: Callable[[int, Outcome], None],
) -> _State:
    state = _State()
    read_end, write_end = os.pipe()
    command = [sys.executable, "-P", "-m", "dovetail.replay_calls.child", str(write_end)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        try:
            child = subprocess.Popen(
                command,
                stdin=asked,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        try:
            with os.fdopen(read_end, "rb", buffering=0) as channel:
                in_time = _listen(channel, seconds, state, result, heard)
            code = child.wait(10) if in_time else None
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)  # it, and what the library started
            child.wait()
        output.seek(0)
        printed = output.read().decode("utf-8", "replace").strip()[-_SHOWN:]
    state.fault = _fault(code, seconds)
    if printed:
        state.fault += f" (it printed: {printed})"
    return state


def _fault(code: int | None, seconds: float) -> str:
    if code is None:
        return f"did not come back within {seconds:g} seconds"
    if code >= 0:
        return f"ended the process with status {code}"
    try:
        return f"crashed with {signal.Signals(-code).name}"
    except ValueError:
        return f"crashed with signal {-code}"


def _listen(
    channel: IO[bytes],
    seconds: float,
    state: _State,
    result: Replay,
    heard: Callable[[int, Outcome], None],
) -> bool:
    """Read what the child tells until it ends; False when a step takes too long."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            starting = state.step is None  # the interpreter itself takes what it takes
            if not selector.select(max(seconds, _START_SECONDS) if starting else seconds):
                return False
            piece = channel.read(65536)
            if not piece:
                return True
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                _take(json.loads(line), state, result, heard)


def _take(
    said: dict[str, Any], state: _State, result: Replay, heard: Callable[[int, Outcome], None]
) -> None:
    if "step" in said:
        state.step = said["step"]
    elif "refused" in said:
        state.refused = said["refused"]
    elif "loaded" in said:
        result.device = said["loaded"]
    elif "call" in said:
        heard(int(said["call"]), Outcome(**said["outcome"]))
    elif "done" in said:
        state.finished = True
