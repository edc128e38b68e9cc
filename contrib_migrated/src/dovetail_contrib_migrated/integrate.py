"""tf.contrib.integrate: ordinary differential equations.

Dormand and Prince, "A family of embedded Runge-Kutta formulae", 1980 (the pair of orders 5 and 4);
Shampine, "Some practical Runge-Kutta formulas", 1986 (its value in the middle of a step). Step
sizes as in Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", section II.4.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = ["odeint", "odeint_fixed"]

guest("integrate")

# The pair's tableau: nodes, then the rows; the last row is the fifth-order solution itself.
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
ROWS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
FOURTH = (1951 / 21600, 0.0, 22642 / 50085, 451 / 720, -12231 / 42400, 649 / 6300, 1 / 60)
ERROR = tuple(a - b for a, b in zip((*ROWS[-1], 0.0), FOURTH, strict=True))
MIDDLE = (
    6025192743 / 30085553152 / 2,
    0.0,
    51252292925 / 65400821598 / 2,
    -2691868925 / 45128329728 / 2,
    187940372067 / 1594534317056 / 2,
    -1776094331 / 19743644256 / 2,
    11237099 / 235043384 / 2,
)


def _combine(y: Any, h: Any, weights: Any, slopes: list[Any]) -> Any:
    terms = (w * k for w, k in zip(weights, slopes, strict=False) if w)
    return y + dt.astype(h, y.dtype) * sum(terms)


def odeint(
    func: Callable[[Any, Any], Any],
    y0: Any,
    t: Any,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    method: str | None = None,
    options: Mapping[str, Any] | None = None,
    full_output: bool = False,
    name: str | None = None,
) -> Any:
    """Solve ``dy/dt = func(y, t)`` with ``y(t[0]) = y0`` at the times of ``t``.

    ``y0`` of any shape, real or complex; ``t`` is one-dimensional and strictly increases or
    decreases. The steps adapt to ``atol + rtol * |y|``. The result has shape ``(len(t), *shape)``.
    ``method`` is ``"dopri5"``, the only one. ``options``: ``first_step`` (absolute), ``safety``,
    ``ifactor``, ``dfactor`` and ``max_num_steps`` between two times. ``full_output``: also a
    dictionary with ``num_func_evals``, and ``integrate_points`` and ``error_ratio`` of the steps.

    It runs eagerly, since its number of steps depends on values. Raises ValueError when ``t`` is
    not monotonic, and ArithmeticError when a step becomes too small or the steps run out.

    >>> y = odeint(lambda y, t: -y, dt.asarray(1.0, dtype=dt.float64), dt.asarray([0.0, 1.0]))
    >>> round(y[1].item(), 5)
    0.36788
    """
    if method not in (None, "dopri5"):
        raise ValueError(f"odeint has the method 'dopri5', not {method!r}")
    known = {"first_step", "safety", "ifactor", "dfactor", "max_num_steps"}
    given = dict(options or {})
    if given.keys() - known:
        raise ValueError(f"odeint has no option {min(given.keys() - known)!r}; it has {known}")
    times = [float(x) for x in dt.asarray(t, dtype=dt.float64).tolist()]
    _check_times(times)
    y = _begin(y0)
    sign = 1.0 if times[1] > times[0] else -1.0
    run = _Adaptive(func, y, times[0], sign, rtol, atol, given)
    results = [y]
    for end in times[1:]:
        results.append(run.to(end))
    solution = dt.stack(results)
    return (solution, run.report()) if full_output else solution


def _begin(y0: Any) -> Any:
    y = dt.asarray(y0)
    if not y.dtype.differentiable:
        raise ValueError(f"y0 is {y.dtype}; odeint needs floating or complex numbers")
    return y


def _time(y: Any, t: float) -> Any:
    """A time in the precision of ``y``."""
    return dt.asarray(t, dtype=dt.real(y).dtype if y.dtype.kind == "complex" else y.dtype)


def _check_times(times: list[float]) -> None:
    steps = [b - a for a, b in itertools.pairwise(times)]
    if not steps or not (all(h > 0 for h in steps) or all(h < 0 for h in steps)):
        raise ValueError("t needs two or more times that strictly increase or strictly decrease")


class _Adaptive:
    """The walk along the solution: a step that covers a wanted time is interpolated."""

    def __init__(
        self,
        func: Callable[[Any, Any], Any],
        y: Any,
        begin: float,
        sign: float,
        rtol: float,
        atol: float,
        options: dict[str, Any],
    ) -> None:
        self.func, self.sign, self.rtol, self.atol = func, sign, rtol, atol
        self.h = float(options.get("first_step", 0.0))
        self.safety = float(options.get("safety", 0.9))
        self.most = float(options.get("ifactor", 10.0))
        self.least = float(options.get("dfactor", 0.2))
        self.limit = int(options.get("max_num_steps", 1000))
        self.t0 = self.t1 = begin
        self.y1 = y
        self.k1 = self._slope(y, begin)
        self.interpolant: tuple[Any, ...] | None = None
        self.evaluations = 1
        self.points: list[float] = []
        self.ratios: list[float] = []

    def _slope(self, y: Any, t: float) -> Any:
        return dt.asarray(self.func(y, _time(y, t)), dtype=y.dtype)

    def to(self, end: float) -> Any:
        """The solution at ``end``."""
        taken = 0
        while (end - self.t1) * self.sign > 0:
            if taken == self.limit:
                raise ArithmeticError(
                    f"odeint took {taken} steps and is at t = {self.t1}, on the way to {end}; "
                    f"raise max_num_steps, or loosen rtol and atol"
                )
            taken += 1
            self._step()
        return self._at(end)

    def _step(self) -> None:
        t, y, k1 = self.t1, self.y1, self.k1
        h = self.sign * (abs(self.h) or self._first_step())
        if t + h == t:
            raise ArithmeticError(f"odeint's step became {h} at t = {t}: the equation is too stiff")
        slopes = [k1]
        for node, row in zip(NODES, ROWS, strict=True):
            slopes.append(self._slope(_combine(y, h, row, slopes), t + node * h))
        self.evaluations += len(NODES)
        end = _combine(y, h, ROWS[-1], slopes)
        error = dt.abs(_combine(dt.zeros_like(y), h, ERROR, slopes))
        scale = self.atol + self.rtol * dt.maximum(dt.abs(y), dt.abs(end))
        ratio = float(dt.sqrt(dt.mean((error / scale) ** 2)).item()) if y.size else 0.0
        self.points.append(t + h)
        self.ratios.append(ratio)
        if ratio <= 1.0:
            self.interpolant = (y, end, slopes[0], slopes[-1], _combine(y, h, MIDDLE, slopes))
            self.t0, self.t1, self.y1, self.k1 = t, t + h, end, slopes[-1]
        # NaN: the step was far too long, or there is no solution, which shows soon.
        factor = self.most if ratio == 0 else self.safety * ratio**-0.2
        if math.isnan(factor):
            factor = self.least
        least = 1.0 if ratio <= 1.0 else self.least
        self.h = abs(h) * min(self.most, max(factor, least))

    def _first_step(self) -> float:
        """Hairer's choice from the sizes of y, its slope and how the slope changes."""
        scale = self.atol + self.rtol * dt.abs(self.y1)

        def norm(x: Any) -> float:
            return float(dt.sqrt(dt.mean((dt.abs(x) / scale) ** 2)).item()) if x.size else 0.0

        d0, d1 = norm(self.y1), norm(self.k1)
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        h = self.sign * h0
        ahead = self._slope(_combine(self.y1, h, (1.0,), [self.k1]), self.t1 + h)
        self.evaluations += 1
        d2 = norm(ahead - self.k1) / h0
        top = max(d1, d2)
        h1 = max(1e-6, h0 * 1e-3) if top <= 1e-15 else (0.01 / top) ** 0.2
        return min(100 * h0, h1)

    def _at(self, t: float) -> Any:
        """The quartic through both ends, their slopes and the middle of the last step."""
        if self.interpolant is None or t == self.t1:
            return self.y1
        h = self.t1 - self.t0
        y0, y1, f0, f1, middle = self.interpolant
        a = 2 * h * (f1 - f0) - 8 * (y1 + y0) + 16 * middle
        b = h * (5 * f0 - 3 * f1) + 18 * y0 + 14 * y1 - 32 * middle
        c = h * (f1 - 4 * f0) - 11 * y0 - 5 * y1 + 16 * middle
        x = (t - self.t0) / h
        return y0 + x * (h * f0 + x * (c + x * (b + x * a)))

    def report(self) -> dict[str, Any]:
        """What ``full_output`` gives beside the solution."""
        return {
            "num_func_evals": self.evaluations,
            "integrate_points": dt.asarray(self.points, dtype=dt.float64),
            "error_ratio": dt.asarray(self.ratios, dtype=dt.float64),
        }


