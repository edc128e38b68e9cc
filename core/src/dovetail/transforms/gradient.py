"""Reverse-mode differentiation: a tape watches some arguments, the record is walked backwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from dovetail import _fast
from dovetail.creation import asarray, full, zeros_like
from dovetail.errors import OpError
from dovetail.ops import identity

__all__ = ["grad", "value_and_grad", "vjp"]


def _watchable(leaf: Any, what: str) -> Any:
    """A new Array of the same value for a tape to watch; outer tapes and traces see the step."""
    x = leaf if isinstance(leaf, _fast.Array) else asarray(leaf)
    if not x.dtype.differentiable:
        raise OpError(
            f"{what} holds an array of {x.dtype}{list(x.shape)}, which has no gradient; "
            f"differentiate with respect to floating or complex arrays, or choose others by argnums"
        )
    return identity(x)


def _no_scalar(value: Any, name: str) -> OpError:
    """Why a function with this value cannot be differentiated by grad."""
    if not isinstance(value, _fast.Array):
        return OpError(
            f"{name} returns {type(value).__name__}; a function to differentiate returns one "
            f"floating scalar array, such as a loss (or a pair with has_aux=True)"
        )
    return OpError(
        f"{name} returns {value.dtype}{list(value.shape)}; a function to differentiate returns "
        f"one floating scalar: reduce it, for instance with sum() or mean(), or use vjp"
    )


def _with_zeros(grads: tuple[Any, ...], watched: tuple[Any, ...]) -> tuple[Any, ...]:
    """Zeros for what the value does not depend on."""
    return tuple([zeros_like(x) if g is None else g for g, x in zip(grads, watched, strict=True)])


def positions(wanted: tuple[int, ...], count: int, name: str) -> tuple[int, ...]:
    for i in wanted:
        if not -count <= i < count:
            raise OpError(
                f"{name} was called with {count} positional arguments; argnums={i} is none of them"
            )
    return tuple(i % count for i in wanted)


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the value of a scalar function and its gradient.

    ``argnums`` chooses the positional arguments to differentiate: an int gives one gradient, a
    sequence a tuple of them. An argument may be a container (tuple, list, dict, dataclass) of
    floating or complex arrays; its gradient is a container of the same form, with the dtypes and
    shapes of the arrays. With ``has_aux`` the function returns ``(value, aux)`` and so does the
    first result.

    The value is real. Where an argument z = x + iy is complex, its gradient g is such that the
    value changes by the real part of g * dz: g = df/dx - i df/dy, so that descent goes along
    -conj(g). Rules of holomorphic functions are then those of real ones, without a conjugate.

    Gradients nest, and may be taken inside and outside `jit`. Python control flow on values works,
    since the function simply runs.

    >>> import dovetail as dt
    >>> value, slope = dt.value_and_grad(lambda x: x * x)(dt.asarray(3.0))
    >>> value.item(), slope.item()
    (9.0, 6.0)
    """
    name = getattr(function, "__name__", "the function")

    single = isinstance(argnums, int)
    asked = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(function, updated=())
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        if not has_aux:  # arrays in, a scalar out: no Python but the function and the rules runs
            found = _fast.differentiate(function, args, kwargs, asked)
            if found is not None:
                value, grads, watched = found
                if grads is None:
                    raise _no_scalar(value, name)
                if watched is not None:
                    grads = _with_zeros(grads, watched)
                return value, grads[0] if single else grads
        return general(args, kwargs)

    def general(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        where = positions(asked, len(args), name)
        chosen = [args[i] for i in where]
        leaves, tree = _fast.tree_flatten(chosen)
        watched = tuple([_watchable(x, f"argument {where} of {name}") for x in leaves])
        new_args = list(args)
        for i, value in zip(where, _fast.tree_unflatten(tree, watched), strict=True):
            new_args[i] = value
        tape = _fast.Tape(watched)
        try:
            result = function(*new_args, **kwargs)
        finally:
            tape.stop()
        value = result[0] if has_aux else result
        if not isinstance(value, _fast.Array) or value.shape != () or value.dtype.kind != "float":
            raise _no_scalar(value, name)
        found = tape.gradient((value,), (_one(value),), watched)
        grads = _fast.tree_unflatten(tree, _with_zeros(found, watched))
        return result, grads[0] if single else tuple(grads)

    return differentiated


@functools.lru_cache(maxsize=64)
def _cached_one(dtype: Any, device: Any) -> Any:
    return asarray(1.0, dtype=dtype, device=device)


def _one(value: Any) -> Any:
    """The cotangent of a scalar: an alias, since a caller may rebind what it gets."""
    if value._tracer is not None:
        return full((), 1.0, value.dtype)
    return _fast.alias(_cached_one(value.dtype, value.device))


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The gradient of a scalar function: `value_and_grad` without the value.

    With ``has_aux`` the result is ``(gradient, aux)``.

    >>> import dovetail as dt
    >>> dt.grad(dt.grad(lambda x: x**3))(dt.asarray(2.0)).item()
    12.0
    """
    both = value_and_grad(function, argnums, has_aux=has_aux)

    @functools.wraps(function, updated=())
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        result, grads = both(*args, **kwargs)
        return (grads, result[1]) if has_aux else grads

    return differentiated


def vjp(function: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value of a function and its vector-Jacobian product.

    Returns ``(value, pull)``; ``pull(cotangent)``, with a cotangent of the value's form, gives one
    gradient per argument. Arguments and value may be containers of floating or complex arrays;
    complex ones pair with their cotangents as `value_and_grad` says, the Jacobian is transposed
    without a conjugate.

    >>> import dovetail as dt
    >>> y, pull = dt.vjp(lambda x: x * x, dt.asarray([1.0, 2.0]))
    >>> pull(dt.asarray([1.0, 10.0]))[0].tolist()
    [2.0, 40.0]
    """
    name = getattr(function, "__name__", "the function")
    leaves, tree = _fast.tree_flatten(args)
    watched = tuple([_watchable(x, f"an argument of {name}") for x in leaves])
    tape = _fast.Tape(watched)
    try:
        value = function(*_fast.tree_unflatten(tree, watched))
    finally:
        tape.stop()
    outputs, out_tree = _fast.tree_flatten(value)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        parts = _fast.tree_flatten_up_to(out_tree, cotangent)
        for y, g in zip(outputs, parts, strict=True):
            if g.shape != y.shape or g.dtype is not y.dtype:
                raise OpError(
                    f"vjp of {name}: a cotangent is {g.dtype}{list(g.shape)} where the value is "
                    f"{y.dtype}{list(y.shape)}; give it the same shape and dtype"
                )
        found = tape.gradient(tuple(outputs), tuple(parts), watched)
        grads: tuple[Any, ...] = _fast.tree_unflatten(tree, _with_zeros(found, watched))
        return grads

    return value, pull
