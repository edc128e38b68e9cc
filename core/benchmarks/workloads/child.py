"""One peer, one family, one process: `python child.py FAMILY PEER THREADS SECONDS SAMPLES [CASES]`.

`run.py` starts it with the threads already limited in the environment. CASES are names with commas
between them; all without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from spine.case import Budget, Case, Samples, timed  # noqa: E402
from telling import say, tell  # noqa: E402


def cases(name: str, peer: str, threads: int, only: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Cases of one family that check their result before they are sampled."""
    from workloads.families import family  # noqa: PLC0415  numpy: after the limits
    from workloads.peers import PEERS  # noqa: PLC0415
    from workloads.workload import Call, Workload, deviation  # noqa: PLC0415

    module, how = family(name), PEERS[peer]
    asked = {work.name: work for work in module.WORKLOADS}
    how.limit(threads)

    def samples(call: Call, work: Workload, budget: Budget) -> Samples:
        off = deviation(how.read(call.function()), module.expected(work.name))
        if not off <= work.tolerance:
            raise ValueError(f"wrong result: off by {off:.2g}, more than {work.tolerance:.2g}")

        def run(n: int) -> None:
            for _ in range(n):
                how.wait(call.function())

        return timed(run, budget, pinned=threads == 1)

    for call in module.CALLS[peer](threads):
        if only and call.name not in only:
            continue
        work = asked[call.name]
        yield Case(
            name=call.name,
            how=call.how,
            samples=lambda budget, call=call, work=work: samples(call, work, budget),
        )


def main(name: str, peer: str, threads: int, budget: Budget, only: frozenset[str]) -> None:
    # The only limit that every peer obeys.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    from workloads.peers import PEERS  # noqa: PLC0415  numpy: after the limits

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
