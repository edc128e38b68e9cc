"""A function whose gradient is given by another function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dovetail import _fast, structured
from dovetail.dispatch import specs_of
from dovetail.graph import Graph
from dovetail.op import ANY, REQUIRED, Op, Sample, Spec, define
from dovetail.replay import replay
from dovetail.trace import active

__all__ = ["custom_gradient"]


def _infer(
    *specs: Spec, body: Graph, pull: Graph, n_values: int, n_arguments: int, answered: Any
) -> tuple[Spec, ...]:
    if [(s.shape, s.dtype) for s in specs] != [(v.spec.shape, v.spec.dtype) for v in body.inputs]:
        raise CUSTOM_GRADIENT.fail(
            f"its body takes {', '.join(str(v.spec) for v in body.inputs)}, not "
            f"{', '.join(map(str, specs))}"
        )
    return tuple(Spec(v.spec.shape, v.spec.dtype) for v in body.outputs)


def _decomposition(*operands: Any, body: Graph, **_: Any) -> tuple[Any, ...]:
    return tuple(replay(body, operands))


def _computed(operands: tuple[Any, ...], attributes: dict[str, Any]) -> tuple[Any, ...]:
    if active() is not None:
        return structured.call(CUSTOM_GRADIENT, operands, attributes)
    from dovetail.ops import identity  # noqa: PLC0415  this module is one of them

    _infer(*specs_of(operands), **attributes)  # says what does not fit
    # Results are new to a tape even where the body gives an operand back.
    return tuple(identity(y) for y in replay(attributes["body"], operands))


def _custom_gradient(*operands: Any, **attributes: Any) -> tuple[Any, ...]:
    """The function of the record: a tape gets one rule for the body as a whole."""
    if not _fast.tape_watching(operands):
        return _computed(operands, attributes)
    with structured.asleep():
        results = _computed(operands, attributes)

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        return _gradients(g, y, xs, needed, attributes)

    _fast.tape_record(rule, operands, results)
    return results


def _gradients(
    g: tuple[Any, ...],
    y: tuple[Any, ...],
    xs: tuple[Any, ...],
    needed: tuple[bool, ...],
    attributes: dict[str, Any],
) -> tuple[Any, ...]:
    """``pull`` answers for the arguments; what the body closes over, and what flows back into the
    saved values from a derivative of this derivative, goes through the body as it is."""
    body, pull = attributes["body"], attributes["pull"]
    n_values, n_arguments = attributes["n_values"], attributes["n_arguments"]
    grads: list[Any] = [None] * len(xs)
    values = [_or_zeros(gi, yi) for gi, yi in zip(g[:n_values], y, strict=False)]
    if any(gi is not None for gi in g[:n_values]):
        # An operand that was saved as it is, such as a weight, is read as the operand it is.
        place = {v: i for i, v in enumerate(body.inputs)}
        kept = zip(body.outputs[n_values:], y[n_values:], strict=True)
        read = [xs[place[v]] if v in place else yi for v, yi in kept]
        found = replay(pull, (*values, *read))
        for i, gi in zip(attributes["answered"], found, strict=True):
            grads[i] = gi if needed[i] else None
    saved = any(gi is not None for gi in g[n_values:])
    wanted = [i for i in structured.floating(xs) if needed[i] and (saved or i >= n_arguments)]
    closed = tuple(i for i in wanted if i >= n_arguments)
    given = tuple(i for i in wanted if i < n_arguments)
    rest = [_or_zeros(gi, yi) for gi, yi in zip(g[n_values:], y[n_values:], strict=True)]
    nothing = [_or_zeros(None, yi) for yi in y[:n_values]]
    for where, first in ((closed, values), (given, nothing)):
        if not where:
            continue
        cotangents = [*first, *rest]
        found = structured.pulled(body, xs, where, [cotangents[i] for i in structured.floating(y)])
        for i, gi in zip(where, found, strict=True):
            grads[i] = gi if grads[i] is None else grads[i] + gi
    return tuple(grads)


def _or_zeros(g: Any, y: Any) -> Any:
    from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops

    return zeros_like(y) if g is None else g


def _batching(
    function: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **attributes: Any
) -> tuple[Any, ...]:
    from dovetail.batching import examples  # noqa: PLC0415  imports the ops

    device, n_values = operands[0].device, attributes["n_values"]
    body, flags = _batched_body(attributes["body"], size, batched, n_values, device)
    shared = [not batched[i] for i in attributes["answered"]]
    pull = _batched_pull(attributes["pull"], size, flags, shared, device)
    found = function(*operands, **attributes | {"body": body, "pull": pull})
    return tuple(examples(y, size, b) for y, b in zip(found, flags, strict=True))


def _batched_body(
    body: Graph, size: int, batched: Sequence[bool], n_values: int, device: Any
) -> tuple[Graph, list[bool]]:
    """The body of all examples, and which of its outputs differ between examples: all values count
    as such, but a saved weight that examples share stays one."""
    from dovetail.batched_replay import replay_batched  # noqa: PLC0415  imports the ops
    from dovetail.batching import examples  # noqa: PLC0415

    flags: list[bool] = []

    def run(*arrays: Any) -> list[Any]:
        found, differ = replay_batched(body, size, batched, arrays)
        flags[:] = [b or k < n_values for k, b in enumerate(differ)]
        return [
            examples(x, size, b) if k < n_values else x
            for k, (x, b) in enumerate(zip(found, differ, strict=True))
        ]

    specs = [_examples_spec(v.spec, size, b) for v, b in zip(body.inputs, batched, strict=True)]
    return structured.graph_of(run, specs, device, body.name)[0], flags


def _batched_pull(
    pull: Graph, size: int, batched: Sequence[bool], shared: Sequence[bool], device: Any
) -> Graph:
    """The pull of all examples; an operand that they share gets the sum of their gradients."""
    from dovetail.batched_replay import replay_batched  # noqa: PLC0415  imports the ops
    from dovetail.batching import examples  # noqa: PLC0415
    from dovetail.ops import sum_op  # noqa: PLC0415

    def run(*arrays: Any) -> list[Any]:
        found, flags = replay_batched(pull, size, batched, arrays)
        every = [examples(x, size, b) for x, b in zip(found, flags, strict=True)]
        return [sum_op(x, axis=0) if s else x for x, s in zip(every, shared, strict=True)]

    specs = [_examples_spec(v.spec, size, b) for v, b in zip(pull.inputs, batched, strict=True)]
    return structured.graph_of(run, specs, device, pull.name)[0]


def _examples_spec(spec: Spec, size: int, batched: bool) -> Spec:
    return Spec((size, *spec.shape) if batched else spec.shape, spec.dtype)


def _reference(*arrays: Any, body: Graph, **_: Any) -> tuple[np.ndarray[Any, Any], ...]:
    from dovetail.reference import run  # noqa: PLC0415  imports the ops

    return tuple(run(body, *arrays))


def _samples() -> Iterator[Sample]:
    from dovetail.dtypes import float64  # noqa: PLC0415

    def body(x: Any, w: Any) -> tuple[Any, ...]:
        return x * x * w, x * w  # the value, and what its pull reads

    def pull(g: Any, xw: Any) -> tuple[Any, ...]:
        return (2 * g * xw,)

    for shape in ((), (3,), (2, 0)):
        two = (Spec(shape, float64), Spec(shape, float64))
        device = _fast.get_device()
        attributes = {
            "body": structured.graph_of(body, two, device, "body")[0],
            "pull": structured.graph_of(pull, two, device, "pull")[0],
            "n_values": 1,
            "n_arguments": 1,
            "answered": (0,),
        }
        yield Sample(
            inputs=((shape, -2.0, 2.0), (shape, 0.5, 2.0)),
            attributes=attributes,
            dtypes=frozenset({float64}),
        )


CUSTOM_GRADIENT = Op(
    name="custom_gradient",
    doc="""What a function computes, with gradients that another function gives.

    ``body``, a graph, takes the operands and gives ``n_values`` values, then what ``pull`` reads of
    the computation. ``pull``, another graph, takes one cotangent per value and those saved values;
    it gives the gradients of the operands at the positions ``answered``. The first ``n_arguments``
    operands get no other gradient; the rest, what the function closes over, is differentiated
    through the body.

    `dovetail.custom_gradient` makes it from a function.

    >>> import dovetail as dt
    >>> @dt.custom_gradient
    ... def straight_through(x):
    ...     return dt.round(x), lambda g: g
    >>> dt.jit(dt.grad(straight_through))(dt.asarray(0.7)).item()
    1.0
    """,
    signature=f"*operands: {ANY} -> {ANY}",
    attributes=dict.fromkeys(("body", "pull", "n_values", "n_arguments", "answered"), REQUIRED),
    infer=_infer,
    decomposition=_decomposition,
    batching=_batching,
    reference=_reference,
    samples=_samples,
    claim="structured",
)
custom_gradient: Any = define(CUSTOM_GRADIENT, _custom_gradient)
