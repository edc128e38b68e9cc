"""Batching rules that many ops share.

A rule is called as ``rule(op, size, batched, *operands, **attributes)``: ``op`` is the op's
function, ``size`` the number of examples, ``batched`` says of each operand whether it holds all
examples along a new first axis. Attributes are canonical for one example. Each result has the
examples along its first axis. Rules are written in ops, so they trace and differentiate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dovetail import ops
from dovetail.op import iterate

__all__ = ["elementwise", "examples", "leading", "loop", "shift"]

Rule = Callable[..., Any]


def examples(x: Any, size: int, batched: bool) -> Any:
    """An operand with the examples along its first axis, repeated without a copy if need be."""
    return x if batched else ops.broadcast_to(x, (size, *x.shape))


def elementwise(op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **words: Any) -> Any:
    """For ops that broadcast their operands, and for those of one operand without axes."""
    return op(*operands, **words)


def leading(op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **words: Any) -> Any:
    """For ops that work on the last axes and take any number of axes before them."""
    return op(*(examples(x, size, b) for x, b in zip(operands, batched, strict=True)), **words)


def _shifted(value: Any) -> Any:
    return tuple(v + 1 for v in value) if isinstance(value, tuple) else value + 1


def shift(*names: str) -> Rule:
    """For ops whose attributes of these names count axes of all operands: they count one more."""

    def rule(op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **words: Any) -> Any:
        moved = {k: _shifted(v) if k in names and v is not None else v for k, v in words.items()}
        return leading(op, size, batched, *operands, **moved)

    return rule


def loop(op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **words: Any) -> Any:
    """One example after the other: right for every op, and what a record without a rule gets."""
    rows = []
    for i in range(size):
        one = (x[i] if b else x for x, b in zip(operands, batched, strict=True))
        rows.append(tuple(iterate(op(*one, **words))))
    stacked = tuple(
        ops.concat(*(ops.reshape(y, (1, *y.shape)) for y in column), axis=0)
        for column in zip(*rows, strict=True)
    )
    return stacked if len(stacked) > 1 else stacked[0]
