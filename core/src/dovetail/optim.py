"""Optimisers: pure functions over containers of arrays.

An `Optimizer` holds no arrays, only two functions: ``init(params)`` makes a state, and
``update(grads, state, params)`` returns new parameters and the new state. Parameters are any
container (see `dovetail.tree`); the state is a container of arrays, the number of steps included,
so that a jitted update is compiled once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dovetail import ops, tree
from dovetail.dtypes import float32, float64, int32
from dovetail.errors import OpError
from dovetail.ops.full import filled_like

__all__ = ["AdamState", "Optimizer", "SgdState", "adam", "sgd"]

Rate = float | Callable[[Any], Any]
"""A learning rate, or a function from the number of steps taken so far (int32) to one."""


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """``init(params) -> state`` and ``update(grads, state, params) -> (params, state)``."""

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class SgdState:
    """Steps taken so far, and the velocity of each parameter (None without momentum)."""

    step: Any
    velocity: Any


@dataclass(frozen=True, kw_only=True)
class AdamState:
    """Steps taken so far, and the running mean and mean square of each gradient."""

    step: Any
    mean: Any
    square: Any


def _number(name: str, value: Any, low: float, high: float | None = None) -> None:
    inside = isinstance(value, (int, float)) and value >= low and (high is None or value < high)
    if not inside:
        wanted = f"at least {low}" + ("" if high is None else f" and below {high}")
        raise OpError(f"optim: {name}={value!r} must be a number, {wanted}")


def _rate(rate: Rate, step: Any) -> Any:
    return rate(step) if callable(rate) else rate


def _check_rate(rate: Rate) -> None:
    if not callable(rate):
        _number("rate", rate, 0.0)


def _first(params: Any) -> Any:
    found = tree.leaves(params)
    if not found:
        raise OpError("optim: the container of parameters holds no array")
    for x in found:
        if getattr(getattr(x, "dtype", None), "kind", "") != "float":
            raise OpError(
                f"optim: a parameter is {getattr(x, 'dtype', type(x).__name__)}; parameters are "
                "floating arrays, keep all else outside their container"
            )
    return found[0]


def _zeros(params: Any) -> Any:
    return tree.map(lambda p: filled_like(p, 0), params)


def _moved(params: Any, steps: Any) -> Any:
    """Parameters minus steps, each in its parameter's dtype: a rate in float32 widens no weight."""
    return tree.map(lambda p, s: p - ops.astype(s, p.dtype), params, steps)


def sgd(
    rate: Rate, *, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> Optimizer:
    """Gradient descent: v = momentum * v + g, p = p - rate * v.

    ``nesterov`` looks ahead: p = p - rate * (g + momentum * v). ``weight_decay`` adds that share of
    the parameter to its gradient.

    >>> import dovetail as dt
    >>> opt = dt.optim.sgd(0.5)
    >>> params = {"w": dt.asarray([1.0, 2.0])}
    >>> state = opt.init(params)
    >>> params, state = opt.update({"w": dt.asarray([1.0, 1.0])}, state, params)
    >>> params["w"].tolist()
    [0.5, 1.5]
    """
    _check_rate(rate)
    _number("momentum", momentum, 0.0, 1.0)
    _number("weight_decay", weight_decay, 0.0)
    if nesterov and not momentum:
        raise OpError("optim.sgd: nesterov looks ahead along the momentum; give momentum, too")

    def init(params: Any) -> SgdState:
        step = filled_like(_first(params), 0, shape=(), dtype=int32)
        return SgdState(step=step, velocity=_zeros(params) if momentum else None)

    def update(grads: Any, state: SgdState, params: Any) -> tuple[Any, SgdState]:
        if weight_decay:
            grads = tree.map(lambda p, g: g + p * weight_decay, params, grads)
        velocity, direction = state.velocity, grads
        if momentum:
            velocity = tree.map(lambda v, g: v * momentum + g, velocity, grads)
            direction = velocity
            if nesterov:
                direction = tree.map(lambda g, v: g + v * momentum, grads, velocity)
        by = _rate(rate, state.step)
        moved = _moved(params, tree.map(lambda d: d * by, direction))
        return moved, SgdState(step=state.step + 1, velocity=velocity)

    return Optimizer(init=init, update=update)


def adam(
    rate: Rate = 1e-3,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Adam: steps along the mean gradient over the root of the mean square of it.

    D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
    ``weight_decay`` is decoupled: it shrinks the parameter by rate * weight_decay apart from the
    gradient (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019: AdamW).

    >>> import dovetail as dt
    >>> opt = dt.optim.adam(0.1)
    >>> params = dt.asarray([1.0, -1.0])
    >>> params, state = opt.update(dt.asarray([4.0, -4.0]), opt.init(params), params)
    >>> [round(p, 4) for p in params.tolist()]
    [0.9, -0.9]
    """
    _check_rate(rate)
    _number("beta1", beta1, 0.0, 1.0)
    _number("beta2", beta2, 0.0, 1.0)
    _number("epsilon", epsilon, 0.0)
    _number("weight_decay", weight_decay, 0.0)

    def init(params: Any) -> AdamState:
        step = filled_like(_first(params), 0, shape=(), dtype=int32)
        return AdamState(step=step, mean=_zeros(params), square=_zeros(params))

    def update(grads: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        step = state.step + 1
        mean = tree.map(lambda m, g: m * beta1 + g * (1 - beta1), state.mean, grads)
        square = tree.map(lambda s, g: s * beta2 + g * g * (1 - beta2), state.square, grads)
        t = ops.astype(step, _widest(params))
        # The means start at zero; dividing by 1 - beta**t takes that bias out. expm1 keeps the
        # digits that 1 - power would lose while beta2**t is near one.
        first = _one_minus_power(beta1, t)
        second = _one_minus_power(beta2, t)
        by = _rate(rate, state.step) / first

        def step_of(m: Any, s: Any, p: Any) -> Any:
            direction = m * by / (ops.sqrt(s / second) + epsilon)
            if weight_decay:
                direction = direction + p * (_rate(rate, state.step) * weight_decay)
            return direction

        moved = _moved(params, tree.map(step_of, mean, square, params))
        return moved, AdamState(step=step, mean=mean, square=square)

    return Optimizer(init=init, update=update)


def _widest(params: Any) -> Any:
    """The precision of the step count: float64 where a parameter has it, else float32."""
    return float64 if any(p.dtype is float64 for p in tree.leaves(params)) else float32


def _one_minus_power(beta: float, t: Any) -> Any:
    """1 - beta**t for a floating array t."""
    return 1.0 if beta == 0 else -ops.expm1(t * math.log(beta))
