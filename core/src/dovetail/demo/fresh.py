"""What a fresh process does with the program file: load it, run it on one device, report.

``python -m dovetail.demo.fresh PROGRAM DEVICE PROBABILITIES``; the device ``numpy`` is the
reference. Nothing of the network's Python code is imported here. The last line printed is JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dovetail as dt
from dovetail.demo.batches import padded
from dovetail.demo.data import load_digits

__all__ = ["REFERENCE", "run"]

REFERENCE = "numpy"
_CALLS = 200
_SECONDS = 1.0


def run(path: Path, device: str, output: Path) -> dict[str, Any]:
    """Probabilities of the held-out images to ``output``; timings and notes come back."""
    dt.device("cpu:0")  # constants are its arrays; opening it is no part of loading
    load = dt.load
    started = time.perf_counter()
    program = load(path)
    loaded = time.perf_counter()
    facts: dict[str, Any] = {"load_seconds": loaded - started, "note": "", "reason": ""}
    batch = program.inputs[0].spec.shape[0]
    batches = list(padded(load_digits().test_images, batch))

    call: Callable[[Any], Any]
    if device == REFERENCE:
        call = program.reference
    else:
        bound = program.to_device(device)
        inputs = dt.asarray(batches[0][0], device=device)
        started = time.perf_counter()
        np.asarray(bound(inputs))
        facts["compile_seconds"] = time.perf_counter() - started
        elsewhere = [what for what, why, _ in bound.planned().steps if "on cpu:0" in why]
        total = len(bound.planned().steps)
        if len(elsewhere) == total and total:
            facts["reason"] = f"it has a kernel for none of the program's {total} steps"
            return facts
        if elsewhere:
            facts["note"] = f"{len(elsewhere)} of {total} steps ran on cpu:0 for want of a kernel"

        def call(images: Any) -> Any:
            return np.asarray(bound(dt.asarray(images, device=device)))

    parts = [call(images)[:count] for images, count in batches]
    np.save(output, np.concatenate(parts))
    facts["batch_seconds"] = _median_seconds(call, batches[0][0])
    return facts


def _median_seconds(call: Callable[[Any], Any], images: Any) -> float:
    """Median of many calls, images in and probabilities out."""
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(times) < _CALLS and (len(times) < 3 or time.perf_counter() < end):
        started = time.perf_counter()
        call(images)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    try:
        found = run(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except dt.DovetailError as error:
        found = {"reason": str(error)}
    print(json.dumps(found))
