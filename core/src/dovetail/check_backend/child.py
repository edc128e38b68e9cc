"""The child's side: ``python -m dovetail.check_backend.child REQUEST`` runs one stage.

REQUEST is JSON: stage, library, descriptor, quick, ordinal, ended (steps of children before).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import traceback
from pathlib import Path

from dovetail.check_backend.channel import Sender
from dovetail.check_backend.stage import Stage, Stop
from dovetail.check_backend.stages import STAGES
from dovetail.check_backend.subject import Subject

__all__ = ["main"]


def main(request: str) -> None:
    """Run the stage, send what it finds, and leave."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  there is none on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is an answer here
    asked = json.loads(request)
    sender = Sender(asked["descriptor"])
    stage = next(one for one in STAGES if one.name == asked["stage"])
    subject = Subject(
        Path(asked["library"]),
        sender,
        quick=asked["quick"],
        ordinal=asked["ordinal"],
        ended=asked["ended"],
    )
    _run(stage, subject, sender)
    if stage.exits:
        sender.send(
            "doing", what="exit of the process", crash="load/crash-at-exit", hang="", step=0
        )
        sender.send("done")
        ctypes.CDLL(None).exit(0)  # what was registered with atexit, and destructors, run in here
    sender.send("done")
    os._exit(0)


def _run(stage: Stage, subject: Subject, sender: Sender) -> None:
    try:
        for finding in stage.run(subject):
            sender.send("finding", **finding.as_data())
    except Stop as stop:
        sender.send("stop", why=str(stop))
    except Exception as error:
        # A library that tramples on memory may make any line of the kit raise.
        sender.send("fault", what=f"{type(error).__name__}: {error}", trace=traceback.format_exc())


if __name__ == "__main__":
    main(sys.argv[1])
