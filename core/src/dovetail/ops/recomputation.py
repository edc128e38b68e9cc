"""A function whose intermediate values are computed again when its gradient is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import _fast, structured
from dovetail.dispatch import specs_of
from dovetail.graph import Graph
from dovetail.op import ANY, REQUIRED, Op, Sample, Spec, define
from dovetail.replay import replay
from dovetail.trace import active

__all__ = ["checkpoint"]


def _infer(*specs: Spec, body: Graph) -> tuple[Spec, ...]:
    if [(s.shape, s.dtype) for s in specs] != [(v.spec.shape, v.spec.dtype) for v in body.inputs]:
        raise CHECKPOINT.fail(
            f"its body takes {', '.join(str(v.spec) for v in body.inputs)}, not "
            f"{', '.join(map(str, specs))}"
        )
    return tuple(Spec(v.spec.shape, v.spec.dtype) for v in body.outputs)


def _decomposition(*operands: Any, body: Graph) -> tuple[Any, ...]:
    return tuple(replay(body, operands))


def _computed(operands: tuple[Any, ...], body: Graph) -> tuple[Any, ...]:
    if active() is not None:
        return structured.call(CHECKPOINT, operands, {"body": body})
    from dovetail.ops import identity  # noqa: PLC0415  this module is one of them

    _infer(*specs_of(operands), body=body)  # says what does not fit
    # Results are new to a tape even where the body gives an operand back.
    return tuple(identity(y) for y in replay(body, operands))


def _checkpoint(*operands: Any, body: Graph) -> tuple[Any, ...]:
    """The function of the record: a tape keeps the operands, and the body to run again."""
    if not _fast.tape_watching(operands):
        return _computed(operands, body)
    with structured.asleep():
        results = _computed(operands, body)

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops
        from dovetail.ops.ordering import barrier  # noqa: PLC0415

        # Compilers find the body of the forward half in this one, and would keep its values.
        after = next(gi for gi in g if gi is not None)
        again = tuple(barrier(x, after) for x in xs)
        where = tuple(i for i in structured.floating(xs) if needed[i])
        cotangents = [zeros_like(y[i]) if g[i] is None else g[i] for i in structured.floating(y)]
        found = structured.pulled(body, again, where, cotangents)
        # One gradient that went ahead would leave the others, and all they need, for later.
        last = found[0]
        for gi in found[1:]:
            last = barrier(last, gi)
        grads: list[Any] = [None] * len(xs)
        for i, gi in zip(where, found, strict=True):
            grads[i] = barrier(gi, last) if len(found) > 1 else gi
        return tuple(grads)

    _fast.tape_record(rule, operands, results)
    return results


def _batching(
    function: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, body: Graph
) -> tuple[Any, ...]:
    from dovetail.batched_replay import batch_graph  # noqa: PLC0415  imports the ops

    found: tuple[Any, ...] = function(*operands, body=batch_graph(body, size, batched))
    return found


def _reference(*arrays: Any, body: Graph) -> tuple[np.ndarray[Any, Any], ...]:
    from dovetail.reference import run  # noqa: PLC0415  imports the ops

    return tuple(run(body, *arrays))


def _samples() -> Iterator[Sample]:
    from dovetail import ops  # noqa: PLC0415  this module is one of them
    from dovetail.dtypes import float64  # noqa: PLC0415

    def body(x: Any, w: Any) -> tuple[Any, ...]:
        h = ops.sin(x * w)
        return h * h, h

    for shape in ((), (3,), (2, 0)):
        specs = (Spec(shape, float64), Spec((), float64))
        graph, _ = structured.graph_of(body, specs, _fast.get_device(), "body")
        yield Sample(
            inputs=((shape, -2.0, 2.0), ((), 0.5, 2.0)),
            attributes={"body": graph},
            dtypes=frozenset({float64}),
        )


CHECKPOINT = Op(
    name="checkpoint",
    doc="""What a function computes, forgetting how until the gradient asks.

    ``body``, a graph, takes the operands; the results are its outputs. Its gradient keeps the
    operands only, computes the rest again when cotangents arrive, and walks that backwards.

    `dovetail.checkpoint` makes it from a function.

    >>> import dovetail as dt
    >>> dt.jit(dt.grad(dt.checkpoint(lambda x: dt.exp(dt.sin(x)))))(dt.asarray(0.0)).item()
    1.0
    """,
    signature=f"*operands: {ANY} -> {ANY}",
    attributes={"body": REQUIRED},
    infer=_infer,
    decomposition=_decomposition,
    batching=_batching,
    reference=_reference,
    samples=_samples,
    claim="structured",
)
checkpoint: Any = define(CHECKPOINT, _checkpoint)
