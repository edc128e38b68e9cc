"""Compiled functions as a user calls them."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast


def arr(values, dtype=np.float32):
    return dt.asarray(np.asarray(values, dtype))


def close(x, expected, rtol=1e-6):
    np.testing.assert_allclose(np.asarray(x), expected, rtol=rtol)


def test_one_compilation_per_signature():
    f = dt.jit(lambda x: x * 2.0)
    for _ in range(3):
        close(f(arr([1.0, 2.0])), [2.0, 4.0])
    assert f.compiled == 1
    f(arr([1.0, 2.0, 3.0]))
    f(arr([1.0, 2.0], np.float64))
    assert f.compiled == 3
    f.forget()
    assert f.compiled == 0


def test_the_python_function_runs_once():
    calls = []
    f = dt.jit(lambda x: calls.append(1) or x + 1.0)
    f(arr(1.0))
    f(arr(2.0))
    assert len(calls) == 1


def test_numbers_are_traced_not_baked_in():
    f = dt.jit(lambda x, s: x * s)
    close(f(arr([1.0]), 2.0), [2.0])
    close(f(arr([1.0]), 5), [5.0])
    close(f(arr([1.0]), 7.0), [7.0])
    assert f.compiled == 2  # one for float, one for int


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_numbers_take_the_dtype_of_what_they_meet(dtype):
    f = dt.jit(lambda x, s: x * s)
    assert f(arr([1.0], dtype), 0.1).dtype.name == np.dtype(dtype).name
    close(f(arr([1.0], dtype), 0.1), np.asarray([0.1], dtype))


def test_static_arguments_are_part_of_the_signature():
    f = dt.jit(lambda x, n: sum((x for _ in range(n)), x * 0.0), static="n")
    close(f(arr([1.0]), 3), [3.0])
    close(f(arr([1.0]), n=4), [4.0])
    assert f.compiled == 2


def test_strings_and_bools_are_static():
    f = dt.jit(lambda x, how, flip: (dt.exp(x) if how == "exp" else x) * (-1.0 if flip else 1.0))
    close(f(arr(0.0), "exp", True), -1.0)
    close(f(arr(3.0), "none", False), 3.0)


def test_dtypes_are_static():
    f = dt.jit(lambda x, dtype: x.astype(dtype))
    assert f(arr(1.5), dt.int32).dtype is dt.int32
    assert f(arr(1.5), dt.float64).dtype is dt.float64
    assert f.compiled == 2


def test_containers_in_and_out():
    f = dt.jit(lambda p: {"sum": p["a"] + p["b"][0], "pair": (p["a"], [p["b"][1], None])})
    out = f({"a": arr([1.0]), "b": (arr([2.0]), arr([3.0]))})
    close(out["sum"], [3.0])
    close(out["pair"][1][0], [3.0])
    assert out["pair"][1][1] is None


def test_inputs_and_constants_may_be_returned():
    c = arr([9.0])
    f = dt.jit(lambda x: (x, c, x, x.reshape(2, 1)))
    x = arr([1.0, 2.0])
    a, b, d, e = f(x)
    close(a, [1.0, 2.0])
    close(b, [9.0])
    close(d, [1.0, 2.0])
    assert e.shape == (2, 1)


def test_numbers_may_be_returned():
    assert dt.jit(lambda x: 3)(arr(1.0)).item() == 3


def test_strided_arguments():
    x = arr(np.arange(12).reshape(3, 4))
    f = dt.jit(lambda a: a @ a.T)
    close(f(x.T), np.asarray(x).T @ np.asarray(x))


def test_compiled_functions_inline_in_each_other():
    inner = dt.jit(lambda x: x * 2.0)
    outer = dt.jit(lambda x: inner(x) + inner(x + 1.0))
    close(outer(arr(1.0)), 6.0)


def test_methods_can_be_compiled():
    class Model:
        scale = 3.0

        @dt.jit
        def __call__(self, x):
            return x * self.scale

    close(Model()(arr([2.0])), [6.0])


# ---- what only values can decide ---------------------------------------------------------------


def test_branching_on_a_traced_value_names_the_line():
    def f(x):
        if x > 0:  # the line
            return x
        return -x

    with pytest.raises(dt.TraceError, match=r"bool\(\).*test_jit\.py:\d+ in f.*dt\.where"):
        dt.jit(f)(arr(1.0))


@pytest.mark.parametrize("use", [float, int, bool, lambda x: x.item(), np.asarray])
def test_reading_a_traced_value_is_an_error(use):
    with pytest.raises((dt.TraceError, BufferError)):
        dt.jit(lambda x: use(x.sum()))(arr([1.0, 2.0]))


def test_a_leaked_traced_array_is_named():
    kept = []
    dt.jit(lambda x: kept.append(x) or x)(arr(1.0))
    with pytest.raises(dt.TraceError, match="return it from"):
        kept[0] + 1.0
    with pytest.raises(dt.TraceError, match="another, finished trace"):
        dt.jit(lambda x: x + kept[0])(arr(1.0))


def test_results_that_cannot_leave_are_named():
    with pytest.raises(dt.TraceError, match="returns str"):
        dt.jit(lambda x: {"ok": x, "bad": "text"})(arr(1.0))


def test_unhashable_arguments_are_named():
    with pytest.raises(TypeError, match="bytearray"):
        dt.jit(lambda x, y: x)(arr(1.0), bytearray(b"x"))


def test_a_failed_trace_leaves_nothing_behind():
    f = dt.jit(lambda x: x.reshape(7))
    with pytest.raises(dt.OpError, match="reshape"):
        f(arr([1.0]))
    assert _fast.trace_depth(0) == 0
    close(dt.jit(lambda x: x + 1.0)(arr(1.0)), 2.0)


# ---- donation ----------------------------------------------------------------------------------


def test_donated_arrays_lend_their_memory():
    f = dt.jit(lambda p, g: p - 0.5 * g, donate="p")
    p, g = arr(np.ones(4096)), arr(np.ones(4096))
    address = p._address
    q = f(p, g)
    assert q._address == address
    close(q, np.full(4096, 0.5))


def test_using_a_donated_array_is_an_error():
    f = dt.jit(lambda p: p + 1.0, donate=0)
    p = arr(np.ones(64))
    f(p)
    for use in (lambda: p + 1.0, lambda: np.asarray(memoryview(p)), lambda: f(p), lambda: p[0]):
        with pytest.raises(dt.DonatedError, match="donated"):
            use()
    assert "donated" in repr(p)


def test_views_of_a_donated_array_stay_valid():
    f = dt.jit(lambda p: p * 3.0, donate=0)
    p = arr(np.ones(64))
    view = p.reshape(8, 8)
    close(f(p), np.full(64, 3.0))
    close(view, np.ones((8, 8)))


def test_memory_of_others_is_never_overwritten():
    data = np.ones(64, np.float32)
    p = dt.from_dlpack(data)
    close(dt.jit(lambda p: p * 3.0, donate=0)(p), np.full(64, 3.0))
    np.testing.assert_array_equal(data, 1.0)


def test_the_same_array_donated_twice_is_an_error():
    f = dt.jit(lambda a, b: (a + 1.0, b + 2.0), donate=(0, 1))
    p = arr(np.ones(8))
    with pytest.raises(dt.DonatedError, match="same array"):
        f(p, p)
    close(p, np.ones(8))


def test_a_donated_container():
    f = dt.jit(lambda state, g: {k: v - g for k, v in state.items()}, donate="state")
    state = {"w": arr(np.ones((32, 32))), "b": arr(np.zeros((32, 32)))}
    new = f(state, arr(np.ones((32, 32))))
    close(new["w"], np.zeros((32, 32)))
    with pytest.raises(dt.DonatedError):
        state["b"] + 1.0


def test_donation_survives_a_value_that_is_still_read():
    # p is read by the second result after the first one is known: no sharing may spoil it.
    f = dt.jit(lambda p: ((p + 1.0) @ p, p.T @ p), donate=0)
    p = np.random.default_rng(0).normal(size=(48, 48)).astype(np.float32)
    a, b = f(arr(p))
    np.testing.assert_allclose(np.asarray(a), (p + 1) @ p, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(np.asarray(b), p.T @ p, rtol=2e-5, atol=2e-5)


def test_unknown_names_are_refused():
    with pytest.raises(dt.OpError, match="donate='q'"):
        dt.jit(lambda p: p, donate="q")


# ---- steady state ------------------------------------------------------------------------------


def step(params, x):
    def loss(p):
        h = dt.tanh(x @ p["w"] + p["b"])
        return (h * h).sum()

    value, grads = dt.value_and_grad(loss)(params)
    return {k: params[k] - 0.01 * grads[k] for k in params}, value


def test_a_steady_step_allocates_nothing():
    f = dt.jit(step, donate=0)
    rng = np.random.default_rng(1)
    params = {"w": arr(rng.normal(size=(64, 64))), "b": arr(np.zeros(64))}
    x = arr(rng.normal(size=(32, 64)))
    for _ in range(5):
        params, value = f(params, x)
    device = x.device
    before = _fast.memory_stats(device)
    for _ in range(50):
        params, value = f(params, x)
    after = _fast.memory_stats(device)
    assert after["system_allocations"] == before["system_allocations"]
    assert after["live_bytes"] == before["live_bytes"]
    assert np.isfinite(value.item())


def test_nothing_is_leaked():
    device = arr(1.0).device
    x = arr(np.ones(1000))

    def use():
        f = dt.jit(lambda a: (a * 2.0, a.sum()))
        f(x)
        dt.grad(lambda a: (a * a).sum())(x)
        with pytest.raises(dt.OpError):
            x + arr(np.ones(7))

    use()
    gc.collect()
    before = _fast.memory_stats(device)["live_bytes"]
    for _ in range(20):
        use()
    gc.collect()
    assert _fast.memory_stats(device)["live_bytes"] <= before


def test_one_function_in_many_threads():
    f = dt.jit(lambda x: dt.tanh(x @ x) + x)
    inputs = [np.random.default_rng(i).normal(size=(96, 96)).astype(np.float32) for i in range(8)]
    expected = [np.tanh(x @ x) + x for x in inputs]
    failures = []

    def work(i):
        for _ in range(20):
            found = np.asarray(f(arr(inputs[i])))
            if not np.allclose(found, expected[i], rtol=1e-4, atol=1e-4):
                failures.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_explain_shows_graph_and_plan():
    text = str(dt.jit(lambda x: (x * 2.0 + 1.0).sum()).explain(arr(np.ones(8))))
    assert "multiply" in text
    assert "plan:" in text
    assert "test_jit.py" in text
