"""Every draw follows its distribution: Kolmogorov-Smirnov and chi-square tests with fixed seeds.

The limits are exceeded with a chance below 1e-6 by a right sampler, and the seeds are fixed, so a
failure is a fault. Distribution functions are closed forms or sums of densities over fine grids;
neither comes from the package.
"""

import itertools
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import dovetail as dt

R = dt.random
N = 20000
Cdf = Callable[[np.ndarray], np.ndarray]

# P(sqrt(n) D > x) is close to 2 exp(-2 x**2): 1e-6 at 2.69.
KS_LIMIT = 2.69

PHI = np.vectorize(NormalDist().cdf, otypes=[float])


def distance(sample: Any, cdf: Cdf) -> float:
    """sqrt(n) times the largest distance between the sample's distribution function and cdf."""
    x = np.sort(np.asarray(dt.astype(sample, dt.float64)).reshape(-1))
    n = len(x)
    expected = cdf(x)
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


def from_density(log_density: Cdf, low: float, high: float) -> Cdf:
    """The distribution function of a density that need not add up to 1, by Simpson's rule."""
    edges = np.linspace(low, high, 20001)
    middles = (edges[1:] + edges[:-1]) / 2
    shift = log_density(middles).max()
    at, between = (np.exp(log_density(points) - shift) for points in (edges, middles))
    pieces = at[1:] + at[:-1] + 4 * between
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    return lambda x: np.interp(x, edges, total / total[-1])


def log_gamma_cdf(a: float) -> Cdf:
    """Of the logarithm of a gamma variable, whose density is smooth for every a."""
    low, high = math.log(a) - 20 / math.sqrt(a) - 20 / a, math.log(a) + 12 / math.sqrt(a) + 3
    return from_density(lambda y: a * y - np.exp(y), low, high)


def gamma_cdf(a: float) -> Cdf:
    inner = log_gamma_cdf(a)
    return lambda x: inner(np.log(x))


def beta_cdf(a: float, b: float) -> Cdf:
    """By the logit, in which the density is smooth for every a and b."""
    inner = from_density(
        lambda y: -a * np.logaddexp(0, -y) - b * np.logaddexp(0, y), -40 / a - 10, 40 / b + 10
    )

    def cdf(x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):  # float32 rounds the nearest numbers to 1
            return inner(np.log(x) - np.log1p(-x))

    return cdf


def student_cdf(freedom: float) -> Cdf:
    def log_density(y: np.ndarray) -> np.ndarray:  # of asinh(t / sqrt(freedom))
        return -freedom * np.log(np.cosh(y))

    inner = from_density(log_density, -40 / freedom, 40 / freedom)
    return lambda x: inner(np.arcsinh(x / math.sqrt(freedom)))


def wald_cdf(mean: float, scale: float) -> Cdf:
    def cdf(x: np.ndarray) -> np.ndarray:
        root = np.sqrt(scale / x)
        ahead = PHI(root * (x / mean - 1))
        return ahead + math.exp(2 * scale / mean) * PHI(-root * (x / mean + 1))

    return cdf


def truncated_cdf(low: float, high: float) -> Cdf:
    reach = 40 / (1 + max(low, -high, 0))
    ends = max(low, -40 if low < 0 else low), min(high, 40)
    if low > 0:
        ends = low, min(high, low + reach)
    elif high < 0:
        ends = max(low, high - reach), high
    return from_density(lambda x: -x * x / 2, *ends)


def triangular_cdf(left: float, mode: float, right: float) -> Cdf:
    def cdf(x: np.ndarray) -> np.ndarray:
        up = (x - left) ** 2 / ((right - left) * (mode - left))
        down = 1 - (right - x) ** 2 / ((right - left) * (right - mode))
        return np.where(x < mode, up, down)

    return cdf


