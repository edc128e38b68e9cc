"""Whole matrices of derivatives: Jacobians, Hessians, and the latter times a vector."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from dovetail import _fast, ops
from dovetail.creation import zeros_like
from dovetail.ranges import eye
from dovetail.transforms.gradient import grad, positions, vjp
from dovetail.transforms.jvp import linearize
from dovetail.transforms.vmap import vmap

__all__ = ["hessian", "hvp", "jacfwd", "jacrev"]


def _of_some(
    function: Callable[..., Any], argnums: int | Sequence[int], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], list[Any], bool]:
    """The function of the chosen arguments alone, those arguments, and whether it is just one."""
    single = isinstance(argnums, int)
    asked = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    where = positions(asked, len(args), getattr(function, "__name__", "the function"))

    @functools.wraps(function, updated=())
    def chosen(*some: Any) -> Any:
        whole = list(args)
        for i, x in zip(where, some, strict=True):
            whole[i] = x
        return function(*whole)

    return chosen, [args[i] for i in where], single


def _directions(x: Any) -> Any:
    """All directions in which an array can move, along a first axis."""
    size = math.prod(x.shape)
    return ops.reshape(eye(size, dtype=x.dtype), (size, *x.shape))


def jacrev(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The Jacobian of a function, one reverse walk for every element of its value.

    For an argument and a value that are arrays the result is an array of shape
    ``(*value.shape, *argument.shape)``; for containers it is the value's container of the
    argument's containers of such arrays. ``argnums`` chooses positional arguments as in `grad`.
    Best where the value has fewer elements than the arguments; all walks are one, by `vmap`.

    >>> import dovetail as dt
    >>> dt.jacrev(lambda x: x * x)(dt.asarray([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(function, updated=())
    def jacobian(*args: Any) -> Any:
        chosen, some, single = _of_some(function, argnums, args)
        value, pull = vjp(chosen, *some)
        leaves, form = _fast.tree_flatten(value)

        def rows(k: int) -> Any:
            def back(g: Any) -> Any:
                cotangents = [g if i == k else zeros_like(y) for i, y in enumerate(leaves)]
                grads = pull(_fast.tree_unflatten(form, cotangents))
                return grads[0] if single else grads

            y = leaves[k]
            found, tree = _fast.tree_flatten(vmap(back)(_directions(y)))
            shaped = [ops.reshape(x, (*y.shape, *x.shape[1:])) for x in found]
            return _fast.tree_unflatten(tree, shaped)

        return _fast.tree_unflatten(form, [rows(k) for k in range(len(leaves))])

    return jacobian


def jacfwd(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The Jacobian of a function, one forward derivative for every element of its arguments.

    The result is that of `jacrev`; best where the arguments have fewer elements than the value.

    >>> import dovetail as dt
    >>> dt.jacfwd(lambda x: x * x)(dt.asarray([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(function, updated=())
    def jacobian(*args: Any) -> Any:
        chosen, some, single = _of_some(function, argnums, args)
        value, push = linearize(chosen, *some)
        form = _fast.tree_flatten(value)[1]
        leaves, tree = _fast.tree_flatten(tuple(some))

        def columns(k: int) -> list[Any]:
            def forward(t: Any) -> Any:
                tangents = [t if i == k else zeros_like(x) for i, x in enumerate(leaves)]
                return push(*_fast.tree_unflatten(tree, tangents))

            x = leaves[k]
            found = _fast.tree_flatten(vmap(forward, out_axes=-1)(_directions(x)))[0]
            return [ops.reshape(y, (*y.shape[:-1], *x.shape)) for y in found]

        table = [columns(k) for k in range(len(leaves))]
        every = [
            _fast.tree_unflatten(tree, [column[j] for column in table]) for j in range(form.leaves)
        ]
        return _fast.tree_unflatten(form, [e[0] if single else e for e in every])

    return jacobian


def hessian(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The matrix of second derivatives: the Jacobian of the Jacobian.

    For a scalar function of an array it has the shape ``(*x.shape, *x.shape)``; containers nest as
    those of `jacrev` do. For a large argument `hvp` gives its product with a vector instead.

    >>> import dovetail as dt
    >>> dt.hessian(lambda x: x[0] * x[0] * x[1])(dt.asarray([3.0, 5.0])).tolist()
    [[10.0, 6.0], [6.0, 0.0]]
    """
    return jacrev(jacrev(function, argnums), argnums)


def hvp(function: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """The Hessian of a scalar function at a point, as a function that multiplies a vector by it.

    ``hvp(f, *args)(*vectors)`` takes a vector of the form of each argument and gives one product
    for each: a tuple, or for a single argument the product itself. It costs about two gradients.

    >>> import dovetail as dt
    >>> dt.hvp(lambda x: (x**3).sum(), dt.asarray([1.0, 2.0]))(dt.asarray([1.0, 1.0])).tolist()
    [6.0, 12.0]
    """
    _, pull = vjp(grad(function, argnums=tuple(range(len(args)))), *args)

    def multiply(*vectors: Any) -> Any:
        found = pull(tuple(vectors))  # the Hessian is symmetric
        return found[0] if len(args) == 1 else found

    return multiply
