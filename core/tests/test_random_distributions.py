"""Every draw of a continuous distribution follows it: Kolmogorov-Smirnov tests with fixed seeds.

Distribution functions are closed forms or sums of densities over fine grids; neither comes from the
package. The limits are argued in `dovetail.testing.goodness_of_fit`.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.testing.goodness_of_fit import (
    DISTANCE_LIMIT,
    distance,
    from_density,
)

R = dt.random
N = 20000
Cdf = Callable[[np.ndarray], np.ndarray]

PHI = np.vectorize(NormalDist().cdf, otypes=[float])


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
        assert distance(x, cdf) < DISTANCE_LIMIT


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
    assert distance(z * 1.08, PHI) > DISTANCE_LIMIT
    assert distance(z + 0.06, PHI) > DISTANCE_LIMIT
    x = R.gamma(R.key(0), 2.5, (N,), dt.float64)
    assert distance(x, gamma_cdf(2.6)) > DISTANCE_LIMIT
