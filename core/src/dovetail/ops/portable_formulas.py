"""log, exp, the normal quantile and more in operations that every IEEE machine rounds alike.

Addition, subtraction, multiplication, division, square root, comparison and changes of the exponent
are correctly rounded or exact wherever float32 and float64 are IEEE 754. Formulas in these alone,
evaluated in the order written here and without contracting a * b + c, give the same bits in C, in
numpy and in the ops of any device: that is what random draws are made of.

Each formula is written once for numpy and for arrays, which differ only in the functions of
`Numbers`. The C kernels (csrc/cpu/random_math.h) repeat them operation by operation.

log and exp: reduction and forms as in fdlibm (s = f / (2 + f); log 2 in two parts), coefficients by
the Remez exchange of csrc/cpu/coefficients.py. The quantile: M. Wichura, "Algorithm AS 241: the
percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16 and PPND7.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

__all__ = ["ARRAYS", "NUMPY", "Numbers", "cos_sin_pi", "exp", "log", "log_positive", "quantile"]


class Numbers(Protocol):
    """What the formulas need beside the operators of Python."""

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Elements of x where the condition holds, else of y."""

    def sqrt(self, x: Any) -> Any:
        """Square root, correctly rounded."""

    def round(self, x: Any) -> Any:
        """To the nearest whole number, ties to even."""

    def abs(self, x: Any) -> Any:
        """Without the sign."""

    def split(self, x: Any, root: float) -> tuple[Any, Any]:
        """(m, k) with x = m 2**k and root <= m < 2 root, for positive normal numbers."""

    def scale(self, x: Any, n: Any) -> Any:
        """x 2**n for whole n where 2**n is a normal number."""


class _Numpy:
    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def sqrt(self, x: Any) -> Any:
        return np.sqrt(x)

    def round(self, x: Any) -> Any:
        return np.rint(x)

    def abs(self, x: Any) -> Any:
        return np.abs(x)

    def split(self, x: Any, root: float) -> tuple[Any, Any]:
        m, k = np.frexp(x)
        low = m < m.dtype.type(root)
        return np.where(low, m * 2, m), (k - low).astype(m.dtype)

    def scale(self, x: Any, n: Any) -> Any:
        return np.ldexp(x, np.asarray(n).astype(np.int32))


class _Arrays:
    def where(self, condition: Any, x: Any, y: Any) -> Any:
        from dovetail import ops  # noqa: PLC0415  numpy alone needs no arrays

        return ops.where(condition, x, y)

    def sqrt(self, x: Any) -> Any:
        from dovetail import ops  # noqa: PLC0415

        return ops.sqrt(x)

    def round(self, x: Any) -> Any:
        from dovetail import ops  # noqa: PLC0415

        return ops.round(x)

    def abs(self, x: Any) -> Any:
        from dovetail import ops  # noqa: PLC0415

        return ops.abs(x)

    def split(self, x: Any, root: float) -> tuple[Any, Any]:
        # No op reads exponents, so they are found by bisection; every product is exact.
        steps = [2**i for i in reversed(range(10 if x.dtype.itemsize == 8 else 7))]
        k: Any = x * 0.0
        for step in (*steps, 1):  # down to below 2 root
            large = x >= root * 2.0**step
            x = self.where(large, x * 2.0**-step, x)
            k = self.where(large, k + float(step), k)
        for step in steps:  # up to root or more
            small = x < root * 2.0 ** (1 - step)
            x = self.where(small, x * 2.0**step, x)
            k = self.where(small, k - float(step), k)
        return x, k

    def scale(self, x: Any, n: Any) -> Any:
        steps = [2**i for i in reversed(range(10 if x.dtype.itemsize == 8 else 7))]
        left = self.abs(n)
        power = n * 0.0 + 1.0
        for step in steps:
            large = left >= float(step)
            power = self.where(large, power * 2.0**step, power)
            left = self.where(large, left - float(step), left)
        return self.where(n < 0, x / power, x * power)


NUMPY: Numbers = _Numpy()
ARRAYS: Numbers = _Arrays()


def _horner(x: Any, *coefficients: float) -> Any:
    """A polynomial; the coefficient of the highest power comes first."""
    result: Any = coefficients[0]
    for c in coefficients[1:]:
        result = result * x + c
    return result


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float.fromhex(word) if "x" in word else float(word) for word in text.split())


