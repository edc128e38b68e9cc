"""One stage in a child process: watched, ended when it stands still, started after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.check_backend import objections
from dovetail.check_backend.channel import listen
from dovetail.check_backend.drive.process import signal_name
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import OpResult, Stage

__all__ = ["Run", "run_stage"]

_MOST_RESTARTS = 20
_OUTPUT_KEPT = 2000
_TO_START = 120.0  # seconds that a busy machine may take to import Dovetail in the child
# What the user set for a program of his own would change what is checked.
_NOT_INHERITED = (
    "BACKENDS DISABLE PLUGINS FALLBACK DEVICE VALIDATE RECORD CPU PROBE_SECONDS".split()
)
# What sanitizers say before they end the process, and which of that is a plain crash.
_SANITIZER = re.compile(r"^.*(?:\w+Sanitizer|runtime error): .*$", re.MULTILINE)
_CRASH = re.compile(r"Sanitizer: (SEGV|BUS|ILL|FPE|stack-overflow)")
_EXCEPTIONS = ("terminate called", "panicked at", "libc++abi", "fatal runtime error: Rust")


@dataclass(kw_only=True, slots=True)
class Run:
    """What came out of one stage."""

    findings: list[Finding] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    ops: list[OpResult] = field(default_factory=list)
    output: str = ""
    """What the library printed."""
    finished: bool = False
    """Whether it ran to its end; later stages may need that."""
    stopped: str = ""
    """Why it gave up."""
    seconds: float = 0.0


@dataclass(slots=True)
class _Child:
    """How far one child came."""

    what: str = "start"
    crash: str = ""
    hang: str = ""
    step: int = 0
    done: bool = False
    printed: str = ""


def run_stage(
    stage: Stage,
    library: Path,
    *,
    quick: bool = False,
    ordinal: int = 0,
    patience: float = 30.0,
    stop: threading.Event | None = None,
) -> Run:
    """Run it. ``patience``: how many seconds one step may take. ``stop``: set to end it early."""
    run = Run()
    begin = time.monotonic()
    ended: list[int] = []  # the steps in which children ended
    for _ in range(_MOST_RESTARTS + 1):
        request = {
            "stage": stage.name,
            "library": str(library),
            "quick": quick,
            "ordinal": ordinal,
            "ended": ended,
        }
        child = _Child()
        code = _watch(request, child, run, patience, stop or threading.Event())
        run.output = (run.output + child.printed)[:_OUTPUT_KEPT]
        finding = _fault(stage, child, code, patience)
        if finding is None:
            run.finished = not run.stopped
            break
        _add(run, finding)
        # A crash at the exit comes after everything, and one outside a step comes back each time.
        if child.done or child.step <= max(ended, default=0):
            run.finished = child.done
            break
        ended.append(child.step)
    else:
        run.skips.append(f"the rest: the process ended {_MOST_RESTARTS + 1} times in this stage")
    run.seconds = time.monotonic() - begin
    return run


def _fault(stage: Stage, child: _Child, code: int | None, patience: float) -> Finding | None:
    """What the end of the child says, None for a good end."""
    if code is None:
        what = f"{child.what} did not return within {patience:g} seconds"
        return Finding(child.hang or "process/hang", stage.name, what, child.what)
    printed = _last_line(child.printed)
    said = f"; it printed: {printed}" if printed else ""
    report = _SANITIZER.search(child.printed) if code else None
    if report is not None:
        crashed = _CRASH.search(report[0]) is not None
        crash = child.crash or "process/crash"
        what = f"{child.what} ended the process: {report[0].strip()[:300]}"
        return Finding(crash if crashed else "process/sanitizer", stage.name, what, child.what)
    if code < 0:
        word = signal_name(-code)
        if -code == signal.SIGABRT and any(word in child.printed for word in _EXCEPTIONS):
            what = f"{child.what} let an exception out, and the process was terminated{said}"
            return Finding("process/exception", stage.name, what, child.what)
        what = f"{child.what} ended the process with {word}{said}"
        crash = objections.code_of(printed) if printed.startswith(objections.MARK) else ""
        return Finding(crash or child.crash or "process/crash", stage.name, what, child.what)
    if not child.done or code != 0:
        what = f"{child.what} ended the process with status {code}{said}"
        exits = "process/exit" if not child.crash.endswith("crash-at-exit") else child.crash
        return Finding(exits, stage.name, what, child.what)
    return None


def _last_line(text: str) -> str:
    # Python's report of a crash comes last and says less than what the library printed before.
    lines = text.partition("Fatal Python error: ")[0].strip().splitlines() or [""]
    return next((x for x in lines if x.startswith(objections.MARK)), lines[-1]).strip()[:400]


def _add(run: Run, finding: Finding) -> None:
    if finding not in run.findings:  # a stage that is started again finds some things twice
        run.findings.append(finding)


# ---- the child ----------------------------------------------------------------------------------


def _watch(
    request: dict[str, Any], child: _Child, run: Run, patience: float, stop: threading.Event
) -> int | None:
    """The child's status; None when it stood still and was ended."""

    def take(message: dict[str, Any]) -> None:
        _take(message, child, run, request["stage"])

    with tempfile.TemporaryFile() as output:
        read_end, write_end = os.pipe()
        text = json.dumps({**request, "descriptor": write_end})
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dovetail.check_backend.child", text],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                env=_environment(),
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        try:
            code = listen(process, read_end, take, patience=patience, to_start=_TO_START, stop=stop)
        finally:
            os.close(read_end)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # and what the library started
            process.wait()
        output.seek(0)
        child.printed = output.read(_OUTPUT_KEPT).decode("utf-8", "replace")
    return code


def _environment() -> Mapping[str, str]:
    kept = {f"DOVETAIL_{word}" for word in _NOT_INHERITED}
    return {k: v for k, v in os.environ.items() if k not in kept}


def _take(message: dict[str, Any], child: _Child, run: Run, stage: str) -> None:
    kind = message.pop("kind")
    if kind == "doing":
        child.what, child.step = message["what"], message["step"]
        child.crash, child.hang = message["crash"], message["hang"]
    elif kind == "finding":
        _add(run, Finding(**message))
    elif kind == "skip":
        if message["what"] not in run.skips:
            run.skips.append(message["what"])
    elif kind == "fact":
        run.facts[message["key"]] = message["value"]
    elif kind == "op":
        run.ops.append(OpResult(**message))
    elif kind == "stop":
        run.stopped = message["why"]
    elif kind == "fault":
        run.stopped = "the check itself failed"
        what = f"in {child.what}: {message['what']}\n{message['trace']}"
        _add(run, Finding("process/kit-fault", stage, what, child.what))
    elif kind == "done":
        child.done = True
