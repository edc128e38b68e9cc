"""A stranger's backend: plugins/hello's C file, gcc and dovetail.h, far from any tree of ours."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi
from dovetail import _fast
from dovetail.devices import device, kernel_rows, load
from dovetail.errors import DeviceError, OpError

Build = Callable[..., Path]
SOURCE = Path(__file__).parents[2] / "plugins" / "hello" / "csrc" / "hello.c"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hello.c under another name, compiled in a folder that holds it and the header."""
    folder = tmp_path_factory.mktemp("stranger")
    shutil.copy(dovetail_abi.include_dir() / "dovetail.h", folder)
    text = SOURCE.read_text(encoding="utf-8")
    assert text.count('"hello"') == 1
    (folder / "outside.c").write_text(text.replace('"hello"', '"outside"'), encoding="utf-8")
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("gcc was not found: 'apt install gcc' or 'dnf install gcc'")
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    command += ["-O2", "-fPIC", "-shared", "-fvisibility=hidden", "outside.c", "-o", "outside.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "outside.so"


def test_it_exports_one_symbol_and_needs_none_of_ours(library: Path) -> None:
    if shutil.which("nm") is None:
        pytest.fail("nm was not found: 'apt install binutils' or 'dnf install binutils'")

    def names(option: str) -> list[str]:
        listing = subprocess.run(
            ["nm", "-D", option, str(library)], capture_output=True, text=True, check=True
        )
        return [line.split()[-1] for line in listing.stdout.splitlines()]

    assert names("--defined-only") == ["dvt_plugin_query"]
    assert not [name for name in names("--undefined-only") if "dv" in name or "Py" in name]


def test_it_is_small() -> None:
    lines = [line for line in SOURCE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 35


def test_it_runs_an_op_through_the_public_api(library: Path) -> None:
    one = load(library)
    assert one.name == "outside:0" and list(kernel_rows(one)) == ["add"]
    left = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    x = dt.asarray(left, device="outside")
    y = dt.asarray(left[::-1].copy(), device="outside")
    z = x + y
    assert z.device is one
    np.testing.assert_array_equal(np.asarray(z), left + left[::-1])
    # What it did not ask for never reaches it: broadcast and strided operands arrive contiguous.
    column = dt.asarray(left[:, :, :1].copy(), device="outside")
    np.testing.assert_array_equal(np.asarray(x + column), left + left[:, :, :1])
    np.testing.assert_array_equal(np.asarray(x.mT + y.mT), np.swapaxes(left + left[::-1], 1, 2))
    assert (x[:0] + y[:0]).shape == (0, 3, 4)


def test_found_by_the_environment_it_runs_in_a_fresh_process(
    library: Path, python: Callable[..., str]
) -> None:
    text = """
import dovetail as dt
x = dt.asarray([1.0, 2.0], device="outside")
with dt.use_device("outside"):
    y = dt.asarray([10.0, 20.0])
print((x + y).tolist(), (x + y).device.name)
"""
    answer = python(text, environment={**os.environ, "DOVETAIL_BACKENDS": str(library)})
    assert answer.split("\n")[0] == "[11.0, 22.0] outside:0"


def test_what_it_lacks_is_refused_when_fallback_is_off(
    library: Path, python: Callable[..., str]
) -> None:
    text = """
import dovetail as dt
x = dt.asarray([1.0, 2.0], device="outside")
try: x * x
except dt.DeviceError as error: print(error)
"""
    variables = {"DOVETAIL_BACKENDS": str(library), "DOVETAIL_FALLBACK": "error"}
    answer = python(text, environment={**os.environ, **variables})
    assert "multiply" in answer and "outside" in answer


@pytest.mark.usefixtures("look_again")
def test_an_error_in_the_middle_of_a_run_has_its_text(build: Build) -> None:
    load(build("fail_in_run", "burning"))
    x = dt.asarray([1.0, 2.0], dtype=dt.float32, device="burning")
    with pytest.raises(DeviceError, match=r"add on burning:0: the second multiplier is on fire"):
        x + x
    with pytest.raises(DeviceError, match="driver code 700"):
        x + x
    assert np.asarray(x).tolist() == [1.0, 2.0]
    with pytest.raises(OpError):
        x + dt.asarray([1.0, 2.0, 3.0], device="burning")
    assert device("cpu").name == "cpu:0"


def test_a_kernel_of_unknown_cost_is_timed_before_it_keeps_the_lock(library: Path) -> None:
    one = load(library)
    row = kernel_rows(one)["add"][0].index
    spec = (dt.float32, (16,))
    kernel = _fast.prepare(one, row, "add", 1, (spec, spec), (spec,), {}, 0)
    assert isinstance(kernel, _fast.Kernel)
    assert kernel.cost_ns == 0 and not kernel.holds_lock
    cpu = device("cpu")
    row = kernel_rows(cpu)["add"][0].index
    known = _fast.prepare(cpu, row, "add", 1, (spec, spec), (spec,), {}, 0)
    assert isinstance(known, _fast.Kernel)
    assert 0 < known.cost_ns < 1000 and known.holds_lock


@pytest.mark.usefixtures("look_again")
def test_a_copy_that_takes_no_strides_lays_nothing_out(build: Build) -> None:
    load(build("plain_copy", "plain"))
    h = np.arange(12, dtype=np.float32).reshape(3, 4)
    x = dt.asarray(h, device="plain")
    for turned, wanted in ((x.T, h.T), (x[:, ::-2], h[:, ::-2])):
        np.testing.assert_array_equal(np.asarray(dt.ops.copy(turned)), wanted)
        np.testing.assert_array_equal(np.asarray(turned + turned), wanted + wanted)
    f = dt.jit(lambda x: x.T + x.T)
    np.testing.assert_array_equal(np.asarray(f(x)), h.T + h.T)
    assert dt.ops.copy(x).device.name == "plain:0"