# ---- log ----------------------------------------------------------------------------------------

_ROOT = {8: float.fromhex("0x1.6a09e667f3bcdp-1"), 4: float.fromhex("0x1.6a09e6p-1")}
_LN2 = {
    8: _numbers("0x1.62e42fefp-1 0x1.473de6af278edp-34"),
    4: _numbers("0x1.62e4p-1 0x1.7f7d1cp-20"),
}
_LOG = {
    8: _numbers(
        "0x1.2f0d872453130p-3 0x1.39a0f59c9f46fp-3 0x1.7466462857e79p-3 0x1.c71c51e8002dap-3 "
        "0x1.2492494217ab2p-2 0x1.999999997fb2fp-2 0x1.5555555555593p-1"
    ),
    4: _numbers("0x1.e2fdc2p-3 0x1.2438a8p-2 0x1.999a7cp-2 0x1.555554p-1"),
}
# Least normal number, the power of two that lifts smaller ones above it, and its logarithm.
_SUBNORMAL = {
    8: (2.0**-1022, 2.0**54, 54 * float.fromhex("0x1.62e42fefa39efp-1")),
    4: (2.0**-126, 2.0**25, 25 * float.fromhex("0x1.62e43p-1")),
}


def log_positive(xp: Numbers, x: Any) -> Any:
    """The logarithm of positive normal numbers."""
    size = x.dtype.itemsize
    m, k = xp.split(x, _ROOT[size])
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    high, low = _LN2[size]
    rest = s * (half + z * _horner(z, *_LOG[size])) + k * low
    return k * high - ((half - rest) - f)


def log(xp: Numbers, x: Any) -> Any:
    """The logarithm: minus infinity at 0, NaN below."""
    least, lift, lifted = _SUBNORMAL[x.dtype.itemsize]
    small = x < least
    usual = xp.where((x > 0.0) & (x < float("inf")), x, 1.0)
    y = log_positive(xp, xp.where(small, usual * lift, usual))
    y = xp.where(small, y - lifted, y)
    y = xp.where(x == float("inf"), x, y)
    return xp.where(x > 0.0, y, xp.where(x == 0.0, y - float("inf"), y * float("nan")))


# ---- exp ----------------------------------------------------------------------------------------

_EXP = {
    8: _numbers(
        "0x1.1fa16b6c59de1p-29 0x1.af72113437429p-26 0x1.27e4bcc693902p-22 0x1.71ddec922f16fp-19 "
        "0x1.a01a01b59167fp-16 0x1.a01a01b4ed3dep-13 0x1.6c16c16c13106p-10 0x1.111111110e8a2p-7 "
        "0x1.555555555555ep-5 0x1.555555555555cp-3 0.5"
    ),
    4: _numbers("0x1.6dbc66p-10 0x1.124148p-7 0x1.555454p-5 0x1.555486p-3 0.5"),
}
_EXP_ENDS = {8: (-750.0, 710.0), 4: (-110.0, 89.0)}
_LOG2_E = {8: float.fromhex("0x1.71547652b82fep+0"), 4: float.fromhex("0x1.715476p+0")}


def exp(xp: Numbers, x: Any) -> Any:
    """e to the power x."""
    size = x.dtype.itemsize
    low, high = _EXP_ENDS[size]
    bounded = xp.where(x < high, x, high)  # NaN too, which comes back at the end
    bounded = xp.where(bounded > low, bounded, low)
    n = xp.round(bounded * _LOG2_E[size])
    ln2_high, ln2_low = _LN2[size]
    r = (bounded - n * ln2_high) - n * ln2_low
    e = (r * r * _horner(r, *_EXP[size]) + r) + 1.0
    half = xp.round(n * 0.5)
    y = xp.scale(xp.scale(e, half), n - half)
    return xp.where(x == x, y, x)  # noqa: PLR0124  NaN alone differs from itself


# ---- the quantile of the normal distribution ----------------------------------------------------

