"""Categories, orders, choices and vectors, and the independence of derived keys, with fixed seeds.

The limits are argued in `dovetail.testing.goodness_of_fit`.
"""

import itertools
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.testing.goodness_of_fit import (
    DEVIATE_LIMIT,
    DISTANCE_LIMIT,
    deviate,
    distance,
    even,
    from_density,
    grouped,
)

R = dt.random
N = 20000

PHI = np.vectorize(NormalDist().cdf, otypes=[float])


def beta_cdf(a: float, b: float) -> Callable[[np.ndarray], np.ndarray]:
    """By the logit, in which the density is smooth for every a and b."""
    inner = from_density(
        lambda y: -a * np.logaddexp(0, -y) - b * np.logaddexp(0, y), -40 / a - 10, 40 / b + 10
    )

    def cdf(x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):  # float32 rounds the nearest numbers to 1
            return inner(np.log(x) - np.log1p(-x))

    return cdf


def binomial_chance(n: int, p: float) -> Callable[[int], float]:
    def chance(k: int) -> float:
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))

    return chance


# ---- categories, orders and choices --------------------------------------------------------------


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
    assert abs(deviate(counts[some], WEIGHTS[some] / WEIGHTS.sum() * N)) < DEVIATE_LIMIT


def test_categories_follow_softmax() -> None:
    logits = dt.asarray([[0.0, 1.0, 2.0], [3.0, -dt.inf, 2.0]])
    x = np.asarray(R.categorical(R.key(1), logits, shape=(N,)))
    assert x.shape == (N, 2)
    for column, row in zip(x.T, np.exp(np.asarray(logits, dtype=np.float64)), strict=True):
        counts, some = np.bincount(column, minlength=3), row > 0
        assert counts[~some].sum() == 0
        assert abs(deviate(counts[some], row[some] / row.sum() * N)) < DEVIATE_LIMIT


def _pairs(x: np.ndarray) -> float:
    chances = after_each_other(WEIGHTS)
    seen = [tuple(pair) for pair in x.tolist()]
    assert set(seen) <= set(chances)
    counts = np.array([seen.count(pair) for pair in chances])
    return deviate(counts, np.array(list(chances.values())) * len(seen))


def test_different_categories_are_drawn_as_if_one_after_the_other() -> None:
    logits = dt.log(dt.asarray(WEIGHTS))
    keys = R.split(R.key(2), (3000,))
    x = dt.vmap(lambda key: R.categorical(key, logits, shape=(2,), replace=False))(keys)
    assert abs(_pairs(np.asarray(x))) < DEVIATE_LIMIT
    wide = R.categorical(R.key(0), dt.zeros((6, 4)), axis=0, shape=(2, 3), replace=False)
    assert wide.shape == (2, 3, 4)
    assert all(sorted(column) == list(range(6)) for column in np.asarray(wide).reshape(6, 4).T)


def test_different_weighted_choices_are_drawn_as_if_one_after_the_other() -> None:
    keys, weights = R.split(R.key(2), (3000,)), dt.asarray(WEIGHTS)
    x = dt.vmap(lambda key: R.choice(key, 5, (2,), False, weights))(keys)
    assert abs(_pairs(np.asarray(x))) < DEVIATE_LIMIT


def test_every_order_is_equally_likely() -> None:
    keys = R.split(R.key(7), (6000,))
    x = np.asarray(dt.vmap(lambda key: R.permutation(key, 4))(keys)).tolist()
    orders = list(itertools.permutations(range(4)))
    seen = [tuple(order) for order in x]
    assert abs(even(np.array([seen.count(order) for order in orders]))) < DEVIATE_LIMIT


def test_independent_permutations_order_each_line_by_itself() -> None:
    x = dt.broadcast_to(dt.arange(5)[:, None], (5, 4000))
    y = np.asarray(R.permutation(R.key(1), x, independent=True))
    assert (np.sort(y, axis=0) == np.arange(5)[:, None]).all()
    together = y[0] * 5 + y[1]
    counts = np.bincount(together, minlength=25).reshape(5, 5)
    assert (np.diag(counts) == 0).all()
    assert abs(even(counts[~np.eye(5, dtype=bool)])) < DEVIATE_LIMIT


def test_choices_without_replacement_are_even() -> None:
    keys = R.split(R.key(1), (4000,))
    x = np.asarray(dt.vmap(lambda key: R.choice(key, 6, (3,), replace=False))(keys))
    assert all(len(set(row)) == 3 for row in x.tolist())
    assert abs(even(np.bincount(x[:, 0], minlength=6))) < DEVIATE_LIMIT
    assert abs(even(np.bincount(x[:, 2], minlength=6))) < DEVIATE_LIMIT


def test_integers_between_arrays_are_even() -> None:
    low, high = dt.asarray([-3, 100, -(2**62)]), dt.asarray([4, 101, 2**62])
    x = np.asarray(R.randint(R.key(3), low, high, (N, 3)))
    assert abs(even(np.bincount(x[:, 0] + 3, minlength=7))) < DEVIATE_LIMIT
    assert (x[:, 1] == 100).all()
    assert abs(even(np.bincount((x[:, 2] >> 60) + 4, minlength=8))) < DEVIATE_LIMIT
    assert R.randint(R.key(3), dt.asarray(5), dt.asarray(5)).item() == 5


