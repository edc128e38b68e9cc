"""Where the first NaN or infinity of a function comes from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dovetail import _fast
from dovetail.dtypes import float64
from dovetail.errors import DovetailError, TraceError
from dovetail.graph import Graph, Node, Value
from dovetail.op import FUNCTIONS, iterate
from dovetail.ops import astype
from dovetail.structured import graphs_of
from dovetail.trace import active
from dovetail.transforms.as_graph import as_graph

__all__ = ["nan_check"]


def nan_check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which says where its first NaN or infinity comes from.

    The function is traced and its ops run one after the other; the first result that is not finite
    although everything it was made of is raises `DovetailError` with the op, the operands and the
    line of your code. `grad` of a function may be checked like any other: ``nan_check(grad(f))``.
    For finding faults, not for speed.

    >>> import dovetail as dt
    >>> try:
    ...     dt.debug.nan_check(lambda x: dt.log(x - 1))(dt.asarray([3.0, 1.0]))
    ... except dt.DovetailError as error:
    ...     print(str(error).split(" at ")[0])
    log gave -inf
    """

    @functools.wraps(function, updated=())
    def checked(*args: Any, **kwargs: Any) -> Any:
        if active() is not None:
            raise TraceError(
                f"nan_check looks at values, which {getattr(function, '__name__', 'the function')} "
                f"has none of while it is traced; call it outside jit, vmap and loops: it may hold "
                f"them, as in nan_check(vmap(f))"
            )
        traced, operands = as_graph(function, args, kwargs)
        results = _run_checked(traced.graph, operands)
        return _fast.tree_unflatten(traced.out_tree, results)

    return checked


def _run_checked(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    known: dict[Value, Any] = dict(zip(graph.inputs, inputs, strict=True))

    def array(value: Value) -> Any:
        return value.constant if value.constant is not None else known[value]

    for node in graph.nodes:
        operands = [array(v) for v in node.inputs]
        inner = graphs_of(node.attributes)
        if inner and node.op.decomposition is not None:
            results = _run_checked(inner[0], operands)
        else:
            results = list(iterate(FUNCTIONS[node.op.name](*operands, **node.attributes)))
            _check(node, operands, results)
        known.update(zip(node.outputs, results, strict=True))
    return [array(v) for v in graph.outputs]


def _check(node: Node, operands: Sequence[Any], results: Sequence[Any]) -> None:
    for y in results:
        if not _moves(y):
            continue
        values = np.asarray(astype(y, dtype=float64) if y.dtype.kind == "float" else y)
        finite = np.isfinite(values)
        if finite.all() or not all(_finite(x) for x in operands):
            continue
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        at = f"[{', '.join(map(str, place))}]" if place else ""
        what = "; ".join(_described(x, place, values.shape) for x in operands) or "no operands"
        raise DovetailError(
            f"{node.op.name} gave {values[place]} at {node.location or 'an unknown place'}: "
            f"{int((~finite).sum())} of {values.size} elements of its result "
            f"{y.dtype}{list(y.shape)} are not finite, the first is {at or 'the only one'}; its "
            f"operands are finite: {what}"
        )


def _moves(x: Any) -> bool:
    return bool(x.dtype.differentiable)


def _finite(x: Any) -> bool:
    if not _moves(x):
        return True
    values = astype(x, dtype=float64) if x.dtype.kind == "float" else x
    return bool(np.isfinite(np.asarray(values)).all())


def _described(x: Any, place: tuple[int, ...], shape: tuple[int, ...]) -> str:
    text = f"{x.dtype}{list(x.shape)}"
    return f"{text} with {x[place].item()} there" if x.shape == shape else text
