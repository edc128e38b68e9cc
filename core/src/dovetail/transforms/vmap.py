"""vmap: a function of one example becomes one of many examples at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from dovetail import _fast, ops
from dovetail.batched_replay import replay_batched
from dovetail.batching import examples
from dovetail.creation import asarray
from dovetail.errors import OpError
from dovetail.manipulation import moveaxis
from dovetail.op import Spec
from dovetail.structured import stand_in
from dovetail.trace import trace

__all__ = ["vmap"]


def vmap(
    function: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_size: int | None = None,
) -> Callable[..., Any]:
    """A function of one example, mapped over an axis of its arguments: all examples at once.

    ``function`` is written for one example and runs once, on arrays without data that stand for
    one; each op it calls is then done for every example by one op, never in a loop over them. The
    result may be differentiated, compiled and mapped again, and so may ``function`` be.

    ``in_axes`` says which axis of each positional argument counts the examples: an int for all
    arguments, or a tuple with an int, None (every example gets the whole argument, as it is) or a
    container of these for each. Arguments by name are mapped over their first axis. ``out_axes``
    says where the examples go in the result: an int, or a container of ints that fits the result;
    None asks for a result that is the same for every example, without an axis. ``axis_size`` is the
    number of examples; it is needed only where no argument tells.

    Raises OpError when an axis does not exist, when arguments disagree about the number of
    examples, and when none is mapped; TraceError for ``if`` and ``while`` on values of an example.

    >>> import dovetail as dt
    >>> distance = lambda a, b: dt.sqrt(((a - b) ** 2).sum())
    >>> points = dt.asarray([[0.0, 0.0], [3.0, 4.0]])
    >>> dt.vmap(distance, in_axes=(0, None))(points, points[0]).tolist()
    [0.0, 5.0]
    >>> pairs = dt.vmap(dt.vmap(distance, in_axes=(None, 0)), in_axes=(0, None))
    >>> pairs(points, points).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    if not (in_axes is None or isinstance(in_axes, int | tuple | list)):
        raise OpError(
            f"vmap: in_axes={in_axes!r} is neither an integer nor a tuple with one entry per "
            f"argument; put a container of axes for a single argument into a tuple of one"
        )

    name = getattr(function, "__name__", "the function")

    @functools.wraps(function, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = _fast.tree_flatten((args, kwargs))
        axes = [*_positional(in_axes, args, name), *[0] * len(_fast.tree_flatten(kwargs)[0])]
        leaves = [
            x if a is None else _mappable(x, a, name) for x, a in zip(leaves, axes, strict=True)
        ]
        size = _size(leaves, axes, axis_size, name)
        rows = [_moved(x, a, 0) for x, a in zip(leaves, axes, strict=True) if a is not None]

        def one(*mapped_leaves: Any) -> Any:
            rest = iter(mapped_leaves)
            whole = [x if a is None else next(rest) for x, a in zip(leaves, axes, strict=True)]
            new_args, new_kwargs = _fast.tree_unflatten(tree, whole)
            return function(*new_args, **new_kwargs)

        one.__name__ = name
        device = rows[0].device if rows else _fast.get_device()
        stand_ins = tuple(stand_in(Spec(x.shape[1:], x.dtype), device) for x in rows)
        traced = trace(one, stand_ins, device=device)
        inputs = [*rows, *traced.closed()]
        flags = [i < len(rows) for i in range(len(inputs))]
        results, batched = replay_batched(traced.graph, size, flags, inputs)
        where = _spread(out_axes, traced.out_tree, "out_axes", f"the result of {name}")
        placed = [
            _placed(y, b, a, size, name) for y, b, a in zip(results, batched, where, strict=True)
        ]
        return _fast.tree_unflatten(traced.out_tree, placed)

    return mapped


def _positional(in_axes: Any, args: tuple[Any, ...], name: str) -> list[int | None]:
    """The mapped axis of each leaf of the positional arguments."""
    if isinstance(in_axes, tuple | list) and len(in_axes) != len(args):
        raise OpError(
            f"vmap of {name}: in_axes={in_axes!r} has {len(in_axes)} entries for {len(args)} "
            f"positional arguments; give one for each"
        )
    each = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
    found: list[int | None] = []
    for i, (axes, arg) in enumerate(zip(each, args, strict=True)):
        found += _spread(axes, _fast.tree_flatten(arg)[1], "in_axes", f"argument {i} of {name}")
    return found


def _spread(axes: Any, structure: Any, word: str, what: str) -> list[int | None]:
    """One axis per leaf of a container, from a container of axes that may end above the leaves."""
    if axes is None or (isinstance(axes, int) and not isinstance(axes, bool)):
        return [axes] * structure.leaves
    kind = structure.kind
    if kind == "dict" and isinstance(axes, dict) and set(axes) == set(structure.keys):
        below = [axes[key] for key in structure.keys]
    elif kind == "dataclass" and all(hasattr(axes, key) for key in structure.keys):
        below = [getattr(axes, key) for key in structure.keys]
    elif kind in ("tuple", "list", "namedtuple") and _as_long(axes, structure):
        below = list(axes)
    else:
        raise OpError(
            f"vmap: {word}={axes!r} does not fit {what}, which holds a {kind}"
            f"{f' of {len(structure.children)}' if structure.children else ''} there; give an "
            f"integer, None, or a container of them of the same form"
        )
    return [
        axis
        for a, child in zip(below, structure.children, strict=True)
        for axis in _spread(a, child, word, what)
    ]


def _as_long(axes: Any, structure: Any) -> bool:
    return isinstance(axes, tuple | list) and len(axes) == len(structure.children)


def _mappable(leaf: Any, axis: int, name: str) -> Any:
    x = leaf if isinstance(leaf, _fast.Array) else None
    if x is None and hasattr(leaf, "__array__"):
        x = asarray(leaf)
    if x is None:
        raise OpError(
            f"vmap of {name}: an argument of type {type(leaf).__name__} has no axis {axis} to map "
            f"over; pass an array, or give None for it in in_axes"
        )
    if not -x.ndim <= axis < x.ndim:
        raise OpError(
            f"vmap of {name}: an argument is {x.dtype}{list(x.shape)}, which has no axis {axis} to "
            f"map over; choose another in in_axes, or None to give it whole to every example"
        )
    return x


def _size(leaves: list[Any], axes: list[int | None], given: int | None, name: str) -> int:
    """The number of examples, on which all mapped arguments must agree."""
    found = [(x.shape[a], x, a) for x, a in zip(leaves, axes, strict=True) if a is not None]
    if given is None and not found:
        raise OpError(
            f"vmap of {name}: no argument is mapped, so the number of examples is unknown; map one "
            f"with in_axes, or give axis_size"
        )
    size = found[0][0] if given is None else given
    if size < 0:
        raise OpError(f"vmap of {name}: axis_size={size} is negative")
    if any(n != size for n, _, _ in found):
        have = ", ".join(f"{n} on axis {a} of {x.dtype}{list(x.shape)}" for n, x, a in found)
        also = "" if given is None else f" and axis_size={given}"
        raise OpError(
            f"vmap of {name}: the arguments hold different numbers of examples: {have}{also}; map "
            f"axes of one length, or give None in in_axes for what every example shares"
        )
    return size


def _placed(y: Any, batched: bool, axis: int | None, size: int, name: str) -> Any:
    """A result with its examples along the axis asked for."""
    if axis is None:
        if batched:
            raise OpError(
                f"vmap of {name}: out_axes is None for a result that differs between examples "
                f"({y.dtype}{list(y.shape[1:])} each); give the axis along which they go"
            )
        return ops.identity(y)
    whole = examples(y, size, batched)
    if not -whole.ndim <= axis < whole.ndim:
        raise OpError(
            f"vmap of {name}: out_axes={axis} is no axis of a result with all examples, which has "
            f"{whole.ndim} axes ({y.dtype}{list(whole.shape[1:])} each)"
        )
    return _moved(whole, 0, axis)


def _moved(x: Any, source: int, target: int) -> Any:
    return x if (source - target) % x.ndim == 0 else moveaxis(x, source, target)
