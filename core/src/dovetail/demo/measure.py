"""The saved program on every device: one fresh process each, so that a crash costs one row."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dovetail as dt
from dovetail.demo.data import Labels
from dovetail.demo.fresh import REFERENCE
from dovetail.demo.results import DeviceResult
from dovetail.plugins import records

__all__ = ["measure"]

_PATIENCE = 300.0  # seconds for one device


def measure(
    program: Path,
    labels: Labels,
    folder: Path,
    announce: Callable[[str], None] = lambda _: None,
) -> tuple[list[DeviceResult], dict[str, NDArray[np.float32]]]:
    """A row for each installed device and one for the reference, and the probabilities of each.

    ``folder`` takes files of the processes; ``announce(name)`` is called before each.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # broken plugins become rows below
        names = [device.name for device in dt.devices()]
    facts: dict[str, dict[str, Any]] = {}
    found: dict[str, NDArray[np.float32]] = {}
    for name in (REFERENCE, *names):
        announce(name)
        output = folder / f"{name.replace(':', '-')}.npy"
        facts[name] = _run(program, name, output)
        if not facts[name].get("reason"):
            found[name] = np.load(output, allow_pickle=False)
    rows = [_row(name, facts[name], found, labels) for name in names]
    rows += _unusable({name.partition(":")[0] for name in names})
    rows.append(_row(REFERENCE, facts[REFERENCE], found, labels))
    return rows, found


def _run(program: Path, device: str, output: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "dovetail.demo.fresh", str(program), device, str(output)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"reason": f"it had not finished after {_PATIENCE:.0f} s"}
    if done.returncode < 0:
        return {"reason": f"its process was ended by signal {-done.returncode}"}
    lines = done.stdout.strip().splitlines()
    try:
        facts: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return {"reason": f"its process failed: {last}"}
    return facts


def _row(
    name: str, facts: dict[str, Any], found: dict[str, NDArray[np.float32]], labels: Labels
) -> DeviceResult:
    if facts.get("reason"):
        return DeviceResult(name=name, reason=facts["reason"], reference=name == REFERENCE)
    probabilities, reference = found[name], found.get(REFERENCE)
    difference = None
    if name != REFERENCE and reference is not None:
        gap = np.abs(probabilities - reference)
        difference = float(gap.max()) if np.isfinite(gap).all() else float("inf")
    return DeviceResult(
        name=name,
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        difference=difference,
        batch_seconds=facts["batch_seconds"],
        load_seconds=facts["load_seconds"],
        compile_seconds=facts.get("compile_seconds"),
        note=facts["note"],
        reference=name == REFERENCE,
    )


def _unusable(there: set[str]) -> list[DeviceResult]:
    """Device plugins that are installed but bring no device here, with the reason."""
    return [
        DeviceResult(name=one.name, reason=one.reason or one.state)
        for one in records()
        if one.kind == "device" and one.name not in there
    ]
