"""Containers of arrays as plain data: what a program takes and gives, without any class of its own.

A container is described in JSON: a number is the position of an array in the flat list, null is
None, a list is a list, and every other kind is an object with one key::

    {"tuple": [0, {"dict": [["w", 1], ["b", 2]]}, {"record": ["Point", [["x", 3], ["y", 4]]]}]}

Named tuples and data classes become records: a program does not know their classes, which are the
author's code. It takes the original object, a dict or a tuple in their place and gives a `Record`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dovetail.errors import ProgramError

__all__ = ["Record", "build", "describe", "flatten", "paths", "read", "read_names", "write"]

_MAX_DEPTH = 100


class Record:
    """Values with names: what a program gives for a named tuple or a data class.

    >>> point = Record("Point", ("x", "y"), (1, 2))
    >>> point.x, point["y"], point[0], list(point), point
    (1, 2, 1, [1, 2], Point(x=1, y=2))
    """

    def __init__(self, type_name: str, fields: Sequence[str], values: Sequence[Any]) -> None:
        self.__dict__.update(zip(fields, values, strict=True))
        self.__dict__[""] = (type_name, tuple(fields))  # a name that no field can have

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("", ("", ()))[1]
        raise AttributeError(f"this record has {', '.join(fields)} but no {name!r}")

    def __getitem__(self, key: int | str) -> Any:
        _, fields = self.__dict__[""]
        if isinstance(key, str) and key not in fields:
            raise KeyError(key)
        return self.__dict__[key if isinstance(key, str) else fields[key]]

    def __iter__(self) -> Iterator[Any]:
        return (self.__dict__[field] for field in self.__dict__[""][1])

    def __len__(self) -> int:
        return len(self.__dict__[""][1])

    def __repr__(self) -> str:
        type_name, fields = self.__dict__[""]
        return f"{type_name}({', '.join(f'{k}={self.__dict__[k]!r}' for k in fields)})"


def describe(tree: Any) -> Any:
    """The description of a TreeDef of `dovetail._fast`, arrays numbered from left to right."""
    count = iter(range(tree.leaves))

    def walk(node: Any, example: Any) -> Any:
        if node.kind == "leaf":
            return next(count)
        if node.kind == "none":
            return None
        if node.kind == "dict":
            for key in node.keys:
                if type(key) not in (str, int):
                    raise ProgramError(
                        f"a dict has the key {key!r}; in a program keys are str or int"
                    )
            pairs = zip(node.keys, node.children, strict=True)
            return {"dict": [[key, walk(child, example[key])] for key, child in pairs]}
        if node.kind in ("namedtuple", "dataclass"):
            fields = node.keys or type(example)._fields
            rows = [
                [field, walk(child, getattr(example, field))]
                for field, child in zip(fields, node.children, strict=True)
            ]
            return {"record": [type(example).__name__, rows]}
        items = [walk(child, example[i]) for i, child in enumerate(node.children)]
        return items if node.kind == "list" else {"tuple": items}

    from dovetail import _fast  # noqa: PLC0415  reading a description needs no C

    return walk(tree, _fast.tree_unflatten(tree, [None] * tree.leaves))


def write(description: Any) -> str:
    """The description as JSON."""
    return json.dumps(description)


def read(text: str, count: int) -> Any:
    """The description in ``text``, checked: ``count`` arrays, each exactly once and in order."""
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"a container is not JSON ({error}); the file is damaged") from None
    found: list[int] = []
    _check(description, found, 0)
    if found != list(range(count)):
        raise ProgramError(
            f"a container holds the arrays {found} where 0 to {count - 1} should be, in order"
        )
    return description


def read_names(text: str, description: Any) -> tuple[str, ...]:
    """The names in ``text``, one for each item of the outermost container."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"the names are not JSON ({error}); the file is damaged") from None
    fits = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not fits or len(names) != len(_children(description)):
        raise ProgramError(f"{text[:60]!r} does not name the items of {description!r}")
    return tuple(names)


