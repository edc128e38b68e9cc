"""Compute the polynomials of vec_math*.h and print vec_coefficients.h.

Every polynomial is a minimax fit by the Remez exchange, of a form chosen here, from mpmath's
functions at 60 digits, with the coefficients then rounded to the type. Needs mpmath; run by hand:

    python coefficients.py > vec_coefficients.h && clang-format -i vec_coefficients.h
"""

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Real = Callable[[mpf], mpf]


def remez(
    g: Real, weight: Real, low: float, high: float, degree: int, *, center: float = 0
) -> tuple[list[mpf], mpf]:
    """Return P(x - center) with the least max |weight * (g - P)| on [low, high], and that."""
    low, high, count = mpf(low), mpf(high), degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle - half * mp.cos(mp.pi * (i + mpf(1) / 2) / count) for i in range(count)]
    grid = [middle - half * mp.cos(mp.pi * (i + mpf(1) / 2) / 600) for i in range(600)]
    values = [(x, g(x), weight(x)) for x in grid]
    for _ in range(12):
        rows = [
            [((x - middle) / half) ** k for k in range(degree + 1)] + [(-1) ** i / weight(x)]
            for i, x in enumerate(points)
        ]
        answer = mp.lu_solve(mp.matrix(rows), mp.matrix([g(x) for x in points]))
        scaled = [answer[k] for k in range(degree + 1)]
        errors = [
            (w * (y - mp.polyval(scaled[::-1], (x - middle) / half)), x) for x, y, w in values
        ]
        points = alternation(errors, count)
        worst = max(abs(e) for e, _ in errors)
        if worst < abs(answer[degree + 1]) * mpf("1.001"):
            break
    return expand(scaled, middle - mpf(center), half), worst


def alternation(errors: list[tuple[mpf, mpf]], count: int) -> list[mpf]:
    """Return the points of `count` neighbouring extrema of alternating sign."""
    peaks: list[tuple[mpf, mpf]] = []
    for error, x in errors:
        if peaks and (error > 0) == (peaks[-1][0] > 0):
            if abs(error) > abs(peaks[-1][0]):
                peaks[-1] = (error, x)
        else:
            peaks.append((error, x))
    while len(peaks) > count:
        del peaks[0 if abs(peaks[0][0]) < abs(peaks[-1][0]) else -1]
    if len(peaks) < count:
        raise ValueError("the error does not alternate often enough: choose another degree")
    return [x for _, x in peaks]


def expand(scaled: list[mpf], middle: mpf, half: mpf) -> list[mpf]:
    """Return the coefficients in x of a polynomial given in (x - middle) / half."""
    result = [mpf(0)] * len(scaled)
    for c in reversed(scaled):
        shifted = [mpf(0), *result[:-1]]
        result = [(a - middle * b) / half for a, b in zip(shifted, result, strict=True)]
        result[0] += c
    return result


def emit(name: str, comment: str, fit: tuple[list[mpf], mpf], kind: type) -> None:
    """Print one array, lowest power first."""
    coefficients, worst = fit
    suffix, word = ("f", "float") if kind is np.float32 else ("", "double")
    print(f"\n/* {comment}; fitted to {mp.nstr(worst, 2)} */")
    print(f"static const {word} dvt_{name}[] = {{")
    for c in coefficients:
        rounded = float(kind(float(c)))
        print(f"    {rounded.hex()}{suffix},")
    print("};")


def sqrt_form(f: Real) -> Real:
    """Return t -> f(sqrt t) / sqrt t."""
    return lambda t: f(mp.sqrt(t)) / mp.sqrt(t)


def tail(x: mpf) -> mpf:
    """Return -log(erfc(x))."""
    return -mp.log(mp.erfc(x))


def from_erfinv_w(w: mpf) -> tuple[mpf, mpf]:
    """Return (x, erfinv(x)) for w = sqrt(-log(1 - x^2)), by Newton where 1 - x is tiny."""
    s = mp.exp(-w * w)
    one_minus = s / (1 + mp.sqrt(1 - s))
    start = mp.sqrt(mp.log(2 / one_minus) / 2) if one_minus < mpf("0.3") else mpf("0.5")
    y = mp.findroot(lambda y: mp.log(mp.erfc(y)) - mp.log(one_minus), start * mpf("1.1"))
    return 1 - one_minus, y


