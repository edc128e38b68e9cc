"""The workloads' cases, made small, compute the right numbers; the verdicts are what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    ours = {"spine", "workloads", "rounds", "surroundings", "telling"}
    for name in [name for name in sys.modules if name.split(".")[0] in ours]:
        del sys.modules[name]


def small(monkeypatch):
    """Make the operands of every family small."""
    from workloads import convolutions, fused, products, reductions

    monkeypatch.setattr(fused, "SIZE", 1000)
    monkeypatch.setattr(reductions, "ROWS", 40)
    monkeypatch.setattr(reductions, "COLUMNS", 72)
    monkeypatch.setattr(products, "SQUARE", {"f32_256": 19, "f32_1024": 32, "f32_2048": 48})
    monkeypatch.setattr(products, "SIZE", 33)
    monkeypatch.setattr(products, "LONG", 65)
    shape = convolutions.Shape
    shapes = {
        "conv3_56x64": shape(side=7, channels=4, filters=6, window=3),
        "conv3_28x128": shape(side=8, channels=8, filters=8, window=3),
        "conv1_56x256": shape(side=6, channels=8, filters=3, window=1),
        "depthwise3_56x128": shape(side=6, channels=8, filters=8, window=3, groups=8),
    }
    monkeypatch.setattr(convolutions, "SHAPES", shapes)


@pytest.mark.parametrize("peer", ["numpy", "dovetail"])
@pytest.mark.parametrize("name", ["fused", "reductions", "products", "convolutions"])
def test_every_case_gives_the_right_numbers(name, peer, monkeypatch):
    from spine.case import Budget
    from workloads.cases import cases
    from workloads.families import family

    small(monkeypatch)
    budget = Budget(warm=0.0, seconds=0.0, samples=1)
    known = [work.name for work in family(name).WORKLOADS]
    found = []
    for case in cases(name, peer, threads=1):
        found.append(case.name)
        assert min(case.samples(budget).values) > 0
    assert set(found) <= set(known)
    assert len(found) == len(set(found))
    if peer == "dovetail":
        assert found == known


def test_a_wrong_result_is_not_timed(monkeypatch):
    from spine.case import Budget
    from workloads import reductions
    from workloads.cases import cases

    small(monkeypatch)
    right = reductions.expected
    monkeypatch.setattr(reductions, "expected", lambda name: right(name) * 1.0001)
    [case] = cases("reductions", "numpy", 1, frozenset({"softmax"}))
    with pytest.raises(ValueError, match="wrong result"):
        case.samples(Budget())


def test_the_networks_of_dovetail_follow_double_precision():
    from workloads import gradients, networks, training, training_dovetail
    from workloads.workload import deviation

    size = networks.Transformer(width=32, layers=2, heads=2, length=12, batch=2, vocabulary=50)
    for step, wanted in (
        (training_dovetail.cnn(4), gradients.cnn_losses(3, 4)),
        (training_dovetail.gpt(size), gradients.gpt_losses(3, size)),
    ):
        assert deviation([float(step()) for _ in wanted], wanted) < training.TOLERANCE


def test_the_gradients_are_those_of_the_losses():
    from workloads import gradients, networks

    size = networks.Transformer(width=8, layers=2, heads=2, length=5, batch=2, vocabulary=11)
    wide = lambda tree: networks.mapped(lambda p: p.astype(np.float64), tree)  # noqa: E731
    x, labels = networks.cnn_batch(2)
    problems = (
        (wide(networks.cnn_parameters()), lambda p: gradients.cnn(p, x.astype(float), labels)),
        (
            wide(networks.gpt_parameters(size)),
            lambda p: gradients.gpt(p, *networks.gpt_batch(size), size),
        ),
    )
    for params, loss_of in problems:
        _, found = loss_of(params)
        weights = list(networks.leaves(params))
        slopes = list(networks.leaves(gradients._ordered(found, params)))
        for w, g in zip(weights, slopes, strict=True):
            assert w.shape == g.shape
            at = np.unravel_index(np.argmax(np.abs(g)), g.shape)
            ends = []
            for h in (1e-6, -1e-6):
                w[at] += h
                ends.append(loss_of(params)[0])
                w[at] -= h
            np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, g[at], rtol=2e-4, atol=1e-8)


def test_the_rows_are_told_apart_and_name_known_peers():
    from workloads.families import FAMILIES, family
    from workloads.peers import PEERS

    every = [work for name in FAMILIES for work in family(name).WORKLOADS]
    assert len({work.name for work in every}) == len(every)
    for work in every:
        assert work.flops + work.read + work.written > 0
        if work.target:
            assert work.target.stretch < work.target.gate
            assert set(work.target.peers) <= set(PEERS)
    for name in FAMILIES:
        assert set(family(name).CALLS) <= set(PEERS)
        assert "dovetail" in family(name).CALLS


def cells(**peers):
    from spine.summary import Cell

    return {
        peer: Cell(rounds={n: [v] for n, v in enumerate(values)}, basis=["wall"])
        for peer, values in peers.items()
    }


def work(**more):
    from workloads.workload import Target, Workload

    target = Target(gate=0.9, stretch=0.7, peers=more.pop("peers", ()))
    return Workload(name="x", title="x of y", tolerance=0.0, target=target, **more)


def test_a_ratio_is_to_the_fastest_peer_of_the_round():
    from workloads.comparison import record

    # The machine slows down tenfold, and another peer is the fastest then.
    have = cells(dovetail=[0.8, 1.6, 8.0], jax=[1.0, 2.0, 20.0], torch=[2.0, 4.0, 10.0])
    found = record("fused", work(), have, {0: 0.4, 1: 0.8, 2: 4.0})
    assert found["best"] == {"peer": "jax", "ratio": 0.8, "low": 0.8, "high": 0.8}
    assert found["limit"]["ratio"] == 2.0
    assert found["limit"]["seconds"] == 0.8
    assert (found["target"]["met"], found["target"]["reached"]) == (True, False)
    found = record("fused", work(peers=("torch",)), have, {})
    assert (found["target"]["ratio"], found["target"]["reached"]) == (0.4, True)
    assert found["limit"]["ratio"] is None
    missed = record("fused", work(), cells(dovetail=[1.0], numpy=[1.0]), {})
    assert missed["target"]["met"] is False
    unknown = record("fused", work(peers=("torch",)), cells(dovetail=[1.0], numpy=[1.0]), {})
    assert unknown["target"]["met"] is None


def test_the_least_time_is_of_arithmetic_or_of_memory():
    from workloads.limits import least_seconds

    machine = {"fma": 100.0, "copy": 10.0, "read": 20.0}
    assert least_seconds(work(flops=1000.0, read=10.0), machine) == 10.0
    assert least_seconds(work(read=40.0), machine) == 2.0
    assert least_seconds(work(read=40.0, written=10.0), machine) == 2.0 + 1.5


def results():
    from workloads.comparison import record

    have = cells(dovetail=[1e-3, 3e-3], jax=[2e-3, 2e-3], numpy=[4e-3, 4e-3])
    rows = [
        record("fused", work(), have, {0: 5e-4, 1: 5e-4}),
        record("products", work(peers=("torch",)), cells(dovetail=[2.0]), {}),
    ]
    return {
        "date": "today",
        "command": "python run.py",
        "commit": "abc",
        "note": "",
        "machine": {"processor": "p", "cores": 2, "system": "s"},
        "versions": {"numpy": "2"},
        "rounds": 2,
        "load": [0.0, 1.0],
        "absent": {"torch": "torch not installed"},
        "failures": [],
        "tables": [{"threads": 2, "limits": {}, "rows": rows}],
    }


def test_the_tables_say_what_is_met_missed_and_absent():
    from workloads import report

    found = json.loads(json.dumps(results()))
    text = report.markdown(found)
    lines = [line for line in text.splitlines() if line.startswith("| x of y")]
    assert "jax: 1 (0.5 to 1.5)" in lines[0]
    assert "| 500 us |" in lines[0]
    assert "MISSED, 1 (0.5 to 1.5)" in lines[0]
    assert "all: 0.9, 0.7" in lines[0]
    assert "torch: 0.9, 0.7 | not measured" in lines[1]
    assert "## 2 threads" in text
    assert "absent: torch (torch not installed)" in text
    assert "absent: torch (torch not installed)" in report.on_screen(found)


def test_the_drawing_has_a_bar_for_each_ratio():
    from workloads import chart

    root = ElementTree.fromstring(chart.draw(results()))
    space = {"s": "http://www.w3.org/2000/svg"}
    bars = [r for r in root.findall("s:rect", space) if r.get("fill") in chart.COLOURS.values()]
    assert len(bars) == 1


def test_the_whole_run_writes_its_three_files(tmp_path):
    words = "--only products --cases f32_256 --peers numpy,dovetail --quick --rounds 1"
    command = [sys.executable, str(BENCHMARKS / "workloads" / "run.py"), *words.split()]
    command += ["--seconds", "0.01", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    [table] = found["tables"]
    assert [row["name"] for row in table["rows"]] == ["f32_256"]
    assert not found["failures"]
    for row in table["rows"]:
        assert row["best"]["peer"] == "numpy"
        assert row["best"]["ratio"] > 0
    assert table["limits"] or "limits of the machine" in found["absent"]
    assert (tmp_path / "RESULTS.md").exists()
    assert (tmp_path / "results.svg").exists()
