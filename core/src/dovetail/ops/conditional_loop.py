"""A loop that runs as long as a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail import _fast, structured
from dovetail.dtypes import bool_
from dovetail.errors import TraceError
from dovetail.graph import Graph
from dovetail.op import ANY, REQUIRED, Op, Sample, Spec, define

__all__ = ["while_loop"]


def _parts(values: Any, condition: Graph, body: Graph, n_carry: int) -> tuple[Any, Any, Any]:
    """Carried values, what only the condition reads, what only the body reads."""
    split = len(condition.inputs)
    return values[:n_carry], values[n_carry:split], values[split:]


def _infer(
    *specs: Spec, condition: Graph, body: Graph, n_carry: int, max_steps: int | None
) -> tuple[Spec, ...]:
    carry, asked, read = _parts(specs, condition, body, n_carry)
    for name, graph, wanted in (
        ("condition", condition, (*carry, *asked)),
        ("body", body, (*carry, *read)),
    ):
        have = [v.spec for v in graph.inputs]
        if [(s.shape, s.dtype) for s in have] != [(s.shape, s.dtype) for s in wanted]:
            raise WHILE_LOOP.fail(
                f"its {name} takes {', '.join(map(str, have))}, not {', '.join(map(str, wanted))}"
            )
    answers = [v.spec for v in condition.outputs]
    if len(answers) != 1 or answers[0].shape != () or answers[0].dtype is not bool_:
        raise WHILE_LOOP.fail(
            f"its condition returns {', '.join(map(str, answers))}, not one bool without axes"
        )
    made = [v.spec for v in body.outputs]
    if [(s.shape, s.dtype) for s in made] != [(s.shape, s.dtype) for s in carry]:
        raise WHILE_LOOP.fail(
            f"its body turns {', '.join(map(str, carry))} into {', '.join(map(str, made))}; "
            f"shapes and dtypes of what it carries must stay as they are"
        )
    return tuple(Spec(s.shape, s.dtype) for s in carry)


def _build(device: Any, inputs: Any, outputs: Any, attributes: Any) -> Any:
    bodies = tuple(structured.entry(attributes[k], device) for k in ("condition", "body"))
    bound = attributes["max_steps"]
    return _fast.control_kernel(
        device,
        "while_loop",
        bodies,
        attributes["n_carry"],
        0,
        0,
        -1 if bound is None else bound,
        False,
    )


def _reference(
    *arrays: Any, condition: Graph, body: Graph, n_carry: int, max_steps: int | None
) -> Any:
    from dovetail.reference import run  # noqa: PLC0415  imports the ops

    carry, asked, read = _parts(arrays, condition, body, n_carry)
    steps = 0
    while bool(run(condition, *carry, *asked)[0]):
        if max_steps is not None and steps >= max_steps:
            raise WHILE_LOOP.fail(f"the condition still holds after max_steps={max_steps} steps")
        carry = run(body, *carry, *read)
        steps += 1
    return tuple(carry)


def _while(*operands: Any, **attributes: Any) -> tuple[Any, ...]:
    """The function of the record; a tape gets one rule for the loop as a whole."""
    if not _fast.tape_watching(operands):
        return structured.call(WHILE_LOOP, operands, attributes)
    if attributes["max_steps"] is None:
        raise TraceError(
            "while_loop is differentiated in reverse, which keeps the values of every step, so the "
            "number of steps needs a bound: give max_steps=, or use scan or fori_loop"
        )
    with structured.asleep():
        results = structured.call(WHILE_LOOP, operands, attributes)

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops
        from dovetail.ops.ordering import barrier  # noqa: PLC0415
        from dovetail.transforms.gradient import vjp  # noqa: PLC0415

        floats = structured.floating(y)
        where = tuple(i for i in structured.floating(xs) if needed[i])

        def forward(*chosen: Any) -> tuple[Any, ...]:
            arrays = list(xs)
            for i, x in zip(where, chosen, strict=True):
                arrays[i] = x
            found = _as_scan(arrays, **attributes)
            return tuple(found[i] for i in floats)

        _, pull = vjp(forward, *(xs[i] for i in where))
        # The loop itself, whose values the gradient does without, tells when the bound is too low.
        found = pull(
            tuple(barrier(zeros_like(y[i]) if g[i] is None else g[i], y[0]) for i in floats)
        )
        grads: list[Any] = [None] * len(xs)
        for i, gi in zip(where, found, strict=True):
            grads[i] = gi
        return tuple(grads)

    _fast.tape_record(rule, operands, results)
    return results


def _as_scan(
    arrays: Any, *, condition: Graph, body: Graph, n_carry: int, max_steps: int
) -> tuple[Any, ...]:
    """The loop with all its possible steps, those after the end doing nothing: what is walked
    backwards."""
    from dovetail.dtypes import int32  # noqa: PLC0415
    from dovetail.ops import astype  # noqa: PLC0415  this module is one of them
    from dovetail.ops.branching import switch  # noqa: PLC0415
    from dovetail.ops.scanning import scan  # noqa: PLC0415
    from dovetail.replay import replay  # noqa: PLC0415

    carry, asked, read = _parts(arrays, condition, body, n_carry)
    rest = Graph(inputs=list(body.inputs), outputs=list(body.inputs[:n_carry]), name="rest")

    def turn(*given: Any) -> tuple[Any, ...]:
        now, others = given[:n_carry], given[n_carry:]
        (more,) = replay(condition, [*now, *others[: len(asked)]])
        return tuple(
            switch(astype(more, dtype=int32), *now, *others[len(asked) :], branches=(rest, body))
        )

    operands = (*carry, *asked, *read)
    specs = [Spec(x.shape, x.dtype) for x in operands]
    graph, extra = structured.graph_of(turn, specs, arrays[0].device, f"{body.name}.bounded")
    found: tuple[Any, ...] = scan(
        *operands, *extra, body=graph, n_carry=n_carry, n_rows=0, length=max_steps, reverse=False
    )
    return found


def _batching(
    function: Any, size: int, batched: tuple[bool, ...], *operands: Any, **attributes: Any
) -> tuple[Any, ...]:
    """The loop runs until the last example is done; those done before keep their values."""
    from dovetail import ops  # noqa: PLC0415  this module is one of them
    from dovetail.batched_replay import replay_batched  # noqa: PLC0415
    from dovetail.batching import examples  # noqa: PLC0415

    condition, body, n_carry = attributes["condition"], attributes["body"], attributes["n_carry"]
    carry, asked, read = _parts(operands, condition, body, n_carry)
    carried, asked_flags, read_flags = _parts(batched, condition, body, n_carry)
    carry = tuple(examples(x, size, b) for x, b in zip(carry, carried, strict=True))
    whole = (True,) * n_carry

    def going(now: Any, others: Any) -> Any:
        (more,), (flag,) = replay_batched(condition, size, (*whole, *asked_flags), (*now, *others))
        return examples(more, size, flag)

    def any_going(*given: Any) -> tuple[Any, ...]:
        return (ops.any(going(given[:n_carry], given[n_carry:])),)

    def step(*given: Any) -> tuple[Any, ...]:
        now, others = given[:n_carry], given[n_carry:]
        more = going(now, others[: len(asked)])
        found, flags = replay_batched(
            body, size, (*whole, *read_flags), (*now, *others[len(asked) :])
        )
        return tuple(
            ops.where(
                ops.reshape(more, (size, *(1,) * (old.ndim - 1))), examples(y, size, flag), old
            )
            for y, flag, old in zip(found, flags, now, strict=True)
        )

    device = operands[0].device
    specs = [Spec(x.shape, x.dtype) for x in (*carry, *asked, *read)]
    new_condition, no = structured.graph_of(
        any_going, specs[: n_carry + len(asked)], device, condition.name
    )
    new_body, none = structured.graph_of(step, specs, device, body.name)
    assert not no and not none, "graphs close over nothing"
    return tuple(
        function(
            *carry,
            *asked,
            *asked,
            *read,
            condition=new_condition,
            body=new_body,
            n_carry=n_carry,
            max_steps=attributes["max_steps"],
        )
    )


def _samples() -> Iterator[Sample]:
    from dovetail.dtypes import float64  # noqa: PLC0415
    from dovetail.ops import sum as total  # noqa: PLC0415  this module is one of them

    device = _fast.get_device()
    vector, number = Spec((3,), float64), Spec((), float64)
    condition, _ = structured.graph_of(
        lambda x, limit: (total(x * x) < limit,), (vector, number), device, "condition"
    )
    body, _ = structured.graph_of(
        lambda x, rate: (x * rate + 0.25,), (vector, number), device, "body"
    )
    for limit, bound in ((0.0, 8), (30.0, 24), (30.0, None)):
        yield Sample(
            inputs=(((3,), 0.5, 1.0), _float64(limit), ((), 1.1, 1.4)),
            attributes={"condition": condition, "body": body, "n_carry": 1, "max_steps": bound},
            dtypes=frozenset({float64}),
            differentiable=bound is not None,
        )


def _float64(value: float) -> Any:
    import numpy as np  # noqa: PLC0415  for samples only

    return np.asarray(value, np.float64)


WHILE_LOOP = Op(
    name="while_loop",
    doc="""A loop that runs as long as a condition on what it carries holds.

    Operands are ``n_carry`` carried values, what only ``condition`` reads and what only ``body``
    reads. The condition gives one bool without axes, the body the next carried values. With
    ``max_steps`` a condition that still holds after so many steps is an error, and the loop has a
    gradient, which costs ``max_steps`` turns whatever happened.

    `dovetail.while_loop` makes it from functions.

    >>> import dovetail as dt
    >>> double = dt.jit(lambda x: dt.while_loop(lambda x: x < 100, lambda x: 2 * x, x))
    >>> double(dt.asarray(3.0)).item()
    192.0
    """,
    signature=f"*operands: {ANY} -> {ANY}",
    attributes={"condition": REQUIRED, "body": REQUIRED, "n_carry": REQUIRED, "max_steps": None},
    infer=_infer,
    build=_build,
    batching=_batching,
    reference=_reference,
    samples=_samples,
    claim="structured",
)
while_loop: Any = define(WHILE_LOOP, _while)
