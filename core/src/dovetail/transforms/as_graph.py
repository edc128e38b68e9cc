"""One call of a function as a graph and the arrays to run it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dovetail import _fast
from dovetail.creation import asarray
from dovetail.trace import Traced, trace

__all__ = ["as_graph"]


def as_graph(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None
) -> tuple[Traced, tuple[Any, ...]]:
    """A function traced on arguments like these, and an operand for each input of its graph: the
    arrays and numbers among the arguments, then what it closes over and is no constant here."""
    kwargs = dict(kwargs or {})
    traced = trace(function, args, kwargs)
    leaves, _ = _fast.tree_flatten((args, kwargs))
    given = (
        leaf if isinstance(leaf, _fast.Array) else asarray(leaf, dtype=value.spec.dtype)
        for leaf, value in zip((leaves[i] for i in traced.inputs), traced.graph.inputs, strict=True)
    )
    return traced, (*given, *traced.closed())
