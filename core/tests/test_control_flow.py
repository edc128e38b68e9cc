"""cond, switch, while_loop, scan, fori_loop: eager, compiled, differentiated and batched alike."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError, TraceError

X = dt.asarray([0.5, -0.25, 1.5, 0.75], dtype=dt.float64)
W = dt.asarray(0.6, dtype=dt.float64)


def both(function, *args):
    """The result outside and inside jit, which must be the same."""
    eager = dt.tree.leaves(function(*args))
    compiled = dt.tree.leaves(dt.jit(function)(*args))
    assert len(eager) == len(compiled)
    for a, b in zip(eager, compiled, strict=True):
        assert a.dtype is b.dtype
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)
    return function(*args)


def difference(function, x, step=1e-5):
    """Central difference of a scalar function of one number."""
    return (function(x + step).item() - function(x - step).item()) / (2 * step)


# ---- scan ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_carries_and_stacks(reverse: bool) -> None:
    rows = np.asarray(X)[:: -1 if reverse else 1]
    want = np.cumsum(rows)
    total, sums = both(
        lambda x: dt.scan(
            lambda c, r: (c + r, c + r), dt.zeros((), dt.float64), x, reverse=reverse
        ),
        X,
    )
    assert total.item() == pytest.approx(want[-1])
    np.testing.assert_allclose(np.asarray(sums), want[:: -1 if reverse else 1])


def test_scan_takes_containers_and_gives_them_back() -> None:
    def step(carry, row):
        new = {"n": carry["n"] + 1, "s": carry["s"] + row[0] * row[1]["b"]}
        return new, (new["s"], {"twice": 2 * row[0]})

    start = {"n": dt.asarray(0), "s": dt.zeros((), dt.float64)}
    carry, (sums, more) = both(lambda x: dt.scan(step, start, (x, {"b": x * x})), X)
    assert carry["n"].item() == 4
    np.testing.assert_allclose(np.asarray(sums), np.cumsum(np.asarray(X) ** 3))
    np.testing.assert_allclose(np.asarray(more["twice"]), 2 * np.asarray(X))


def test_scan_without_rows_counts() -> None:
    carry, ys = both(lambda x: dt.scan(lambda c, _: (c * 2, c), x, length=5), dt.asarray(1))
    assert carry.item() == 32
    assert ys.tolist() == [1, 2, 4, 8, 16]


def test_scan_of_no_rows_gives_empty_results() -> None:
    carry, ys = both(lambda x: dt.scan(lambda c, r: (c + r, c * r), W, x), X[:0])
    assert carry.item() == W.item()
    assert ys.shape == (0,) and ys.dtype is dt.float64


def test_scan_gives_nothing_where_the_function_gives_none() -> None:
    carry, nothing = both(lambda x: dt.scan(lambda c, r: (c + r, None), W, x), X)
    assert nothing is None
    assert carry.item() == pytest.approx(0.6 + np.asarray(X).sum())


def test_the_graph_of_a_scan_does_not_grow_with_its_length() -> None:
    f = dt.jit(lambda x: dt.scan(lambda c, r: (c * W + r, c), W, x)[0])
    counts = {n: str(f.explain(dt.ones((n,), dt.float64))).count(" = ") for n in (3, 300)}
    assert counts[3] == counts[300]


def _rnn(w, h0, x):
    last, hidden = dt.scan(lambda h, r: (dt.tanh(w * h + r), h * h), h0, x)
    return last + hidden.sum()


@pytest.mark.parametrize("compiled", ["not at all", "inside", "outside"])
def test_scan_has_gradients_of_all_it_reads(compiled: str) -> None:
    h0 = dt.asarray(0.1, dtype=dt.float64)
    f = dt.jit(_rnn) if compiled == "inside" else _rnn
    g = dt.grad(f, argnums=(0, 1, 2))
    got = (dt.jit(g) if compiled == "outside" else g)(W, h0, X)
    assert got[0].item() == pytest.approx(difference(lambda w: _rnn(w, h0, X), W), rel=1e-8)
    assert got[1].item() == pytest.approx(difference(lambda h: _rnn(W, h, X), h0), rel=1e-8)
    for i in range(4):
        e = dt.asarray(np.eye(4)[i])
        slope = difference(lambda t, e=e: _rnn(W, h0, X + t * e), dt.zeros((), dt.float64))
        assert got[2][i].item() == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("wrap", [lambda f: f, dt.jit], ids=["eager", "jit"])
def test_scan_has_second_and_third_derivatives(wrap) -> None:
    h0 = dt.asarray(0.1, dtype=dt.float64)
    first = dt.grad(lambda w: _rnn(w, h0, X))
    second = dt.grad(first)
    third = dt.grad(second)
    assert wrap(second)(W).item() == pytest.approx(difference(first, W), rel=1e-7)
    assert wrap(third)(W).item() == pytest.approx(difference(second, W), rel=1e-7)


def test_second_derivatives_through_a_compiled_scan() -> None:
    f = dt.jit(lambda w: _rnn(w, dt.asarray(0.1, dtype=dt.float64), X))
    eager = dt.grad(dt.grad(lambda w: _rnn(w, dt.asarray(0.1, dtype=dt.float64), X)))(W)
    assert dt.grad(dt.grad(f))(W).item() == pytest.approx(eager.item(), rel=1e-12)


def test_gradients_reach_what_a_compiled_loop_closes_over() -> None:
    def f(w):
        return dt.jit(lambda x: dt.scan(lambda c, r: (c * w + r, None), w, x)[0])(X)

    assert dt.grad(f)(W).item() == pytest.approx(difference(f, W), rel=1e-8)


def test_loops_nest_in_loops_and_choices() -> None:
    def inner(c, r):
        return dt.cond(r > 0, lambda c: c * r, lambda c: c - r, c)

    def f(x):
        def outer(c, r):
            c = dt.scan(lambda c, q: (inner(c, q * r), None), c, x)[0]
            return dt.while_loop(lambda v: v < 1, lambda v: v + 1, c, max_steps=9), c

        last, ys = dt.scan(outer, W, x)
        return last * ys.sum()

    both(f, X)
    g = both(dt.grad(f), X)
    for i in range(4):
        e = dt.asarray(np.eye(4)[i])
        slope = difference(lambda t, e=e: f(X + t * e), dt.zeros((), dt.float64))
        assert g[i].item() == pytest.approx(slope, rel=1e-6)


def test_a_compiled_loop_runs_in_two_threads_at_once() -> None:
    f = dt.jit(lambda x: dt.scan(lambda c, r: (c * 0.5 + r, c), W, x))
    x = dt.asarray(np.linspace(-1, 1, 20000))
    want = np.asarray(f(x)[1])
    wrong = []

    def run() -> None:
        for _ in range(20):
            if not np.array_equal(np.asarray(f(x)[1]), want):
                wrong.append(1)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_numpy_ops_run_inside_a_compiled_loop() -> None:
    m = dt.asarray(np.array([[2.0, 1.0], [1.0, 3.0]]))
    f = lambda x: dt.scan(lambda c, r: (dt.linalg.inv(c + r * m), None), m, x)[0]  # noqa: E731
    both(f, X)


# ---- while_loop ----------------------------------------------------------------------------------


def _collatz(n):
    def step(state):
        n, count = state
        odd = n % 2 == 1
        return dt.where(odd, 3 * n + 1, n // 2), count + 1

    return dt.while_loop(lambda s: s[0] != 1, step, (n, dt.asarray(0)))[1]


@pytest.mark.parametrize(("n", "steps"), [(1, 0), (6, 8), (27, 111)])
def test_while_loop_stops_when_its_condition_fails(n: int, steps: int) -> None:
    assert both(_collatz, dt.asarray(n)).item() == steps


def _grow(x):
    return dt.while_loop(
        lambda v: v[0] < 50, lambda v: (v[0] * v[0] * W, v[1] + 1), (x, 0), max_steps=8
    )[0]


@pytest.mark.parametrize("wrap", [lambda f: f, dt.jit], ids=["eager", "jit"])
def test_a_bounded_while_loop_has_gradients(wrap) -> None:
    x = dt.asarray(3.0, dtype=dt.float64)
    assert wrap(dt.grad(_grow))(x).item() == pytest.approx(difference(_grow, x), rel=1e-7)
    second = wrap(dt.grad(dt.grad(_grow)))(x)
    assert second.item() == pytest.approx(difference(dt.grad(_grow), x), rel=1e-7)
    assert wrap(dt.grad(_grow))(dt.asarray(60.0, dtype=dt.float64)).item() == 1


def test_an_unbounded_while_loop_has_none() -> None:
    f = dt.jit(dt.grad(lambda x: dt.while_loop(lambda v: v < 9, lambda v: v * v, x)))
    with pytest.raises(TraceError, match="give max_steps=, or use scan or fori_loop"):
        f(dt.asarray(2.0))


@pytest.mark.parametrize("wrap", [lambda f: f, dt.jit], ids=["eager", "jit"])
def test_a_loop_beyond_its_bound_is_an_error(wrap) -> None:
    f = wrap(lambda x: dt.while_loop(lambda v: v > 0, lambda v: v + 1, x, max_steps=5))
    with pytest.raises(OpError, match="the condition still holds after max_steps=5 steps"):
        f(dt.asarray(1))
    g = wrap(dt.grad(lambda x: dt.while_loop(lambda v: v > 0, lambda v: v + 1, x, max_steps=5)))
    with pytest.raises(OpError, match="max_steps=5"):
        g(dt.asarray(1.0))


def test_fori_loop_counts_up_to_its_upper_bound() -> None:
    for lower, upper in ((0, 5), (3, 5), (5, 3)):
        want = 1
        for i in range(lower, upper):
            want = want * 2 + i
        got = both(
            lambda x, a=lower, b=upper: dt.fori_loop(a, b, lambda k, v: v * 2 + k, x), dt.asarray(1)
        )
        assert got.item() == want
        traced = dt.jit(lambda a, b, x: dt.fori_loop(a, b, lambda k, v: v * 2 + k, x))
        assert traced(dt.asarray(lower), dt.asarray(upper), dt.asarray(1)).item() == want


# ---- cond and switch -----------------------------------------------------------------------------


def test_cond_runs_one_of_two() -> None:
    f = lambda x: dt.cond(x.sum() > 1, lambda x: x * W, lambda x: x - W, x)  # noqa: E731
    np.testing.assert_allclose(np.asarray(both(f, X)), np.asarray(X) * 0.6)
    np.testing.assert_allclose(np.asarray(both(f, -X)), -np.asarray(X) - 0.6)
    for sign, slope in ((1, 0.6), (-1, 1.0)):
        g = both(dt.grad(lambda x: f(x).sum()), sign * X)
        np.testing.assert_allclose(np.asarray(g), slope)


def test_a_number_is_true_where_it_is_not_zero() -> None:
    f = lambda n: dt.cond(n, lambda: dt.asarray(1), lambda: dt.asarray(0))  # noqa: E731
    assert both(f, dt.asarray(0.0)).item() == 0
    assert both(f, dt.asarray(-3)).item() == 1


def test_branches_have_gradients_of_what_they_close_over() -> None:
    def f(w, v, x):
        return dt.cond(x > 0, lambda x: x * w, lambda x: x * v * v, x)

    for x, want in ((2.0, (2.0, 0.0)), (-2.0, (0.0, -4.8))):
        g = dt.grad(f, argnums=(0, 1))
        given = (W, dt.asarray(1.2, dtype=dt.float64), dt.asarray(x, dtype=dt.float64))
        for result in (g(*given), dt.jit(g)(*given), dt.grad(dt.jit(f), argnums=(0, 1))(*given)):
            assert [y.item() for y in result] == pytest.approx(want)


@pytest.mark.parametrize("dtype", [dt.int32, dt.int64, dt.uint8, dt.uint64])
@pytest.mark.parametrize(("index", "want"), [(0, 2.0), (1, -1.0), (2, 1.0), (7, 1.0)])
def test_switch_takes_the_nearest_function(dtype, index: int, want: float) -> None:
    functions = (lambda x: x * 2, lambda x: -x, lambda x: x * x)
    got = both(lambda i: dt.switch(i, functions, dt.asarray(1.0)), dt.asarray(index, dtype=dtype))
    assert got.item() == want


def test_a_negative_index_takes_the_first_function() -> None:
    got = both(lambda i: dt.switch(i, (lambda: ONE, lambda: -ONE)), dt.asarray(-5))
    assert got.item() == 1


# ---- bad input -----------------------------------------------------------------------------------

ONE = dt.asarray(1.0)
BAD = {
    "cond: the predicate is float64[4]": lambda: dt.cond(X, lambda: 1, lambda: 2),
    "switch: the index is float64[4]": lambda: dt.switch(X, (lambda: 1,)),
    "switch: there is no function": lambda: dt.switch(0, ()),
    "scan: there are no xs to count": lambda: dt.scan(lambda c, x: (c, x), ONE),
    "scan: length=-1 must not be negative": lambda: dt.scan(lambda c, x: (c, x), ONE, length=-1),
    "every array of xs needs an axis": lambda: dt.scan(lambda c, x: (c, x), ONE, ONE),
    "has 3 rows where 4 are expected": lambda: dt.scan(lambda c, x: (c, x), ONE, (X, X[:3])),
    "scan: xs holds str": lambda: dt.scan(lambda c, x: (c, x), ONE, "abcd"),
    "scan: the function returns Array": lambda: dt.scan(lambda c, x: c, ONE, X),
    "scan: the carry it returns is": lambda: dt.scan(lambda c, x: (X, x), ONE, X),
    "while_loop: max_steps=-2": lambda: dt.while_loop(
        lambda v: v < 1, lambda v: v, ONE, max_steps=-2
    ),
    "while_loop: the condition returns": lambda: dt.while_loop(lambda v: X > 1, lambda v: v, ONE),
    "while_loop: the body's result is": lambda: dt.while_loop(
        lambda v: v < 2, lambda v: dt.asarray([1.0]), ONE
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named_outside_and_inside_jit(message: str) -> None:
    for run in (BAD[message], lambda: dt.jit(lambda unused: BAD[message]())(ONE)):
        with pytest.raises(OpError) as error:
            run()
        assert message in str(error.value)


def test_branches_that_differ_are_named() -> None:
    def whole(x):
        return dt.astype(x, dt.int64)

    f = dt.jit(lambda x: dt.cond(x > 0, whole, lambda x: x, x))
    with pytest.raises(OpError, match=r"the true \(whole\) returns int64\[\]"):
        f(ONE)


def test_an_endless_loop_can_be_interrupted() -> None:
    program = """if True:
        import _thread, signal, threading, time
        import dovetail as dt
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
        f = dt.jit(lambda x: dt.while_loop(lambda v: v < 2, lambda v: v * 0.5, x))
        def press():  # and press again, as people do: an import may swallow the first one
            while True:
                time.sleep(0.5)
                _thread.interrupt_main()
        threading.Thread(target=press, daemon=True).start()
        f(dt.asarray(1.0))
    """
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith("KeyboardInterrupt"), done.stderr


# ---- vmap ----------------------------------------------------------------------------------------

XS = dt.asarray(np.linspace(-1, 1, 12).reshape(3, 4))
WS = dt.asarray(np.array([0.3, 0.6, 0.9]))


def looped(function, *rows):
    """What vmap must give: one example after the other."""
    found = [function(*(r[i] for r in rows)) for i in range(rows[0].shape[0])]
    return [
        np.stack(c) for c in zip(*(map(np.asarray, dt.tree.leaves(y)) for y in found), strict=True)
    ]


def mapped(function, *rows):
    """vmap outside and inside jit, against the loop."""
    want = looped(function, *rows)
    for f in (dt.vmap(function), dt.jit(dt.vmap(function)), dt.vmap(dt.jit(function))):
        for a, b in zip(dt.tree.leaves(f(*rows)), want, strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-10, atol=1e-12)


def test_vmap_of_scan_and_of_its_gradient() -> None:
    h0 = dt.asarray(0.1, dtype=dt.float64)
    mapped(lambda w, x: dt.scan(lambda c, r: (c * w + r, c * r), h0, x), WS, XS)
    mapped(lambda w, x: _rnn(w, h0, x), WS, XS)
    mapped(lambda w: _rnn(w, h0, X), WS)
    mapped(lambda x: dt.scan(lambda c, r: (c + r, c), W, x, reverse=True), XS)
    mapped(dt.grad(lambda w, x: _rnn(w, h0, x), argnums=(0, 1)), WS, XS)
    mapped(dt.grad(dt.jit(lambda w, x: _rnn(w, h0, x)), argnums=(0, 1)), WS, XS)
    mapped(dt.grad(dt.grad(lambda w, x: _rnn(w, h0, x))), WS, XS)


def test_gradient_of_vmap_of_scan() -> None:
    def f(w):
        return dt.vmap(lambda x: _rnn(w, w, x))(XS).sum()

    assert dt.grad(f)(W).item() == pytest.approx(difference(f, W), rel=1e-8)
    assert dt.jit(dt.grad(f))(W).item() == pytest.approx(difference(f, W), rel=1e-8)
    assert dt.grad(dt.grad(f))(W).item() == pytest.approx(difference(dt.grad(f), W), rel=1e-7)


def test_vmap_of_while_loop_runs_until_the_last_is_done() -> None:
    mapped(_collatz, dt.asarray([6, 1, 27, 2]))
    mapped(_grow, dt.asarray([3.0, 60.0, 4.5], dtype=dt.float64))
    mapped(dt.grad(_grow), dt.asarray([3.0, 60.0, 4.5], dtype=dt.float64))


def test_vmap_of_choices() -> None:
    def f(x, w):
        return dt.cond(x.sum() > 0, lambda x: x * w, lambda x: x - w, x)

    mapped(f, XS, WS)
    mapped(lambda x: dt.cond(W > 0, lambda x: x * W, lambda x: -x, x), XS)
    mapped(dt.grad(lambda x, w: f(x, w).sum(), argnums=(0, 1)), XS, WS)
    functions = (lambda x: x * 2, lambda x: -x, lambda x: x * x)
    mapped(lambda i, x: dt.switch(i, functions, x), dt.asarray([5, -1, 1]), XS)


def test_vmap_of_vmap_of_a_loop() -> None:
    f = dt.vmap(dt.vmap(lambda w, x: _rnn(w, w, x), in_axes=(None, 0)), in_axes=(0, None))
    want = np.array([[_rnn(w, w, x).item() for x in XS] for w in WS])
    np.testing.assert_allclose(np.asarray(f(WS, XS)), want, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(dt.jit(f)(WS, XS)), want, rtol=1e-12)
