"""The benchmark of the ops: every op has a problem, and both sides compute the same; no clock."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dovetail.op import REGISTRY, Op

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
OPS = sorted(REGISTRY.values(), key=lambda op: op.name)


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "ops"]:
        del sys.modules[name]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_op_has_a_problem_that_numpy_solves_too(op: Op) -> None:
    from ops.judges import judge
    from ops.problem import NoProblem, problems
    from ops.rows import agree, call_of

    if op.claim == "structured":
        with pytest.raises(NoProblem, match="body"):
            list(problems(op, 256))
        return
    count = 0
    for problem in problems(op, 4096):
        text, theirs = judge(problem)
        assert text
        with np.errstate(all="ignore"):
            agree(problem, call_of(problem)(), theirs())
        count += 1
    assert count


def test_a_problem_is_about_as_large_as_asked() -> None:
    from ops.problem import problems

    for name in ("exp", "add", "sum", "softmax", "conv2d", "take", "solve", "random_bits"):
        for problem in problems(REGISTRY[name], 1 << 16):
            results = [np.asarray(x) for x in problem.arrays]
            shape = problem.attributes.get("shape", ())
            largest = max([x.size for x in results] + [int(np.prod(shape))])
            assert (1 << 14) <= largest <= (1 << 18), (name, largest)


def test_a_wrong_result_is_not_timed() -> None:
    from ops.problem import problems
    from ops.rows import agree

    import dovetail as dt

    problem = next(problems(REGISTRY["exp"], 64))
    with pytest.raises(AssertionError):
        agree(problem, dt.ones(64), np.zeros(64, np.float32))


def test_times_are_compared_round_by_round() -> None:
    from ops.measure import compare

    found = compare(lambda: sum(range(4000)), lambda: sum(range(400)), rounds=3, seconds=0.002)
    assert found.low <= found.ratio <= found.high
    assert found.ours > 0 and found.theirs > 0


def test_the_committed_results_are_what_the_report_makes_of_them() -> None:
    from ops import chart, report

    folder = BENCHMARKS / "ops"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert report.markdown(results) == (folder / "RESULTS.md").read_text(encoding="utf-8")
    drawing = (folder / "results.svg").read_text(encoding="utf-8")
    assert chart.draw(results) == drawing
    ElementTree.fromstring(drawing)
    ratios = [row["ratio"] for row in results["rows"]]
    assert ratios == sorted(ratios, reverse=True), "the worst first"
    assert all(row["op"] in REGISTRY for row in results["rows"])
