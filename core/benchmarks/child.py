"""One peer in one process: `python child.py PEER THREADS SECONDS SAMPLES`, a JSON line per case.

`run.py` starts it with the threads already limited in the environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

from spine.case import Budget

PEERS = {
    "numpy": ("spine.numpy_peer", "cases"),
    "torch": ("spine.torch_peer", "cases"),
    "torch.compile": ("spine.torch_peer", "compiled_cases"),
    "jax": ("spine.jax_peer", "cases"),
    "dovetail": ("spine.dovetail_peer", "cases"),
}


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def main(peer: str, threads: int, budget: Budget) -> None:
    if threads == 1:  # the only limit that every peer obeys
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    name, function = PEERS[peer]
    module = importlib.import_module(name)
    from spine import problems  # noqa: PLC0415  numpy: after the limits, and not before the peer

    say(versions=module.versions())
    iterator = getattr(module, function)(threads)
    last = "its first case"
    try:
        for case in iterator:
            last = case.name
            try:
                wanted = problems.expected(case.name)
                if case.value is not None and wanted is not None:
                    found = case.value()
                    if not problems.same(found, wanted):
                        raise ValueError(f"wrong result: {found}, not {wanted}")
                samples = case.samples(budget)
            except Exception as error:
                say(case=case.name, error=f"{type(error).__name__}: {error}"[:400])
                continue
            say(case=case.name, how=case.how, values=samples.values, basis=samples.basis)
    except Exception as error:
        traceback.print_exc()
        say(after=last, error=f"{type(error).__name__}: {error}"[:400])


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]),
        Budget(seconds=float(sys.argv[3]), warm=float(sys.argv[3]) / 4, samples=int(sys.argv[4])),
    )
