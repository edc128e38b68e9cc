"""Special functions in numpy: what the tests of kernels compare with.

They compute in numpy's longest float, of 64 significant bits on most machines, by the definitions
and the plainest of the published formulas: not fast, and for arguments of moderate size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "beta_part",
    "beta_part_derivative",
    "bisected",
    "digamma",
    "elementwise",
    "gamma_part",
    "gamma_part_derivative",
    "log_abs_gamma",
    "log_beta",
    "log_gamma",
    "wide",
    "zeta",
]

Array = np.ndarray[Any, Any]

PI = np.longdouble("3.14159265358979323846264338327950288")
HALF_LOG_2PI = np.longdouble("0.918938533204672741780329736405617640")
BERNOULLI = [  # B(2), B(4), ... as fractions
    (1, 6),
    (-1, 30),
    (1, 42),
    (-1, 30),
    (5, 66),
    (-691, 2730),
    (7, 6),
    (-3617, 510),
    (43867, 798),
    (-174611, 330),
    (854513, 138),
    (-236364091, 2730),
]


def wide(x: Any) -> Array:
    """x in the longest float, or in the longest complex number."""
    x = np.asarray(x)
    return np.asarray(x, np.clongdouble if x.dtype.kind == "c" else np.longdouble)


def elementwise(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of Python floats over arrays."""
    return np.vectorize(function, otypes=[np.float64])


def log_gamma(x: Any) -> Array:
    """log(gamma(x)), Re x > 0: Stirling's series at x + 30, DLMF 5.11.1."""
    x = wide(x)
    product = np.ones_like(x)
    for k in range(30):
        product = product * (x + k)
    a = x + 30
    total = (a - 0.5) * np.log(a) - a + HALF_LOG_2PI
    for k, (p, q) in enumerate(BERNOULLI, start=1):
        total = total + np.longdouble(p) / q / (2 * k * (2 * k - 1)) / a ** (2 * k - 1)
    return np.asarray(total - np.log(product))


def log_abs_gamma(x: Any) -> Array:
    """log |gamma(x)| of real x, reflected on the left: DLMF 5.5.3."""
    x = wide(x)
    left = (x < 0.5) & np.isfinite(x)
    turned = np.where(left, 1 - x, x)
    value = log_gamma(np.where(turned < np.inf, turned, 1))
    sine = np.sin(PI * np.where(left, x - np.round(x), 0.25))
    value = np.where(left, np.log(PI / np.abs(sine)) - value, value)
    pole = (x <= 0) & (x == np.floor(x)) & np.isfinite(x)
    value = np.where(pole, np.inf, np.where(np.isinf(x) | np.isnan(x), x, value))
    return np.where((x == 1) | (x == 2), 0, value)


def log_beta(a: Any, b: Any) -> Array:
    """log(beta(a, b)) for positive a and b."""
    return np.asarray(log_gamma(a) + log_gamma(b) - log_gamma(wide(a) + wide(b)))


def digamma(x: Any) -> Array:
    """The logarithmic derivative of gamma, DLMF 5.11.2, reflected on the left."""
    x = wide(x)
    turned = np.where(x < 0, 1 - x, x)
    total = np.zeros_like(turned)
    for k in range(30):
        total = total - 1 / (turned + k)
    a = turned + 30
    total = total + np.log(a) - 1 / (2 * a)
    for k, (p, q) in enumerate(BERNOULLI, start=1):
        total = total - np.longdouble(p) / q / (2 * k) / a ** (2 * k)
    nearest = np.round(np.where(np.isfinite(x), x, 0))
    total = np.where(x < 0, total - PI / np.tan(PI * (x - nearest)), total)
    pole = (x < 0) & (x == np.floor(x))
    total = np.where(pole | (x == -np.inf), np.nan, total)
    return np.where(x == 0, np.copysign(np.inf, -x), np.where(x == np.inf, x, total))


def zeta(s: Any, q: Any) -> Array:
    """The sum of (q + k)^-s for s > 1, q > 0: Euler and Maclaurin, DLMF 25.11.43."""
    s, q = np.broadcast_arrays(wide(s), wide(q))
    steps = 30
    total = np.zeros_like(q)
    for k in range(steps):
        total = total + (q + k) ** -s
    a = q + steps
    total = total + a ** (1 - s) / (s - 1) + a**-s / 2
    factor = s / a
    for k, (p, r) in enumerate(BERNOULLI, start=1):
        total = total + factor * (np.longdouble(p) / r / math.factorial(2 * k)) * a**-s
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / a**2
    total = np.where(s == 1, np.inf, np.where(s < 1, np.nan, total))
    return np.where(np.isnan(s) | np.isnan(q), np.nan, total)


def _gamma_series(a: Array, x: Array) -> Array:
    """P(a, x), DLMF 8.11.4."""
    total = term = np.ones_like(a + x)
    k = 0
    while np.any(np.abs(term) > 1e-21 * np.abs(total)) and k < 2000:
        k += 1
        term = term * x / (a + k)
        total = total + term
    front = np.exp(a * np.log(x) - x - log_gamma(a + 1))
    return np.asarray(front * total)


def _gamma_fraction(a: Array, x: Array) -> Array:
    """Q(a, x), DLMF 8.9.2."""
    rest = x + 241 - a
    for k in range(120, 0, -1):
        rest = x + (2 * k - 1) - a - k * (k - a) / rest
    return np.asarray(np.exp(a * np.log(x) - x - log_gamma(a)) / rest)


