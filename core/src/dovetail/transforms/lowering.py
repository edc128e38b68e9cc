"""Lowering: one call of a compiled function becomes a graph, a better graph, and a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dovetail import _fast
from dovetail.errors import TraceError
from dovetail.graph import Graph
from dovetail.passes import optimise
from dovetail.plan import Planned, plan
from dovetail.trace import Traced, trace

__all__ = ["Lowered", "compile_call", "lower", "trace_call", "traced_leaves"]


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """Everything known about one compiled signature."""

    traced: Traced
    graph: Graph
    planned: Planned
    kept: tuple[int, ...]
    """Which inputs of the traced graph the plan reads."""

    def __str__(self) -> str:
        return f"{self.graph}\n\n{self.planned}"


def without_static(
    names: frozenset[int | str], function: Callable[..., Any], args: Any, kwargs: Any
) -> tuple[Callable[..., Any], Any, Any]:
    """The call with its static arguments bound, so that only traced ones remain."""
    if not names:
        return function, args, kwargs
    fixed = {i: x for i, x in enumerate(args) if i in names}
    fixed_words = {k: v for k, v in kwargs.items() if k in names}

    @functools.wraps(function)
    def bound(*rest: Any, **words: Any) -> Any:
        merged = [fixed.get(i, x) for i, x in enumerate(rest)]
        return function(*merged, **words, **fixed_words)

    return (
        bound,
        tuple(None if i in fixed else x for i, x in enumerate(args)),
        {k: v for k, v in kwargs.items() if k not in fixed_words},
    )


def lower(
    graph: Graph, traced: Traced, device: Any, donated: frozenset[int] = frozenset()
) -> Lowered:
    """Passes and plan of a traced function. ``donated`` are positions of graph inputs."""
    graph = optimise(graph, device)
    used = graph.uses()
    kept = tuple(i for i, v in enumerate(graph.inputs) if v in used)
    graph.inputs = [graph.inputs[i] for i in kept]
    planned = plan(graph, device, frozenset(kept.index(i) for i in donated if i in kept))
    return Lowered(traced=traced, graph=graph, planned=planned, kept=kept)


def _device_of(args: Any, kwargs: Any) -> Any:
    leaves, _ = _fast.tree_flatten((args, kwargs))
    return (
        next((x.device for x in leaves if isinstance(x, _fast.Array)), None) or _fast.get_device()
    )


def _donated_leaves(
    donated: frozenset[int | str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[bool]:
    """For each leaf of the arguments whether its argument is donated."""
    flags: list[bool] = []
    for name, x in (*enumerate(args), *kwargs.items()):
        flags += [name in donated] * len(_fast.tree_flatten(x)[0])
    return flags


def trace_call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Traced, Any]:
    """The graph of one call of a compiled function, and its device."""
    bound, args, kwargs = without_static(function._static_names, function.__wrapped__, args, kwargs)
    device = _device_of(args, kwargs)
    traced = trace(bound, args, kwargs, device)
    if traced.captured:
        array, _ = traced.captured[0]
        raise TraceError(
            f"{traced.graph.name} is to be compiled on its own but closes over an array of the "
            f"function being traced around it ({array.dtype}{list(array.shape)}); pass the array "
            f"as an argument, or look at the plan outside the traced function"
        )
    return traced, device


def traced_leaves(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The leaves of a call's arguments that `Traced.inputs` counts: static ones are left out."""
    _, args, kwargs = without_static(function._static_names, function.__wrapped__, args, kwargs)
    leaves, _ = _fast.tree_flatten((args, kwargs))
    found: list[Any] = leaves
    return found


def compile_call(
    donated: frozenset[int | str], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...] | None:
    """What csrc/fast/jit.c keeps for a new signature: plan, result's TreeDef, which leaves the plan
    reads, which of its inputs are donated, `Lowered`. None: the function closes over an array that
    a gradient tape watches, so the call must be recorded."""
    traced, device = trace_call(function, args, kwargs)
    if traced.watched:
        return None
    _, args, kwargs = without_static(function._static_names, function.__wrapped__, args, kwargs)
    flags = _donated_leaves(donated, args, kwargs)
    positions = frozenset(k for k, leaf in enumerate(traced.inputs) if flags[leaf])
    lowered = lower(traced.graph, traced, device, positions)
    return (
        lowered.planned.plan,
        traced.out_tree,
        bytes(i in lowered.kept for i in range(len(traced.inputs))),
        bytes(lowered.planned.donated) if any(lowered.planned.donated) else None,
        lowered,
    )
