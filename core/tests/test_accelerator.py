"""The core on the simulated accelerator of the templates: arrays, plans, faults, fork, threads.

Its table is tested by itself in the folder accelerator/.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi
from dovetail.devices import device, kernel_rows, load
from dovetail.op import REGISTRY
from dovetail.testing.conformance import Conformance

SOURCES = Path(dt.__file__).parent / "templates" / "accelerator" / "csrc"
Python = Callable[..., str]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, as it lies in the tree, for the device word `turbo`."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("gcc was not found: 'apt install gcc' or 'dnf install gcc'")
    target = tmp_path_factory.mktemp("turbo") / "libturbo.so"
    command = [compiler, "-std=c11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{dovetail_abi.include_dir()}", '-DDEVICE_WORD="turbo"']
    if "asan" in os.environ.get("LD_PRELOAD", ""):  # tests/sanitize.py
        command += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    sources = sorted(map(str, SOURCES.glob("*.c")))
    assert sources, "the installed dovetail lacks its templates"
    done = subprocess.run(
        [*command, *sources, "-o", str(target), "-lm", "-lpthread"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module", autouse=True)
def turbo(library: Path) -> object:
    return load(library)


@pytest.fixture
def fresh(library: Path, python: Python, tmp_path: Path) -> Python:
    """``fresh(text, "fail_at=3")``: what a program prints whose turbo has these options."""

    def run(text: str, options: str = "", **variables: str) -> str:
        environment = {**os.environ, "DOVETAIL_BACKENDS": str(library), "TURBO_OPTIONS": options}
        environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
        return python(text, environment=environment)

    return run


def here(values: object, ordinal: int = 0) -> object:
    return dt.asarray(np.asarray(values), device=f"turbo:{ordinal}")


# ---- arrays and ops ------------------------------------------------------------------------------


def test_it_is_known_with_its_rows(turbo) -> None:
    assert turbo.name == "turbo:0" and not turbo.host_visible and turbo.has_graph
    words = "add astype copy divide exp matmul maximum minimum multiply negative subtract sum"
    assert sorted(kernel_rows(turbo)) == words.split()


@pytest.mark.parametrize("kind", ["bool", "int8", "int64", "float16", "float32", "complex128"])
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4)])
def test_arrays_go_there_and_back(kind: str, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
    there = here(x)
    assert there.device.name == "turbo:0" and there.shape == shape
    np.testing.assert_array_equal(np.asarray(there.to_device("cpu")), x)
    turned = dt.permute_dims(there, axes=tuple(range(x.ndim))[::-1])
    np.testing.assert_array_equal(np.asarray(turned.to_device("cpu")), x.T)


def test_ops_run_on_it_on_any_layout() -> None:
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    y = here(x)
    z = dt.sum(y[::2, ::-1].T @ y[1::2], axis=0) * 2.0
    assert z.device.name == "turbo:0"
    want = (x[::2, ::-1].T @ x[1::2]).sum(0) * 2
    np.testing.assert_array_equal(np.asarray(z.to_device("cpu")), want)


@pytest.mark.parametrize("op", ["add", "astype", "copy", "exp", "matmul", "maximum", "sum"])
def test_conformance(op: str) -> None:
    found = Conformance("turbo")
    assert found.samples(REGISTRY[op]), "no sample ran"
    found.layouts(REGISTRY[op])
    found.large(REGISTRY[op], 1 << 16)
    assert "kernel" in found.findings[op].runs_as, found.summary()


def test_the_conformance_suite_runs_on_it(fresh: Python) -> None:
    text = """