def functions(kind: type) -> None:
    """Print what both types have, in the degrees that the type needs."""
    single = kind is np.float32
    end = "f32" if single else "f64"
    ln2 = float(mp.log(2)) / 2 * 1.01
    emit(
        f"exp_{end}",
        "exp(r) = 1 + r + r^2 P(r), |r| <= log(2)/2",
        remez(
            lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: abs(r**2 / mp.expm1(r)),
            -ln2,
            ln2,
            4 if single else 10,
        ),
        kind,
    )
    emit(
        f"log_{end}",
        "log(1+f) = f - f^2/2 + f^3 P(f), sqrt(1/2) <= 1+f <= sqrt(2)",
        remez(
            lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
            lambda f: f**3 / mp.log1p(f),
            2**-0.5 - 1.001,
            2**0.5 - 0.999,
            7 if single else 19,
        ),
        kind,
    )
    emit(
        f"tanh_{end}",
        "tanh(x) = x + x t P(t), t = x^2, |x| <= 0.625",
        remez(
            lambda t: (sqrt_form(mp.tanh)(t) - 1) / t,
            lambda t: t / sqrt_form(mp.tanh)(t),
            1e-9,
            0.625**2,
            4 if single else 11,
        ),
        kind,
    )
    quarter = float(mp.pi) / 4 * 1.01
    emit(
        f"sin_{end}",
        "sin(r) = r + r t P(t), t = r^2, |r| <= pi/4",
        remez(
            lambda t: (sqrt_form(mp.sin)(t) - 1) / t,
            lambda t: t / sqrt_form(mp.sin)(t),
            1e-9,
            quarter**2,
            2 if single else 5,
        ),
        kind,
    )
    emit(
        f"cos_{end}",
        "cos(r) = 1 - t/2 + t^2 P(t), t = r^2, |r| <= pi/4",
        remez(
            lambda t: (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t**2,
            lambda t: t**2,
            1e-6,
            quarter**2,
            2 if single else 5,
        ),
        kind,
    )


def single_only() -> None:
    """Print what only f32 has; f64 goes through the C library."""
    kind = np.float32
    emit(
        "erf_near_f32",
        "erf(x) = x + x P(t), t = x^2, |x| <= 1",
        remez(lambda t: sqrt_form(mp.erf)(t) - 1, lambda t: 1 / sqrt_form(mp.erf)(t), 1e-9, 1.0, 6),
        kind,
    )
    emit(
        "erf_far_f32",
        "erf(x) = 1 - exp(-Q(x)), 1 <= x <= 4",
        remez(tail, lambda x: mp.erfc(x) / mp.erf(x), 1.0, 4.0, 7),
        kind,
    )
    emit(
        "erfinv_near_f32",
        "erfinv(x) = x + x P(v - 1), v = -log(1 - x^2), v <= 5",
        remez(
            lambda v: from_erfinv_w(mp.sqrt(v))[1] / from_erfinv_w(mp.sqrt(v))[0] - 1,
            lambda v: from_erfinv_w(mp.sqrt(v))[0] / from_erfinv_w(mp.sqrt(v))[1],
            1e-6,
            5.05,
            9,
            center=1,
        ),
        kind,
    )
    emit(
        "erfinv_far_f32",
        "erfinv(x) = w + w P(w - 3), w = sqrt(v), 5 <= v",
        remez(
            lambda w: from_erfinv_w(w)[1] / w - 1,
            lambda w: w / from_erfinv_w(w)[1],
            2.22,
            4.1,
            8,
            center=3,
        ),
        kind,
    )


def wide_for_power() -> None:
    """Print what power of float32 computes with in float64: exact to some 33 bits."""
    ln2 = float(mp.log(2)) / 2 * 1.01
    emit(
        "power_exp_f64",
        "as exp_f64",
        remez(lambda r: (mp.expm1(r) - r) / r**2, lambda r: abs(r**2 / mp.expm1(r)), -ln2, ln2, 5),
        np.float64,
    )
    emit(
        "power_log_f64",
        "as log_f64",
        remez(
            lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
            lambda f: f**3 / mp.log1p(f),
            2**-0.5 - 1.001,
            2**0.5 - 0.999,
            10,
        ),
        np.float64,
    )


def double_only() -> None:
    """Print what f64 has besides; f32 goes through f64 there."""
    kind = np.float64
    eighth = float(mp.tan(mp.pi / 8)) * 1.001
    emit(
        "atan_f64",
        "atan(x) = x + x t P(t), t = x^2, |x| <= tan(pi/8)",
        remez(
            lambda t: (sqrt_form(mp.atan)(t) - 1) / t,
            lambda t: t / sqrt_form(mp.atan)(t),
            1e-9,
            eighth**2,
            10,
        ),
        kind,
    )
    emit(
        "asin_f64",
        "asin(x) = x + x t P(t), t = x^2, |x| <= 1/2",
        remez(
            lambda t: (sqrt_form(mp.asin)(t) - 1) / t,
            lambda t: t / sqrt_form(mp.asin)(t),
            1e-9,
            0.2501,
            12,
        ),
        kind,
    )
    emit(
        "cbrt_f64",
        "cbrt(x) = P(x - 1), sqrt(1/2) <= x <= sqrt(2), to start from",
        remez(
            mp.cbrt,
            lambda x: 1 / mp.cbrt(x),
            2**-0.5 - 1e-3,
            2**0.5 + 1e-3,
            4,
            center=1,
        ),
        kind,
    )


def main() -> None:
    """Print the header."""
    print("/* Generated by coefficients.py: minimax polynomials, lowest power first. */")
    print("#ifndef DVT_CPU_VEC_COEFFICIENTS_H\n#define DVT_CPU_VEC_COEFFICIENTS_H")
    functions(np.float32)
    functions(np.float64)
    single_only()
    wide_for_power()
    double_only()
    print("\n#endif")


if __name__ == "__main__":
    main()
