"""What the special functions are, in mpmath's words, and where they are judged.

Each `Function` names its meaning at 50 digits, the function of scipy.special it is compared with,
and boxes of arguments from which points are drawn: uniformly, or uniformly in the logarithm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf
from scipy import special

mp.dps = 50

Box = tuple[tuple[float, float], ...]
"""(low, high) of each operand; a positive pair four or more times apart is drawn by logarithm."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of one to three operands."""

    exact: Callable[..., Any]
    boxes: tuple[Box, ...]
    scipy: str | None = None  # its name there, if it differs; "" for none
    numpy: str = ""  # its name there, for functions that scipy has not
    whole: frozenset[int] = frozenset()  # operands that are whole numbers


def draw(box: Box, count: int, random: np.random.Generator, whole: frozenset[int]) -> np.ndarray:
    """Points of a box: float32 numbers where it lies in their range, to judge both dtypes on."""
    columns = []
    for i, (low, high) in enumerate(box):
        if low > 0 and high >= 4 * low:
            x = np.exp(random.uniform(np.log(low), np.log(high), count))
        elif high < 0 and low <= 4 * high:
            x = -np.exp(random.uniform(np.log(-high), np.log(-low), count))
        else:
            x = random.uniform(low, high, count)
        x = np.round(x) if i in whole else x
        columns.append(np.float64(np.float32(x)) if abs(low) >= 1e-37 or low == 0 else x)
    return np.stack(columns)


def gammainc(a: mpf, x: mpf) -> mpf:
    """P(a, x) by its series, at a precision that the terms' size leaves enough of."""
    total = term = mpf(1)
    k = 0
    while term > total * mpf(10) ** -(mp.dps + 10):
        k += 1
        term *= x / (a + k)
        total += term
    return total * mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))


def gammaincc(a: mpf, x: mpf) -> mpf:
    """Q(a, x): what is left of 1, with as many more digits as are lost."""
    with mp.workdps(mp.dps + int((x + 3 * a + 1) / 2)):
        total = term = mpf(1)
        k = 0
        while term > total * mpf(10) ** -mp.dps:
            k += 1
            term *= x / (a + k)
            total += term
        return 1 - total * mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))


def betainc(a: mpf, b: mpf, x: mpf) -> mpf:
    """I_x(a, b) by the continued fraction DLMF 8.17.22, from the quick side."""
    if x * (a + b + 2) > a + 1:
        return 1 - betainc(b, a, 1 - x)
    rest = mpf(1)
    for m in range(60 + int(10 * mp.sqrt(a + b)), -1, -1):
        rest = 1 - (a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) / rest
        if m:
            rest = 1 + m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) / rest
    front = a * mp.log(x) + b * mp.log1p(-x) - mp.log(a)
    front -= mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    return mp.exp(front) / rest


def inverse(
    function: Callable[[mpf], mpf], slope: Callable[[mpf], mpf], goal: mpf, start: float
) -> mpf:
    """The x with function(x) = goal by Newton's method from a number that is nearly right."""
    x = mpf(start)
    for _ in range(8):
        step = (function(x) - goal) / slope(x)
        x -= step
        if abs(step) < abs(x) * mpf(10) ** -25:
            return x
    return x


def gammaincinv(a: mpf, p: mpf) -> mpf:
    """The x with P(a, x) = p."""

    def slope(x: mpf) -> mpf:
        return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))

    start = float(special.gammaincinv(float(a), float(p)))
    return inverse(lambda x: gammainc(a, x), slope, p, start)


def betaincinv(a: mpf, b: mpf, p: mpf) -> mpf:
    """The x with I_x(a, b) = p."""

    def slope(x: mpf) -> mpf:
        front = (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x)
        return mp.exp(front - mp.loggamma(a) - mp.loggamma(b) + mp.loggamma(a + b))

    start = float(special.betaincinv(float(a), float(b), float(p)))
    return inverse(lambda x: betainc(a, b, x), slope, p, start)


