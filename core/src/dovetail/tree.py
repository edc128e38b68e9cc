"""Containers of arrays: tuples, lists, dicts, None, named tuples, dataclasses, nested as you like.

A *leaf* is everything else: arrays above all. `jit`, `grad` and the optimisers take and give such
containers; these functions do the same for your own code. Two containers fit each other when they
have the same types, lengths, keys (in any order) and fields at every level; None has no leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail import _fast
from dovetail.errors import OpError

__all__ = ["flatten", "leaves", "map", "unflatten"]


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a container from left to right, and what puts them back.

    >>> leaves, structure = flatten({"w": 1, "b": (2, None)})
    >>> leaves
    [1, 2]
    >>> unflatten(structure, [10, 20])
    {'w': 10, 'b': (20, None)}
    """
    found, structure = _fast.tree_flatten(tree)
    return list(found), structure


def unflatten(structure: Any, leaves: Any) -> Any:
    """The container that `flatten` took apart, with other leaves.

    >>> unflatten(flatten((1, [2]))[1], "ab")
    ('a', ['b'])
    """
    return _fast.tree_unflatten(structure, list(leaves))


def leaves(tree: Any) -> list[Any]:
    """The leaves of a container from left to right.

    >>> leaves([1, {"a": 2, "b": [3]}])
    [1, 2, 3]
    """
    return list(_fast.tree_flatten(tree)[0])


def map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """A container of what ``function`` gives for each leaf, or for leaves at the same place.

    Raises OpError when another container does not fit the first.

    >>> map(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
    {'x': 11, 'y': [22]}
    """
    first, structure = _fast.tree_flatten(tree)
    columns = [first]
    for i, other in enumerate(others):
        found = _matching(structure, other, "")
        if isinstance(found, str):
            raise OpError(f"tree.map: container {i + 1} does not fit the first: {found}")
        columns.append(found)
    return _fast.tree_unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def _matching(structure: Any, other: Any, path: str) -> list[Any] | str:
    """The leaves of ``other`` in the order of ``structure``, or why it does not fit."""
    kind = structure.kind
    if kind == "leaf":
        only, shape = _fast.tree_flatten(other)
        if shape.kind != "leaf":
            return f"at {path or 'the top'} there is a {shape.kind} for a leaf"
        return list(only)
    here = _fast.tree_flatten(other)[1].kind
    if here != kind:
        return f"at {path or 'the top'} there is a {here} for a {kind}"
    if kind == "none":
        return []
    pairs = _children(structure, other)
    if isinstance(pairs, str):
        return f"at {path or 'the top'} {pairs}"
    result: list[Any] = []
    for child, (name, value) in zip(structure.children, pairs, strict=True):
        inside = _matching(child, value, path + name)
        if isinstance(inside, str):
            return inside
        result += inside
    return result


def _children(structure: Any, other: Any) -> list[tuple[str, Any]] | str:
    if structure.kind == "dict":
        if set(structure.keys) != set(other):
            return f"the keys are {sorted(_texts(other))}, not {sorted(_texts(structure.keys))}"
        return [(f"[{key!r}]", other[key]) for key in structure.keys]
    if structure.kind == "dataclass":
        missing = [name for name in structure.keys if not hasattr(other, name)]
        if missing:
            return f"the fields {missing} are missing"
        return [(f".{name}", getattr(other, name)) for name in structure.keys]
    if len(other) != len(structure.children):
        return f"the length is {len(other)}, not {len(structure.children)}"
    return [(f"[{i}]", value) for i, value in enumerate(other)]


def _texts(keys: Any) -> list[str]:
    """Keys as text, so that keys of several types can be sorted."""
    return [repr(key) for key in keys]
