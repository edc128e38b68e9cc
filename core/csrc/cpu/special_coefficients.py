"""Compute the polynomials of special_*.c and print special_coefficients.h.

Minimax fits as in coefficients.py, whose functions do the work; only the forms are here. Needs
mpmath; run by hand:

    python special_coefficients.py > special_coefficients.h
    clang-format -i special_coefficients.h
"""

import numpy as np
from coefficients import emit, remez
from mpmath import mp, mpf

DOUBLE = np.float64


def constant(name: str, comment: str, value: mpf) -> None:
    """Print a number as the sum of two doubles."""
    high = float(value)
    low = float(value - mpf(high))
    print(f"\n/* {comment} */")
    print(f"#define DVT_{name}_HIGH {high.hex()}\n#define DVT_{name}_LOW {low.hex()}")


def digamma() -> None:
    """Print psi with its two first zeros divided out, and with the poles beside the second."""
    zero = mp.findroot(mp.digamma, mpf("1.4616"))
    constant("DIGAMMA_ZERO", "digamma(x) = 0", zero)
    emit(
        "digamma_near",
        "digamma(x) = (x - zero) P(x - 1.5), 1 <= x <= 2",
        remez(
            lambda x: mp.digamma(x) / (x - zero),
            lambda x: (x - zero) / mp.digamma(x),
            1.0,
            2.0,
            22,
            center=1.5,
        ),
        DOUBLE,
    )
    left = mp.findroot(mp.digamma, mpf("-0.504"))
    constant("DIGAMMA_LEFT_ZERO", "digamma(x) = 0", left)
    emit(
        "digamma_left",
        "digamma(x) = (x - zero) / (x (x + 1)) P(x + 0.5), -0.95 <= x <= -0.05",
        remez(
            lambda x: mp.digamma(x) * x * (x + 1) / (x - left),
            lambda x: (x - left) / (mp.digamma(x) * x * (x + 1)),
            -0.95,
            -0.05,
            20,
            center=-0.5,
        ),
        DOUBLE,
    )


def erfcx(x: mpf) -> mpf:
    """Return exp(x^2) erfc(x), by Laplace's continued fraction where that is quick."""
    if x < 20:
        return mp.exp(x * x) * mp.erfc(x)
    tail = mpf(0)
    for n in range(120, 0, -1):
        tail = mpf(n) / 2 / (x + tail)
    return 1 / (x + tail) / mp.sqrt(mp.pi)


def erfcx_pieces() -> None:
    """Print (1 + 2 x) erfcx(x) in t = (x - 3) / (x + 3), which maps the half line to [-1, 1)."""

    def scaled(t: mpf) -> mpf:
        x = 3 * (1 + t) / (1 - t)
        return (1 + 2 * x) * erfcx(x)

    for name, low, high, degree in [("near", -1.0, 0.0, 16), ("far", 0.0, 0.9, 15)]:
        emit(
            f"erfcx_{name}",
            f"(1 + 2 x) erfcx(x) = P(t - {(low + high) / 2}), {low} <= t <= {high}",
            remez(scaled, lambda t: 1 / scaled(t), low, high, degree, center=(low + high) / 2),
            DOUBLE,
        )


def bessel(order: int) -> None:
    """Print the modified Bessel function of one order, as a power series and as an asymptotic."""
    lead = 1 if order == 0 else 2

    def near(t: mpf) -> mpf:
        x = 2 * mp.sqrt(t)
        value = mp.besseli(order, x) if order == 0 else mp.besseli(1, x) / (x / 2)
        return (value - 1) / t

    emit(
        f"i{order}_near",
        f"i{order}(x) = {'' if order == 0 else 'x/2 '}(1 + t P(t)), t = x^2/4, |x| <= 7.75",
        remez(near, lambda t: t / (1 + t * near(t)), 1e-9, 7.75**2 / 4, 14 + (lead == 1)),
        DOUBLE,
    )

    def far(u: mpf) -> mpf:
        x = 1 / u
        return mp.sqrt(x) * mp.exp(-x) * mp.besseli(order, x)

    for name, low, high, degree in [("middle", 7.75, 24.0, 17), ("far", 24.0, 1e4, 9)]:
        a, b = 1 / mpf(high), 1 / mpf(low)
        middle = float((a + b) / 2)
        emit(
            f"i{order}_{name}",
            f"sqrt(x) exp(-x) i{order}(x) = P(1/x - {middle.hex()}), {low} <= x <= {high}",
            remez(far, lambda u: 1 / far(u), float(a), float(b), degree, center=middle),
            DOUBLE,
        )


def integrals() -> None:
    """Print the exponential integrals near 0, where the logarithm is the rest."""

    def entire(x: mpf) -> mpf:
        return mp.e1(x) + mp.log(x)

    emit(
        "exp1_near",
        "exp1(x) = P(x - 0.5) - log(x), 0 < x <= 1",
        remez(entire, lambda x: 1 / mp.e1(x), 1e-9, 1.0, 12, center=0.5),
        DOUBLE,
    )
    zero = mp.findroot(mp.ei, mpf("0.3725"))
    constant("EXPI_ZERO", "expi(x) = 0", zero)

    def quotient(x: mpf) -> mpf:
        return (mp.ei(x) - mp.log(x / zero)) / (x - zero)

    emit(
        "expi_near",
        "expi(x) = log(x / zero) + (x - zero) P(x - 1), 0 < x <= 2",
        remez(quotient, lambda x: (x - zero) / mp.ei(x), 1e-6, 2.0, 14, center=1),
        DOUBLE,
    )


def temme(orders: tuple[int, ...]) -> None:
    """Print the power series c_k(eta) of the uniform expansion of gammainc, DLMF 8.12.7-11."""
    count = orders[0] + 2 * len(orders) + 2
    # mu as a power series in eta, of eta^2 / 2 = mu - log(1 + mu): mu' mu = eta (1 + mu).
    mu = [mpf(0), mpf(1)]
    for n in range(2, count + 2):
        known = sum(mu[i] * mu[n + 1 - i] * (n + 1 - i) for i in range(2, n))
        mu.append((mu[n - 1] - known) / (n + 1))
    inverse = [mpf(1)]  # of mu / eta
    for n in range(1, count + 1):
        inverse.append(-sum(mu[i + 1] * inverse[n - i] for i in range(1, n + 1)))
    stirling = [mpf(1), mpf(1) / 12, mpf(1) / 288, -mpf(139) / 51840]
    series = inverse[1:]  # c_0 = 1 / mu - 1 / eta
    for k, order in enumerate(orders):
        if k:
            # c_k = c_(k-1)' / eta + (-1)^k g_k / mu; the terms in 1 / eta cancel
            gamma = (-1) ** k * stirling[k]
            slope = [(n + 1) * c for n, c in enumerate(series[1:])]
            series = [s + gamma * i for s, i in zip(slope[1:], inverse[1:], strict=False)]
        emit(f"temme_{k}", f"c_{k}(eta)", (series[: order + 1], mpf(0)), DOUBLE)


def main() -> None:
    """Print the header."""
    print("/* Generated by special_coefficients.py: minimax polynomials, lowest power first. */")
    print("#ifndef DVT_CPU_SPECIAL_COEFFICIENTS_H\n#define DVT_CPU_SPECIAL_COEFFICIENTS_H")
    digamma()
    erfcx_pieces()
    bessel(0)
    bessel(1)
    integrals()
    temme((12, 9, 6, 4))
    print("\n#endif")


if __name__ == "__main__":
    main()
