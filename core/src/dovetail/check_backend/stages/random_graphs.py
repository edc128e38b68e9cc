"""Part of the stage graphs: random small graphs over element-wise ops, by the core's tracing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

import dovetail  # noqa: F401  it fills the registry of ops
from dovetail.creation import asarray
from dovetail.dtypes import DType
from dovetail.graph import Graph
from dovetail.op import FUNCTIONS, REGISTRY
from dovetail.reference import rounded
from dovetail.trace import trace

__all__ = ["OPS", "Offer", "interrupted_op", "operands", "random_graph", "repeated_op"]

Offer = tuple[Graph, list[np.ndarray[Any, Any]]]
"""A graph and its operands."""

# Defined for all values that come up, and tame: what differs, differs by a mistake.
_UNARY = ("negative", "abs", "square", "tanh", "exp", "sin", "sqrt", "relu", "sigmoid")
_BINARY = ("add", "subtract", "multiply", "maximum", "minimum", "divide")
OPS = (*_UNARY, *_BINARY)
_TAME = {"square": "tanh", "exp": "tanh", "sqrt": "abs"}  # what must come first


def random_graph(seed: int, kind: DType, shape: tuple[int, ...], only: Sequence[str] = ()) -> Offer:
    """A graph of two to nine ops, some constants and one to three results; and its operands."""
    draw = random.Random(seed)
    names = [n for n in (*_UNARY, *_BINARY) if n in REGISTRY and (not only or n in only)]
    arrays = operands(seed, kind, shape, draw.randint(1, 3))
    constant = asarray(operands(seed + 1, kind, shape, 1)[0], dtype=kind, device="cpu:0")
    count = draw.randint(2, 9)
    choices = [(draw.choice(names or ["add"]), draw.random(), draw.random()) for _ in range(count)]
    results = draw.randint(1, min(3, count))

    def function(*xs: Any) -> tuple[Any, ...]:
        values = [*xs, constant]
        for name, first, second in choices:
            # Late values are likelier, so that graphs get deep.
            x = values[int(len(values) * first**0.5)]
            y = values[int(len(values) * second)]
            if name in _BINARY:
                y = abs(y) + constant if name == "divide" and not only else y
                values.append(FUNCTIONS[name](x, y))
            else:
                before = _TAME.get(name)
                if before is not None and (not only or before in only):
                    x = FUNCTIONS[before](x)
                values.append(FUNCTIONS[name](x))
        return tuple(values[-results:])

    made = [asarray(x, dtype=kind, device="cpu:0") for x in arrays]
    graph = trace(function, tuple(made)).graph
    graph.name = f"random_{seed}"
    return graph, arrays


def repeated_op(name: str, kind: DType) -> Graph:
    """One op three times in a row: what a library that wants the op at all will want."""
    function = FUNCTIONS[name]

    def thrice(x: Any) -> Any:
        for _ in range(3):
            x = function(x, x) if name in _BINARY else function(x)
        return x

    return trace(
        thrice, (asarray(operands(0, kind, (3, 5), 1)[0], dtype=kind, device="cpu:0"),)
    ).graph


def interrupted_op(name: str, other: str, kind: DType, shape: tuple[int, ...]) -> Offer:
    """One op twice, with another between them: both as one group would need what they give."""
    function, between = FUNCTIONS[name], FUNCTIONS[other]

    def twice(x: Any) -> Any:
        first = function(x, x) if name in _BINARY else function(x)
        last = between(first)
        return function(first, last) if name in _BINARY else function(last)

    arrays = operands(0, kind, shape, 1)
    made = tuple(asarray(x, dtype=kind, device="cpu:0") for x in arrays)
    return trace(twice, made).graph, arrays


def operands(
    seed: int, kind: DType, shape: tuple[int, ...], count: int
) -> list[np.ndarray[Any, Any]]:
    """Values between one half and two."""
    source = np.random.default_rng(seed)
    return [rounded(source.uniform(0.5, 2.0, shape), kind) for _ in range(count)]
