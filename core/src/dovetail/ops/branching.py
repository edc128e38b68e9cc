"""One of several graphs, chosen when the program runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail import _fast, structured
from dovetail.dtypes import int32
from dovetail.graph import Graph
from dovetail.op import ANY, REQUIRED, Op, Sample, Spec, define

__all__ = ["switch"]


def _infer(*specs: Spec, branches: tuple[Graph, ...]) -> tuple[Spec, ...]:
    if not specs:
        raise SWITCH.fail("it needs an index")
    index, *specs_read = specs
    if index.shape != () or index.dtype is not int32:
        raise SWITCH.fail(f"its index is {index}, not an int32 without axes")
    wanted = [(s.shape, s.dtype) for s in specs_read]
    results = [(v.spec.shape, v.spec.dtype) for v in branches[0].outputs]
    for k, branch in enumerate(branches):
        if [(v.spec.shape, v.spec.dtype) for v in branch.inputs] != wanted:
            have = ", ".join(str(v.spec) for v in branch.inputs)
            raise SWITCH.fail(f"branch {k} takes {have}, not {', '.join(map(str, specs_read))}")
        if [(v.spec.shape, v.spec.dtype) for v in branch.outputs] != results:
            first = ", ".join(str(v.spec) for v in branches[0].outputs)
            other = ", ".join(str(v.spec) for v in branch.outputs)
            raise SWITCH.fail(
                f"branch 0 returns {first} and branch {k} returns {other}; make the shapes and "
                f"dtypes of all branches equal"
            )
    return tuple(Spec(v.spec.shape, v.spec.dtype) for v in branches[0].outputs)


def _build(device: Any, inputs: Any, outputs: Any, attributes: Any) -> Any:
    bodies = tuple(structured.entry(g, device) for g in attributes["branches"])
    return _fast.control_kernel(device, "switch", bodies, 0, 0, 0, -1, False)


def _reference(index: Any, *arrays: Any, branches: tuple[Graph, ...]) -> Any:
    from dovetail.reference import run  # noqa: PLC0415  imports the ops

    return run(branches[min(max(int(index), 0), len(branches) - 1)], *arrays)


def _switch(*operands: Any, **attributes: Any) -> tuple[Any, ...]:
    """The function of the record; a tape gets one rule for the choice as a whole."""
    if not _fast.tape_watching(operands):
        return structured.call(SWITCH, operands, attributes)
    with structured.asleep():
        results = structured.call(SWITCH, operands, attributes)

    def rule(g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...]) -> tuple[Any, ...]:
        return _backwards(g, y, xs, needed, attributes["branches"])

    _fast.tape_record(rule, operands, results)
    return results


def _backwards(
    g: Any, y: Any, xs: tuple[Any, ...], needed: tuple[bool, ...], branches: tuple[Graph, ...]
) -> tuple[Any, ...]:
    """The same choice between the branches' gradients."""
    from dovetail.creation import zeros_like  # noqa: PLC0415  creation is made of ops

    index, *arrays = xs
    where = tuple(
        i for i in structured.floating([v.spec for v in branches[0].inputs]) if needed[i + 1]
    )
    floats = structured.floating([v.spec for v in branches[0].outputs])
    cotangents = [zeros_like(y[i]) if g[i] is None else g[i] for i in floats]
    operands = [*arrays, *cotangents]
    specs = [Spec(x.shape, x.dtype) for x in operands]

    def backward(branch: Graph) -> Graph:
        def gradients(*given: Any) -> tuple[Any, ...]:
            own, incoming = given[: len(arrays)], given[len(arrays) :]
            return tuple(structured.pulled(branch, own, where, incoming))

        graph, extra = structured.graph_of(
            gradients, specs, index.device, f"{branch.name}.backward"
        )
        assert not extra, "a graph closes over nothing"
        return graph

    found = _switch(index, *operands, branches=tuple(map(backward, branches)))
    grads: list[Any] = [None] * len(xs)
    for i, gi in zip(where, found, strict=True):
        grads[i + 1] = gi
    return tuple(grads)


def _batching(
    function: Any, size: int, batched: tuple[bool, ...], index: Any, *operands: Any, branches: Any
) -> tuple[Any, ...]:
    """With an index per example every branch runs, and each example takes from its own."""
    from dovetail import ops  # noqa: PLC0415  this module is one of them
    from dovetail.batched_replay import batch_graph, replay_batched  # noqa: PLC0415
    from dovetail.batching import examples  # noqa: PLC0415

    if not batched[0]:
        new = tuple(batch_graph(b, size, batched[1:]) for b in branches)
        return tuple(function(index, *operands, branches=new))
    chosen: list[Any] = []
    for k, branch in enumerate(branches):
        found, flags = replay_batched(branch, size, batched[1:], operands)
        full = [examples(y, size, b) for y, b in zip(found, flags, strict=True)]
        if k == 0:
            chosen = full
            continue
        mine = index >= k  # later branches overwrite; the last one takes all larger numbers
        chosen = [
            ops.where(ops.reshape(mine, (size, *(1,) * (y.ndim - 1))), y, old)
            for y, old in zip(full, chosen, strict=True)
        ]
    return tuple(chosen)


def _samples() -> Iterator[Sample]:
    from dovetail.dtypes import float64  # noqa: PLC0415

    specs = (Spec((3,), float64), Spec((), float64))
    device = _fast.get_device()
    functions = (lambda x, y: (x * y,), lambda x, y: (x + y * y,), lambda x, y: (x * x - y,))
    graphs = tuple(
        structured.graph_of(f, specs, device, f"branch{k}")[0] for k, f in enumerate(functions)
    )
    for index in (-1, 0, 1, 2, 9):
        yield Sample(
            inputs=(_int32(index), ((3,), -1.0, 1.0), ((), 0.5, 1.5)),
            attributes={"branches": graphs},
            dtypes=frozenset({float64}),
        )


def _int32(value: int) -> Any:
    import numpy as np  # noqa: PLC0415  for samples only

    return np.asarray(value, np.int32)


SWITCH = Op(
    name="switch",
    doc="""One of several graphs, chosen by an int32 when the program runs.

    Operands are the index, without axes, and what the branches read. Every branch takes all of them
    and gives results of the same shapes and dtypes. An index below 0 chooses the first branch, one
    too large the last. `dovetail.cond` and `dovetail.switch` make it from functions.

    >>> import dovetail as dt
    >>> f = dt.jit(lambda i, x: dt.switch(i, (lambda x: x, lambda x: -x), x))
    >>> f(dt.asarray(1), dt.asarray(2.0)).item()
    -2.0
    """,
    signature=f"*operands: {ANY} -> {ANY}",
    attributes={"branches": REQUIRED},
    infer=_infer,
    build=_build,
    batching=_batching,
    reference=_reference,
    samples=_samples,
    claim="structured",
)
switch: Any = define(SWITCH, _switch)