import subprocess, sys
from importlib.metadata import entry_points
known = any(one.value == "_dovetail_pytest" for one in entry_points(group="pytest11"))
options = [] if known else ["-p", "_dovetail_pytest"]
command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
command += ["--pyargs", "dovetail.testing", "--backend", "turbo", "-k", "[divide-] or [subtract-]"]
done = subprocess.run(command, capture_output=True, text=True)
print(done.returncode, done.stdout, done.stderr)
"""
    answer = fresh(text)
    assert answer.startswith("0 "), answer
    assert "6 passed" in answer and "conformance of turbo:0" in answer


# ---- graphs --------------------------------------------------------------------------------------


def activate(x, y):
    return dt.sum(dt.exp(-(x * y)) + dt.maximum(x, y), axis=1) @ dt.sin(y)


@pytest.mark.filterwarnings("ignore:turbo.0 has no kernel:RuntimeWarning")
def test_a_plan_is_split_between_it_and_the_cpu() -> None:
    random = np.random.default_rng(1)
    x, y = (random.uniform(0, 1, (5, 5)).astype(np.float32) for _ in range(2))
    compiled = dt.jit(activate)
    for _ in range(3):
        z = compiled(here(x), here(y))
        assert z.device.name == "turbo:0"
        want = (np.exp(-(x * y)) + np.maximum(x, y)).sum(1) @ np.sin(y)
        np.testing.assert_allclose(np.asarray(z.to_device("cpu")), want, rtol=1e-5)
    text = str(compiled.explain(here(x), here(y)))
    assert "multiply" in text and "cpu:0" in text


def test_a_group_runs_as_one_program(fresh: Python) -> None:
    """Nothing is left to the CPU, and the elementwise part is one step."""
    text = """
import numpy as np, dovetail as dt
f = dt.jit(lambda x: dt.exp(-(x * x)) + x)
x = dt.asarray(np.arange(6, dtype=np.float32) / 4, device="turbo")
y = np.asarray(f(x).to_device("cpu"))
x = np.asarray(x.to_device("cpu"))
assert np.allclose(y, np.exp(-(x * x)) + x), y
print(f.explain(dt.asarray(x, device="turbo")))
"""
    answer = fresh(text, DOVETAIL_FALLBACK="error")
    assert "plan: 1 steps on turbo:0" in answer, answer
    assert "multiply, negative, exp, add" in answer and "cpu:0" not in answer


@pytest.mark.filterwarnings("ignore:turbo.0 has no kernel:RuntimeWarning")
def test_gradients_are_taken_on_it() -> None:
    x = np.linspace(0.1, 1, 7, dtype=np.float32)

    def f(x):
        return dt.sum(dt.exp(x) * x)

    for compiled in (dt.grad(f), dt.jit(dt.grad(f))):
        got = compiled(here(x))
        np.testing.assert_allclose(np.asarray(got.to_device("cpu")), np.exp(x) * (1 + x), rtol=1e-6)


# ---- several devices -----------------------------------------------------------------------------


def test_two_of_them_exchange_arrays() -> None:
    x = np.arange(60, dtype=np.float64).reshape(3, 4, 5)
    first = here(x) + here(x)
    second = first[::-1].to_device("turbo:1")
    assert second.device is device("turbo:1") and second.device is not device("turbo:0")
    third = (second * second).to_device("turbo:0")
    want = (2 * x)[::-1] ** 2
    np.testing.assert_array_equal(np.asarray(third.to_device("cpu")), want)
    with pytest.raises(dt.DovetailError, match=r"turbo:[01]"):
        first + second


# ---- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["", ",opaque=1"])
def test_random_delays_change_no_result(fresh: Python, more: str) -> None:
    """Also where what the device hands out are handles, with which no arithmetic is done."""
    text = """
import numpy as np, dovetail as dt
x = np.linspace(0, 1, 300, dtype=np.float32).reshape(15, 20)
y = dt.asarray(x, device="turbo")
f = dt.jit(lambda a, b: dt.exp(-a * b) + dt.sum(a @ b.T, axis=0, keepdims=True)[:, :1])
for i in range(12):
    z = (y + y[::-1]).to_device("turbo:1") * 2.0
    got = np.asarray(f(z, z).to_device("cpu"))
    w = (x + x[::-1]) * np.float32(2)
    want = np.exp(-w * w) + (w @ w.T).sum(0, keepdims=True)[:, :1]
    assert np.allclose(got, want, rtol=1e-5), i
