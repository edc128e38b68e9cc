"""Asynchronous devices: right results, failures that come late and once, an orderly end.

The device of backends/async_device.h works in threads of its own, slowly; what the core hands it
too early, or takes back too early, spoils a result here.
"""

import gc
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast
from dovetail.devices import _open, load
from dovetail.errors import DeviceError

Build = Callable[..., Path]
A = np.arange(1, 13, dtype=np.float32).reshape(3, 4)


@pytest.fixture(scope="module")
def chip(build_once: Build) -> Any:
    return load(build_once("async_opaque", "chip", 2))


@pytest.fixture(scope="module")
def seen(build_once: Build) -> Any:
    """Memory that the host could read, were the work on it done."""
    return load(build_once("async_visible", "seen"))


@pytest.fixture(autouse=True)
def nothing_is_left_untold() -> Iterator[None]:
    """A failure that one test did not ask for would fail another."""
    yield
    for name in ("chip:0", "chip:1", "seen:0"):
        if name in _open:
            _open[name].sync()


def put(values: Any, device: Any) -> Any:
    return dt.asarray(np.asarray(values, np.float32), device=device)


def line_of(text: str) -> int:
    """The line of this file that holds a mark."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    (found,) = [i for i, line in enumerate(lines, 1) if line.endswith(f"# {text}")]
    return found


# ---- results ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chip", "seen"])
def test_results_are_right_however_late(name: str, request: pytest.FixtureRequest) -> None:
    x = put(A, request.getfixturevalue(name))
    y = x
    for _ in range(20):  # every temporary's memory is handed out again while it is being read
        y = (y + x) + x
    np.testing.assert_array_equal(np.asarray(y), 41 * A)
    np.testing.assert_array_equal(np.asarray(x.T + x.T), 2 * A.T)
    np.testing.assert_array_equal(np.asarray(x[1:, ::2] + x[:2, 1::2]), A[1:, ::2] + A[:2, 1::2])
    np.testing.assert_array_equal(np.asarray(x + 0.5), A + 0.5)
    assert (x + x)[2, 3].item() == 24.0 and (x[:0] + x[:0]).shape == (0, 4)


def test_calls_return_before_the_work_is_done(
    build: Build, tmp_path: Path, python: Callable[..., str]
) -> None:
    hold = tmp_path / "hold"
    text = f"""
import numpy as np, dovetail as dt, os, pathlib
from dovetail.devices import load
chip = load({str(build("async_opaque", "held"))!r})
x = dt.asarray(np.ones(4, np.float32), device=chip)
f = dt.jit(lambda x: (x + x) + x)
y = f(x)
hold = pathlib.Path(os.environ["ASYNC_HOLD"])
hold.touch()  # the device does nothing from here on
try:
    y = f(y + x)
    z = y[::-1] + y
    print("returned")
finally:
    hold.unlink()
