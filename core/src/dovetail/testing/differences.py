"""Derivatives by differences, with an estimate of their own error.

Central differences with steps h, h/2, h/4, ... extrapolated to zero (C. Ridders, "Accurate
computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4, 1982): column i of the
tableau has an error of order h ** (2 * i + 2), and the entry that agrees best with its neighbours
is the answer. No step has to suit every function: where the first is too long, at a pole or a kink,
the later ones decide; where the last is too short, rounding makes neighbours disagree and an
earlier entry stays the best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Derivative", "derivative"]

FIRST_STEP = 2.0**-9
"""The error of the fourth order is about (2 ** -9) ** 4 = 1e-11 of the fifth derivative, that of
rounding 1e-16 / 2 ** -9 = 6e-14 of the value."""

LEVELS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Derivative:
    """``value`` is within about ``error``; ``scale`` is the sum of the magnitudes of its terms."""

    value: float
    error: float
    scale: float


def derivative(
    moved: Callable[[float], Sequence[np.ndarray[Any, Any]]],
    weights: Sequence[np.ndarray[Any, Any]],
    enough: Callable[[Derivative], bool],
) -> Derivative:
    """The derivative at 0 of the weighted sum of the real parts of ``moved(t)``.

    Levels are added until ``enough(answer)``, or until the best answer does not improve any more.
    """
    rows: list[list[float]] = []
    best = Derivative(value=float("nan"), error=float("inf"), scale=0.0)
    step = FIRST_STEP
    for _ in range(LEVELS):
        up, down = moved(step), moved(-step)
        with np.errstate(all="ignore"):
            terms = [w * (a - b) / (2 * step) for w, a, b in zip(weights, up, down, strict=True)]
        row = [float(sum(t.sum().real for t in terms))]
        # Cancellation is relative to the values, not to their change.
        values = sum(float(np.abs(w * a).sum()) for w, a in zip(weights, up, strict=True))
        scale = sum(float(np.abs(t).sum()) for t in terms) + 1e-5 * values
        rounding = 1e-16 * values / step
        for i, above in enumerate(rows[-1] if rows else []):
            power = 4.0 ** (i + 1)
            row.append((power * row[i] - above) / (power - 1))
            error = max(abs(row[i + 1] - row[i]), abs(row[i + 1] - above), rounding)
            if error < best.error:
                best = Derivative(value=row[i + 1], error=error, scale=scale)
        rows.append(row)
        if len(rows) > 1 and enough(best):
            break
        if len(rows) > 3 and best.error <= 1e-12 * best.scale:
            break
        step /= 2
    return best
