"""One peer, one family, one process: `python child.py FAMILY PEER THREADS SECONDS SAMPLES [CASES]`.

`run.py` starts it with the threads already limited in the environment. CASES are names with commas
between them; all without.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from spine.case import Budget  # noqa: E402
from telling import say, tell  # noqa: E402


def main(name: str, peer: str, threads: int, budget: Budget, only: frozenset[str]) -> None:
    # The only limit that every peer obeys.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    from workloads.cases import cases  # noqa: PLC0415  numpy: after the limits
    from workloads.peers import PEERS  # noqa: PLC0415

    say(versions={peer: PEERS[peer].version})
    tell(cases(name, peer, threads, only), lambda case: None, budget)


if __name__ == "__main__":
    words = sys.argv[1:]
    seconds = float(words[3])
    main(
        words[0],
        words[1],
        int(words[2]),
        Budget(seconds=seconds, warm=seconds / 4, samples=int(words[4])),
        frozenset(words[5].split(",")) if len(words) > 5 else frozenset(),
    )
