"""Every op against numpy's meaning of it at a million elements, one thread.

    python core/benchmarks/ops/run.py [--only exp,sum] [--rounds 7] [--out FOLDER]

The operands come from the samples of the op's record, made larger (problem.py), or from shapes.py
where they depend on each other; numpy computes the same by the record's reference or by the
expression a numpy user would write (judges.py). Results must agree before they are timed. Writes
results.json, RESULTS.md and results.svg beside this file. Nothing fails on a figure.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

LIMITS = ("DOVETAIL", "OMP", "MKL", "OPENBLAS")


def limited() -> None:
    """One thread for all: numpy and Dovetail read the environment when they are loaded."""
    names = [f"{word}_NUM_THREADS" for word in LIMITS]
    if all(os.environ.get(name) == "1" for name in names):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        return
    environment = os.environ | dict.fromkeys(names, "1")
    sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of ops, with commas between them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.01, help="of one sample")
    parser.add_argument("--size", type=int, default=1 << 20)
    parser.add_argument("--note", default="", help="why the figures are provisional, if they are")
    parser.add_argument("--out", type=Path, default=HERE)
    return parser.parse_args()


def machine() -> str:
    info = Path("/proc/cpuinfo")
    names = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((x.split(":")[1].strip() for x in names if x.startswith("model name")), "")
    return f"{name or platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    command = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> None:
    limited()
    chosen = arguments()
    from results import write  # noqa: PLC0415

    from ops import chart, report, rows  # noqa: PLC0415  numpy: after the limits

    only = {name for name in chosen.only.split(",") if name}
    load = [os.getloadavg()[0]]
    found, left_out = rows.measured(
        only, size=chosen.size, rounds=chosen.rounds, seconds=chosen.seconds
    )
    load.append(os.getloadavg()[0])
    import numpy  # noqa: PLC0415

    results: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python core/benchmarks/ops/run.py",
        "commit": commit(),
        "note": chosen.note,
        "machine": machine(),
        "numpy": numpy.__version__,
        "size": chosen.size,
        "rounds": chosen.rounds,
        "load": load,
        "rows": found,
        "left_out": left_out,
    }
    write(chosen.out, results, report.markdown(results), chart.draw(results))
    print(report.on_screen(results))


if __name__ == "__main__":
    main()
