"""A loop that carries state over the rows of arrays."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import _fast, structured
from dovetail.graph import Graph
from dovetail.op import ANY, REQUIRED, Op, Sample, Spec, define

__all__ = ["scan"]


def _infer(
    *specs: Spec, body: Graph, n_carry: int, n_rows: int, length: int, reverse: bool
) -> tuple[Spec, ...]:
    wanted = [
        *specs[:n_carry],
        *(Spec(s.shape[1:], s.dtype) for s in specs[n_carry : n_carry + n_rows]),
        *specs[n_carry + n_rows :],
    ]
    have = [v.spec for v in body.inputs]
    if [(s.shape, s.dtype) for s in wanted] != [(s.shape, s.dtype) for s in have]:
        raise SCAN.fail(
            f"its body takes {', '.join(map(str, have))}, not {', '.join(map(str, wanted))}"
        )
    for s in specs[n_carry : n_carry + n_rows]:
        if s.shape[0] != length:
            raise SCAN.fail(f"{s} has {s.shape[0]} rows where length is {length}")
    made = [v.spec for v in body.outputs]
    for before, after in zip(specs[:n_carry], made, strict=False):
        if (before.shape, before.dtype) != (after.shape, after.dtype):
            raise SCAN.fail(f"its body turns a carried {before} into {after}; they must agree")
    if len(made) < n_carry:
        raise SCAN.fail(f"its body returns {len(made)} values, fewer than the {n_carry} carried")
    rows = (Spec((length, *s.shape), s.dtype) for s in made[n_carry:])
    return (*(Spec(s.shape, s.dtype) for s in made[:n_carry]), *rows)


def _build(device: Any, inputs: Any, outputs: Any, attributes: Any) -> Any:
    body = structured.entry(attributes["body"], device)
    n_carry, n_rows, length = (attributes[k] for k in ("n_carry", "n_rows", "length"))
    backwards = attributes["reverse"]
    return _fast.control_kernel(device, "scan", (body,), n_carry, n_rows, length, -1, backwards)


def _reference(
    *arrays: Any, body: Graph, n_carry: int, n_rows: int, length: int, reverse: bool
) -> Any:
    from dovetail.reference import carrier, run  # noqa: PLC0415  imports the ops

    carry = list(arrays[:n_carry])
    rows: list[list[Any]] = [[] for _ in body.outputs[n_carry:]]
    for t in range(length)[:: -1 if reverse else 1]:
        one = [x[t] for x in arrays[n_carry : n_carry + n_rows]]
        found = run(body, *carry, *one, *arrays[n_carry + n_rows :])
        carry = list(found[:n_carry])
        for column, y in zip(rows, found[n_carry:], strict=True):
            column.append(y)
    stacked = [
        np.stack(c[:: -1 if reverse else 1])
        if c
        else np.zeros((0, *v.shape), carrier(v.spec.dtype))
        for c, v in zip(rows, body.outputs[n_carry:], strict=True)
    ]
    return (*carry, *stacked)


@functools.lru_cache(maxsize=64)  # one graph per body, so that its plan is found again
def _with_carries(body: Graph, n_carry: int) -> Graph:
    """The body that also gives back, row by row, the carried values it was handed."""
    return Graph(
        inputs=body.inputs,
        nodes=body.nodes,
        outputs=[*body.outputs, *body.inputs[:n_carry]],
        name=body.name,
    )


def _scan(*operands: Any, **attributes: Any) -> tuple[Any, ...]:
    """The function of the record; a tape gets one rule for the loop as a whole."""
    if not _fast.tape_watching(operands):
        return structured.call(SCAN, operands, attributes)
    body: Graph = attributes["body"]
    count = len(body.outputs)
    longer = {**attributes, "body": _with_carries(body, attributes["n_carry"])}
    with structured.asleep():
        found = structured.call(SCAN, operands, longer)

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops

        first = all(gi is None for gi in g[count:])  # else a derivative of the derivative
        cotangent = [zeros_like(yi) if gi is None else gi for gi, yi in zip(g, y, strict=True)]
        if first:
            return _backwards(cotangent[:count], xs, needed, y[count:], attributes)
        return _backwards(cotangent, xs, needed, y[count:], longer)

    _fast.tape_record(rule, operands, found)
    return found[:count]


def _backwards(
    cotangent: list[Any],
    xs: tuple[Any, ...],
    needed: tuple[bool, ...],
    carries: tuple[Any, ...],
    attributes: dict[str, Any],
) -> tuple[Any, ...]:
    """Gradients of all operands: a scan the other way, which repeats each turn before it walks it
    backwards, so that only the carried values are kept from the loop."""
    from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops

    body: Graph = attributes["body"]
    n_carry, n_rows = attributes["n_carry"], attributes["n_rows"]
    spec = [v.spec for v in body.inputs]
    results = structured.floating([v.spec for v in body.outputs])
    moving = structured.floating(spec[:n_carry])
    rows = tuple(
        i for i in structured.floating(spec) if n_carry <= i < n_carry + n_rows and needed[i]
    )
    fixed = tuple(i for i in structured.floating(spec) if i >= n_carry + n_rows and needed[i])
    n_moving, n_fixed = len(moving), len(fixed)
    n_given = sum(i >= n_carry for i in results)

    def turn(*arrays: Any) -> tuple[Any, ...]:
        later, arrays = arrays[:n_moving], arrays[n_moving:]
        sums, arrays = arrays[:n_fixed], arrays[n_fixed:]
        given, operands = arrays[:n_given], arrays[n_given:]
        found = structured.pulled(body, operands, (*moving, *rows, *fixed), (*later, *given))
        totals = [s + d for s, d in zip(sums, found[n_moving + len(rows) :], strict=True)]
        return (*found[:n_moving], *totals, *found[n_moving : n_moving + len(rows)])

    state = [
        *(cotangent[i] for i in results if i < n_carry),
        *(zeros_like(xs[i]) for i in fixed),
    ]
    given = [
        *(cotangent[i] for i in results if i >= n_carry),
        *carries,
        *xs[n_carry : n_carry + n_rows],
    ]
    constants = list(xs[n_carry + n_rows :])
    specs = [
        *(Spec(x.shape, x.dtype) for x in state),
        *(Spec(x.shape[1:], x.dtype) for x in given),
        *(Spec(x.shape, x.dtype) for x in constants),
    ]
    graph, extra = structured.graph_of(turn, specs, xs[0].device, f"{body.name}.backward")
    found = _scan(
        *state,
        *given,
        *constants,
        *extra,
        body=graph,
        n_carry=len(state),
        n_rows=len(given),
        length=attributes["length"],
        reverse=not attributes["reverse"],
    )
    grads: list[Any] = [None] * len(xs)
    for i, gi in zip((*moving, *fixed, *rows), found, strict=True):
        grads[i] = gi
    return tuple(grads)


def _batching(
    function: Any, size: int, batched: tuple[bool, ...], *operands: Any, **attributes: Any
) -> tuple[Any, ...]:
    """Every carried value gets the examples; rows keep their place in front of them."""
    from dovetail.batched_replay import batch_graph  # noqa: PLC0415
    from dovetail.batching import examples  # noqa: PLC0415  imports the ops
    from dovetail.manipulation import moveaxis  # noqa: PLC0415

    n_carry, n_rows = attributes["n_carry"], attributes["n_rows"]
    flags = (*(True for _ in range(n_carry)), *batched[n_carry:])
    arrays = []
    for i, (x, b) in enumerate(zip(operands, batched, strict=True)):
        if i < n_carry:
            arrays.append(examples(x, size, b))
        else:
            arrays.append(moveaxis(x, 0, 1) if b and i < n_carry + n_rows else x)
    body = batch_graph(attributes["body"], size, flags)
    found = function(*arrays, **{**attributes, "body": body})
    return tuple(y if i < n_carry else moveaxis(y, 1, 0) for i, y in enumerate(found))


def _samples() -> Iterator[Sample]:
    from dovetail.dtypes import float64  # noqa: PLC0415

    def body(carry: Any, x: Any, w: Any) -> tuple[Any, ...]:
        new = carry * w + x
        return new, new * x

    specs = (Spec((3,), float64), Spec((3,), float64), Spec((), float64))
    graph, _ = structured.graph_of(body, specs, _fast.get_device(), "body")
    for length in (0, 1, 5):
        for reverse in (False, True):
            yield Sample(
                inputs=(((3,), -1.0, 1.0), ((length, 3), -1.0, 1.0), ((), 0.3, 0.9)),
                attributes={
                    "body": graph,
                    "n_carry": 1,
                    "n_rows": 1,
                    "length": length,
                    "reverse": reverse,
                },
                dtypes=frozenset({float64}),
            )


SCAN = Op(
    name="scan",
    doc="""A loop over the rows of arrays that carries state from turn to turn.

    Operands are ``n_carry`` carried values, ``n_rows`` arrays with ``length`` rows and what every
    turn reads as it is. ``body``, a graph, takes the carried values, one row of each array and the
    rest; it gives the next carried values and one row of each further result. With ``reverse`` the
    last row comes first. Results are the last carried values and the further results' rows.

    `dovetail.scan` makes it from a function. Its gradient keeps the carried values of every turn.

    >>> import dovetail as dt
    >>> total = dt.jit(lambda x: dt.scan(lambda c, x: (c + x, c), dt.asarray(0.0), x))
    >>> [y.tolist() for y in total(dt.asarray([1.0, 2.0, 3.0]))]
    [6.0, [0.0, 1.0, 3.0]]
    """,
    signature=f"*operands: {ANY} -> {ANY}",
    attributes={
        "body": REQUIRED,
        "n_carry": REQUIRED,
        "n_rows": REQUIRED,
        "length": REQUIRED,
        "reverse": False,
    },
    infer=_infer,
    build=_build,
    batching=_batching,
    reference=_reference,
    samples=_samples,
    claim="structured",
)
scan: Any = define(SCAN, _scan)
