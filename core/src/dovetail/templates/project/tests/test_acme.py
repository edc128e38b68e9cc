"""The device acme: its op, the conformance suite, its symbols."""

import shutil
import subprocess
import sys

import dovetail as dt
import numpy as np
import pytest
from dovetail.devices import device, kernel_rows
from dovetail.op import REGISTRY
from dovetail.plugins import records
from dovetail.testing.conformance import Conformance

NAME = "acme"
ROWS = kernel_rows(device(NAME))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0,), (4, 0)])
def test_add_is_that_of_numpy(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    left = random.standard_normal(shape).astype(np.float32)
    right = random.standard_normal(shape).astype(np.float32)
    total = dt.asarray(left, device=NAME) + dt.asarray(right, device=NAME)
    assert total.device is device(NAME), "computed here, and not by the CPU in its place"
    np.testing.assert_array_equal(np.asarray(total), left + right)


def test_broadcast_and_strided_operands_are_taken() -> None:
    left = np.arange(12, dtype=np.float32).reshape(3, 4)
    x, y = dt.asarray(left, device=NAME), dt.asarray(left[0].copy(), device=NAME)
    np.testing.assert_array_equal(np.asarray(x + y), left + left[0])
    np.testing.assert_array_equal(np.asarray(x.T + x.T), (left + left).T)


@pytest.mark.parametrize("op", sorted(ROWS))
def test_conformance(op: str) -> None:
    """Each op that a kernel row names: samples, layouts, a million elements."""
    found = Conformance(NAME)
    assert found.samples(REGISTRY[op]), "no sample ran"
    found.layouts(REGISTRY[op])
    found.large(REGISTRY[op])
    assert "kernel" in found.findings[op].runs_as, found.summary()


def test_the_conformance_suite_knows_the_device() -> None:
    """Its own command, here for the ops of this device; without -k, for all."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "dovetail.testing", "--backend", NAME]
    words = ["-p", "no:cacheprovider", "-k", " or ".join(f"[{op}-]" for op in sorted(ROWS))]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"conformance of {NAME}:0" in done.stdout


def test_the_library_exports_one_symbol() -> None:
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed; it is part of the binutils")
    [library] = [record.path for record in records() if record.name == NAME]
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True
    )
    assert [line.split()[-1] for line in listing.stdout.splitlines()] == ["dvt_plugin_query"]
