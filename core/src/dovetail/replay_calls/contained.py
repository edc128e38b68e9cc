"""Replay from outside: child processes do it, so that a crash is a line in the report.

After a call that takes the process down, another child goes on with the next call.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.check_backend.channel import listen
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
) -> Replay:
    """Make calls again on a library. ``seconds``: how long a single one may take."""
    result = Replay(recording=recording, library=library)
    left = [call.number for call in calls]
    crashes = 0
    while True:
        request = {
            "recording": str(recording.path.resolve()),
            "library": str(library),
            "tolerance": tolerance,
            "calls": left,
        }
        state = _one_child(request, seconds, result)
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
        result.outcomes[number] = Outcome(kind="crashed", text=f"it {state.fault}")
        left = left[left.index(number) + 1 :]
        crashes += 1
        if crashes == _MOST_CRASHES and left:
            result.ending = f"it crashed {crashes} times; {len(left)} calls were not made again"
            return result


def _one_child(request: dict[str, Any], seconds: float, result: Replay) -> _State:
    state = _State()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        read_end, write_end = os.pipe()
        command = [sys.executable, "-P", "-m", "dovetail.replay_calls.child", str(write_end)]
        try:
            child = subprocess.Popen(
                command,
                stdin=asked,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        try:
            code = listen(
                child,
                read_end,
                lambda said: _take(said, state, result),
                patience=seconds,
                to_start=_START_SECONDS,  # the interpreter itself takes what it takes
            )
        finally:
            os.close(read_end)
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


def _take(said: dict[str, Any], state: _State, result: Replay) -> None:
    kind = said["kind"]
    if kind == "step":
        state.step = said["at"]
    elif kind == "refused":
        state.refused = said["why"]
    elif kind == "loaded":
        result.device = said["name"]
    elif kind == "call":
        result.outcomes[said["number"]] = Outcome(**said["outcome"])
    elif kind == "done":
        state.finished = True