print("same")
"""
    assert fresh(text, f"delay_us=200,seed=4,queue=3{more}").startswith("same")


def test_a_failure_is_told_with_its_text_and_the_device_goes_on(fresh: Python) -> None:
    text = """
import numpy as np, dovetail as dt
x = dt.asarray(np.arange(4, dtype=np.float32), device="turbo")
said = ""
for _ in range(3):
    try:
        y = (x + x).to_device("cpu")
        np.asarray(y)
    except dt.DeviceError as error:
        said += str(error)
print(np.asarray((x + x).to_device("cpu")).tolist(), said)
"""
    answer = fresh(text, "fail_at=3,fail_text=the second multiplier is on fire")
    assert answer.startswith("[0.0, 2.0, 4.0, 6.0]")
    assert answer.count("on fire") == 1 and "turbo:0" in answer


def test_memory_that_runs_out_is_told_and_comes_back(fresh: Python) -> None:
    text = """
import numpy as np, dovetail as dt
kept = [dt.asarray(np.ones(1000, np.float32), device="turbo") for _ in range(4)]
try:
    for _ in range(40):
        kept.append(kept[-1] + kept[-1])
except dt.OutOfMemoryError as error:
    print(error)
del kept[1:]
print(np.asarray((kept[0] + kept[0]).to_device("cpu")).sum())
"""
    answer = fresh(text, "memory=40960")
    assert "turbo:0 has no memory" in answer and "in hbm" in answer
    assert answer.rstrip().endswith("2000.0")


def test_a_lost_device_is_told_and_leaves_the_rest_alone(fresh: Python) -> None:
    text = """
import numpy as np, dovetail as dt
x = dt.asarray(np.arange(4, dtype=np.float32), device="turbo")
said = set()
for _ in range(4):
    try:
        np.asarray((x + x).to_device("cpu"))
    except dt.DeviceError as error:
        said.add("lost" in str(error))
print(said, np.asarray(dt.asarray([1.0]) + 1).tolist())
del x
"""
    answer = fresh(text, "lose_at=3")
    assert answer.startswith("{True} [2.0]"), answer


def test_in_a_forked_child_it_is_refused_with_a_sentence(fresh: Python) -> None:
    text = """
import os, warnings
import numpy as np, dovetail as dt
warnings.simplefilter("ignore", DeprecationWarning)
x = dt.asarray(np.arange(4, dtype=np.float32), device="turbo")
np.asarray((x + x).to_device("cpu"))
child = os.fork()
if child == 0:
    try:
        np.asarray((x + x).to_device("cpu"))
    except dt.DeviceError as error:
        print("child:", error, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent:", np.asarray((x + x).to_device("cpu")).tolist())
"""
    answer = fresh(text)
    assert "child:" in answer and "fork" in answer and "spawn" in answer
    assert "parent: [0.0, 2.0, 4.0, 6.0]" in answer


# ---- threads -------------------------------------------------------------------------------------


def test_ten_threads_at_once() -> None:
    compiled = dt.jit(lambda x, y: dt.exp(-(x * y)) + y @ y)
    failures: list[BaseException] = []
    start = threading.Barrier(10)

    def work(number: int) -> None:
        try:
            random = np.random.default_rng(number)
            start.wait()
            for _ in range(15):
                x = random.uniform(0, 1, (6, 6)).astype(np.float32)
                y = (here(x, number % 2) + here(x, number % 2))[::-1]
                z = compiled(here(x, number % 2), y.to_device(f"turbo:{number % 2}"))
                w = (x + x)[::-1]
                np.testing.assert_allclose(
                    np.asarray(z.to_device("cpu")), np.exp(-(x * w)) + w @ w, rtol=1e-5
                )
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures, failures[0]
