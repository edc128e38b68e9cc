"""Children that measure, in rounds, and what they say: the parent's side of `telling.tell`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from spine.summary import Cell
from surroundings import environment

SLOWEST = 1200
"""Seconds after which a child is given up."""

Cells = dict[str, dict[str, Cell]]


class Rounds:
    """What the children said."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.cells: Cells = {}
        self.versions: dict[str, str] = {}
        self.failures: list[str] = []

    def cell(self, row: str, peer: str) -> Cell:
        return self.cells.setdefault(row, {}).setdefault(peer, Cell())

    def child(self, peer: str, number: int, words: list[str]) -> None:
        """One process of Python in one round; ``words`` are its arguments."""
        try:
            done = subprocess.run(
                [sys.executable, *words],
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
            self.cell(line["case"], peer).errors.append(line["error"])
        else:
            one = self.cell(line["case"], peer)
            one.rounds[number] = line["values"]
            one.how = line["how"]
            one.basis.append(line["basis"])
