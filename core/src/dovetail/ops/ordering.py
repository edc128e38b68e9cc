"""A value that waits for another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.batching import examples
from dovetail.op import Op, Sample, Spec, define

__all__ = ["barrier"]


def _view(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    return shape, strides, 0


def _batching(function: Any, size: int, batched: tuple[bool, ...], x: Any, after: Any) -> Any:
    return function(examples(x, size, batched[0]), after)


def _samples() -> Iterator[Sample]:
    for shape in ((), (0,), (17,), (2, 3)):
        yield Sample(inputs=((shape, -2.0, 2.0), ((3,), 0.0, 1.0)))


barrier: Any = define(
    Op(
        name="barrier",
        doc="""x itself, once ``after`` is known: it keeps programs in order.

    Compilers may not look through it. What is computed from ``barrier(x, after)`` is computed
    anew, even where the same was computed from x before, and not before ``after``: this is how
    `dovetail.checkpoint` forgets values and computes them again. It costs nothing when it runs.

    The result has x's shape and dtype; ``after`` may be any array. Gradients pass to x.

    >>> import dovetail as dt
    >>> dt.ops.barrier(dt.asarray(2.0), dt.asarray(1)).item()
    2.0
    """,
        signature="x: T, after: U -> T",
        infer=lambda x, after: Spec(x.shape, x.dtype),
        view=_view,
        gradient=(lambda g, y, x, after: g, None),
        followed=frozenset({0}),  # what it waits for makes no difference
        batching=_batching,
        reference=lambda x, after: x,
        samples=_samples,
        differentiable=frozenset({0}),
        claim="view",
    )
)
