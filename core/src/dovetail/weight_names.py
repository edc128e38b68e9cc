"""Names for the weights of a program, from the variables through which a function sees them.

``params["conv"]["w"]`` in a closure becomes the tensor ``params.conv.w``. The names are for people
and for other readers of the file; a weight that is found nowhere is called ``constant``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

from dovetail import _fast
from dovetail.graph import Graph
from dovetail.graph_text import nested

__all__ = ["name_weights"]


def name_weights(graph: Graph, fn: Callable[..., Any]) -> None:
    """Give the constants of ``graph`` the names under which ``fn`` sees them."""
    names: dict[tuple[int, tuple[int, ...]], str] = {}
    for variable, value in _variables(fn, set()):
        for path, array in _arrays(value, variable, frozenset()):
            if array._tracer is None and not array._gone:
                names.setdefault((array._address, array.shape), path)
    for one in nested(graph):
        for value in one.constants():
            key = (value.constant._address, value.constant.shape)
            value.name = value.name or names.get(key, "")


def _variables(fn: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The variables that a callable brings with it, by name."""
    if id(fn) in seen:
        return
    seen.add(id(fn))
    if isinstance(fn, functools.partial):
        yield from ((f"argument{i}", value) for i, value in enumerate(fn.args))
        yield from fn.keywords.items()
        yield from _variables(fn.func, seen)
    elif isinstance(fn, MethodType):
        yield from vars(fn.__self__).items() if hasattr(fn.__self__, "__dict__") else ()
        yield from _variables(fn.__func__, seen)
    elif isinstance(fn, FunctionType):
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # a variable that is not assigned yet
                continue
            yield name, value
            if callable(value):
                yield from _variables(value, seen)
        for name in fn.__code__.co_names:
            if name in fn.__globals__:
                yield name, fn.__globals__[name]
    elif hasattr(fn, "__wrapped__"):  # jit and other transforms
        yield from _variables(fn.__wrapped__, seen)
    elif not isinstance(fn, type) and hasattr(fn, "__dict__"):  # an object with __call__
        yield from vars(fn).items()


def _arrays(value: Any, path: str, above: frozenset[int]) -> Iterator[tuple[str, Any]]:
    """(path, Array) of every Array inside containers, the kinds that can be arguments."""
    if isinstance(value, _fast.Array):
        yield path, value
        return
    if id(value) in above:
        return
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [(f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value)]
    else:
        return
    for key, part in parts:
        yield from _arrays(part, f"{path}.{key}", above | {id(value)})