def ndtr(x: mpf) -> mpf:
    """The normal distribution's integral."""
    return mp.erfc(-x / mp.sqrt(2)) / 2


def ndtri(p: mpf) -> mpf:
    """The x with ndtr(x) = p."""

    def slope(x: mpf) -> mpf:
        return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)

    return inverse(ndtr, slope, p, float(special.ndtri(float(p))))


def erfcx(x: mpf) -> mpf:
    """exp(x^2) erfc(x)."""
    with mp.workdps(60):
        return mp.exp(x * x) * mp.erfc(x)


def hurwitz(s: mpf, q: mpf) -> mpf:
    """The sum of (q + k)^-s, by Euler and Maclaurin from q + 40 on."""
    total = sum((q + k) ** -s for k in range(40))
    a = q + 40
    total += a ** (1 - s) / (s - 1) + a**-s / 2
    factor = s / a
    for k in range(1, 60):
        total += factor * mp.bernoulli(2 * k) / mp.factorial(2 * k) * a**-s
        factor *= (s + 2 * k - 1) * (s + 2 * k) / a**2
    return total


def xlogy(x: mpf, y: mpf) -> mpf:
    """x log(y)."""
    return mpf(0) if x == 0 else x * mp.log(y)


def logaddexp(x: mpf, y: mpf) -> mpf:
    """log(e^x + e^y)."""
    return mp.log(mp.exp(x) + mp.exp(y))


def log_gamma(x: mpf) -> mpf:
    """log |gamma(x)|."""
    return mp.log(abs(mp.gamma(x)))


def beta_sum(x: mpf, y: mpf) -> mpf:
    """log beta(x, y)."""
    return mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)


