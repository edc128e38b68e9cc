"""Plans and eager calls on devices that fail, lack ops, run out of memory or hide it."""

from __future__ import annotations

import gc
import re
import threading
import warnings

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast
from dovetail.devices import load


def ones(n, device):
    return dt.asarray(np.ones(n, np.float32), device=device)


# ---- a kernel that fails ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def failing(build_once):
    return load(build_once("fail_in_run", "onfire"))


def test_an_error_in_the_middle_of_a_plan(failing):
    def f(x):
        y = x * 2.0  # falls back to the CPU, whose memory is shared
        z = y + x  # fails on the device
        return z - 1.0

    x = ones(64, failing)
    compiled = dt.jit(f)
    before = _fast.memory_stats(failing)["live_bytes"]
    with pytest.warns(RuntimeWarning, match="onfire:0 has no kernel for multiply, subtract: they"):
        compiled.explain(x)
    for _ in range(3):
        with warnings.catch_warnings(), pytest.raises(dt.DeviceError) as caught:
            warnings.simplefilter("ignore")
            compiled(x)
        text = str(caught.value)
        assert "the second multiplier is on fire" in text
        assert "add(float32[64], float32[64])" in text
        assert re.search(r"test_plan\.py:\d+ in f", text)
        assert "driver code 700" in text
    del caught
    gc.collect()
    after = _fast.memory_stats(failing)["live_bytes"]
    assert after <= before + 2 * 4096  # the arena of the one idle instance
    np.testing.assert_array_equal(np.asarray(x), 1.0)


def test_an_error_in_an_eager_call(failing):
    x = ones(8, failing)
    with pytest.raises(dt.DeviceError, match=r"add on onfire:0: the second multiplier is on fire"):
        x + x
    np.testing.assert_array_equal(np.asarray(x), 1.0)


def test_a_failing_plan_loses_donated_arrays_and_says_so(failing):
    f = dt.jit(lambda p: p + p, donate=0)
    p = ones(8, failing)
    with pytest.raises(dt.DeviceError, match="on fire"):
        f(p)
    with pytest.raises(dt.DonatedError):
        p + p


# ---- memory the host cannot see --------------------------------------------------------------


@pytest.fixture(scope="module")
def separate(build_once):
    return load(build_once("separate", "island"))


def test_arrays_move_there_and_back(separate):
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    y = dt.asarray(x, device="island")
    assert not y.device.host_visible
    np.testing.assert_array_equal(np.asarray(y), x)
    np.testing.assert_array_equal(np.asarray(y.to_device("cpu")), x)
    np.testing.assert_array_equal(np.asarray(dt.asarray(x.T, device="island")), x.T)
    np.testing.assert_array_equal(np.asarray(dt.asarray(x)[:, 1].to_device("island")), x[:, 1])
    assert dt.asarray([3.5], device="island").item() == 3.5
    assert "island" in repr(y)
    with pytest.raises(BufferError, match="to_device"):
        memoryview(y)


def test_its_kernels_run_on_it(separate):
    x, y = ones(5, separate), ones(5, separate)
    z = x + y
    assert z.device is separate
    np.testing.assert_array_equal(np.asarray(z), 2.0)
    np.testing.assert_array_equal(np.asarray(z + 1.0), 3.0)
    np.testing.assert_array_equal(np.asarray(dt.jit(lambda a, b: a + b + a)(x, y)), 3.0)


def test_what_it_lacks_runs_on_the_cpu_with_one_warning(separate):
    x = ones((3, 5), separate)
    with pytest.warns(RuntimeWarning, match=r"island:0 has no kernel for multiply.*runs on cpu:0"):
        y = x * x
    assert y.device is separate
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(np.asarray(x * x), 1.0)


def test_what_it_lacks_is_an_error_on_request(separate, monkeypatch):
    monkeypatch.setenv("DOVETAIL_FALLBACK", "error")
    _fast.clear_cache()
    x = ones(7, separate)
    with pytest.raises(dt.DeviceError, match=r"no kernel for exp\(float32\[7\]\)"):
        dt.exp(x)


def compiled(function, *arrays):
    """The function compiled for the device of its arguments, and its plan as text."""
    with pytest.warns(RuntimeWarning, match=r"island:0 has no kernel for .*: they run on cpu:0"):
        return dt.jit(function)(*arrays), str(dt.jit(function).explain(*arrays))