def _check(node: Any, found: list[int], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ProgramError(f"containers are nested more than {_MAX_DEPTH} deep")
    if type(node) is int:
        found.append(node)
        return
    for _, child in _children(node):
        _check(child, found, depth + 1)


def _children(node: Any) -> list[tuple[Any, Any]]:
    """(key, child) of each part of a container; raises when the description has another form."""
    match node:
        case None:
            return []
        case list():
            return list(enumerate(node))
        case {"tuple": list(items), **rest} if not rest:
            return list(enumerate(items))
        case {"dict": list(pairs), **rest} if not rest and _keyed(pairs, (str, int)):
            return [(key, child) for key, child in pairs]
        case {"record": [str(), list(pairs)], **rest} if (
            not rest and _keyed(pairs, (str,)) and all(key.isidentifier() for key, _ in pairs)
        ):
            return [(key, child) for key, child in pairs]
    raise ProgramError(f"{str(node)[:60]!r} describes no container; the file is damaged")


def _keyed(pairs: list[Any], types: tuple[type, ...]) -> bool:
    if not all(isinstance(p, list) and len(p) == 2 and type(p[0]) in types for p in pairs):
        return False
    return len({key for key, _ in pairs}) == len(pairs)


def paths(description: Any, names: Sequence[str]) -> Iterator[str]:
    """A readable name of every array: ``x``, ``params['w']``, ``state.m[0]``.

    ``names`` are those of the items of the outermost tuple.
    """

    def walk(node: Any, path: str) -> Iterator[str]:
        if type(node) is int:
            yield path
            return
        record = isinstance(node, dict) and "record" in node
        for key, child in _children(node):
            yield from walk(child, f"{path}.{key}" if record else f"{path}[{key!r}]")

    for name, (_, child) in zip(names, _children(description), strict=True):
        yield from walk(child, name)


def flatten(description: Any, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, leaf) for each array of ``value``, which must have the described containers."""
    if type(description) is int:
        yield path, value
        return
    if description is None:
        if value is not None:
            raise ProgramError(f"{path} must be None, not {_kind(value)}")
        return
    get = _getter(description, value, path)
    record = isinstance(description, dict) and "record" in description
    for key, child in _children(description):
        below = f"{path}.{key}" if record else f"{path}[{key!r}]"
        yield from flatten(child, get(key), below)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with the keys {list(value)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a value of type {type(value).__name__}"


def _getter(description: Any, value: Any, path: str) -> Callable[[Any], Any]:
    """How the parts of ``value`` are reached, after its kind and size have been checked."""
    children = _children(description)
    keys = [key for key, _ in children]
    if isinstance(description, list):
        wanted, fits = f"a list of {len(keys)}", isinstance(value, list)
    elif "tuple" in description:
        wanted, fits = f"a tuple of {len(keys)}", isinstance(value, tuple)
    elif "dict" in description:
        wanted = f"a dict with the keys {keys}"
        if isinstance(value, dict) and set(value) == set(keys):
            return value.__getitem__
        raise ProgramError(f"{path} must be {wanted}, not {_kind(value)}")
    else:
        wanted = f"a {description['record'][0]} or dict with the fields {', '.join(keys)}"
        if isinstance(value, dict) and set(value) == set(keys):
            return value.__getitem__
        if not isinstance(value, dict) and all(hasattr(value, key) for key in keys):
            return lambda key: getattr(value, key)
        raise ProgramError(f"{path} must be {wanted}, not {_kind(value)}")
    if not fits or len(value) != len(keys):
        raise ProgramError(f"{path} must be {wanted}, not {_kind(value)}")
    return value.__getitem__  # type: ignore[no-any-return]


def build(description: Any, leaves: Sequence[Any]) -> Any:
    """The container with ``leaves`` in it."""
    if type(description) is int:
        return leaves[description]
    if description is None:
        return None
    items = [build(child, leaves) for _, child in _children(description)]
    if isinstance(description, list):
        return items
    if "tuple" in description:
        return tuple(items)
    keys = [key for key, _ in _children(description)]
    if "dict" in description:
        return dict(zip(keys, items, strict=True))
    return Record(description["record"][0], keys, items)
