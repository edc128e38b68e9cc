"""One peer in one process: `python child.py PEER THREADS SECONDS SAMPLES`, a JSON line per case.

`run.py` starts it with the threads already limited in the environment.
"""

from __future__ import annotations

import importlib
import os
import sys

from spine.case import Budget, Case
from telling import say, tell

PEERS = {
    "numpy": ("spine.numpy_peer", "cases"),
    "torch": ("spine.torch_peer", "cases"),
    "torch.compile": ("spine.torch_peer", "compiled_cases"),
    "jax": ("spine.jax_peer", "cases"),
    "dovetail": ("spine.dovetail_peer", "cases"),
}


def check(case: Case) -> None:
    """Compare what the case computes with what it should, where anything is compared."""
    from spine import problems  # noqa: PLC0415  numpy: after the limits, and not before the peer

    wanted = problems.expected(case.name)
    if case.value is not None and wanted is not None:
        found = case.value()
        if not problems.same(found, wanted):
            raise ValueError(f"wrong result: {found}, not {wanted}")


def main(peer: str, threads: int, budget: Budget) -> None:
    if threads == 1:  # the only limit that every peer obeys
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    name, function = PEERS[peer]
    module = importlib.import_module(name)
    say(versions=module.versions())
    tell(getattr(module, function)(threads), check, budget)


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]),
        Budget(seconds=float(sys.argv[3]), warm=float(sys.argv[3]) / 4, samples=int(sys.argv[4])),
    )