_MIDDLE = (
    _numbers(
        "2509.0809287301226727 33430.575583588128105 67265.770927008700853 45921.953931549871457 "
        "13731.693765509461125 1971.5909503065514427 133.14166789178437745 3.387132872796366608"
    ),
    _numbers(
        "5226.495278852854561 28729.085735721942674 39307.89580009271061 21213.794301586595867 "
        "5394.1960214247511077 687.1870074920579083 42.313330701600911252 1"
    ),
)
_TAIL = (
    _numbers(
        "7.7454501427834140764e-4 0.0227238449892691845833 0.24178072517745061177 "
        "1.27045825245236838258 3.64784832476320460504 5.7694972214606914055 "
        "4.6303378461565452959 1.42343711074968357734"
    ),
    _numbers(
        "1.05075007164441684324e-9 5.475938084995344946e-4 0.0151986665636164571966 "
        "0.14810397642748007459 0.68976733498510000455 1.6763848301838038494 "
        "2.05319162663775882187 1"
    ),
)
_FAR = (
    _numbers(
        "2.01033439929228813265e-7 2.71155556874348757815e-5 0.0012426609473880784386 "
        "0.026532189526576123093 0.29656057182850489123 1.7848265399172913358 "
        "5.4637849111641143699 6.6579046435011037772"
    ),
    _numbers(
        "2.04426310338993978564e-15 1.4215117583164458887e-7 1.8463183175100546818e-5 "
        "7.868691311456132591e-4 0.0148753612908506148525 0.13692988092273580531 "
        "0.59983220655588793769 1"
    ),
)
_MIDDLE_32 = (
    _numbers("59.109374720 159.29113202 50.434271938 3.3871327179"),
    _numbers("67.187563600 78.757757664 17.895169469 1"),
)
_TAIL_32 = (
    _numbers("0.17023821103 1.3067284816 2.7568153900 1.4234372777"),
    _numbers("0.12021132975 0.73700164250 1"),
)


def quantile(xp: Numbers, q: Any, mass: Any) -> Any:
    """The normal quantile at p = q + 1/2, with the exact mass min(p, 1 - p) of the nearer tail.

    In float32 the mass must be at least 2**-36, beyond which PPND7 has another range.
    """
    wide = q.dtype.itemsize == 8
    above, below = _MIDDLE if wide else _MIDDLE_32
    r = 0.180625 - q * q
    middle = q * _horner(r, *above) / _horner(r, *below)
    root = xp.sqrt(-log_positive(xp, mass))
    above, below = _TAIL if wide else _TAIL_32
    s = root - 1.6
    tail = _horner(s, *above) / _horner(s, *below)
    if wide:
        above, below = _FAR
        s = root - 5.0
        tail = xp.where(root <= 5.0, tail, _horner(s, *above) / _horner(s, *below))
    return xp.where(xp.abs(q) <= 0.425, middle, xp.where(q < 0.0, -tail, tail))


# ---- cosine and sine of half a turn -------------------------------------------------------------

_COS = {
    8: _numbers(
        "-0x1.b264cc768538ap-14 0x1.f9cc41545adf8p-10 -0x1.a6d1ec795f2a4p-6 0x1.e1f506835659ep-3 "
        "-0x1.55d3c7e3c90fdp+0 0x1.03c1f081b5aacp+2 -0x1.3bd3cc9be45dep+2 1"
    ),
    4: _numbers("0x1.d9c364p-3 -0x1.55c57cp+0 0x1.03c1dcp+2 -0x1.3bd3ccp+2 1"),
}
_SIN = {
    8: _numbers(
        "0x1.e3f39e0cc1dbep-12 -0x1.e30071ff096bep-8 0x1.50782fda6bedap-4 -0x1.32d2cce2e60ddp-1 "
        "0x1.466bc677587fdp+1 -0x1.4abbce625be41p+2 0x1.921fb54442d18p+1"
    ),
    4: _numbers("-0x1.2d9bb8p-1 0x1.465ec6p+1 -0x1.4abbbap+2 0x1.921fb6p+1"),
}


def cos_sin_pi(v: Any) -> tuple[Any, Any]:
    """cos(pi v) and sin(pi v) for |v| <= 1/4: minimax polynomials in v**2."""
    size = v.dtype.itemsize
    square = v * v
    return _horner(square, *_COS[size]), v * _horner(square, *_SIN[size])
