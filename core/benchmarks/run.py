"""The spine's costs beside its peers, side by side in one run.

    python core/benchmarks/run.py [--peers numpy,torch,jax,dovetail] [--threads 1] [--quick]

Each peer runs in a process of its own, in rounds: A B C A B C ... Writes results.json, RESULTS.md
and results.svg beside this file (or into --out) and prints the table. Nothing fails on a figure.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import shlex
import sys
from pathlib import Path

from results import write
from rounds import Rounds
from spine import chart, imports, report
from spine.bars import PEER_ORDER, ROWS
from spine.summary import summarise
from surroundings import ROOT, commit, environment, machine

HERE = Path(__file__).resolve().parent


class Run(Rounds):
    """What the children said, and what importing costs."""

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
                    one = self.cell(row, peer)
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
        one = self.cell(row, peer)
        one.rounds[0] = [value]
        one.basis.append("exact")


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
    run = Run(chosen.threads)
    budget = ("0.3", "10") if chosen.quick else ("1.0", "30")
    load = [os.getloadavg()[0]]
    for number in range(chosen.rounds):
        for peer in peers:
            print(f"round {number + 1} of {chosen.rounds}: {peer}", file=sys.stderr)
            run.child(peer, number, [str(HERE / "child.py"), peer, str(chosen.threads), *budget])
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
