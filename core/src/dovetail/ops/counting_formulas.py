"""Logarithms of probabilities of counts, to full accuracy at any size, in numpy.

C. Loader, "Fast and accurate computation of binomial probabilities", 2000. In portable operations
(`dovetail.ops.portable_formulas`); csrc/cpu/random_counting.h has the same in C.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.ops.portable_formulas import NUMPY, log

__all__ = ["MOST_COUNT", "TWO_PI", "deviance", "log_complement", "stirling_error"]

Floats = np.ndarray[Any, Any]

TWO_PI = float.fromhex("0x1.921fb54442d18p2")
MOST_COUNT = 128
"""Where sequential search ends; below a mean of 10 the chance of more is under 1e-80."""

_TABLE = np.array(
    [
        float.fromhex(word)
        for word in (
            "0x0p0 0x1.4c071bcda0a5bp-4 0x1.52a9b923ea649p-5 0x1.c579a268d80b3p-6 "
            "0x1.54a2662fd78a9p-6 0x1.10b4e513fcbedp-6 0x1.c6b167bebdf36p-7 0x1.85d4d612e4a86p-7 "
            "0x1.552805e7b3076p-7 0x1.2f4871b12ab64p-7 0x1.10f9d4c0743a7p-7 0x1.f0593088014f8p-8 "
            "0x1.c7018733aa9c6p-8 0x1.a40514700f36cp-8 0x1.86076c002d4a7p-8 0x1.6c08f6f194a10p-8"
        ).split()
    ]
)


def stirling_error(k: Floats) -> Floats:
    """log(k!) - log(sqrt(2 pi k) (k/e)**k) of whole numbers k >= 1."""
    square = k * k
    total = 1.0 / 1680 - 1.0 / 1188 / square
    total = 1.0 / 1260 - total / square
    total = 1.0 / 360 - total / square
    series = (1.0 / 12 - total / square) / k
    small = k < 16
    return np.where(small, _TABLE[np.where(small, k, 0).astype(np.int64)], series)


def deviance(x: Floats, m: Floats) -> Floats:
    """x log(x / m) + m - x, which is never negative."""
    apart = x - m
    v = apart / (x + m)
    square = v * v
    total = 1.0 / 15 + square * (1.0 / 17)
    for odd in (13, 11, 9, 7, 5, 3):
        total = 1.0 / odd + square * total
    near = apart * v + 2.0 * x * v * (square * total)
    far = x * log(NUMPY, x / m) + m - x
    return np.asarray(np.where(np.abs(apart) < 0.1 * (x + m), near, far))


def log_complement(p: Floats) -> Floats:
    """log(1 - p), 0 <= p < 1, by Goldberg's quotient."""
    rest = 1.0 - p
    return np.where(rest < 1.0, log(NUMPY, rest) * (p / (1.0 - rest)), -p)