# Name -> draw(key, shape, dtype) and its distribution function.
CONTINUOUS: dict[str, tuple[Callable[..., Any], Cdf]] = {
    "uniform": (R.uniform, lambda x: x),
    "uniform -3 5": (lambda k, s, t: R.uniform(k, s, t, -3.0, 5.0), lambda x: (x + 3) / 8),
    "normal": (R.normal, PHI),
    "normal 2 0.5": (lambda k, s, t: R.normal(k, s, t, 2.0, 0.5), lambda x: PHI((x - 2) / 0.5)),
    "lognormal": (
        lambda k, s, t: R.lognormal(k, s, t, 0.5, 0.25),
        lambda x: PHI((np.log(x) - 0.5) / 0.25),
    ),
    "rayleigh": (
        lambda k, s, t: R.rayleigh(k, s, t, 2.0),
        lambda x: -np.expm1(-x * x / 8),
    ),
    "exponential": (R.exponential, lambda x: -np.expm1(-x)),
    "gumbel": (R.gumbel, lambda x: np.exp(-np.exp(-x))),
    "laplace": (R.laplace, lambda x: np.where(x < 0, np.exp(x) / 2, 1 - np.exp(-x) / 2)),
    "logistic": (R.logistic, lambda x: 1 / (1 + np.exp(-x))),
    "cauchy": (R.cauchy, lambda x: 0.5 + np.arctan(x) / math.pi),
    "pareto": (lambda k, s, t: R.pareto(k, 3.0, s, t), lambda x: 1 - x**-3.0),
    "weibull": (
        lambda k, s, t: R.weibull(k, 1.5, s, t, 2.0),
        lambda x: -np.expm1(-((x / 2) ** 1.5)),
    ),
    "triangular": (
        lambda k, s, t: R.triangular(k, -1.0, 0.5, 3.0, s, dtype=t),
        triangular_cdf(-1, 0.5, 3),
    ),
    "wald 1.5": (lambda k, s, t: R.wald(k, 1.5, s, t), wald_cdf(1.5, 1)),
    "wald 0.5 4": (lambda k, s, t: R.wald(k, 0.5, s, t, 4.0), wald_cdf(0.5, 4)),
}
for _kappa in (1e-9, 1e-6, 0.3, 2.0, 50.0, 1e4, 1e7):
    _width = min(math.pi, 12 / math.sqrt(_kappa))
    CONTINUOUS[f"vonmises {_kappa:g}"] = (
        lambda k, s, t, kappa=_kappa: R.vonmises(k, kappa, s, t),
        from_density(lambda x, kappa=_kappa: -2 * kappa * np.sin(x / 2) ** 2, -_width, _width),
    )
for _a in (0.05, 0.5, 1.0, 1.5, 10.0, 1e4):
    CONTINUOUS[f"loggamma {_a:g}"] = (
        lambda k, s, t, a=_a: R.loggamma(k, a, s, t),
        log_gamma_cdf(_a),
    )
for _a in (0.5, 2.5, 300.0):
    _cdf = gamma_cdf(_a)
    CONTINUOUS[f"gamma {_a:g}"] = (lambda k, s, t, a=_a: R.gamma(k, a, s, t), _cdf)
    CONTINUOUS[f"chi_square {2 * _a:g}"] = (
        lambda k, s, t, a=_a: R.chi_square(k, 2 * a, s, t),
        lambda x, cdf=_cdf: cdf(x / 2),
    )
for _f in (0.5, 1.0, 2.0, 7.5, 200.0):
    CONTINUOUS[f"student_t {_f:g}"] = (
        lambda k, s, t, f=_f: R.student_t(k, f, s, t),
        student_cdf(_f),
    )
for _ab in ((0.5, 0.5), (2.0, 3.0), (30.0, 1.0)):
    CONTINUOUS[f"beta {_ab}"] = (lambda k, s, t, ab=_ab: R.beta(k, *ab, s, t), beta_cdf(*_ab))
