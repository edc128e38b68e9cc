"""How a gamma variable moves with its concentration, at a fixed probability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import float32, float64
from dovetail.op import Op, Sample, define
from dovetail.shapes import elementwise

__all__ = ["random_gamma_gradient"]

Floats = np.ndarray[Any, Any]

LARGE = 1e5
"""Concentrations from which an expansion is accurate to 1e-9."""

MOST = 20000
"""Terms of series and steps of fractions; sqrt(LARGE) times 10 are enough."""

TINY = 1e-17


def _digamma(x: Floats) -> Floats:
    """By recurrence up to 10 and the asymptotic series there."""
    total = np.zeros_like(x)
    x = x.copy()
    while (small := x < 10).any():
        total = np.where(small, total - 1 / x, total)
        x = np.where(small, x + 1, x)
    t = 1 / (x * x)
    series = 1 / 240 - t * (1 / 132 - t * (691 / 32760 - t / 12))
    return total + np.log(x) - 0.5 / x - t * (1 / 12 - t * (1 / 120 - t * (1 / 252 - t * series)))


def _below(a: Floats, log_x: Floats) -> Floats:
    """From the series of the lower incomplete gamma function and its derivative."""
    x = np.exp(log_x)
    term, total = np.ones_like(a), np.ones_like(a)
    slope, slopes = np.zeros_like(a), np.zeros_like(a)
    for n in range(1, MOST):
        slope = (slope - term / (a + n)) * x / (a + n)
        term = term * x / (a + n)
        total, slopes = total + term, slopes + slope
        if (np.abs(slope) <= TINY * np.abs(slopes)).all() and (term <= TINY * total).all():
            break
    return -((log_x - _digamma(a + 1)) * total + slopes) / a


def _above(a: Floats, log_x: Floats) -> Floats:
    """From Legendre's continued fraction of the upper one (the modified method of Lentz)."""
    x = np.exp(log_x)
    b = x + 1 - a
    d = 1 / b
    value, relative = d, d.copy()  # of the fraction: its value, and its derivative over that
    d_slope = d * d
    c, c_slope = np.full_like(a, np.inf), np.zeros_like(a)
    for n in range(1, MOST):
        factor = n * (a - n)
        b = b + 2
        new = 1 / (factor * d + b)
        d_slope = -new * new * (n * d + factor * d_slope - 1)
        d = new
        c_slope = n / c - factor * c_slope / (c * c) - 1
        c = b + factor / c
        change = d_slope / d + c_slope / c
        value, relative = value * (d * c), relative + change
        done = (np.abs(d * c - 1) <= 4e-16) & (np.abs(change) <= 4e-16 * (1 + np.abs(relative)))
        if done.all():
            break
    return (log_x - _digamma(a) + relative) * value


def _far(a: Floats, log_x: Floats) -> Floats:
    """By the expansions of E. Cornish and R. Fisher, 1938, to the third order."""
    x, root = np.exp(log_x), np.sqrt(a)
    y = (x - a) / root
    w = y - (y * y - 1) / (3 * root) + (7 * y**3 - y) / (36 * a)
    slope = 1 + w / (2 * root) - (w**3 - 7 * w) / (72 * a * root)
    return np.asarray((slope + (3 * w**4 + 7 * w * w - 16) / (810 * a * a)) / x)


def _reference(concentration: Floats, logarithm: Floats) -> Floats:
    a = concentration.astype(np.float64).reshape(-1)
    log_x = logarithm.astype(np.float64).reshape(-1)
    result = np.full(a.shape, np.nan)
    finite = (a > 0) & np.isfinite(a) & np.isfinite(log_x)
    far = a >= LARGE
    above = ~far & (np.exp(log_x) > a + 1)
    for method, which in ((_far, far), (_above, above), (_below, ~far & ~above)):
        at = np.flatnonzero(finite & which)
        if at.size:
            result[at] = method(a[at], log_x[at])
    return result.reshape(concentration.shape)


def _samples() -> Iterator[Sample]:
    yield Sample(inputs=(((17,), 0.1, 5), ((17,), -3, 2)))
    yield Sample(inputs=(((3, 40), 0.5, 90), ((3, 40), 2, 5)))
    yield Sample(inputs=(((), 1, 2), ((), 0, 1)))
    yield Sample(inputs=(((0,), 1, 2), ((0,), 0, 1)))
    a = [1e-3, 0.01, 1.0, 50.0, 999.0, 3e4, 2e6, -1.0, 1.0, 1.0, float("nan"), 2.0]
    x = [-900.0, 1.0, 0.0, 3.0, 6.9, 10.3, 14.5, 0.0, float("inf"), float("nan"), 1.0, -200.0]
    yield Sample(inputs=(a, x), differentiable=False)


RANDOM_GAMMA_GRADIENT = Op(
    name="random_gamma_gradient",
    doc="""How the logarithm of a gamma variable moves with its concentration, at fixed probability.

    For draws given by their logarithm: minus the derivative of the distribution function by the
    concentration, over the density and the draw. What `random_gamma` differentiates with. M.
    Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients", NeurIPS 2018. The
    distribution function's series is differentiated below concentration + 1, its continued fraction
    above; from 1e5 on expansions of Cornish and Fisher. Good to 1e-9, and to about 1e-12 below 1e4.

    Both operands have one dtype, float32 or float64, and broadcast. NaN where the concentration is
    not positive and finite, or the logarithm not finite. It has no derivative itself.

    >>> import dovetail as dt
    >>> round(dt.ops.random_gamma_gradient(dt.asarray(1.0), dt.asarray(0.0)).item(), 5)
    1.17356
    """,
    signature="concentration: T, logarithm: T -> T",
    types={"T": frozenset({float32, float64})},
    broadcast=True,
    infer=elementwise("random_gamma_gradient"),
    reference=_reference,
    samples=_samples,
    # Kernel and reference sum the same series in float64; sums of opposite sign amplify the last
    # places. float32 results are rounded once.
    tolerance={"float32": 1, "float64": 20000},
    batching=batching.elementwise,
)
random_gamma_gradient: Any = define(RANDOM_GAMMA_GRADIENT)
