"""The benchmark's cases can be built and compute the right numbers; nothing is timed here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def spine_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    ours = {"spine", "surroundings"}
    for name in [name for name in sys.modules if name.split(".")[0] in ours]:
        del sys.modules[name]


def small():
    from spine.case import Budget

    return Budget(warm=0.0, seconds=0.0, samples=1)


def test_every_case_of_dovetail_gives_the_right_numbers():
    from spine import dovetail_peer, problems
    from spine.bars import ROWS

    rows = {row.name: row for row in ROWS}
    seen, compared = set(), set()
    for case in dovetail_peer.cases(threads=1):
        assert case.name in rows, "a case without a row is never shown"
        assert case.name not in seen
        seen.add(case.name)
        if case.value is not None:
            wanted = problems.expected(case.name)
            assert wanted is not None
            assert problems.same(case.value(), wanted), case.name
            compared.add(case.name)
        samples = case.samples(small())
        assert samples.values
        assert all(value >= 0 for value in samples.values)
        if case.name == "mlp_losses":
            assert max(samples.values) <= problems.TOLERANCE
        if case.name in ("mlp_allocations", "mlp_growth"):
            assert np.median(samples.values) == 0
    tiny = {"add", "add_plugin", "mul_sum", "mul_sum_backward", "compiled"}
    assert compared == tiny | {"entry_one", "entry_ten"}
    assert {"mlp_first", "mlp_losses", "mlp_step", "mlp_faults"} <= seen


def test_numpy_computes_the_same():
    from spine import numpy_peer, problems

    cases = list(numpy_peer.cases(threads=1))
    assert {case.name for case in cases} == {"add", "mul_sum"}
    for case in cases:
        assert problems.same(case.value(), problems.expected(case.name))


def test_a_wrong_result_is_not_the_same():
    from spine import problems

    x, y = problems.pair()
    assert problems.same(x + y, problems.expected("add"))
    assert not problems.same(x + y * np.float32(1.0001), problems.expected("add"))
    assert not problems.same((x + y)[:8], problems.expected("add"))
    assert not problems.same((1.0, x), problems.expected("mul_sum_backward"))


@pytest.mark.slow
def test_the_tolerance_tells_rounding_from_a_wrong_optimiser(monkeypatch):
    from spine import problems

    assert problems.deviation(list(problems.losses(dtype=np.float32))) < problems.TOLERANCE / 5
    right = problems.losses()[:6]
    for name, value in (("BETA1", 0.91), ("BETA2", 0.989), ("RATE", 1.01e-3)):
        with monkeypatch.context() as patch:
            patch.setattr(problems, name, value)
            wrong = problems.losses.__wrapped__(steps=6)
        assert wrong[0] == right[0]
        assert problems.deviation(list(wrong), right) > problems.TOLERANCE, name


def test_the_gradients_of_the_reference_are_those_of_its_loss():
    from spine import problems

    draw = np.random.default_rng(2)
    weights = [draw.standard_normal(s) for s in ((5, 4), (4,), (4, 3), (3,))]
    x, labels = draw.standard_normal((6, 5)), draw.integers(0, 3, 6)
    _, gradients = problems._loss_and_gradients(weights, x, labels)
    for w, g in zip(weights, gradients, strict=True):
        assert w.shape == g.shape
        at = tuple(0 for _ in w.shape)
        ends = []
        for h in (1e-6, -1e-6):
            w[at] += h
            ends.append(problems._loss_and_gradients(weights, x, labels)[0])
            w[at] -= h
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, g[at], rtol=1e-5, atol=1e-8)


def test_time_per_call_does_not_depend_on_the_number_of_calls():
    from spine.case import Budget, timed

    calls = []
    samples = timed(calls.append, Budget(warm=0.0, seconds=0.0, samples=3), pinned=True)
    assert len(calls) > 3
    assert calls[-1] == calls[-2], "every sample makes the same number of calls"
    assert samples.basis in ("wall", "cpu")
    assert all(value * calls[-1] < 60 for value in samples.values)


def test_a_first_call_is_made_once():
    from spine.case import first

    calls = []
    samples = first(lambda: calls.append(1), lambda: calls.append(2), pinned=True)
    assert calls == [1, 2]
    assert len(samples.values) == 2


def test_counters_are_read_around_the_steps_alone():
    from spine.case import BLOCKS, per_step

    steps = []
    found = per_step(lambda: steps.append(0), lambda: 3 * len(steps))
    assert found == [3.0] * BLOCKS


def cells(**peers):
    from spine.summary import Cell

    return {
        peer: Cell(rounds={n: [v] for n, v in enumerate(values)}, basis=["wall"])
        for peer, values in peers.items()
    }


def test_rounds_are_compared_one_by_one():
    from spine.bars import Bar, Row
    from spine.summary import verdict

    row = Row(name="x", title="x")
    # The machine slows down tenfold: medians over all rounds would compare unlike with unlike.
    have = cells(dovetail=[1.0, 2.0, 10.0], jax=[2.0, 4.0, 20.0])
    found = verdict(Bar(peer="jax", factor=0.5), row, have)
    assert (found.met, found.ratio, found.low, found.high) == (True, 0.5, 0.5, 0.5)
    assert verdict(Bar(peer="jax", factor=0.4), row, have).met is False
    assert verdict(Bar(plus=2.0), row, have).met is True
    assert verdict(Bar(plus=1.0), row, have).met is False
    assert verdict(Bar(), row, cells(dovetail=[0.0])).met is True
    assert verdict(Bar(), row, cells(dovetail=[0.5])).met is False
    assert verdict(Bar(peer="torch"), row, have).met is None
    assert verdict(Bar(peer="jax", plus=1.0), row, cells(dovetail=[3.0], jax=[2.0])).met is True


def results():
    from spine.bars import ROWS
    from spine.summary import summarise

    have = {"add": cells(numpy=[4e-7, 5e-7], dovetail=[1e-7, 2e-7])}
    have["compiled"] = cells(jax=[5e-6], dovetail=[5e-6])
    have["mlp_step"] = cells(jax=[5e-3])
    have["mlp_step"]["dovetail"] = cells(dovetail=[])["dovetail"]
    have["mlp_step"]["dovetail"].errors.append("no kernel")
    return {
        "date": "today",
        "command": "python run.py",
        "commit": "abc",
        "note": "",
        "machine": {"processor": "p", "cores": 2, "system": "s"},
        "versions": {"numpy": "2"},
        "threads": 1,
        "rounds": 2,
        "load": [0.0, 1.0],
        "absent": {"torch": "not installed"},
        "failures": [],
        "rows": summarise(ROWS, have),
    }


def test_the_table_says_what_is_met_missed_failed_and_absent():
    from spine import report

    found = json.loads(json.dumps(results()))
    text = report.markdown(found)
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line[:1] == "|"}
    add = lines["a + b, 16 float32, new result"]
    assert "150 ns" in add
    assert "met, 0.33 (0.25 to 0.4)" in add
    assert "MISSED, 1" in lines["calling the compiled (x * y + 1).sum()"]
    assert "failed" in lines["training step"]
    assert "not measured" in lines["training step"]
    assert "no kernel" in text
    assert "absent: torch (not installed)" in text
    assert "absent: torch (not installed)" in report.on_screen(found)


def test_the_drawing_is_svg_with_longer_bars_for_longer_times():
    from spine import chart

    root = ElementTree.fromstring(chart.draw(results()))
    space = {"s": "http://www.w3.org/2000/svg"}
    colour = {value: key for key, value in chart.COLOURS.items()}
    bars = [
        (colour[bar.get("fill")], float(bar.get("width")))
        for bar in root.findall("s:rect", space)
        if bar.get("fill") in colour
    ]
    assert [peer for peer, _ in bars] == ["numpy", "dovetail", "jax", "dovetail"]
    assert bars[0][1] > bars[1][1]
    assert bars[2][1] == bars[3][1]


def test_figures_have_units_people_read():
    from spine.bars import shown

    assert shown(2.5e-7, "s") == "250 ns"
    assert shown(0.9996, "s") == "1 s"
    assert shown(0.0312, "s") == "31.2 ms"
    assert shown(31.2e6, "bytes") == "31.2 MB"
    assert shown(0.0, "per step") == "0"


def test_limits_reach_the_children(monkeypatch):
    import surroundings

    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = surroundings.environment(2)
    assert "OPENBLAS_CORETYPE" not in found
    assert {found[name] for name in surroundings.LIMITS} == {"2"}


def test_an_import_is_measured_in_a_fresh_process():
    import os

    from spine import imports

    found = imports.in_turn(["json"], 2, dict(os.environ))
    assert len(found["json"]) == 2
    for whole, used, alone, resident in found["json"]:
        assert whole > alone > 0
        assert used >= 0
        assert resident > 1_000_000
    with pytest.raises(ImportError, match="no_such_module"):
        imports.fresh("no_such_module", dict(os.environ))
    own, together = imports.installed("numpy")
    assert 10e6 < own <= together
