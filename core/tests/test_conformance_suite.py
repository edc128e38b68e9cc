"""The conformance suite as its users run it: pytest, Dovetail and the name of a device."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail.op import REGISTRY
from dovetail.testing.conformance import Conformance, Lacking, beyond_two_gigabytes
from dovetail.testing.larger import larger
from dovetail.testing.layouts import LAYOUTS, laid_out, values_in


def suite(folder: Path, *words: str, environment: dict[str, str] | None = None) -> str:
    """What the command prints, run in an empty folder."""
    # An installed wheel brings the options; a tree of sources is told where they are.
    known = any(one.value == "_dovetail_pytest" for one in entry_points(group="pytest11"))
    options = [] if known else ["-p", "_dovetail_pytest"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    command += ["--pyargs", "dovetail.testing", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_one_command_checks_a_device(tmp_path: Path) -> None:
    text = suite(tmp_path, "--backend", "cpu", "-k", "[exp-] or [matmul-] or [softmax-]")
    assert "9 passed" in text, text
    assert "3 of 3 ops ran on cpu:0" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("exp "))
    for word in ("kernel", "float16", "bfloat16", "float32", "float64"):
        assert word in line


def test_a_device_that_lacks_ops_is_told_so_and_passes(
    build_once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    library = build_once("good", "tiny")
    environment = {**os.environ, "DOVETAIL_BACKENDS": str(library)}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    words = ["--backend", "tiny", "-k", "test_samples and ([add-] or [sin-] or [conv2d-])"]
    text = suite(tmp_path, *words, environment=environment)
    assert " failed" not in text, text
    assert "lacking, so that the CPU would step in: " in text
    assert "conv2d" in text.rpartition("step in: ")[2]


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(dt.DovetailError, match="nowhere"):
        Conformance("nowhere")


def test_importing_the_checks_needs_no_pytest() -> None:
    code = "import sys, dovetail.testing.conformance; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_options_load_no_dovetail() -> None:
    code = "import sys, _dovetail_pytest; print('dovetail' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


# ---- what the checks see -------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (), (0, 3)])
def test_layouts_have_the_strides_they_are_named_for(layout: str, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    array = laid_out(x, dt.float32, "cpu:0", layout)
    assert np.array_equal(np.asarray(array), values_in(x, layout))
    if x.size <= 1:
        return
    strides = array._strides
    if layout == "transposed" and len(shape) > 1:
        assert strides[0] == 1
    if layout == "backwards":
        assert all(s < 0 for s in strides)
    if layout == "spread":
        assert strides[-1] == 2
    if layout == "repeated":
        assert strides[0] == 0


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    """An op whose reference is another function than its kernel."""
    from dataclasses import replace

    from dovetail.testing import device_check

    monkeypatch.setattr(device_check, "_functions", {})
    types = {"T": frozenset({dt.float32, dt.float64})}  # those that a kernel in C runs
    return replace(REGISTRY["exp"], reference=lambda x: np.exp(x) * (1 + 1e-5), types=types)


def test_a_wrong_kernel_is_found_by_each_check(broken) -> None:
    found = Conformance("cpu")
    for check in (found.samples, found.layouts, found.large):
        with pytest.raises(AssertionError, match="ulp off"):
            check(broken)
    with pytest.raises(AssertionError, match=r"(backwards|transposed|spread|repeated) operands"):
        found.layouts(broken)


def test_who_computes_is_told_apart() -> None:
    found = Conformance("cpu")
    for name in ("exp", "qr", "reshape"):
        assert found.samples(REGISTRY[name])
    how = {name: one.runs_as for name, one in found.findings.items()}
    assert "kernel" in how["exp"]
    assert how["qr"] == {"numpy"}
    assert how["reshape"] == {"view"}
    assert any(line.startswith("run by numpy on the host") for line in found.summary())


def test_what_is_lacking_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Conformance("cpu")
    from dovetail.testing import conformance

    def refuse(op):
        def call(*arrays, **attributes):
            raise dt.DeviceError("cpu:0 has no kernel for exp(float32[3])")

        return call

    monkeypatch.setattr(conformance, "function_of", refuse)
    with pytest.raises(Lacking, match="lacks exp"):
        found.samples(REGISTRY["exp"])
    assert found.summary()[-1].endswith("step in: exp")


def test_large_samples_are_large_and_fit_the_op() -> None:
    found = Conformance("cpu")
    large = [n for n in ("add", "sum", "tanh", "softmax") if found.large(REGISTRY[n], 1 << 16)]
    assert large == ["add", "sum", "tanh", "softmax"]
    inputs, _ = next(larger(REGISTRY["add"], 1 << 16))
    assert inputs[0][0] == (1 << 16,)
    assert found.large(REGISTRY["scan"]) == 0


def test_the_huge_checks_are_asked_for(tmp_path: Path) -> None:
    assert set(beyond_two_gigabytes("cpu:0")) == {"elementwise", "reduction", "indexing"}
    text = suite(tmp_path, "-k", "two_gigabytes", "--collect-only", "--huge")
    assert "elementwise" in text and "reduction" in text and "indexing" in text


def test_every_op_has_samples_for_its_dtypes() -> None:
    from dovetail.testing.cases import _choices

    for op in REGISTRY.values():
        first = op.operands[0][1] if op.operands else ""
        if first in op.types and not op.variadic:
            choices = [c for sample in op.samples() for c in _choices(op, sample)]
            missing = {t.name for t in op.types[first]} - {c[first].name for c in choices}
            assert not missing, f"{op.name} has no sample in {', '.join(sorted(missing))}"
