"""The child process of a replay: loads the library and makes the calls, telling each step.

Usage: python -P -m dovetail.replay_calls.child FD, with a request as JSON on standard input.

Every step is announced on the file descriptor before it is taken, so that the parent can name the
one that ended the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail.check_backend.channel import Sender
from dovetail.errors import DovetailError
from dovetail.replay_calls.engine import Engine
from dovetail.replay_calls.outcome import Outcome
from dovetail.replay_calls.reader import read
from dovetail.replay_calls.target import load


def run(request: dict[str, Any], sender: Sender) -> None:
    """Make the wanted calls. A call that cannot be made is an outcome, not the end."""
    recording = read(Path(request["recording"]))
    calls = {call.number: call for call in recording.calls}
    sender.send("step", at="load")
    try:
        engine = Engine(recording, load(Path(request["library"])), request["tolerance"])
    except DovetailError as error:
        sender.send("refused", why=str(error))
        return
    sender.send("loaded", name=engine.target.name)
    for number in request["calls"]:
        sender.send("step", at=number)
        try:
            outcome = engine.replay(calls[number])
        except DovetailError as error:
            outcome = Outcome(kind="failed", text=str(error))
        sender.send("call", number=number, outcome=outcome.as_data())
    sender.send("step", at="close")
    engine.close()
    sender.send("done")


def main() -> None:
    """Serve one request."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is an answer
    run(json.load(sys.stdin), Sender(int(sys.argv[1])))
    os._exit(0)  # what the library does at exit was not recorded


if __name__ == "__main__":
    main()