def odeint_fixed(
    func: Callable[[Any, Any], Any],
    y0: Any,
    t: Any,
    dt: Any = None,  # its name in tf.contrib; below, dovetail is `ops`
    method: str = "rk4",
    name: str | None = None,
) -> Any:
    """As `odeint`, with steps of fixed length; it compiles and has gradients.

    ``dt`` is the length of a step: each interval of ``t`` is cut into as few equal steps as are no
    longer; None: one step for each interval. ``method`` is ``"rk4"`` (four slopes, fourth order) or
    ``"midpoint"`` (two slopes, second order). ``name`` is ignored.
    """
    return _fixed(func, y0, t, dt, method)


def _fixed(func: Callable[[Any, Any], Any], y0: Any, t: Any, step: Any, method: str) -> Any:
    methods = {"rk4": _rk4, "midpoint": _midpoint}
    if method not in methods:
        raise ValueError(f"odeint_fixed has the methods {', '.join(methods)}, not {method!r}")
    times = [float(x) for x in dt.asarray(t, dtype=dt.float64).tolist()]
    _check_times(times)
    length = None if step is None else abs(float(step))
    if length is not None and not length > 0:
        raise ValueError(f"dt is {step}; a step needs a length above 0")
    y = _begin(y0)
    results = [y]
    for begin, end in itertools.pairwise(times):
        count = 1 if length is None else max(1, math.ceil(abs(end - begin) / length * (1 - 1e-12)))
        h = (end - begin) / count
        for i in range(count):
            y = y + methods[method](func, y, begin + i * h, h)
        results.append(y)
    return dt.stack(results)


def _rk4(func: Callable[[Any, Any], Any], y: Any, t: float, h: float) -> Any:
    k1 = func(y, _time(y, t))
    k2 = func(y + h / 2 * k1, _time(y, t + h / 2))
    k3 = func(y + h / 2 * k2, _time(y, t + h / 2))
    k4 = func(y + h * k3, _time(y, t + h))
    return h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _midpoint(func: Callable[[Any, Any], Any], y: Any, t: float, h: float) -> Any:
    return h * func(y + h / 2 * func(y, _time(y, t)), _time(y, t + h / 2))
