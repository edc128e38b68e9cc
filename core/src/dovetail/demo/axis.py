"""A linear or logarithmic axis: where values lie, and at which round numbers it has ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Axis", "round_ticks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Maps ``low .. high`` to the pixels ``start .. end``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside the axis lie on its ends."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values on the axis, about ``count`` of them."""
        if not self.logarithmic:
            return round_ticks(self.low, self.high, count)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        decades = range(first, last + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [f * 10.0**d for d in decades for f in factors]
            ticks = [t for t in ticks if self.low * 0.999 <= t <= self.high * 1.001]
            if len(ticks) <= count + 2:
                break
        return ticks


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between low and high.

    >>> round_ticks(0, 23)
    [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