# Every way in which proposals are made, on both sides.
for _ends in (
    (-1.0, 2.0),
    (-2.0, 2.0),
    (-0.5, 9.0),
    (0.1, 9.0),
    (0.1, 0.3),
    (0.3, 1.6),
    (0.8, 2.5),
    (-9.0, -2.0),
    (-1.5, -0.4),
    (2.0, dt.inf),
    (-dt.inf, 1.0),
    (-dt.inf, -8.0),
    (30.0, dt.inf),
):
    CONTINUOUS[f"truncated_normal {_ends}"] = (
        lambda k, s, t, ends=_ends: R.truncated_normal(k, *ends, s, t),
        truncated_cdf(*_ends),
    )


@pytest.mark.parametrize("dtype", [dt.float32, dt.float64], ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_follow_their_distribution(name: str, dtype: Any) -> None:
    draw, cdf = CONTINUOUS[name]
    for seed in (1, 2):
        x = draw(R.key(seed), (N,), dtype)
        assert x.dtype is dtype
        assert distance(x, cdf) < KS_LIMIT


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["normal", "exponential", "gamma 2.5", "laplace", "student_t 7.5"])
def test_draws_of_sixteen_bits_are_rounded_ones(name: str, dtype: Any) -> None:
    draw, _ = CONTINUOUS[name]
    x = draw(R.key(4), (200,), dtype)
    assert x.dtype is dtype
    whole = dt.astype(draw(R.key(4), (200,), dt.float32), dtype)
    np.testing.assert_array_equal(
        np.asarray(dt.astype(x, dt.float64)), np.asarray(dt.astype(whole, dt.float64))
    )


def test_the_statistic_finds_what_is_slightly_wrong() -> None:
    z = R.normal(R.key(0), (N,), dt.float64)
    assert distance(z * 1.08, PHI) > KS_LIMIT
    assert distance(z + 0.06, PHI) > KS_LIMIT
    x = R.gamma(R.key(0), 2.5, (N,), dt.float64)
    assert distance(x, gamma_cdf(2.6)) > KS_LIMIT


# ---- counts --------------------------------------------------------------------------------------


