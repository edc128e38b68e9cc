"""Whether a sample follows a distribution: for tests of draws with fixed seeds.

A right sampler exceeds the limits with a chance of about 1e-6; with a fixed seed a failure is a
fault and stays one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "DEVIATE_LIMIT",
    "DISTANCE_LIMIT",
    "deviate",
    "distance",
    "even",
    "from_density",
    "grouped",
]

Floats = np.ndarray[Any, Any]
Distribution = Callable[[Floats], Floats]

DISTANCE_LIMIT = 2.69
"""Of `distance`: P(sqrt(n) D > x) is close to 2 exp(-2 x**2)."""

DEVIATE_LIMIT = 4.75
"""Of the size of `deviate`: counts that are too even are as suspicious as uneven ones."""


def distance(sample: Any, distribution: Distribution) -> float:
    """sqrt(n) times the statistic of Kolmogorov and Smirnov, for a continuous distribution.

    >>> distance(np.array([0.25, 0.75]), lambda x: x) == math.sqrt(2) / 4
    True
    """
    x = np.sort(np.asarray(sample, dtype=np.float64).reshape(-1))
    n = len(x)
    expected = distribution(x)
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


def from_density(log_density: Distribution, low: float, high: float) -> Distribution:
    """The distribution function of a density that need not add up to 1, by Simpson's rule.

    >>> normal = from_density(lambda x: -x * x / 2, -9, 9)
    >>> [round(float(p), 6) for p in normal(np.array([0.0, 1.0]))]
    [0.5, 0.841345]
    """
    edges = np.linspace(low, high, 20001)
    middles = (edges[1:] + edges[:-1]) / 2
    shift = log_density(middles).max()
    at, between = (np.exp(log_density(points) - shift) for points in (edges, middles))
    pieces = at[1:] + at[:-1] + 4 * between
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    share = total / total[-1]
    return lambda x: np.interp(x, edges, share)


def deviate(counts: Floats, expected: Floats) -> float:
    """Pearson's chi-square as a normal deviate, by E. Wilson and M. Hilferty, 1931.

    >>> deviate(np.array([50, 50]), np.array([50.0, 50.0])) < 0 < deviate(
    ...     np.array([70, 30]), np.array([50.0, 50.0])
    ... )
    True
    """
    if expected.min() < 5:
        raise ValueError(f"a category of expectation {expected.min():g} is too rare: join some")
    freedom = len(counts) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    spread = 2 / (9 * freedom)
    return float(((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def even(counts: Floats) -> float:
    """`deviate` where all categories are equally likely.

    >>> even(np.array([100, 100, 90])) < DEVIATE_LIMIT
    True
    """
    return deviate(counts, np.full(len(counts), counts.sum() / len(counts)))


def grouped(sample: Floats, chance: Callable[[int], float]) -> tuple[Floats, Floats]:
    """Counts of whole numbers and what is expected of them, neighbours joined until there are 20.

    >>> counts, expected = grouped(np.arange(100) % 2, lambda k: 0.5)
    >>> counts.tolist(), expected.tolist()
    ([50.0, 50.0], [50.0, 50.0])
    """
    high = int(sample.max())
    first = max(0, int(sample.min()) - 3000)
    observed = np.bincount(sample - first, minlength=high + 1 - first)
    means = np.array([chance(k) for k in range(first, high + 1)]) * len(sample)
    counts, expected, c, e = [], [], 0.0, 0.0
    for seen, mean in zip(observed, means, strict=True):
        c, e = c + float(seen), e + float(mean)
        if e >= 20:
            counts.append(c)
            expected.append(e)
            c = e = 0.0
    counts[-1] += c
    expected[-1] += len(sample) - sum(expected)  # what is rarer than all that was seen, too
    return np.array(counts), np.array(expected)
