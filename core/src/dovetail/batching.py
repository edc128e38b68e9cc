"""Batching rules that many ops share, and how the rule of an op is found.

A rule is called as ``rule(op, size, batched, *operands, **attributes)``: ``op`` is the op's
function, ``size`` the number of examples, ``batched`` says of each operand whether it holds all
examples along a new first axis. Attributes are canonical for one example. Each result has the
examples along its first axis. Rules are written in ops, so they trace and differentiate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dovetail import ops
from dovetail.op import FUNCTIONS, Op, Spec, iterate

__all__ = ["batch", "elementwise", "examples", "leading", "loop", "shift", "through"]

Rule = Callable[..., Any]


def batch(
    record: Op,
    size: int,
    batched: Sequence[bool],
    operands: Sequence[Any],
    attributes: Mapping[str, Any],
) -> tuple[Any, ...]:
    """The results of an op of which some operand is batched, by its rule or what stands for one:
    broadcasting, then the rules of the ops it is made of, then one example after the other."""
    rule = record.batching
    if rule is None:
        rule = elementwise if record.broadcast else through if record.decomposition else loop
    found = rule(FUNCTIONS[record.name], size, tuple(batched), *operands, **attributes)
    return tuple(iterate(found))


def examples(x: Any, size: int, batched: bool) -> Any:
    """An operand with the examples along its first axis, repeated without a copy if need be."""
    return x if batched else ops.broadcast_to(x, (size, *x.shape))


def elementwise(
    op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any
) -> Any:
    """For ops that broadcast their operands, and for those of one operand without axes."""
    ndim = max(x.ndim - b for x, b in zip(operands, batched, strict=True))
    return op(*(_aligned(x, ndim, b) for x, b in zip(operands, batched, strict=True)), **words)


def _aligned(x: Any, ndim: int, batched: bool) -> Any:
    """A batched operand whose example has ``ndim`` axes, so that broadcasting pairs examples."""
    missing = ndim + 1 - x.ndim
    if not batched or not missing:
        return x
    return ops.reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))


def leading(op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any) -> Any:
    """For ops that work on the last axes and take any number of axes before them."""
    return op(*(examples(x, size, b) for x, b in zip(operands, batched, strict=True)), **words)


def _shifted(value: Any) -> Any:
    return tuple(v + 1 for v in value) if isinstance(value, tuple) else value + 1


def shift(*names: str) -> Rule:
    """For ops whose attributes of these names count axes of all operands: they count one more."""

    def rule(op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any) -> Any:
        moved = {k: _shifted(v) if k in names and v is not None else v for k, v in words.items()}
        return leading(op, size, batched, *operands, **moved)

    return rule


def through(op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any) -> Any:
    """For composites: the rules of the ops of the decomposition. A device that claims the composite
    sees those ops instead, so a record with a rule of its own is better off."""
    from dovetail.batched_replay import replay_batched  # noqa: PLC0415  it imports this
    from dovetail.structured import stand_in  # noqa: PLC0415
    from dovetail.trace import trace  # noqa: PLC0415

    one = tuple(
        stand_in(Spec(x.shape[1:] if b else x.shape, x.dtype), x.device)
        for x, b in zip(operands, batched, strict=True)
    )
    graph = trace(lambda *xs: op.op.decomposition(*xs, **words), one, device=one[0].device).graph
    found, flags = replay_batched(graph, size, batched, operands)
    results = [examples(y, size, b) for y, b in zip(found, flags, strict=True)]
    return tuple(results) if len(results) > 1 else results[0]


def loop(op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any) -> Any:
    """One example after the other: right for every op, and what a record without a rule gets."""
    if size == 0:
        return _nothing(op.op, batched, operands, words)
    rows = []
    for i in range(size):
        one = (x[i] if b else x for x, b in zip(operands, batched, strict=True))
        rows.append(tuple(iterate(op(*one, **words))))
    stacked = tuple(
        _joined([ops.reshape(y, (1, *y.shape)) for y in column])
        for column in zip(*rows, strict=True)
    )
    return stacked if len(stacked) > 1 else stacked[0]


def _joined(parts: list[Any]) -> Any:
    """Arrays one behind the other; an op takes no more than 64 at once."""
    while len(parts) > 1:
        parts = [ops.concat(parts[i : i + 64], axis=0) for i in range(0, len(parts), 64)]
    return parts[0]


def _nothing(record: Op, batched: Sequence[bool], operands: Sequence[Any], words: Any) -> Any:
    """The results for no example at all: their shapes are all there is to know."""
    specs = (
        Spec(x.shape[1:] if b else x.shape, x.dtype) for x, b in zip(operands, batched, strict=True)
    )
    found = tuple(iterate(record.infer(*specs, **words)))
    results = tuple(ops.full((0, *s.shape), s.dtype, 0) for s in found)
    return results if len(results) > 1 else results[0]
