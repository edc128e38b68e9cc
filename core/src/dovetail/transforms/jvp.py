"""Forward-mode derivatives. An op has one derivative rule, that of reverse mode: a function's
derivative along a tangent is the reverse-mode derivative of its own, linear, reverse-mode one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dovetail import _fast
from dovetail.creation import asarray, zeros_like
from dovetail.errors import OpError
from dovetail.transforms.gradient import vjp

__all__ = ["jvp", "linearize"]


def jvp(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The value of a function and its derivative along a direction: the Jacobian-vector product.

    ``primals`` is a tuple of positional arguments, ``tangents`` one of the same form: a floating
    array for each floating array, with its shape and dtype, or None for no movement. Integer and
    bool arrays cannot move: their tangents are None. Returns ``(value, tangent)``; where the value
    holds integers or bools the tangent holds zeros of their dtype.

    It costs about two evaluations and one reverse walk of the function, and nests and compiles as
    `grad` does.

    Raises OpError when a tangent does not fit its argument.

    >>> import dovetail as dt
    >>> y, dy = dt.jvp(dt.sin, (dt.asarray(0.0),), (dt.asarray(2.0),))
    >>> y.item(), dy.item()
    (0.0, 2.0)
    """
    value, push = linearize(function, *primals)
    return value, push(*tangents)


def linearize(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function, and its derivative as a linear function of tangents.

    ``linearize(f, *primals)`` returns ``(value, push)``; ``push(*tangents)`` is what `jvp` gives,
    without running ``function`` again.

    >>> import dovetail as dt
    >>> y, push = dt.linearize(lambda x: x * x, dt.asarray(3.0))
    >>> [push(dt.asarray(t)).item() for t in (1.0, 10.0)]
    [6.0, 60.0]
    """
    name = getattr(function, "__name__", "the function")
    leaves, tree = _fast.tree_flatten(tuple(primals))
    moving = [i for i, x in enumerate(leaves) if _moves(x)]
    results: list[Any] = []

    def floating(*chosen: Any) -> tuple[Any, ...]:
        whole = list(leaves)
        for i, x in zip(moving, chosen, strict=True):
            whole[i] = x
        value = function(*_fast.tree_unflatten(tree, whole))
        found, form = _fast.tree_flatten(value)
        results[:] = [[y if isinstance(y, _fast.Array) else asarray(y) for y in found], form]
        return tuple(y for y in results[0] if _moves(y))

    outputs, pull = vjp(floating, *(leaves[i] for i in moving))
    values, form = results
    # The pull is linear, so where its own derivative is taken does not matter.
    _, push_back = vjp(pull, tuple(zeros_like(y) for y in outputs))

    def push(*tangents: Any) -> Any:
        given = _tangents(tree, leaves, tangents, name)
        found = iter(push_back(tuple(given[i] for i in moving))[0])
        moved = [next(found) if _moves(y) else zeros_like(y) for y in values]
        return _fast.tree_unflatten(form, moved)

    return _fast.tree_unflatten(form, values), push


def _moves(x: Any) -> bool:
    if isinstance(x, _fast.Array):
        return bool(x.dtype.differentiable)
    return isinstance(x, float | complex)


def _tangents(tree: Any, leaves: list[Any], tangents: tuple[Any, ...], name: str) -> list[Any]:
    """A tangent for each leaf that can move, zeros for None."""
    if len(tangents) != len(tree.children):
        raise OpError(
            f"jvp of {name}: {len(tangents)} tangents for {len(tree.children)} arguments; give one "
            f"for each, None where an argument does not move"
        )
    found: list[Any] = []
    for child, tangent in zip(tree.children, tangents, strict=True):
        found += _parts(child, tangent)
    return [_fitting(x, t, name) for x, t in zip(leaves, found, strict=True)]


def _parts(structure: Any, tangent: Any) -> list[Any]:
    """The tangents of the leaves of one argument; None stands for a whole container, too."""
    if tangent is None:
        return [None] * structure.leaves
    return list(_fast.tree_flatten_up_to(structure, tangent))


def _fitting(x: Any, tangent: Any, name: str) -> Any:
    if not _moves(x):
        if tangent is None:
            return None
        raise OpError(
            f"jvp of {name}: an argument is {_what(x)}, which cannot move; its tangent is None"
        )
    like = x if isinstance(x, _fast.Array) else asarray(x)
    if tangent is None:
        return zeros_like(like)
    if isinstance(tangent, int | float | complex):
        tangent = asarray(tangent, dtype=like.dtype)
    same = isinstance(tangent, _fast.Array) and tangent.shape == like.shape
    if not same or tangent.dtype is not like.dtype:
        raise OpError(
            f"jvp of {name}: a tangent is {_what(tangent)} where the argument is {_what(like)}; "
            f"give it the same shape and dtype"
        )
    return tangent


def _what(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}" if isinstance(x, _fast.Array) else type(x).__name__