def test_a_plan_leaves_what_the_device_lacks_to_the_cpu(separate):
    x = ones(4, separate)
    y, text = compiled(lambda x: dt.exp(x + x) + x, x)
    assert y.device is separate
    np.testing.assert_allclose(np.asarray(y), np.exp(2) + 1, rtol=1e-6)
    assert "copy float32[4] to the host" in text
    assert "copy float32[4] to island:0" in text
    assert "island:0: it has no kernel of that name" in text


def test_values_cross_over_once(separate):
    x = ones(4, separate)
    _, text = compiled(lambda x: dt.exp(x + x) * dt.sin(x + x), x)
    assert text.count("to the host") == 1
    assert text.count("to island:0") == 1


def test_views_results_and_constants_cross_over(separate):
    x = dt.asarray(np.arange(12, dtype=np.float32).reshape(3, 4), device="island")
    w = dt.asarray(np.arange(4, dtype=np.float32), device="island")

    def f(x):
        t = dt.permute_dims(x, (1, 0))
        return t[1:], dt.exp(t * 0.1), x + w, dt.sum(x, axis=0), x[2]

    results, _ = compiled(f, x)
    h = np.asarray(x)
    want = h.T[1:], np.exp(h.T * np.float32(0.1)), h + np.asarray(w), h.sum(0), h[2]
    for got, expected in zip(results, want, strict=True):
        assert got.device is separate
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6)


def test_gradients_loops_and_empty_arrays_cross_over(separate):
    x = dt.asarray(np.linspace(-1, 1, 6).astype(np.float32), device="island")

    def f(x):
        total, ys = dt.scan(lambda c, r: (c * 0.5 + r, dt.tanh(c)), x[0], x)
        return total + (ys * x).sum() + dt.exp(x[:0]).sum()

    got, _ = compiled(dt.grad(f), x)
    np.testing.assert_allclose(
        np.asarray(got), np.asarray(dt.grad(f)(dt.asarray(np.asarray(x)))), rtol=1e-5
    )


def test_a_plan_of_a_partial_device_runs_again_and_in_threads(separate):
    f = dt.jit(lambda x: dt.exp(x + x) + x)
    x = ones(300, separate)
    with pytest.warns(RuntimeWarning):
        want = np.asarray(f(x))
    wrong = []

    def run():
        for _ in range(50):
            if not np.array_equal(np.asarray(f(x)), want):
                wrong.append(1)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_plan_is_never_split_against_the_users_wish(separate, monkeypatch):
    monkeypatch.setenv("DOVETAIL_FALLBACK", "error")
    with pytest.raises(dt.DeviceError, match=r"no kernel for exp\(float32\[9\]\)"):
        dt.jit(lambda x: dt.exp(x + x))(ones(9, separate))


def test_operands_on_two_devices(separate):
    with pytest.raises(dt.DeviceError, match=r"lie on island:0 and on cpu:0.*to_device"):
        ones(2, separate) + dt.asarray(np.ones(2, np.float32))
    f = dt.jit(lambda a, b: a + b)
    with pytest.raises(dt.DeviceError, match="to_device"):
        f(ones(2, separate), dt.asarray(np.ones(2, np.float32)))


def test_out_of_memory_trims_the_cache_and_then_says_so(separate):
    # The chip holds 1 MiB. Freed blocks are cached; a request that they block makes the cache trim.
    kept = [ones(40_000, separate) for _ in range(5)]
    del kept
    gc.collect()
    assert _fast.memory_stats(separate)["cached_bytes"] > 0
    big = ones(200_000, separate)
    with pytest.raises(dt.OutOfMemoryError, match=r"island:0 has no memory.*the chip is full"):
        ones(200_000, separate)
    del big
    gc.collect()
    np.testing.assert_array_equal(np.asarray(ones(200_000, separate))[:3], 1.0)


def test_out_of_memory_in_a_plan_leaks_nothing(separate):
    f = dt.jit(lambda x: (x + x) + x)
    x = ones(80_000, separate)
    _fast.memory_trim(separate)
    before = _fast.memory_stats(separate)["live_bytes"]
    for _ in range(3):
        with pytest.raises(dt.OutOfMemoryError):
            held = [f(x) for _ in range(9)]
            del held
    f.forget()
    gc.collect()
    assert _fast.memory_stats(separate)["live_bytes"] == before