def gamma_part(a: Any, x: Any, *, upper: bool) -> Array:
    """The regularised incomplete gamma function P(a, x), or Q(a, x) = 1 - P."""
    a, x = np.broadcast_arrays(wide(a), wide(x))
    with np.errstate(all="ignore"):
        fine = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
        sure_a, sure_x = np.where(fine, a, 1), np.where(fine, x, 1)
        right = sure_x > sure_a + 3
        p = _gamma_series(sure_a, np.where(right, 1, sure_x))
        q = _gamma_fraction(sure_a, np.where(right, sure_x, sure_a + 4))
        part = np.where(right, q if upper else 1 - q, 1 - p if upper else p)
        whole = np.where((a == 0) | np.isinf(x), 1.0, 0.0)
        invalid = (a < 0) | (x < 0) | np.isnan(a) | np.isnan(x)
        invalid |= ((a == 0) & (x == 0)) | (np.isinf(a) & np.isinf(x))
        edge = np.where(invalid, np.nan, 1 - whole if upper else whole)
    return np.where(fine, part, edge)


def _beta_fraction(a: Any, b: Any, x: Array, y: Array, steps: int = 120) -> Array:
    """I_x(a, b), DLMF 8.17.22."""
    rest = np.ones_like(a + b + x)
    for m in range(steps, -1, -1):
        rest = 1 - (a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) / rest
        if m:
            rest = 1 + m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) / rest
    log_front = a * np.log(x) + b * np.log(y) - log_gamma(a + 1) - log_gamma(b) + log_gamma(a + b)
    return np.asarray(np.exp(log_front) / rest)


def beta_part(a: Any, b: Any, x: Any, *, upper: bool = False) -> Array:
    """The regularised incomplete beta function I_x(a, b), or 1 - I_x."""
    a, b, x = np.broadcast_arrays(wide(a), wide(b), wide(x))
    with np.errstate(all="ignore"):
        fine = (a > 0) & (b > 0) & (x > 0) & (x < 1) & np.isfinite(a) & np.isfinite(b)
        a1, b1, x1 = np.where(fine, a, 1), np.where(fine, b, 1), np.where(fine, x, 0.5)
        turned = x1 * (a1 + b1 + 2) > a1 + 1
        first, second = np.where(turned, b1, a1), np.where(turned, a1, b1)
        part = _beta_fraction(
            first, second, np.where(turned, 1 - x1, x1), np.where(turned, x1, 1 - x1)
        )
        part = np.where(turned != upper, 1 - part, part)
        low = (x == 0) | (b == 0) | np.isinf(a)
        edge = np.where(low & (x != 1), 0.0, 1.0)
        invalid = np.isnan(a) | np.isnan(b) | np.isnan(x) | (a < 0) | (b < 0) | (x < 0) | (x > 1)
        invalid |= ((a == 0) & (b == 0)) | (np.isinf(a) & np.isinf(b))
        edge = np.where(invalid, np.nan, 1 - edge if upper else edge)
    return np.where(fine, part, edge)


def _circle(count: int) -> list[complex]:
    return [complex(np.exp(2j * np.pi * (k + 0.5) / count)) for k in range(count)]


def gamma_part_derivative(a: Any, x: Any, order: int) -> Array:
    """The derivative of P(a, x) in a, by Cauchy's integral around a: P is analytic in it."""
    a, x = np.broadcast_arrays(wide(a), wide(x))
    total = np.zeros(a.shape, np.clongdouble)
    radius, count = np.minimum(a / 2, 0.5), 48
    points = _circle(count)
    with np.errstate(all="ignore"):
        for z in points:
            right = x > a + 3
            p = _gamma_series(a + radius * z, np.where(right, 1, x))
            q = _gamma_fraction(a + radius * z, np.where(right, x, a + 4))
            total = total + np.where(right, -q, p) * z**-order
        value = np.real(total) / count * math.factorial(order) / radius**order
    return np.where((x == 0) | np.isinf(x), 0, value)


def beta_part_derivative(a: Any, b: Any, x: Any, order: tuple[int, int]) -> Array:
    """A derivative of I_x(a, b) in a and b, by Cauchy's integrals around both."""
    a, b, x = np.broadcast_arrays(wide(a), wide(b), wide(x))
    turned = x * (a + b + 2) > a + 1
    total = np.zeros(a.shape, np.clongdouble)
    counts = [14 if n else 1 for n in order]
    radii = [np.minimum(v / 10, 0.3) if n else 0 * v for v, n in zip((a, b), order, strict=True)]
    with np.errstate(all="ignore"):
        for z in _circle(counts[0]):
            for w in _circle(counts[1]):
                a1, b1 = a + radii[0] * z, b + radii[1] * w
                first, second = np.where(turned, b1, a1), np.where(turned, a1, b1)
                near, far = np.where(turned, 1 - x, x), np.where(turned, x, 1 - x)
                part = _beta_fraction(first, second, near, far, steps=50)
                part = np.where(turned, -part, part)
                total = total + part * z ** -order[0] * w ** -order[1]
        value = np.real(total) / (counts[0] * counts[1])
        for n, r in zip(order, radii, strict=True):
            value = value * (math.factorial(n) / np.where(r > 0, r, 1) ** n)
    return np.where((x == 0) | (x == 1), 0, value)


def bisected(function: Callable[[Array], Array], goal: Array, low: float, high: float) -> Array:
    """The u in [low, high] at which an increasing function of it is the goal.

    Halved until the function is nearly straight, then by secants.
    """
    left = np.full(np.shape(goal), np.longdouble(low))
    right = np.full(np.shape(goal), np.longdouble(high))
    for _ in range(20):
        middle = (left + right) / 2
        below = function(middle) < goal
        left, right = np.where(below, middle, left), np.where(below, right, middle)
    before, at = function(left) - goal, function(right) - goal
    for _ in range(4):
        flat = at == before
        step = np.where(flat, 0, at * (right - left) / np.where(flat, 1, at - before))
        left, before, right = right, at, right - step
        at = function(right) - goal
    return np.asarray(right)
