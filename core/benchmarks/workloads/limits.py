"""What the machine can do at best, measured, and the least time that a workload can take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from workloads.workload import Workload

SOURCE = Path(__file__).with_name("machine_limits.c")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-pthread")


def build(folder: Path) -> tuple[Path | None, str]:
    """The program of machine_limits.c, or None and the reason."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return None, "no C compiler"
    program = folder / "machine_limits"
    done = subprocess.run(
        [compiler, *FLAGS, str(SOURCE), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None, f"{compiler}: {(done.stderr.strip().splitlines() or ['no text'])[0]}"
    return program, ""


def measured(program: Path, threads: int) -> dict[str, float]:
    """Per second: "fma" float32 operations, "copy" bytes read plus written, "read" bytes read."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    done = subprocess.run(
        [str(program), str(threads)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    lines = map(json.loads, done.stdout.splitlines())
    return {line["limit"]: line["value"] for line in lines}


def least_seconds(work: Workload, limits: dict[str, float]) -> float:
    """The longer of arithmetic at the peak and of each operand read and the result written once.

    As many bytes as are written are read at the speed of a copy, the rest at that of reading.
    """
    copied = 2 * min(work.read, work.written)
    alone = max(work.read, work.written) - copied / 2
    traffic = copied / limits["copy"] + alone / limits["read"]
    return max(work.flops / limits["fma"], traffic)
