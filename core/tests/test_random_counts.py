"""Counts follow their distributions: chi-square tests with fixed seeds.

The limits are argued in `dovetail.testing.goodness_of_fit`.
"""

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
    grouped,
)

R = dt.random
N = 20000

PHI = np.vectorize(NormalDist().cdf, otypes=[float])


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
        assert abs(deviate(*grouped(x, chance))) < DEVIATE_LIMIT


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
    assert distance(dt.asarray(z), PHI) < DISTANCE_LIMIT


def test_impossible_parameters_in_arrays_are_marked() -> None:
    bad = dt.asarray([-1.0, dt.nan, dt.inf])
    assert R.poisson(R.key(0), bad).tolist() == [-1, -1, -1]
    assert R.binomial(R.key(0), 5, bad).tolist() == [-1, -1, -1]
    assert bool(dt.all(dt.isnan(R.gamma(R.key(0), bad[:2]))))
    assert bool(dt.isnan(R.truncated_normal(R.key(0), dt.asarray(2.0), dt.asarray(1.0))))
