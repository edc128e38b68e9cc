"""One family of one peer as cases that check their result before they are sampled."""

from __future__ import annotations

from collections.abc import Iterator

from spine.case import Budget, Case, Samples, timed

from workloads.families import family
from workloads.peers import PEERS
from workloads.workload import Call, Workload, deviation


def cases(name: str, peer: str, threads: int, only: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Those of the names in ``only``, or all. A wrong result raises ValueError when sampled."""
    module, how = family(name), PEERS[peer]
    asked = {work.name: work for work in module.WORKLOADS}
    how.limit(threads)

    def samples(call: Call, work: Workload, budget: Budget) -> Samples:
        found = call.answer() if call.answer else how.read(call.function())
        off = deviation(found, module.expected(work.name))
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
