"""The spine's costs beside its peers, side by side in one run.

    python core/benchmarks/run.py [--peers numpy,torch,jax,dovetail] [--threads 1] [--quick]

Each peer runs in a process of its own, in rounds: A B C A B C ... Writes results.json, RESULTS.md
and results.svg beside this file (or into --out) and prints the table. Nothing fails on a figure.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from results import write
from spine import chart, imports, report
from spine.bars import PEER_ORDER, ROWS
from spine.summary import Cell, summarise

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMITS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "DOVETAIL_NUM_THREADS",
)
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "XLA_FLAGS", "PYTHONDONTWRITEBYTECODE")
SLOWEST = 1200
"""Seconds after which a child is given up."""

Cells = dict[str, dict[str, Cell]]


def environment(threads: int) -> dict[str, str]:
    """The same limits for every peer, and none of the settings that change what is measured."""
    found = {name: value for name, value in os.environ.items() if name not in UNSET}
    found |= dict.fromkeys(LIMITS, str(threads))
    return found | {"JAX_PLATFORMS": "cpu"}


def cell(cells: Cells, row: str, peer: str) -> Cell:
    return cells.setdefault(row, {}).setdefault(peer, Cell())


class Run:
    """What the children said."""

    def __init__(self, threads: int, seconds: float, samples: int) -> None:
        self.threads, self.seconds, self.samples = threads, seconds, samples
        self.cells: Cells = {}
        self.versions: dict[str, str] = {}
        self.failures: list[str] = []

    def child(self, peer: str, number: int) -> None:
        """One peer, one round."""
        words = [peer, str(self.threads), str(self.seconds), str(self.samples)]
        command = [sys.executable, str(HERE / "child.py"), *words]
        try:
            done = subprocess.run(
                command,
                env=environment(self.threads),
                capture_output=True,
                text=True,
                timeout=SLOWEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.failures.append(f"{peer} took more than {SLOWEST} s")
            return
        for line in done.stdout.splitlines():
            if line.startswith("{"):  # a library may print lines of its own
                self.heard(peer, number, json.loads(line))
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no text"])[-1]
            self.failures.append(f"{peer} ended with status {done.returncode}: {last}"[:400])

    def heard(self, peer: str, number: int, line: dict[str, Any]) -> None:
        if "versions" in line:
            self.versions |= line["versions"]
        elif "after" in line:
            text = f"{peer} stopped after {line['after']}: {line['error']}"
            if text not in self.failures:
                self.failures.append(text)
        elif "error" in line:
            cell(self.cells, line["case"], peer).errors.append(line["error"])
        else:
            one = cell(self.cells, line["case"], peer)
            one.rounds[number] = line["values"]
            one.how = line["how"]
            one.basis.append(line["basis"])

    def importing(self, peers: list[str], times: int) -> None:
        """The rows about importing; each turn is a round of its own."""
        found = imports.in_turn(peers, times, environment(self.threads))
        for peer, costs in found.items():
            for number, (whole, used, alone, resident) in enumerate(costs):
                for row, value in (
                    ("import_process", whole),
                    ("import_cpu", used),
                    ("import_alone", alone),
                    ("import_resident", resident),
                ):
                    one = cell(self.cells, row, peer)
                    one.rounds[number] = [value]
                    one.basis.append("wall")
            own, together = imports.installed(peer)
            self.fixed("installed", peer, own)
            self.fixed("installed_all", peer, together)
        if "dovetail" in peers:
            self.fixed("wheel", "dovetail", imports.wheel_bytes(ROOT / "dist"))

    def fixed(self, row: str, peer: str, value: float | None) -> None:
        """A figure that no round changes, if there is one."""
        if value is None:
            return
        one = cell(self.cells, row, peer)
        one.rounds[0] = [value]
        one.basis.append("exact")


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    names = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((x.split(":")[1].strip() for x in names if x.startswith("model name")), "")
    return {
        "processor": name or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="numpy,torch,jax,dovetail", help=", ".join(PEER_ORDER))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two short rounds, three imports")
    parser.add_argument("--rounds", type=int, help="default: 5, or 2 with --quick")
    parser.add_argument("--imports", type=int, help="default: 15, or 3 with --quick")
    parser.add_argument("--note", default="", help="why the figures are provisional, if they are")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the three files")
    chosen = parser.parse_args()
    chosen.peers = chosen.peers.split(",")
    unknown = set(chosen.peers) - set(PEER_ORDER)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: no such peer; known: {', '.join(PEER_ORDER)}")
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.imports = chosen.imports or (3 if chosen.quick else 15)
    return chosen


def main() -> None:
    chosen = arguments()
    absent = {
        peer: "not installed"
        for peer in chosen.peers
        if importlib.util.find_spec(peer.split(".")[0]) is None
    }
    peers = [peer for peer in chosen.peers if peer not in absent]
    run = Run(chosen.threads, *((0.3, 10) if chosen.quick else (1.0, 30)))
    load = [os.getloadavg()[0]]
    for number in range(chosen.rounds):
        for peer in peers:
            print(f"round {number + 1} of {chosen.rounds}: {peer}", file=sys.stderr)
            run.child(peer, number)
    print("importing", file=sys.stderr)
    run.importing([peer for peer in peers if "." not in peer], chosen.imports)
    load.append(os.getloadavg()[0])
    results = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "core/benchmarks/run.py", *sys.argv[1:]]),
        "commit": commit(),
        "note": chosen.note,
        "machine": machine(),
        "versions": run.versions,
        "threads": chosen.threads,
        "rounds": chosen.rounds,
        "load": load,
        "absent": absent,
        "failures": run.failures,
        "rows": summarise(ROWS, run.cells),
    }
    write(chosen.out, results, report.markdown(results), chart.draw(results))
    print(report.on_screen(results))


if __name__ == "__main__":
    main()
