"""The smallest backend, as installed: found, listed, used."""

import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail import backends
from dovetail.devices import device, kernel_rows


def test_its_entry_point_names_a_package_that_holds_the_manifest() -> None:
    [point] = [p for p in entry_points(group="dovetail.backends") if p.name == "hello"]
    spec = find_spec(point.value)
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    assert (folder / "dovetail-backend.toml").is_file()
    assert (folder / "libdovetail_hello.so").is_file()


def test_it_is_found_and_ready() -> None:
    assert device("hello").name == "hello:0"
    record = backends.find("hello").record
    assert (record.state, record.devices, record.ops) == ("ready", 1, ("add",))
    assert record.distribution == "dovetail-hello"
    assert "dovetail_hello" not in sys.modules, "a backend's package is never imported"
    [row] = kernel_rows(device("hello"))["add"]
    assert row.types == {"T": frozenset({"f32"})} and row.flags == 0


def test_the_manifest_tells_the_truth() -> None:
    backend = backends.load("hello")
    assert backend.manifest is not None
    assert backend.manifest.ops == len(backend.record.ops)
    assert backend.manifest.abi == backend.record.abi
    assert backend.manifest.abi_required == backend.record.abi_required


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0,), (4, 0)])
def test_it_adds(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    left = random.standard_normal(shape).astype(np.float32)
    right = random.standard_normal(shape).astype(np.float32)
    sum_ = dt.asarray(left, device="hello") + dt.asarray(right, device="hello")
    assert sum_.device is device("hello")
    np.testing.assert_array_equal(np.asarray(sum_), left + right)


def test_broadcast_and_strided_operands_arrive_contiguous() -> None:
    left = np.arange(12, dtype=np.float32).reshape(3, 4)
    x = dt.asarray(left, device="hello")
    y = dt.asarray(left[0].copy(), device="hello")
    np.testing.assert_array_equal(np.asarray(x + y), left + left[0])
    np.testing.assert_array_equal(np.asarray(x.T + x.T), (left + left).T)


def test_special_values_are_those_of_ieee() -> None:
    values = np.array([np.inf, -np.inf, np.nan, -0.0, 3e38], dtype=np.float32)
    others = np.array([np.inf, np.inf, 1.0, -0.0, 3e38], dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = values + others
    found = np.asarray(dt.asarray(values, device="hello") + dt.asarray(others, device="hello"))
    np.testing.assert_array_equal(found, expected)
    assert np.signbit(found[3])


def test_what_it_lacks_runs_on_the_cpu_with_one_warning() -> None:
    text = """
import warnings
import dovetail as dt
x = dt.asarray([1.0, 2.0, 3.0], device="hello")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    y = x * x
    y = x * x
assert y.tolist() == [1.0, 4.0, 9.0], y
assert len(caught) == 1, [str(one.message) for one in caught]
text = str(caught[0].message)
assert "multiply" in text and "hello" in text, text
"""
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_lists_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dovetail", "plugins"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [row] = [line for line in done.stdout.splitlines() if line.startswith("hello ")]
    assert row.split()[1] == "dovetail-hello" and row.rstrip().endswith("ready, baseline")