def excess(counts: np.ndarray, expected: np.ndarray) -> float:
    """Pearson's statistic as a normal deviate, by E. Wilson and M. Hilferty, 1931."""
    assert expected.min() >= 5, "join categories that are so rare"
    freedom = len(counts) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    spread = 2 / (9 * freedom)
    return float(((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


# A normal deviate exceeds it with a chance of 1e-6; counts that are too even do so, too.
LIMIT = 4.75


def grouped(x: np.ndarray, chance: Callable[[int], float]) -> tuple[np.ndarray, np.ndarray]:
    """Counts of values and what is expected of them, neighbours joined until there are 20."""
    low, high = int(x.min()), int(x.max())
    first = max(0, low - 3000)
    observed = np.bincount(x - first, minlength=high + 1 - first)
    expected = np.array([chance(k) for k in range(first, high + 1)]) * len(x)
    counts, wanted, c, e = [], [], 0.0, 0.0
    for seen, mean in zip(observed, expected, strict=True):
        c, e = c + seen, e + mean
        if e >= 20:
            counts.append(c)
            wanted.append(e)
            c = e = 0.0
    counts[-1] += c
    wanted[-1] += len(x) - sum(wanted)
    return np.array(counts), np.array(wanted)


def poisson_chance(rate: float) -> Callable[[int], float]:
    return lambda k: math.exp(k * math.log(rate) - rate - math.lgamma(k + 1))


def binomial_chance(n: int, p: float) -> Callable[[int], float]:
    def chance(k: int) -> float:
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))

    return chance


def negative_chance(n: float, p: float) -> Callable[[int], float]:
    def chance(k: int) -> float:
        ways = math.lgamma(n + k) - math.lgamma(k + 1) - math.lgamma(n)
        return math.exp(ways + n * math.log(p) + k * math.log1p(-p))

    return chance


COUNTS: dict[str, tuple[Callable[..., Any], Callable[[int], float]]] = {
    "geometric": (
        lambda k: R.geometric(k, 0.2, (N,)),
        lambda k: 0.2 * 0.8 ** (k - 1) if k else 0.0,
    ),
    "negative_binomial": (
        lambda k: R.negative_binomial(k, 2.5, 0.3, (N,)),
        negative_chance(2.5, 0.3),
    ),
    "poisson from arrays": (
        lambda k: R.poisson(k, dt.full((N,), 4.5)),
        poisson_chance(4.5),
    ),
}
for _rate in (0.1, 3.0, 9.9, 10.0, 12.5, 100.0, 3000.0):
    COUNTS[f"poisson {_rate:g}"] = (
        lambda k, rate=_rate: R.poisson(k, rate, (N,)),
        poisson_chance(_rate),
    )
for _np in ((1, 0.5), (7, 0.9), (20, 0.3), (25, 0.4), (100, 0.5), (1000, 0.013), (5000, 0.7)):
    COUNTS[f"binomial {_np}"] = (
        lambda k, np_=_np: R.binomial(k, *np_, (N,)),
        binomial_chance(*_np),
    )


@pytest.mark.parametrize("name", COUNTS)
def test_counts_follow_their_distribution(name: str) -> None:
    draw, chance = COUNTS[name]
    for seed in (1, 2):
        x = np.asarray(draw(R.key(seed)))
        assert x.dtype == np.int64
        assert abs(excess(*grouped(x, chance))) < LIMIT


@pytest.mark.parametrize(("n", "p"), [(2**40, 1e-11), (2**40, 0.25), (2**50, 1 - 1e-14)])
def test_binomial_counts_of_huge_numbers_have_the_right_moments(n: int, p: float) -> None:
    x = np.asarray(R.binomial(R.key(3), n, p, (N,))).astype(np.float64)
    mean, variance = n * p, n * p * (1 - p)
    z = (x - mean) / math.sqrt(variance)
    assert abs(z.mean()) * math.sqrt(N) < 5
    # A count's fourth moment is 3 + 1 / variance, so its square has a variance of 2 + 1 / variance.
    assert abs((z * z).mean() - 1) * math.sqrt(N / (2 + 1 / variance)) < 5


@pytest.mark.parametrize("rate", [1e6, 1e12, 1e17])
def test_poisson_counts_of_huge_rates_are_normal(rate: float) -> None:
    x = np.asarray(R.poisson(R.key(3), rate, (N,))).astype(np.float64)
    z = (x - rate) / math.sqrt(rate)
    assert distance(dt.asarray(z), PHI) < KS_LIMIT


def test_impossible_parameters_in_arrays_are_marked() -> None:
    bad = dt.asarray([-1.0, dt.nan, dt.inf])
    assert R.poisson(R.key(0), bad).tolist() == [-1, -1, -1]
    assert R.binomial(R.key(0), 5, bad).tolist() == [-1, -1, -1]
    assert bool(dt.all(dt.isnan(R.gamma(R.key(0), bad[:2]))))
    assert bool(dt.isnan(R.truncated_normal(R.key(0), dt.asarray(2.0), dt.asarray(1.0))))


# ---- categories, orders and choices --------------------------------------------------------------


def even(counts: np.ndarray) -> float:
    return excess(counts, np.full(len(counts), counts.sum() / len(counts)))


WEIGHTS = np.array([0.5, 0.0, 3.0, 1.0, 1.5])


def after_each_other(weights: np.ndarray) -> dict[tuple[int, int], float]:
    """Chances of the first two positions drawn without replacement."""
    p = weights / weights.sum()
    pairs = itertools.permutations(np.flatnonzero(p).tolist(), 2)
    return {(i, j): p[i] * p[j] / (1 - p[i]) for i, j in pairs}


def test_weighted_choices_follow_their_weights() -> None:
    x = np.asarray(R.choice(R.key(5), 5, (N,), p=WEIGHTS))
    counts = np.bincount(x, minlength=5)
    assert counts[1] == 0
    some = WEIGHTS > 0
    assert abs(excess(counts[some], WEIGHTS[some] / WEIGHTS.sum() * N)) < LIMIT


def test_categories_follow_softmax() -> None:
    logits = dt.asarray([[0.0, 1.0, 2.0], [3.0, -dt.inf, 2.0]])
    x = np.asarray(R.categorical(R.key(1), logits, shape=(N,)))
    assert x.shape == (N, 2)
    for column, row in zip(x.T, np.exp(np.asarray(logits, dtype=np.float64)), strict=True):
        counts, some = np.bincount(column, minlength=3), row > 0
        assert counts[~some].sum() == 0
        assert abs(excess(counts[some], row[some] / row.sum() * N)) < LIMIT


def _pairs(x: np.ndarray) -> float:
    chances = after_each_other(WEIGHTS)
    seen = [tuple(pair) for pair in x.tolist()]
    assert set(seen) <= set(chances)
    counts = np.array([seen.count(pair) for pair in chances])
    return excess(counts, np.array(list(chances.values())) * len(seen))


def test_different_categories_are_drawn_as_if_one_after_the_other() -> None:
    logits = dt.log(dt.asarray(WEIGHTS))
    keys = R.split(R.key(2), (3000,))
    x = dt.vmap(lambda key: R.categorical(key, logits, shape=(2,), replace=False))(keys)
    assert abs(_pairs(np.asarray(x))) < LIMIT
    wide = R.categorical(R.key(0), dt.zeros((6, 4)), axis=0, shape=(2, 3), replace=False)
    assert wide.shape == (2, 3, 4)
    assert all(sorted(column) == list(range(6)) for column in np.asarray(wide).reshape(6, 4).T)


def test_different_weighted_choices_are_drawn_as_if_one_after_the_other() -> None:
    keys, weights = R.split(R.key(2), (3000,)), dt.asarray(WEIGHTS)
    x = dt.vmap(lambda key: R.choice(key, 5, (2,), False, weights))(keys)
    assert abs(_pairs(np.asarray(x))) < LIMIT


def test_every_order_is_equally_likely() -> None:
    keys = R.split(R.key(7), (6000,))
    x = np.asarray(dt.vmap(lambda key: R.permutation(key, 4))(keys)).tolist()
    orders = list(itertools.permutations(range(4)))
    seen = [tuple(order) for order in x]
    assert abs(even(np.array([seen.count(order) for order in orders]))) < LIMIT


def test_independent_permutations_order_each_line_by_itself() -> None:
    x = dt.broadcast_to(dt.arange(5)[:, None], (5, 4000))
    y = np.asarray(R.permutation(R.key(1), x, independent=True))
    assert (np.sort(y, axis=0) == np.arange(5)[:, None]).all()
    together = y[0] * 5 + y[1]
    counts = np.bincount(together, minlength=25).reshape(5, 5)
    assert (np.diag(counts) == 0).all()
    assert abs(even(counts[~np.eye(5, dtype=bool)])) < LIMIT


def test_choices_without_replacement_are_even() -> None:
    keys = R.split(R.key(1), (4000,))
    x = np.asarray(dt.vmap(lambda key: R.choice(key, 6, (3,), replace=False))(keys))
    assert all(len(set(row)) == 3 for row in x.tolist())
    assert abs(even(np.bincount(x[:, 0], minlength=6))) < LIMIT
    assert abs(even(np.bincount(x[:, 2], minlength=6))) < LIMIT


def test_integers_between_arrays_are_even() -> None:
    low, high = dt.asarray([-3, 100, -(2**62)]), dt.asarray([4, 101, 2**62])
    x = np.asarray(R.randint(R.key(3), low, high, (N, 3)))
    assert abs(even(np.bincount(x[:, 0] + 3, minlength=7))) < LIMIT
    assert (x[:, 1] == 100).all()
    assert abs(even(np.bincount((x[:, 2] >> 60) + 4, minlength=8))) < LIMIT
    assert R.randint(R.key(3), dt.asarray(5), dt.asarray(5)).item() == 5


def test_signs_are_even() -> None:
    x = np.asarray(R.rademacher(R.key(3), (N,)))
    assert abs(even(np.bincount((x + 1) // 2, minlength=2))) < LIMIT
    assert set(x.tolist()) == {-1, 1}


# ---- vectors -------------------------------------------------------------------------------------


def test_the_parts_of_a_dirichlet_draw_are_beta_distributed() -> None:
    alpha = dt.asarray([0.5, 2.0, 3.0], dtype=dt.float64)
    x = R.dirichlet(R.key(1), alpha, (N,))
    np.testing.assert_allclose(np.asarray(dt.sum(x, axis=-1)), 1, rtol=1e-14)
    for i, a in enumerate((0.5, 2.0, 3.0)):
        assert distance(x[:, i], beta_cdf(a, 5.5 - a)) < KS_LIMIT
    # The other parts over their sum are independent of a part.
    ratio = x[:, 1] / (x[:, 1] + x[:, 2])
    assert distance(ratio, beta_cdf(2, 3)) < KS_LIMIT
    correlation = np.corrcoef(np.asarray(ratio), np.asarray(x[:, 0]))[0, 1]
    assert abs(correlation) * math.sqrt(N) < 5


def test_tiny_concentrations_choose_one_part() -> None:
    x = np.asarray(R.dirichlet(R.key(1), dt.full((4,), 1e-3), (4000,)))
    assert np.isfinite(x).all()
    assert abs(even(np.bincount(x.argmax(axis=1), minlength=4))) < LIMIT


def test_trials_fall_into_categories_by_weight() -> None:
    weights = np.array([1.0, 2.0, 0.0, 5.0])
    x = np.asarray(R.multinomial(R.key(1), 40, dt.asarray(weights), (4000,)))
    assert (x.sum(axis=1) == 40).all()
    assert (x[:, 2] == 0).all()
    for i in (0, 1, 3):
        counts = grouped(x[:, i], binomial_chance(40, weights[i] / 8))
        assert abs(excess(*counts)) < LIMIT
    covariance = np.cov(x[:, 0], x[:, 1])[0, 1]
    assert abs(covariance + 40 * (1 / 8) * (2 / 8)) < 0.35
    many = R.multinomial(R.key(1), 1000, dt.ones(100))
    assert many.shape == (100,)
    assert dt.sum(many).item() == 1000
    numbers = R.multinomial(R.key(1), dt.asarray([0, 3]), dt.asarray([1.0, 1.0]))
    assert np.asarray(numbers).sum(axis=1).tolist() == [0, 3]


@pytest.mark.parametrize("p", [0.7, 1.0, 2.0, 4.0])
def test_points_fill_the_ball_evenly(p: float) -> None:
    x = R.ball(R.key(1), 3, p, (N,), dt.float64)
    radius = (np.abs(np.asarray(x)) ** p).sum(axis=1) ** (1 / p)
    assert distance(dt.asarray(radius), lambda r: r**3) < KS_LIMIT
    # A coordinate's density is the area of the slice, (1 - |x|**p)**(2/p).
    marginal = from_density(lambda v: 2 / p * np.log(np.maximum(1 - np.abs(v) ** p, 1e-300)), -1, 1)
    for i in range(3):
        assert distance(x[:, i], marginal) < KS_LIMIT


def test_orthogonal_matrices_are_spread_evenly() -> None:
    q = R.orthogonal(R.key(1), 3, (4000,), dt.float64)
    product = np.asarray(q @ dt.matrix_transpose(q))
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-13)
    for i, j in itertools.product(range(3), range(3)):  # Archimedes: uniform in [-1, 1]
        assert distance(q[:, i, j], lambda v: (v + 1) / 2) < KS_LIMIT
    positive = np.linalg.det(np.asarray(q)) > 0
    assert abs(even(np.bincount(positive.astype(int), minlength=2))) < LIMIT
    tall, wide = R.orthogonal(R.key(1), 5, columns=2), R.orthogonal(R.key(1), 2, columns=5)
    assert (tall.shape, wide.shape) == ((5, 2), (2, 5))
    np.testing.assert_allclose(np.asarray(tall.T @ tall), np.eye(2), atol=1e-6)
    np.testing.assert_allclose(np.asarray(wide @ wide.T), np.eye(2), atol=1e-6)


def test_normal_vectors_have_their_mean_and_covariance() -> None:
    covariance = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
    mean = np.array([1.0, -2.0, 0.5])
    x = np.asarray(
        R.multivariate_normal(R.key(1), dt.asarray(mean), dt.asarray(covariance), (N,), dt.float64)
    )
    white = np.linalg.solve(np.linalg.cholesky(covariance), (x - mean).T)
    for row in white:
        assert distance(dt.asarray(row), PHI) < KS_LIMIT
    assert np.abs(np.corrcoef(white) - np.eye(3)).max() * math.sqrt(N) < 5
    many = R.multivariate_normal(R.key(1), dt.zeros((4, 1, 2)), dt.stack([dt.eye(2)] * 5))
    assert many.shape == (4, 5, 2)


# ---- independence --------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [R.uniform, lambda k, s: R.loggamma(k, 1.0, s)], ids=str)
def test_draws_of_derived_keys_are_independent(draw: Any) -> None:
    parent = R.key(12)
    first, second = R.split(parent)
    keys = [parent, first, second, R.fold_in(parent, 0), R.fold_in(parent, 1), R.key(13)]
    ranks = [np.argsort(np.argsort(np.asarray(draw(key, (N,))))) for key in keys]
    cells = [rank * 16 // N for rank in ranks]
    for a, b in itertools.combinations(cells, 2):
        counts = np.bincount(a * 16 + b, minlength=256)
        # Ranks fix the margins: 225 degrees of freedom, not 255.
        statistic = ((counts - N / 256) ** 2 / (N / 256)).sum()
        assert abs(statistic - 225) < LIMIT * math.sqrt(2 * 225)


def test_first_draws_of_children_are_uniform() -> None:
    keys = R.split(R.key(1), (N,))
    x = dt.vmap(lambda key: R.uniform(key, (2,)))(keys)
    assert distance(x[:, 0], lambda v: v) < KS_LIMIT
    counts = np.histogram2d(*np.asarray(x).T, bins=16, range=[[0, 1], [0, 1]])[0]
    assert abs(even(counts.reshape(-1))) < LIMIT


def test_first_draws_of_consecutive_seeds_are_uniform() -> None:
    x = [R.uniform(R.key(seed)).item() for seed in range(3000)]
    assert distance(dt.asarray(x), lambda v: v) < KS_LIMIT


def test_neighbours_in_a_draw_are_independent() -> None:
    x = np.asarray(R.uniform(R.key(2), (2 * N,))).reshape(N, 2)
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=16, range=[[0, 1], [0, 1]])[0]
    assert abs(even(counts.reshape(-1))) < LIMIT


def test_uniform_numbers_between_coarse_bounds_are_even() -> None:
    # Between 2**24 and 2**24 + 8 float32 has the even numbers: each is a quarter.
    x = np.asarray(R.uniform(R.key(1), (N,), None, 2.0**24, 2.0**24 + 8)).astype(np.int64)
    assert set(x - 2**24) == {0, 2, 4, 6}
    assert abs(even(np.bincount((x - 2**24) // 2))) < LIMIT