def test_signs_are_even() -> None:
    x = np.asarray(R.rademacher(R.key(3), (N,)))
    assert abs(even(np.bincount((x + 1) // 2, minlength=2))) < DEVIATE_LIMIT
    assert set(x.tolist()) == {-1, 1}


# ---- vectors -------------------------------------------------------------------------------------


def test_the_parts_of_a_dirichlet_draw_are_beta_distributed() -> None:
    alpha = dt.asarray([0.5, 2.0, 3.0], dtype=dt.float64)
    x = R.dirichlet(R.key(1), alpha, (N,))
    np.testing.assert_allclose(np.asarray(dt.sum(x, axis=-1)), 1, rtol=1e-14)
    for i, a in enumerate((0.5, 2.0, 3.0)):
        assert distance(x[:, i], beta_cdf(a, 5.5 - a)) < DISTANCE_LIMIT
    # The other parts over their sum are independent of a part.
    ratio = x[:, 1] / (x[:, 1] + x[:, 2])
    assert distance(ratio, beta_cdf(2, 3)) < DISTANCE_LIMIT
    correlation = np.corrcoef(np.asarray(ratio), np.asarray(x[:, 0]))[0, 1]
    assert abs(correlation) * math.sqrt(N) < 5


def test_tiny_concentrations_choose_one_part() -> None:
    x = np.asarray(R.dirichlet(R.key(1), dt.full((4,), 1e-3), (4000,)))
    assert np.isfinite(x).all()
    assert abs(even(np.bincount(x.argmax(axis=1), minlength=4))) < DEVIATE_LIMIT


def test_trials_fall_into_categories_by_weight() -> None:
    weights = np.array([1.0, 2.0, 0.0, 5.0])
    x = np.asarray(R.multinomial(R.key(1), 40, dt.asarray(weights), (4000,)))
    assert (x.sum(axis=1) == 40).all()
    assert (x[:, 2] == 0).all()
    for i in (0, 1, 3):
        counts = grouped(x[:, i], binomial_chance(40, weights[i] / 8))
        assert abs(deviate(*counts)) < DEVIATE_LIMIT
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
    assert distance(dt.asarray(radius), lambda r: r**3) < DISTANCE_LIMIT
    # A coordinate's density is the area of the slice, (1 - |x|**p)**(2/p).
    marginal = from_density(lambda v: 2 / p * np.log(np.maximum(1 - np.abs(v) ** p, 1e-300)), -1, 1)
    for i in range(3):
        assert distance(x[:, i], marginal) < DISTANCE_LIMIT


def test_orthogonal_matrices_are_spread_evenly() -> None:
    q = R.orthogonal(R.key(1), 3, (4000,), dt.float64)
    product = np.asarray(q @ dt.matrix_transpose(q))
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-13)
    for i, j in itertools.product(range(3), range(3)):  # Archimedes: uniform in [-1, 1]
        assert distance(q[:, i, j], lambda v: (v + 1) / 2) < DISTANCE_LIMIT
    positive = np.linalg.det(np.asarray(q)) > 0
    assert abs(even(np.bincount(positive.astype(int), minlength=2))) < DEVIATE_LIMIT
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
        assert distance(dt.asarray(row), PHI) < DISTANCE_LIMIT
    assert np.abs(np.corrcoef(white) - np.eye(3)).max() * math.sqrt(N) < 5
    many = R.multivariate_normal(R.key(1), dt.zeros((4, 1, 2)), dt.stack([dt.eye(2)] * 5))
    assert many.shape == (4, 5, 2)


# ---- independence --------------------------------------------------------------------------------


DRAWS = {"uniform": R.uniform, "loggamma": lambda k, s: R.loggamma(k, 1.0, s)}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
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
        assert abs(statistic - 225) < DEVIATE_LIMIT * math.sqrt(2 * 225)


def test_first_draws_of_children_are_uniform() -> None:
    keys = R.split(R.key(1), (N,))
    x = dt.vmap(lambda key: R.uniform(key, (2,)))(keys)
    assert distance(x[:, 0], lambda v: v) < DISTANCE_LIMIT
    counts = np.histogram2d(*np.asarray(x).T, bins=16, range=[[0, 1], [0, 1]])[0]
    assert abs(even(counts.reshape(-1))) < DEVIATE_LIMIT


def test_first_draws_of_consecutive_seeds_are_uniform() -> None:
    x = [R.uniform(R.key(seed)).item() for seed in range(3000)]
    assert distance(dt.asarray(x), lambda v: v) < DISTANCE_LIMIT


def test_neighbours_in_a_draw_are_independent() -> None:
    x = np.asarray(R.uniform(R.key(2), (2 * N,))).reshape(N, 2)
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=16, range=[[0, 1], [0, 1]])[0]
    assert abs(even(counts.reshape(-1))) < DEVIATE_LIMIT


def test_uniform_numbers_between_coarse_bounds_are_even() -> None:
    # Between 2**24 and 2**24 + 8 float32 has the even numbers: each is a quarter.
    x = np.asarray(R.uniform(R.key(1), (N,), None, 2.0**24, 2.0**24 + 8)).astype(np.int64)
    assert set(x - 2**24) == {0, 2, 4, 6}
    assert abs(even(np.bincount((x - 2**24) // 2))) < DEVIATE_LIMIT
