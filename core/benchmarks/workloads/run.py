"""Workloads of the field, dovetail beside its peers, in one interleaved run.

    python core/benchmarks/workloads/run.py [--only fused,reductions] [--peers numpy,torch]
        [--threads 1,2] [--cases softmax] [--quick]

Each family of each peer runs in a process of its own, in rounds, and the limits of the machine are
measured in each round. Writes results.json, RESULTS.md and results.svg beside this file (or into
--out) and prints the tables. Nothing fails on a figure; peers that are not installed are absent.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shlex
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)

from results import write  # noqa: E402
from rounds import Rounds  # noqa: E402
from surroundings import commit, machine  # noqa: E402

from workloads import chart, limits, report  # noqa: E402
from workloads.comparison import record  # noqa: E402
from workloads.families import FAMILIES, family  # noqa: E402
from workloads.peers import PEERS, missing  # noqa: E402


class Table(Rounds):
    """One number of threads: what the children said, and the limits of each round of a family."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.limits: dict[str, dict[int, dict[str, float]]] = {}

    def turn(self, name: str, peers: list[str], number: int, words: list[str]) -> None:
        """One round of one family."""
        for peer in peers:
            if peer in family(name).CALLS:
                print(f"round {number + 1}, {self.threads}: {name}, {peer}", file=sys.stderr)
                told = [str(HERE / "child.py"), name, peer, str(self.threads), *words]
                self.child(peer, number, told)

    def limit(self, name: str, program: Path, number: int) -> None:
        self.limits.setdefault(name, {})[number] = limits.measured(program, self.threads)

    def results(self, names: list[str]) -> dict[str, Any]:
        rows = []
        for name in names:
            found = self.limits.get(name, {})
            for work in family(name).WORKLOADS:
                if have := self.cells.get(work.name):
                    least = {n: limits.least_seconds(work, one) for n, one in found.items()}
                    rows.append(record(name, work, have, least))
        each = [one for found in self.limits.values() for one in found.values()]
        medians = {key: statistics.median(one[key] for one in each) for key in (each or [{}])[0]}
        return {"threads": self.threads, "limits": medians, "rows": rows}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(FAMILIES), help=", ".join(FAMILIES))
    parser.add_argument("--cases", default="", help="names of cases; all if none are given")
    parser.add_argument("--peers", default=",".join(PEERS), help=", ".join(PEERS))
    parser.add_argument("--threads", default="1", help="such as 1 or 1,2")
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--rounds", type=int, help="default: 5, or 2 with --quick")
    parser.add_argument("--seconds", type=float, help="of each case: 0.5, or 0.1 with --quick")
    parser.add_argument("--note", default="", help="why the figures are provisional, if they are")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the three files")
    chosen = parser.parse_args()
    for name, known in (("only", FAMILIES), ("peers", PEERS)):
        found = getattr(chosen, name).split(",")
        if unknown := set(found) - set(known):
            parser.error(f"{', '.join(sorted(unknown))}: unknown; known: {', '.join(known)}")
        setattr(chosen, name, found)
    chosen.threads = [int(word) for word in chosen.threads.split(",")]
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (0.1 if chosen.quick else 0.5)
    return chosen


def measure(chosen: argparse.Namespace, peers: list[str]) -> tuple[list[Table], str]:
    """The tables, and why no limits were measured if they were not."""
    tables = [Table(threads) for threads in chosen.threads]
    words = [str(chosen.seconds), "10" if chosen.quick else "20"]
    words += [chosen.cases] if chosen.cases else []
    with tempfile.TemporaryDirectory() as folder:
        program, why = limits.build(Path(folder))
        for number in range(chosen.rounds):
            for table in tables:
                for name in chosen.only:
                    if program:
                        table.limit(name, program, number)
                    table.turn(name, peers, number, words)
    return tables, why


def main() -> None:
    chosen = arguments()
    absent = {peer: f"{name} not installed" for peer in chosen.peers if (name := missing(peer))}
    load = [os.getloadavg()[0]]
    tables, why = measure(chosen, [peer for peer in chosen.peers if peer not in absent])
    load.append(os.getloadavg()[0])
    failures = [text for table in tables for text in table.failures]
    results = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "core/benchmarks/workloads/run.py", *sys.argv[1:]]),
        "commit": commit(),
        "note": chosen.note,
        "machine": machine(),
        "versions": {k: v for table in tables for k, v in table.versions.items()},
        "rounds": chosen.rounds,
        "load": load,
        "absent": absent | ({"limits of the machine": why} if why else {}),
        "failures": list(dict.fromkeys(failures)),
        "tables": [table.results(chosen.only) for table in tables],
    }
    write(chosen.out, results, report.markdown(results), chart.draw(results))
    print(report.on_screen(results))


if __name__ == "__main__":
    main()
