"""The gradients of a function against central differences."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail import _fast
from dovetail.creation import asarray
from dovetail.dtypes import complex64, complex128, float64
from dovetail.errors import OpError
from dovetail.ops import astype
from dovetail.ops import sum as total
from dovetail.transforms.gradient import grad

__all__ = ["GradientCheck", "GradientReport", "check_gradients"]

EACH = 16
"""Arrays of up to so many elements are moved element by element, larger ones at random."""

RANDOM = 4
"""Directions in which a larger array is moved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientCheck:
    """One derivative by both ways."""

    order: int
    where: str
    """What was moved: an argument and one of its elements, or a random direction."""
    gradient: float
    difference: float
    error: float
    """Their distance, relative to the terms that the derivative is made of."""
    right: bool

    def __str__(self) -> str:
        mark = "  " if self.right else "->"
        return (
            f"{mark} {self.order}  {self.gradient:>15.8g}  {self.difference:>15.8g}  "
            f"{self.error:>8.1e}  {self.where}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientReport:
    """Every derivative that was compared; printed, a table with the wrong ones marked."""

    name: str
    checks: tuple[GradientCheck, ...]
    tolerance: float

    @property
    def wrong(self) -> tuple[GradientCheck, ...]:
        """The checks that failed."""
        return tuple(c for c in self.checks if not c.right)

    @property
    def error(self) -> float:
        """The largest relative error."""
        return max((c.error for c in self.checks), default=0.0)

    def __str__(self) -> str:
        wrong = len(self.wrong)
        verdict = f"{wrong} of them wrong" if wrong else f"largest error {self.error:.1e}"
        rows = [c for c in self.checks if not c.right] or sorted(self.checks, key=_by_error)[:5]
        shown = "\n".join(map(str, rows[:20]))
        more = f"\n   ... and {len(rows) - 20} more" if len(rows) > 20 else ""
        return (
            f"gradients of {self.name}: {len(self.checks)} derivatives compared with central "
            f"differences, {verdict} (tolerance {self.tolerance:.0e})\n"
            f"   order    gradient       difference     error  along\n{shown}{more}"
        )


def _by_error(check: GradientCheck) -> float:
    return -check.error


def check_gradients(
    function: Callable[..., Any],
    *args: Any,
    order: int = 2,
    tolerance: float = 1e-6,
    step: float = 1e-3,
) -> GradientReport:
    """Compare the gradients of a function with central differences; return or raise a report.

    Every floating array among the arguments (containers may hold them) is moved, element by element
    or, when it is large, in random directions; the floating results are weighted at random, so that
    no error hides in a sum. With ``order=2``, the default, the gradient of the gradient is compared
    with differences of the gradient. Floats are converted to float64 and complex numbers to
    complex128 first: differences of narrower ones show nothing. An element is moved twice by
    ``step`` times its size (or by ``step`` where it is small) to either side; the function must not
    jump or bend there, and draw no random numbers that change from call to call.

    Raises AssertionError with the report as text when a derivative is further off than
    ``tolerance``, relative to the terms it is made of; OpError when there is nothing to compare.

    >>> import dovetail as dt
    >>> report = dt.debug.check_gradients(lambda x: dt.sin(x) * x, dt.asarray([0.5, 2.0]))
    >>> report.error < 1e-8
    True
    """
    if order not in (1, 2):
        raise OpError(f"check_gradients: order={order} must be 1 or 2")
    name = getattr(function, "__name__", "the function")
    leaves, tree = _fast.tree_flatten(args)
    paths = _paths(tree, ["argument " + str(i) for i in range(len(args))])
    point = [_wide(x) for x in leaves]
    moving = [i for i, x in enumerate(point) if _moves(x)]

    def of_moving(*chosen: Any) -> Any:
        whole = list(point)
        for i, x in zip(moving, chosen, strict=True):
            whole[i] = x
        return function(*_fast.tree_unflatten(tree, whole))

    if not moving:
        raise OpError(f"check_gradients of {name}: no argument holds a floating array to move")
    here = _Point(
        start=tuple(point[i] for i in moving),
        paths=tuple(paths[i] for i in moving),
        tolerance=tolerance,
        step=step,
    )
    loss = _weighted(of_moving, here.start, name)
    checks = tuple(_compare(loss, here, order))
    report = GradientReport(name=name, checks=checks, tolerance=tolerance)
    if report.wrong:
        raise AssertionError(str(report))
    return report


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    """Where derivatives are taken, what its arrays are called, and how they are compared."""

    start: tuple[Any, ...]
    paths: tuple[str, ...]
    tolerance: float
    step: float


def _moves(x: Any) -> bool:
    return isinstance(x, _fast.Array) and bool(x.dtype.differentiable)


def _wide(x: Any) -> Any:
    if isinstance(x, float | complex):
        x = asarray(x)
    if not _moves(x):
        return x
    return astype(x, dtype=complex128 if x.dtype in (complex64, complex128) else float64)


def _paths(structure: Any, names: Sequence[str]) -> list[str]:
    """What each leaf is called, given the names of the children of the top."""
    found: list[str] = []
    for name, child in zip(names, structure.children, strict=True):
        if child.kind == "leaf":
            found.append(name)
            continue
        keys = child.keys if child.keys is not None else range(len(child.children))
        fields = child.kind == "dataclass"
        below = [f"{name}.{k}" if fields else f"{name}[{k!r}]" for k in keys]
        found += _paths(child, below)
    return found


def _weighted(function: Callable[..., Any], start: tuple[Any, ...], name: str) -> Any:
    """A real scalar function: the floating results, each element times a fixed weight."""
    random = np.random.default_rng(11)
    found = [y for y in _fast.tree_flatten(function(*start))[0] if _moves(y)]
    if not found:
        raise OpError(f"check_gradients of {name}: it returns no floating array")
    weights = [asarray(random.uniform(0.5, 1.5, y.shape), dtype=float64) for y in found]

    def loss(*xs: Any) -> Any:
        value: Any = None
        results = [y for y in _fast.tree_flatten(function(*xs))[0] if _moves(y)]
        for y, w in zip(results, weights, strict=True):
            term = total(_real(y) * w)
            value = term if value is None else value + term
        return value

    return loss


def _real(y: Any) -> Any:
    """A complex result as a real one in which both parts can be seen."""
    if y.dtype not in (complex64, complex128):
        return astype(y, dtype=float64)
    from dovetail.ops import imag, real  # noqa: PLC0415  loaded with complex numbers only

    return astype(real(y) + 0.7 * imag(y), dtype=float64)


def _compare(loss: Callable[..., Any], here: _Point, order: int) -> Iterator[GradientCheck]:
    where = tuple(range(len(here.start)))
    slope = grad(loss, argnums=where)
    yield from _one_order(1, loss, slope(*here.start), here)
    if order > 1:
        along = [_some_direction(x) for x in here.start]

        def steepness(*xs: Any) -> Any:
            """The first derivative along a fixed direction."""
            terms = (_paired(g, v) for g, v in zip(slope(*xs), along, strict=True))
            return functools.reduce(lambda a, b: a + b, terms)

        yield from _one_order(2, steepness, grad(steepness, argnums=where)(*here.start), here)


def _paired(g: Any, v: Any) -> Any:
    """How much a value with the gradient g changes along v: the real part of the sum of g * v."""
    product = total(g * v)
    if product.dtype is not complex128:
        return product
    from dovetail.ops import real  # noqa: PLC0415  loaded with complex numbers only

    return real(product)


def _some_direction(x: Any) -> Any:
    values = np.random.default_rng(math.prod(x.shape) + 5).normal(size=x.shape)
    return asarray(values + (0.3j * values if x.dtype is complex128 else 0), dtype=x.dtype)


def _directions(x: Any) -> Iterator[tuple[str, Any]]:
    """Names and unit directions in which an array is moved."""
    units = {"": 1.0} if x.dtype is float64 else {"": 1.0, " (imaginary part)": 1j}
    if x.size <= EACH:
        for place in np.ndindex(x.shape):
            for part, unit in units.items():
                one = np.zeros(x.shape, dtype=complex if x.dtype is complex128 else float)
                one[place] = unit
                yield (f"[{', '.join(map(str, place))}]" if place else "") + part, one
        return
    random = np.random.default_rng(7)
    for k in range(RANDOM):
        for part, unit in units.items():
            one = random.normal(size=x.shape) * unit
            yield f", random direction {k}{part}", one / np.sqrt(np.sum(np.abs(one) ** 2))


def _one_order(
    order: int, value: Callable[..., Any], gradients: Sequence[Any], here: _Point
) -> Iterator[GradientCheck]:
    size = abs(float(value(*here.start).item()))
    for i, (x, g) in enumerate(zip(here.start, gradients, strict=True)):
        numbers, slope = np.asarray(x), np.asarray(g)
        for where, direction in _directions(x):
            got = float(np.sum(slope * direction).real)
            largest = np.max(np.abs(numbers * (direction != 0)), initial=0.0)
            step = here.step * max(1.0, float(largest))

            def moved(k: int, i: int = i, delta: Any = step * direction) -> float:
                xs = list(here.start)
                xs[i] = asarray(np.asarray(xs[i]) + k * delta, dtype=xs[i].dtype)
                return float(value(*xs).item())

            # Five points: the error falls with the fourth power of the step.
            want = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)
            scale = max(abs(got), abs(want), float(np.sum(np.abs(slope * direction)).real))
            scale += 1e-5 * size + 1e-6  # cancellation is relative to the value itself
            error = abs(got - want) / scale
            yield GradientCheck(
                order=order,
                where=here.paths[i] + where,
                gradient=got,
                difference=want,
                error=error,
                right=error <= here.tolerance,  # false for NaN
            )
