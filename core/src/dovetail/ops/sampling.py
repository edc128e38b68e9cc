"""What the ops of samplers have in common: keys and parameters, and rejection in numpy.

A sampler takes keys, uint32[*k, 2], and parameters that all have the shape (*k, *s): one draw of
shape s for each key. Element i of a draw depends on the key, on i and on its own parameters alone:
its proposals are blocks of its own (`dovetail.ops.philox.Stream`), computed in float64 by portable
operations (`dovetail.ops.portable_formulas`). So a draw has the same bits on every device, for
every number of threads, and under vmap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dovetail.batching import examples
from dovetail.dtypes import DType, float32, float64, uint32
from dovetail.op import Op, Sample, Spec, define
from dovetail.ops.philox import Stream

__all__ = ["BINOMIAL", "GAMMA", "POISSON", "TRUNCATED_NORMAL", "VON_MISES", "rejected", "sampler"]

# The tags of the samplers' blocks: part of what the ops mean.
GAMMA, POISSON, BINOMIAL, TRUNCATED_NORMAL, VON_MISES = range(1, 6)

Words = np.ndarray[Any, Any]
Proposal = Callable[[Words, Words, Words], tuple[Words, Words]]


def open_unit(word: Words) -> Words:
    """The middle of one of 2**52 equal intervals of (0, 1), by the top bits of a uint64."""
    return (word >> np.uint64(12)).astype(np.float64) * 2.0**-52 + 2.0**-53


def rejected(stream: Stream, left: Words, result: Words, most: int, propose: Proposal) -> None:
    """Fill the elements ``left`` of a result with the first proposal that each accepts.

    ``propose(elements, first, second)`` has two uint64 of each element's next block and says which
    accept, and what. Elements that accept none of ``most`` stay as they are.
    """
    for number in range(1, most + 1):
        if not left.size:
            return
        accepted, values = propose(left, *stream.pair(left, number))
        result[left[accepted]] = values[accepted]
        left = left[~accepted]


def _infer(op: Op, keys: Spec, parameters: tuple[Spec, ...], dtype: DType | None) -> Spec:
    if keys.ndim < 1 or keys.shape[-1] != 2:
        raise op.fail(f"the key is {keys}, but keys are uint32[..., 2]; dt.random.key makes one")
    front = keys.shape[:-1]
    for spec in parameters:
        if spec.shape != parameters[0].shape:
            raise op.fail(
                f"the parameters are {' and '.join(map(str, parameters))}; broadcast_to brings "
                "them to a common shape"
            )
        if spec.shape[: len(front)] != front:
            raise op.fail(
                f"parameters {spec} do not begin with the axes {front} of the keys {keys}, which "
                "get one draw each"
            )
    return Spec(parameters[0].shape, dtype or parameters[0].dtype)


def _batched(
    op: Any, size: int, batched: tuple[bool, ...], *operands: Any, **attributes: Any
) -> Any:
    each = (examples(x, size, b) for x, b in zip(operands, batched, strict=True))
    return op(*each, **attributes)


def sampler(
    *,
    name: str,
    doc: str,
    parameters: tuple[str, ...],
    tag: int,
    draw: Callable[..., Words],
    values: tuple[tuple[float, ...], ...],
    result: DType | None = None,
    **words: Any,
) -> Any:
    """Define the op of a sampler and return its function.

    ``draw(stream, *parameters, **attributes)`` works on flat float64 arrays. ``values`` are rows of
    parameters for the samples; the first row is an ordinary one. ``result`` is the dtype of counts;
    without it the result has the parameters' dtype.
    """
    operands = ", ".join(f"{p}: T" for p in parameters)
    count = len(parameters)

    def reference(keys: Words, *given: Words, **attributes: Any) -> Words:
        number = int(np.prod(keys.shape[:-1], dtype=np.int64))
        each = given[0].size // number if number else 0
        flat = [p.reshape(-1).astype(np.float64) for p in given]
        return draw(Stream(keys, each, tag), *flat, **attributes).reshape(given[0].shape)

    def samples() -> Iterator[Sample]:
        keys = np.arange(12, dtype=np.uint32).reshape(2, 3, 2) * np.uint32(0x9E3779B9)
        columns = tuple([row[i] for row in values] for i in range(count))
        yield Sample(inputs=(keys[1, 2], *columns), differentiable=False)
        for shape in ((), (0,), (7,), (3, 100)):
            filled = (np.full(shape, v).tolist() if 0 not in shape else [] for v in values[0])
            yield Sample(inputs=(keys[0, 1], *filled))
        drawn = (((300,), v, v + 0.01) for v in values[0])
        yield Sample(inputs=(((2,), 0, 2**32), *drawn))
        rows = tuple(np.full((2, 3, 5), v).tolist() for v in values[0])
        yield Sample(inputs=(keys, *rows))
        yield Sample(inputs=(keys, *(np.full((2, 3), v).tolist() for v in values[0])))

    op = Op(
        name=name,
        doc=doc,
        signature=f"key: K, {operands} -> {'T' if result is None else result.word}",
        types={"K": frozenset({uint32}), "T": frozenset({float32, float64})},
        infer=lambda key, *specs, **_: _infer(op, key, specs, result),
        reference=reference,
        samples=samples,
        # The reference computes in float64 as the kernels do, and both round once.
        tolerance={"float32": 0, "float64": 0},
        batching=_batched,
        **words,
    )
    return define(op)