print(z.tolist())
"""
    answer = python(text, environment={**os.environ, "ASYNC_HOLD": str(hold)})
    assert answer.split("\n")[:2] == ["returned", "[24.0, 24.0, 24.0, 24.0]"]


def test_what_numpy_holds_may_change_at_once(chip: Any) -> None:
    values = A.copy()
    x = dt.asarray(values, device=chip)
    values[:] = -1
    y = np.asarray(x + x)
    np.testing.assert_array_equal(y, 2 * A)


def test_an_array_of_the_cpu_is_copied_for_a_device_that_works_later(seen: Any) -> None:
    assert not seen.host_visible  # its memory is plain, but what lies there is not finished
    x = dt.asarray(A.copy())
    there = x.to_device(seen)
    y = there + there
    del x
    filler = [dt.asarray(np.zeros_like(A)) + 0 for _ in range(4)]  # takes the memory that was x's
    np.testing.assert_array_equal(np.asarray(y), 2 * A)
    assert len(filler) == 4


def test_threads_share_the_device(chip: Any) -> None:
    answers: list[Any] = []

    def work(k: int) -> None:
        x = put(A + k, chip)
        y = x
        for _ in range(10):
            y = y + x
        answers.append((k, np.asarray(y)))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == 4
    for k, found in answers:
        np.testing.assert_array_equal(found, 11 * (A + k))


def test_memory_comes_back_when_its_work_is_done(build_once: Build) -> None:
    small = load(build_once("async_small", "small"))
    for n in (100_000, 120_000, 140_000, 90_000):  # other sizes: nothing kept can be handed out
        x = put(np.ones(n), small)
        y = x + x
        del x
        assert y.size == n
    assert np.asarray(y)[-1] == 2.0
    with pytest.raises(dt.OutOfMemoryError, match="the chip is full"):
        put(np.ones(600_000), small)


# ---- compiled functions -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chip", "seen"])
def test_a_plan_that_leaves_ops_to_the_cpu(name: str, request: pytest.FixtureRequest) -> None:
    device = request.getfixturevalue(name)

    @dt.jit
    def f(x: Any, y: Any) -> Any:
        z = dt.exp(x + y)  # to the CPU
        z = dt.sin(z + x) + y  # back, and there again
        return dt.cos(z).T, z + x

    def plain(x: Any, y: Any) -> Any:
        z = np.sin(np.exp(x + y) + x) + y
        return np.cos(z).T, z + x

    a, b = A / 16, A / 9
    x, y = put(a, device), put(b, device)
    with pytest.warns(RuntimeWarning, match="has no kernel for cos, exp, sin"):
        first = f(x, y)
    results = [first, *(f(x + k, y) for k in range(5))]  # none is waited for before the next
    for k, found in enumerate(results):
        wanted = plain(a + max(0, k - 1), b)
        for one, two in zip(found, wanted, strict=True):
            assert one.device is device
            np.testing.assert_allclose(np.asarray(one), two, rtol=1e-3, atol=1e-4)


def test_plans_run_in_threads(chip: Any) -> None:
    f = dt.jit(lambda x: dt.exp(x + x) + x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f(put(A / 8, chip))
    answers: list[Any] = []

    def work(k: int) -> None:
        x = put(A / (8 + k), chip)
        answers.extend((k, np.asarray(f(x))) for _ in range(3))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == 9
    for k, found in answers:
        a = A / (8 + k)
        np.testing.assert_allclose(found, np.exp(a + a) + a, rtol=1e-6)


# ---- kernels that want the host -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["chip", "seen"])
def test_rows_that_run_on_the_host_or_read_there(name: str, request: pytest.FixtureRequest) -> None:
    x = put(A, request.getfixturevalue(name))
    np.testing.assert_array_equal(np.asarray(dt.sqrt(x + x)), np.sqrt(2 * A))
    np.testing.assert_array_equal(np.asarray(dt.sqrt(x.T) + x.T), np.sqrt(A.T) + A.T)
    exponents = put(np.ones_like(A) + 1, x.device)
    np.testing.assert_allclose(np.asarray((x + x) ** exponents), (2 * A) ** 2)
    np.testing.assert_allclose(np.asarray(x.T**exponents.T), A.T**2)
    powers = [x ** put(np.full_like(A, k), x.device) for k in range(4)]  # host copies still in use
    gc.collect()
    for k, found in enumerate(powers):
        np.testing.assert_allclose(np.asarray(found), A**k, rtol=1e-6)


def test_such_rows_in_a_plan(chip: Any) -> None:
    @dt.jit
    def f(x: Any, y: Any) -> Any:
        z = dt.sqrt(x + y)  # there, run, and back
        w = z.T + dt.sqrt(dt.sqrt(z)).T
        return (w + w) ** dt.sqrt(y).T, z**y

    def plain(x: Any, y: Any) -> Any:
        z = np.sqrt(x + y)
        w = z.T + np.sqrt(np.sqrt(z)).T
        return (w + w) ** np.sqrt(y).T, z**y

    x, y = put(A, chip), put(A / 12, chip)
    results = [f(x + k, y) for k in range(4)]  # no warning: the device runs all of it
    assert "cpu" not in str(f.explain(x, y))
    for k, found in enumerate(results):
        for one, two in zip(found, plain(A + k, A / 12), strict=True):
            np.testing.assert_allclose(np.asarray(one), two, rtol=1e-5)


# ---- failures -----------------------------------------------------------------------------------


def test_a_late_failure_names_what_failed_once_and_the_device_goes_on(chip: Any) -> None:
    x, zero = put(A, chip), put(np.zeros_like(A), chip)
    bad = x / zero  # marked: it fails here
    worse = (bad + x) + x
    with pytest.raises(DeviceError) as caught:
        np.asarray(worse)
    text = str(caught.value)
    line = line_of("marked: it fails here")
    assert text.startswith(f"divide at test_async.py:{line} in test_a_late_failure_names_what_")
    assert "on chip:0: the divider trapped on a zero (status -3, driver code 42)" in text
    assert "after the call had returned, found later by copy from chip:0 to cpu:0" in text
    chip.sync()  # told once
    np.testing.assert_array_equal(np.asarray(x + x), 2 * A)


def test_sync_tells_it_and_then_is_silent(chip: Any) -> None:
    x, zero = put(A, chip), put(np.zeros_like(A), chip)
    x / zero
    with pytest.raises(DeviceError, match=r"divide at .* found later by sync"):
        chip.sync()
    chip.sync()


def test_in_a_plan_it_names_the_step_and_its_line(chip: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        z = x + x
        return (z / y) + x  # marked: the step

    compiled = dt.jit(f)
    x, zero = put(A, chip), put(np.zeros_like(A), chip)
    compiled(x, zero)
    where = f"at test_async.py:{line_of('marked: the step')} in f on chip:0: the divider"
    with pytest.raises(DeviceError, match=rf"^divide\(float32\[3, 4\], .*\) {where}"):
        chip.sync()
    np.testing.assert_array_equal(np.asarray(compiled(x, x)), 2 + A)


def test_a_step_on_the_cpu_finds_what_failed_before_it(chip: Any) -> None:
    f = dt.jit(lambda x, y: dt.exp(x / y))
    x, zero = put(A / 4, chip), put(np.zeros_like(A), chip)
    with pytest.warns(RuntimeWarning, match="exp"):
        f(x, x)
    with pytest.raises(DeviceError, match=r"^divide.*found later by exp"):
        f(x, zero)
    chip.sync()
    np.testing.assert_allclose(np.asarray(f(x, x)), np.full_like(A, np.e), rtol=1e-6)


def test_a_scalar_that_was_never_written_is_not_kept(chip: Any) -> None:
    x, zero = put(A, chip), put(np.zeros_like(A), chip)
    x / zero
    with pytest.raises(DeviceError, match="divide"):
        np.asarray(x + 77.25)
    np.testing.assert_array_equal(np.asarray(x + 77.25), A + 77.25)


def test_what_is_cancelled_at_once_is_told_by_its_cause(build_once: Build) -> None:
    hasty = load(build_once("async_cancels", "hasty"))
    x, zero = put(A, hasty), put(np.zeros_like(A), hasty)
    f = dt.jit(lambda x: (x + x) + x)
    calls = [lambda: x + x, lambda: f(x), lambda: x.T + x.T, lambda: x + 0.25]
    for call in calls:
        call()
        x / zero
        with pytest.raises(DeviceError, match=r"^divide at test_async.py:\d+ in .* found later by"):
            for _ in range(500):  # one of them when the device has come so far
                call()
            hasty.sync()
        hasty.sync()
        np.testing.assert_array_equal(np.asarray(x + x), 2 * A)


def test_a_failure_among_many_calls_keeps_its_name(chip: Any) -> None:
    x, zero = put(A, chip), put(np.zeros_like(A), chip)
    x + x
    x / zero  # marked: long ago
    for _ in range(1500):
        x + x
    line = line_of("marked: long ago")
    with pytest.raises(DeviceError, match=rf"^divide at test_async.py:{line} in .* on chip:0"):
        chip.sync()


def test_a_lost_device_is_dead_and_says_so(build_once: Build) -> None:
    loose = load(build_once("async_plain", "loose"))
    x = put(A, loose)
    y = x + x
    f = dt.jit(lambda x: x + x)
    f(x)
    lost = dt.log(put([-1.0], loose))
    with pytest.raises(DeviceError, match=r"^log at .* the chip fell off its bus"):
        np.asarray(lost)
    uses: list[Callable[[], Any]] = [
        lambda: x + x,
        lambda: np.asarray(y),
        lambda: f(x),
        lambda: put(A, loose),
        lambda: x.to_device("cpu"),
        lambda: dt.sqrt(x),
        lambda: loose.sync(),
    ]
    for use in uses:
        with pytest.raises(DeviceError, match=r"loose:0 was lost: .* start a new process"):
            use()
    _fast.memory_trim(loose)
    assert (dt.asarray(A) + 1).shape == (3, 4)


def test_what_a_late_failure_left_without_values_is_never_read(chip: Any) -> None:
    before = put(A, chip) + put(A, chip)
    chip.sync()
    bad = dt.asarray(A, device=chip) / put(np.zeros_like(A), chip)
    behind, jitted = bad + before, dt.jit(lambda x: x + x)(bad)
    turned, part = bad.T, bad[0]
    with pytest.raises(DeviceError, match=r"divide at .*found later by"):
        np.asarray(behind)
    for lost in (bad, behind, jitted, turned, part):
        for use in (np.asarray, lambda x: x + before[0, 0], dt.jit(lambda x: x + x)):
            with pytest.raises(DeviceError, match="values of this array on chip:0 were never comp"):
                use(lost)
        assert "never computed" in repr(lost)
    np.testing.assert_array_equal(np.asarray(before), A + A)
    np.testing.assert_array_equal(np.asarray(before + put(A, chip)), 3 * A)
    del bad, behind, jitted, turned, part, lost
    fresh = [put(A, chip) + 1.0 for _ in range(4)]  # memory that comes back is good again
    assert all(np.array_equal(np.asarray(x), A + 1) for x in fresh)


def test_what_another_device_read_of_it_has_no_values_either(chip: Any) -> None:
    other = dt.device("chip:1")
    bad = put(A, chip) / put(np.zeros_like(A), chip)
    moved = bad.to_device(other)
    with pytest.raises(DeviceError, match="divide"):
        np.asarray(moved)
    with pytest.raises(DeviceError, match="values of this array on chip:1 were never computed"):
        np.asarray(moved)