FUNCTIONS: dict[str, Function] = {
    "beta": Function(exact=mp.beta, boxes=(((1e-2, 30), (1e-2, 30)), ((1, 300), (1e-3, 300)))),
    "betainc": Function(
        exact=betainc,
        boxes=(
            ((0.1, 20), (0.1, 20), (1e-3, 1)),
            ((0.5, 500), (0.5, 500), (0, 1)),
            ((1e-3, 0.1), (0.1, 50), (1e-6, 1)),
        ),
    ),
    "betaincc": Function(
        exact=lambda a, b, x: betainc(b, a, 1 - x),
        boxes=(((0.1, 20), (0.1, 20), (1e-3, 1)), ((0.5, 500), (0.5, 500), (0, 1))),
    ),
    "betaincinv": Function(
        exact=betaincinv, boxes=(((0.5, 20), (0.5, 20), (1e-3, 0.9)), ((1, 200), (1, 200), (0, 1)))
    ),
    "betaln": Function(exact=beta_sum, boxes=(((1e-2, 30), (1e-2, 30)), ((1, 1e5), (1e-3, 1e5)))),
    "digamma": Function(exact=mp.digamma, boxes=(((1e-3, 3),), ((1, 1e5),), ((-8, 0),))),
    "entr": Function(exact=lambda x: -xlogy(x, x), boxes=(((1e-6, 0.9),), ((1.1, 1e3),))),
    "erf": Function(exact=mp.erf, boxes=(((-6, 6),), ((1e-8, 1),))),
    "erfc": Function(exact=mp.erfc, boxes=(((-3, 3),), ((0.5, 26),))),
    "erfcinv": Function(
        exact=lambda y: -ndtri(y / 2) / mp.sqrt(2), boxes=(((1e-300, 1),), ((1e-2, 2),))
    ),
    "erfcx": Function(exact=erfcx, boxes=(((-20, 0),), ((0, 5),), ((5, 1e4),))),
    "erfinv": Function(exact=mp.erfinv, boxes=(((-1, 1),), ((1e-6, 1),))),
    "exp1": Function(exact=mp.e1, boxes=(((1e-5, 2),), ((1, 700),))),
    "expi": Function(exact=mp.ei, boxes=(((0.01, 3),), ((1, 700),), ((-300, -1e-3),))),
    "expit": Function(exact=lambda x: 1 / (1 + mp.exp(-x)), boxes=(((-30, 30),), ((-700, -1),))),
    "gamma": Function(
        exact=mp.gamma, boxes=(((1e-3, 10),), ((10, 171),), ((-20, 0),), ((-170, -20),))
    ),
    "gammainc": Function(
        exact=gammainc,
        boxes=(((0.05, 20), (0.01, 30)), ((0.5, 300), (0.5, 300)), ((1e-4, 0.1), (1e-9, 5))),
    ),
    "gammaincc": Function(
        exact=gammaincc,
        boxes=(((0.05, 20), (0.01, 30)), ((0.5, 300), (0.5, 300)), ((1e-4, 0.1), (1e-9, 5))),
    ),
    "gammainccinv": Function(
        exact=lambda a, q: gammaincinv(a, 1 - q), boxes=(((0.3, 20), (1e-4, 0.9)),)
    ),
    "gammaincinv": Function(
        exact=gammaincinv, boxes=(((0.3, 20), (1e-4, 0.9)), ((1, 300), (0, 1)))
    ),
    "gammaln": Function(exact=log_gamma, boxes=(((1e-5, 5),), ((1, 1e8),), ((-12, 0),))),
    "i0": Function(exact=lambda x: mp.besseli(0, x), boxes=(((-10, 10),), ((5, 700),))),
    "i0e": Function(
        exact=lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), boxes=(((-10, 10),), ((5, 1e4),))
    ),
    "i1": Function(exact=lambda x: mp.besseli(1, x), boxes=(((-10, 10),), ((5, 700),))),
    "i1e": Function(
        exact=lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), boxes=(((-10, 10),), ((5, 1e4),))
    ),
    "kl_div": Function(
        exact=lambda x, y: x * mp.log(x / y) - x + y, boxes=(((1e-3, 1e3), (1e-3, 1e3)),)
    ),
    "log_expit": Function(exact=lambda x: -mp.log1p(mp.exp(-x)), boxes=(((-50, 50),),)),
    "log_ndtr": Function(
        exact=lambda x: mp.log(ndtr(x)) if x < 0 else mp.log1p(-ndtr(-x)),
        boxes=(((-5, 5),), ((-1e4, -1),), ((1, 35),)),
    ),
    "logaddexp": Function(exact=logaddexp, boxes=(((-30, 30), (-30, 30)),), numpy="logaddexp"),
    "logit": Function(exact=lambda x: mp.log(x / (1 - x)), boxes=(((0, 1),), ((1e-9, 0.1),))),
    "ndtr": Function(exact=ndtr, boxes=(((-5, 5),), ((-37, -1),))),
    "ndtri": Function(exact=ndtri, boxes=(((0, 1),), ((1e-300, 0.1),))),
    "polygamma": Function(
        exact=lambda n, x: mp.psi(int(n), x),
        boxes=(((1, 6), (0.1, 20)), ((1, 3), (1, 1e4))),
        whole=frozenset({0}),
    ),
    "rel_entr": Function(exact=lambda x, y: x * mp.log(x / y), boxes=(((1e-3, 1e3), (1e-3, 1e3)),)),
    "sinc": Function(
        exact=lambda x: mp.sinpi(x) / (mp.pi * x), boxes=(((-3, 3),), ((1e-5, 1),), ((10, 1e5),))
    ),
    "xlog1py": Function(
        exact=lambda x, y: x * mp.log1p(y), boxes=(((-5, 5), (1e-6, 10)), ((1, 5), (-0.9, 1)))
    ),
    "xlogy": Function(exact=xlogy, boxes=(((-5, 5), (1e-6, 0.9)), ((-5, 5), (1.1, 1e6)))),
    "zeta": Function(exact=hurwitz, boxes=(((1.01, 8), (0.1, 20)), ((2, 60), (0.5, 100)))),
}
