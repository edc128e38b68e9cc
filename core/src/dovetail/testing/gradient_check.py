"""Gradient rules against central differences, in double precision and through the public API."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dovetail.dtypes import complex128, float64
from dovetail.op import Op, iterate
from dovetail.testing.cases import Case, samples_of
from dovetail.testing.collect import check_all
from dovetail.testing.device_check import arrays_of, function_of
from dovetail.testing.differences import Derivative, derivative

__all__ = ["check_derivative", "check_gradient", "differentiable_operands"]

TOLERANCE = 1e-6
"""Of the sum of the magnitudes of the terms, for first and second derivatives alike. Differences
are good to 1e-9 or better (see `dovetail.testing.differences`), so what is left is the rule's."""

EACH = 12
"""Up to so many elements every one is moved alone; beyond, random directions move all at once."""


def differentiable_operands(op: Op, count: int) -> tuple[int, ...]:
    """Positions of the operands that a gradient flows back to."""
    if op.differentiable is not None:
        return tuple(sorted(op.differentiable))
    words = op.words(count)
    floating = [i for i, w in enumerate(words) if _DOUBLE & op.allowed(w) and w not in _FIXED]
    if isinstance(op.gradient, tuple):
        return tuple(i for i in floating if i < len(op.gradient) and op.gradient[i] is not None)
    return tuple(floating) if op.gradient or op.decomposition else ()


_FIXED = frozenset({"bool", "i64", "i32", "u32"})
_DOUBLE = frozenset({float64, complex128})


def _directions(
    x: np.ndarray[Any, Any], random: np.random.Generator
) -> Iterator[np.ndarray[Any, Any]]:
    parts: tuple[complex, ...] = (1, 1j) if x.dtype.kind == "c" else (1,)
    if x.size * len(parts) <= EACH:
        for i, part in itertools.product(range(x.size), parts):
            one = np.zeros(x.size, x.dtype)
            one[i] = part
            yield one.reshape(x.shape)
    else:
        for _ in range(4):
            yield _normal(x.dtype.kind == "c", x.shape, random) / np.sqrt(x.size)


def _normal(
    is_complex: bool, shape: tuple[int, ...], random: np.random.Generator
) -> np.ndarray[Any, Any]:
    drawn = np.asarray(random.normal(size=shape))
    return np.asarray(drawn + 1j * random.normal(size=shape)) if is_complex else drawn


def _floats(results: Any) -> list[Any]:
    return [y for y in iterate(results) if y.dtype in _DOUBLE]


def _weight(y: Any, random: np.random.Generator) -> np.ndarray[Any, Any]:
    drawn = np.asarray(random.uniform(0.5, 1.5, y.shape))
    if y.dtype is not complex128:
        return drawn
    return np.asarray(drawn - 1j * random.uniform(0.5, 1.5, y.shape))


def check_derivative(
    function: Callable[..., Any],
    arrays: Sequence[Any],
    positions: Sequence[int],
    what: object,
    tolerance: float = TOLERANCE,
) -> None:
    """Compare the gradient of ``function(*arrays)`` with differences of its results.

    All arrays at ``positions`` and all results that count are float64 or complex128. The results
    are weighted at random, so that an error cannot hide in a sum; of complex terms the real part
    counts, and complex arrays move along both axes.
    """
    from dovetail.creation import asarray  # noqa: PLC0415  cases alone need no native part
    from dovetail.ops import real  # noqa: PLC0415
    from dovetail.ops import sum as total  # noqa: PLC0415
    from dovetail.transforms import grad  # noqa: PLC0415

    random = np.random.default_rng(7)
    weights = [_weight(y, random) for y in _floats(function(*arrays))]
    if not weights:
        raise AssertionError(f"{what}: no result to differentiate")
    factors = [asarray(w) for w in weights]

    def loss(*xs: Any) -> Any:
        value = None
        for y, w in zip(_floats(function(*xs)), factors, strict=True):
            term = total(real(y * w))
            value = term if value is None else value + term
        return value

    gradients = grad(loss, argnums=tuple(positions))(*arrays)
    for position, gradient in zip(positions, gradients, strict=True):
        x = np.asarray(arrays[position])
        g = np.asarray(gradient)
        if g.shape != x.shape:
            raise AssertionError(f"{what}: gradient {position} has shape {g.shape}, not {x.shape}")

        for v in _directions(x, random):
            got = float((g * v).sum().real)

            def moved(
                step: float,
                v: np.ndarray[Any, Any] = v,
                x: np.ndarray[Any, Any] = x,
                position: int = position,
            ) -> list[np.ndarray[Any, Any]]:
                xs = list(arrays)
                xs[position] = asarray(x + step * v)
                return [np.asarray(y) for y in _floats(function(*xs))]

            def close(found: Derivative, got: float = got, share: float = 0.1) -> bool:
                return abs(got - found.value) <= share * tolerance * found.scale

            want = derivative(moved, weights, close)
            if not close(want, got, 1.0):
                raise AssertionError(
                    f"{what}: the gradient of operand {position} along {v.reshape(-1)[:8]} is "
                    f"{got}, but the difference quotient is {want.value} +- {want.error:.1g}"
                )


def _check_case(case: Case, positions: tuple[int, ...], order: int) -> None:
    from dovetail.ops import real  # noqa: PLC0415  cases alone need no native part
    from dovetail.ops import sum as total  # noqa: PLC0415
    from dovetail.transforms import grad  # noqa: PLC0415

    op = function_of(case.op)

    def first(*xs: Any) -> Any:
        return op(*xs, **case.attributes)

    arrays = arrays_of(case)
    check_derivative(first, arrays, positions, case)
    if order < 2:
        return

    def slopes(*xs: Any) -> Any:
        def loss(*ys: Any) -> Any:
            value = None
            for y in _floats(first(*ys)):
                # The square makes second derivatives of linear ops visible, too.
                term = total(real(y * y))
                value = term if value is None else value + term
            return value

        return grad(loss, argnums=positions)(*xs)

    check_derivative(slopes, arrays, positions, f"the gradient of {case}")


def check_gradient(op: Op, order: int = 2) -> int:
    """Check first and second derivatives at every differentiable sample; return how many.

    0 for an op that has no derivative.
    """

    def suits(case: Case) -> bool:
        positions = differentiable_operands(op, len(case.arrays))
        floating = bool(positions) and all(case.dtypes[i] in _DOUBLE for i in positions)
        return floating and case.differentiable

    def check(case: Case) -> None:
        _check_case(case, differentiable_operands(op, len(case.arrays)), order)

    return check_all(check, filter(suits, samples_of(op)))
