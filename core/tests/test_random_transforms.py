"""Keys and draws under jit, vmap, grad and scan, in saved programs, and derivatives of draws."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

R = dt.random


def equal(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


# ---- keys ----------------------------------------------------------------------------------------


def test_a_key_may_be_an_argument_or_be_closed_over() -> None:
    key = R.key(5)
    want = R.normal(R.fold_in(key, "noise"), (4,))
    equal(dt.jit(lambda k: R.normal(R.fold_in(k, "noise"), (4,)))(key), want)
    equal(dt.jit(lambda: R.normal(R.fold_in(key, "noise"), (4,)))(), want)


def test_a_compiled_function_gives_keys_back() -> None:
    split = dt.jit(lambda key: R.split(key, 3))
    for found, want in zip(split(R.key(5)), R.split(R.key(5), 3), strict=True):
        assert isinstance(found, R.Key)
        equal(found.data, want.data)


def test_one_trace_serves_every_key() -> None:
    traces = []

    def draw(key: Any) -> Any:
        traces.append(key)
        return R.uniform(key, (3,))

    compiled = dt.jit(draw)
    for seed in range(3):
        equal(compiled(R.key(seed)), R.uniform(R.key(seed), (3,)))
    assert len(traces) == 1


def test_several_keys_are_split_indexed_and_gone_through() -> None:
    keys = R.split(R.key(1), (2, 3))
    flat = R.split(R.key(1), 6)
    assert (keys.shape, len(keys), keys[0].shape, keys[1, 2].shape) == ((2, 3), 2, (3,), ())
    equal(keys[1, 2].data, flat[5].data)
    equal(next(iter(keys))[1].data, flat[1].data)
    equal(R.wrap_key_data(R.key_data(keys)).data, keys.data)
    assert repr(keys) == "Key(shape=(2, 3))"


def test_a_seed_and_a_number_may_be_traced() -> None:
    equal(dt.jit(lambda seed: R.key(seed).data)(dt.asarray(-7)), R.key(-7).data)
    folded = dt.vmap(lambda i: R.fold_in(R.key(3), i).data)(dt.arange(4))
    for i in range(4):
        equal(folded[i], R.fold_in(R.key(3), i).data)


def test_keys_are_split_and_folded_under_vmap() -> None:
    keys = R.split(R.key(1), (4,))
    pairs = dt.vmap(lambda key: R.split(key, 2))(keys)
    for i in range(4):
        for found, want in zip(pairs, R.split(keys[i], 2), strict=True):
            equal(found[i].data, want.data)


def test_vmap_nests_over_keys_and_parameters() -> None:
    keys, rates = R.split(R.key(1), (3,)), dt.asarray([0.5, 4.0, 40.0, 400.0])
    grid = dt.vmap(lambda key: dt.vmap(lambda rate: R.poisson(key, rate, (2,)))(rates))(keys)
    assert grid.shape == (3, 4, 2)
    for i in range(3):
        for j in range(4):
            equal(grid[i, j], R.poisson(keys[i], rates[j], (2,)))
    shared = dt.vmap(lambda rate: R.gamma(R.key(2), rate, (5,)))(rates)
    equal(shared[2], R.gamma(R.key(2), rates[2], (5,)))


def test_a_key_is_carried_through_scan() -> None:
    def step(key: Any, x: Any) -> Any:
        key, now = R.split(key)
        return key, x + R.normal(now, ())

    last, walk = dt.scan(step, R.key(3), dt.zeros(5))
    key, expected = R.key(3), []
    for _ in range(5):
        key, now = R.split(key)
        expected.append(R.normal(now, ()).item())
    assert walk.tolist() == expected
    equal(last.data, key.data)


def test_scan_goes_through_keys() -> None:
    keys = R.split(R.key(3), (5,))
    _, drawn = dt.scan(lambda c, key: (c, R.normal(key, (2,))), dt.zeros(()), keys)
    for i in range(5):
        equal(drawn[i], R.normal(keys[i], (2,)))


def test_a_saved_program_draws_the_same(tmp_path: Path) -> None:
    def sample(key: Any, rate: Any) -> Any:
        first, second = R.split(key)
        return R.gamma(first, rate) + R.normal(second, (3,)), R.permutation(key, 6)

    compiled = dt.jit(sample)
    rate, path = dt.asarray([0.5, 2.0, 30.0]), tmp_path / "sample.dvt"
    want = compiled(R.key(7), rate)
    dt.save(path, sample, (R.key(0), rate))
    for found, expected in zip(dt.load(path)(R.key(7), rate), want, strict=True):
        equal(found, expected)


def test_orders_and_choices_run_under_jit() -> None:
    x = dt.asarray([[1, 2], [3, 4], [5, 6]])
    weights = dt.asarray([0.2, 0.0, 1.0])
    for draw in (
        lambda key: R.permutation(key, x),
        lambda key: R.permutation(key, x, axis=1),
        lambda key: R.permutation(key, x, independent=True),
        lambda key: R.shuffle(key, x, axis=1),
        lambda key: R.choice(key, x, (2, 2)),
        lambda key: R.choice(key, x, (2,), replace=False, axis=1),
        lambda key: R.choice(key, x, (4,), p=weights),
        lambda key: R.choice(key, 3, (2,), replace=False, p=weights),
    ):
        equal(dt.jit(draw)(R.key(8)), draw(R.key(8)))


# ---- derivatives ---------------------------------------------------------------------------------

SMOOTH = {
    "normal": lambda k, a, b: R.normal(k, (5,), None, a, b),
    "uniform": lambda k, a, b: R.uniform(k, (5,), None, -b, a + b),
    "lognormal": lambda k, a, b: R.lognormal(k, (5,), None, a, b),
    "rayleigh": lambda k, a, b: R.rayleigh(k, (5,), None, a),
    "pareto": lambda k, a, b: R.pareto(k, a, (5,)),
    "weibull": lambda k, a, b: R.weibull(k, a, (5,), None, b),
    "triangular": lambda k, a, b: R.triangular(k, -b, a * 0.1, a + b, (5,)),
    "wald": lambda k, a, b: R.wald(k, a, (5,), None, b),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_draws_differentiate_by_their_parameters(name: str) -> None:
    a = dt.asarray([0.7, 1.1, 1.9, 2.5, 3.0], dtype=dt.float64)
    b = dt.asarray(0.8, dtype=dt.float64)
    draw = SMOOTH[name]
    both = name not in ("rayleigh", "pareto")
    check_derivative(lambda *p: draw(R.key(1), *p), (a, b), (0, 1) if both else (0,), name)


def _distribution(a: float, x: float) -> float:
    """The lower incomplete gamma function over gamma(a), by its series."""
    term = total = 1 / a
    n = a
    while term > 1e-18 * total:
        n += 1
        term *= x / n
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a))


@pytest.mark.parametrize("a", [0.05, 0.4, 1.0, 3.7, 40.0])
def test_gamma_draws_move_along_their_quantile(a: float) -> None:
    key, concentration = R.key(1), dt.full((40,), a, dtype=dt.float64)
    x = np.asarray(R.gamma(key, concentration))
    slope = np.asarray(dt.grad(lambda c: dt.sum(R.gamma(key, c)))(concentration))
    h = 1e-5 * a
    for value, got in zip(x.tolist(), slope.tolist(), strict=True):
        if value < 1e-200:
            continue  # its logarithm's slope is tested below
        moved = (_distribution(a + h, value) - _distribution(a - h, value)) / (2 * h)
        density = math.exp((a - 1) * math.log(value) - value - math.lgamma(a))
        assert got == pytest.approx(-moved / density, rel=2e-5, abs=1e-12)


def test_logarithms_of_tiny_gamma_draws_have_a_derivative() -> None:
    # Far below 1, log x is log(u gamma(a + 1)) / a at probability u.
    a = dt.full((10,), 1e-3, dtype=dt.float64)
    log = np.asarray(R.loggamma(R.key(1), a))
    slope = np.asarray(dt.grad(lambda c: dt.sum(R.loggamma(R.key(1), c)))(a))
    small = log < -40
    digamma = -0.5772156649 + 1.6449340668e-3  # at 1 + a
    want = (digamma - log[small]) / 1e-3
    np.testing.assert_allclose(slope[small], want, rtol=1e-5)
    assert small.sum() > 5


@pytest.mark.parametrize(
    ("mean", "draw", "derivative"),
    [
        (2.0 / 5.0, lambda k, a, s: R.beta(k, a, 3.0, s), 3.0 / 25.0),
        (2.0, lambda k, a, s: R.chi_square(k, a, s), 1.0),
        (
            2.0 / 5.0,
            lambda k, a, s: R.dirichlet(k, dt.stack([a, a * 0 + 3.0], axis=-1))[:, 0],
            3 / 25,
        ),
    ],
    ids=["beta", "chi_square", "dirichlet"],
)
def test_the_mean_derivative_is_that_of_the_mean(mean: float, draw: Any, derivative: float) -> None:
    n = 20000
    a = dt.full((n,), 2.0, dtype=dt.float64)
    x = np.asarray(draw(R.key(4), a, (n,)))
    slopes = np.asarray(dt.grad(lambda c: dt.sum(draw(R.key(4), c, (n,))))(a))
    assert abs(x.mean() - mean) < 5 * x.std() / math.sqrt(n)
    assert abs(slopes.mean() - derivative) < 5 * slopes.std() / math.sqrt(n)
    assert slopes.std() > 0


@pytest.mark.parametrize(
    "ends",
    [(-1.0, 2.0), (-dt.inf, 0.5), (0.5, dt.inf), (2.0, 2.5), (-4.0, -3.0), (0.0, 1.0), (-6.0, 6.0)],
    ids=str,
)
def test_truncated_normal_draws_move_along_their_quantile(ends: tuple[float, float]) -> None:
    from statistics import NormalDist

    def mass(x: float) -> float:  # of the nearer tail, without cancellation
        return (
            0.5 * math.erfc(-x * math.sqrt(0.5))
            if ends[0] < 1
            else -0.5 * math.erfc(x * math.sqrt(0.5))
        )

    def share(low: float, high: float, x: float) -> float:
        return (mass(x) - mass(low)) / (mass(high) - mass(low))

    bounds = [dt.full((20,), end, dtype=dt.float64) for end in ends]
    x = np.asarray(R.truncated_normal(R.key(1), *bounds))
    slopes = dt.grad(lambda a, b: dt.sum(R.truncated_normal(R.key(1), a, b)), argnums=(0, 1))(
        *bounds
    )
    h = 1e-5
    for position, slope in enumerate(np.asarray(s) for s in slopes):
        up, down = list(ends), list(ends)
        up[position] += h
        down[position] -= h
        for value, got in zip(x.tolist(), slope.tolist(), strict=True):
            moved = (share(*up, value) - share(*down, value)) / (2 * h)
            density = NormalDist().pdf(value) / (mass(ends[1]) - mass(ends[0]))
            assert got == pytest.approx(-moved / density, rel=1e-5, abs=1e-7)


def test_far_tails_move_with_their_bound() -> None:
    low = dt.full((50,), 1000.0, dtype=dt.float64)
    slope = dt.grad(lambda low: dt.sum(R.truncated_normal(R.key(1), low, dt.inf)))(low)
    np.testing.assert_allclose(np.asarray(slope), 1, atol=2e-5)


def test_student_draws_have_a_derivative_by_their_freedom() -> None:
    freedom = dt.full((2000,), 5.0, dtype=dt.float64)
    slopes = dt.grad(lambda f: dt.sum(R.student_t(R.key(4), f) ** 2))(freedom)
    # The variance is f / (f - 2), and its derivative -2 / (f - 2)**2.
    values = np.asarray(slopes)
    assert abs(values.mean() + 2 / 9) < 6 * values.std() / math.sqrt(2000)


def test_the_gradient_of_gamma_draws_compiles_and_batches() -> None:
    a = dt.asarray([0.3, 2.0, 50.0])
    slope = dt.grad(lambda a: dt.sum(R.gamma(R.key(1), a)))
    want = slope(a)
    np.testing.assert_allclose(np.asarray(dt.jit(slope)(a)), np.asarray(want), rtol=1e-6)
    one = dt.vmap(dt.grad(lambda a: R.gamma(R.key(1), a)))(a)
    assert bool(dt.all(dt.isfinite(one)))


# ---- shapes and dtypes ---------------------------------------------------------------------------


def test_parameters_in_arrays_give_the_shape_and_the_dtype() -> None:
    a = dt.ones((3, 1), dtype=dt.float64)
    b = dt.ones((4,), dtype=dt.float32)
    for draw in (
        lambda: R.normal(R.key(0), None, None, a, b),
        lambda: R.beta(R.key(0), a, b),
        lambda: R.uniform(R.key(0), None, None, 0 * a, b),
        lambda: R.wald(R.key(0), a, None, None, b),
    ):
        x = draw()
        assert (x.shape, x.dtype) == ((3, 4), dt.float64)
    assert R.gamma(R.key(0), b, (2, 4), dt.float16).dtype is dt.float16
    assert R.normal(R.key(0), (4,), None, b).dtype is dt.float32
    assert R.poisson(R.key(0), b, (2, 4), dt.int8).dtype is dt.int8


def test_numbers_and_arrays_as_parameters_draw_the_same() -> None:
    equal(R.gamma(R.key(0), 2.5, (9,)), R.gamma(R.key(0), dt.full((9,), 2.5)))
    equal(R.poisson(R.key(0), 25, (9,)), R.poisson(R.key(0), dt.full((9,), 25)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: R.normal(R.split(R.key(0), (3,)), (2,)), r"shape \(3,\).*vmap"),
        (lambda: R.gamma(7, 2.0), r"random\.key"),
        (lambda: R.normal(R.key(0), (2,), None, dt.ones(3)), "broadcast to shape"),
        (lambda: R.uniform(R.key(0), (), None, 0.0, dt.ones(3)), "broadcast to shape"),
        (lambda: R.beta(R.key(0), dt.ones(2), dt.ones(3)), "do not broadcast"),
        (lambda: R.gamma(R.key(0), -1.0), "at least 0"),
        (lambda: R.beta(R.key(0), 0.0, 1.0), "a=0.0 must be positive"),
        (lambda: R.poisson(R.key(0), -1.0), "at least 0"),
        (lambda: R.poisson(R.key(0), 1.0, (), dt.float32), "integer dtype"),
        (lambda: R.binomial(R.key(0), 5, 1.5), "probability"),
        (lambda: R.geometric(R.key(0), 0.0), "above 0"),
        (lambda: R.truncated_normal(R.key(0), 2.0, 1.0), "at most high=1.0"),
        (lambda: R.triangular(R.key(0), 0.0, 5.0, 1.0), "mode=5.0"),
        (lambda: R.exponential(R.key(0), (2,), dt.int32), "not floating"),
        (lambda: R.exponential(R.key(0), (-2,)), "negative extent"),
        (lambda: R.dirichlet(R.key(0), 1.0), "at least one axis"),
        (lambda: R.multinomial(R.key(0), 3, 1.0), "at least one axis"),
        (lambda: R.permutation(R.key(0), dt.asarray(1)), "0-d"),
        (lambda: R.permutation(R.key(0), dt.ones(3), axis=1), "out of range"),
        (lambda: R.shuffle(R.key(0), 5), "takes an array"),
        (lambda: R.choice(R.key(0), 0, (2,)), "nothing to choose"),
        (lambda: R.choice(R.key(0), 3, (2,), p=[0.5, 0.5]), "3 positions"),
        (lambda: R.choice(R.key(0), 2, (2,), p=[0.5, -0.5]), "at least 0"),
        (lambda: R.choice(R.key(0), 2, (2,), p=[0.0, 0.0]), "weight"),
        (lambda: R.choice(R.key(0), 3, (2,), False, [1.0, 0.0, 0.0]), "only 1"),
        (lambda: R.categorical(R.key(0), dt.ones(3), axis=1), "out of range"),
        (lambda: R.categorical(R.key(0), dt.ones(3), shape=4, replace=False), "do not exist"),
        (lambda: R.multivariate_normal(R.key(0), dt.ones(3), dt.eye(2)), r"\[3\]"),
        (lambda: R.orthogonal(R.key(0), 0), "empty"),
        (lambda: R.ball(R.key(0), 3, 0.0), "positive"),
        (lambda: R.rademacher(R.key(0), (2,), dt.uint8), "signed"),
        (lambda: R.wrap_key_data(dt.ones(2)), "uint32"),
        (lambda: R.randint(R.key(0), dt.ones(2), 5), "integers"),
        (lambda: R.split(R.key(0), (2,))[0, 1], "2 axes"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()
