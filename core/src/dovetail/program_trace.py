"""From functions and examples to the entry points of a program file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dovetail import _fast, container, creation, trace
from dovetail.compact import compact
from dovetail.errors import ProgramError
from dovetail.graph import Graph
from dovetail.passes.dead_code import dead_code
from dovetail.program_file import Entry, Signature
from dovetail.symbolic_trace import unified
from dovetail.symbols import ArraySpec
from dovetail.weight_names import name_weights

__all__ = ["traced_entries"]


def traced_entries(
    functions: Mapping[str, tuple[Callable[..., Any], Sequence[Any]]],
) -> tuple[list[Entry], dict[str, int]]:
    """The entry points, and the sizes for which numbers that depend on them have their values."""
    symbols = tuple(
        dict.fromkeys(n for _, examples in functions.values() for n in _named(examples))
    )
    entries = []
    sizes: Mapping[str, int] = {}
    for name, (fn, examples) in functions.items():
        graph, signature, sizes = _trace(fn, tuple(examples), symbols)
        if len(functions) > 1:
            graph.name = name
        entries.append(Entry(name=name, graph=graph, signature=signature))
    return entries, dict(sizes)


def _named(examples: Sequence[Any]) -> list[str]:
    """The names of sizes among the examples of a function."""
    leaves, _ = _fast.tree_flatten(tuple(examples))
    specs = [leaf for leaf in leaves if isinstance(leaf, ArraySpec)]
    return [n for spec in specs for n in spec.shape if isinstance(n, str)]


def _trace(
    fn: Callable[..., Any], examples: tuple[Any, ...], symbols: tuple[str, ...]
) -> tuple[Graph, Signature, Mapping[str, int]]:
    names = _argument_names(fn, len(examples))
    leaves, tree = _fast.tree_flatten(examples)
    leaves = [creation.asarray(x) if isinstance(x, np.ndarray | np.generic) else x for x in leaves]
    description = container.describe(tree)
    for path, leaf in zip(container.paths(description, names), leaves, strict=True):
        if not isinstance(leaf, ArraySpec) and trace.input_spec(leaf) is None:
            raise ProgramError(
                f"save: {path} is {leaf!r}, and a program takes only arrays and numbers; fix it "
                "before saving, with functools.partial or a lambda"
            )
    outputs: list[Any] = []

    def traced(sizes: Mapping[str, int]) -> Graph:
        from dovetail.structured import stand_in  # noqa: PLC0415  loads what loops need

        device = _fast.get_device()
        arrays = [stand_in(x.at(sizes), device) if isinstance(x, ArraySpec) else x for x in leaves]
        found = trace.trace(fn, _fast.tree_unflatten(tree, arrays))
        outputs.append(container.describe(found.out_tree))
        if outputs[-1] != outputs[0]:
            raise ProgramError(
                f"save: the function returns another container for {dict(sizes)}; a program gives "
                "the same for all sizes"
            )
        name_weights(found.graph, fn)
        return dead_code(found.graph)

    sizes: Mapping[str, int] = {}
    if symbols:
        graph, sizes = unified(traced, symbols)
    else:
        graph = traced({})
    signature = Signature(
        inputs=description,
        outputs={"tuple": [outputs[0]]},
        input_names=names,
        output_names=("result",),
    )
    return compact(graph), signature, sizes


def _argument_names(fn: Callable[..., Any], count: int) -> tuple[str, ...]:
    names: list[str] = []
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # a callable that does not say
        parameters = ()  # type: ignore[assignment]
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    names += [f"argument{i}" for i in range(len(names), count)]
    return tuple(names[:count])
