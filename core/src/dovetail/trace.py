"""Tracing: a Python function runs on arrays without data, and every op it calls becomes a node."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from dovetail import _fast
from dovetail.dispatch import canonical_attributes, infer, promoted, specs_of
from dovetail.dtypes import complex128, float64, int64
from dovetail.errors import TraceError
from dovetail.graph import Graph, Value
from dovetail.op import FUNCTIONS, Op, Spec
from dovetail.promotion import promotion

__all__ = ["Trace", "Traced", "active", "entered", "record", "trace", "user_line"]

_PACKAGE = __file__.removesuffix("trace.py")
_DEMO = _PACKAGE + "demo"  # written as a user would write it


def _user_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _ours(file: str) -> bool:
    return file.startswith(_PACKAGE) and not file.startswith(_DEMO)


def user_line() -> str:
    """Where the user's code is now: ``model.py:12 in forward``; empty at the top of the stack."""
    frame = _user_frame()
    if frame is None:
        return ""
    code = frame.f_code
    file = code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{file}:{frame.f_lineno} in {code.co_name}"


@dataclass(eq=False, slots=True)
class Trace:
    """One function being traced."""

    graph: Graph
    device: Any
    values: set[Value] = field(default_factory=set)
    constants: dict[int, tuple[Any, Value]] = field(default_factory=dict)
    captured: dict[Value, tuple[Any, Value]] = field(default_factory=dict)
    """Arrays of enclosing traces that this one reads, by their value there."""
    asleep: Any = None
    """The gradient tapes that were awake when this trace began."""

    def value_of(self, x: Any) -> Value:
        """The graph value of an Array: its own when traced here, a constant when concrete."""
        value: Value | None = x._tracer
        if value is not None:
            return value if value in self.values else self._capture(x, value)
        known = self.constants.get(id(x))
        if known is not None and known[0] is x:
            return known[1]
        kept = _fast.alias(x) if x._contiguous else _copied(x)
        value = Value(Spec(x.shape, x.dtype), constant=kept)
        self.constants[id(x)] = (x, value)
        return value

    def _capture(self, x: Any, value: Value) -> Value:
        """The value here of an array of an enclosing trace."""
        known = self.captured.get(value)
        if known is None:
            if not any(value in trace_.values for trace_ in _stack.traces if trace_ is not self):
                raise TraceError(
                    f"an array of another, finished trace is used at {user_line()}: it was kept in "
                    f"a variable outside the traced function; return it from the function instead"
                )
            known = self.captured[value] = (x, Value(value.spec))
        return known[1]

    def array(self, value: Value) -> Any:
        """A traced Array that stands for a value."""
        self.values.add(value)
        spec = value.spec
        return _fast.traced(value, spec.dtype, spec.shape, self.device, spec.weak)


def _copied(x: Any) -> Any:
    """A copy made now, not a node: that of an array which a sleeping tape watches would be one."""
    depth = _fast.trace_depth(0)
    _fast.trace_depth(-depth)
    try:
        return FUNCTIONS["copy"](x)
    finally:
        _fast.trace_depth(depth)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.traces: list[Trace] = []


_stack = _Stack()


def active() -> Trace | None:
    """The innermost trace of this thread."""
    return _stack.traces[-1] if _stack.traces else None


def record(
    op: Op, inputs: tuple[Any, ...], attributes: dict[str, Any], function: Callable[..., Any]
) -> tuple[tuple[Any, ...], Any, tuple[Any, ...]]:
    """Append a node: (promoted inputs, results, canonical attributes) for dispatch and tapes."""
    trace_ = active()
    if trace_ is None:
        raise TraceError(
            f"{op.name} at {user_line()} got an array of a trace that has ended; return it from "
            f"the traced function instead of keeping it"
        )
    specs = specs_of(inputs)
    if inputs:
        casts, shapes = promotion(op, specs)
        if any(c is not None for c in casts) or any(s is not None for s in shapes):
            # A constant that is broadcast stays small: the broadcast is a node, not its data.
            inputs = tuple(
                x if s is None or x._tracer is not None else trace_.array(trace_.value_of(x))
                for x, s in zip(inputs, shapes, strict=True)
            )
            inputs = promoted(inputs, casts, shapes)
            specs = specs_of(inputs)
    attributes = canonical_attributes(op, specs, attributes)
    results = infer(op, specs, attributes)
    values = trace_.graph.add(
        op, [trace_.value_of(x) for x in inputs], attributes, results, user_line()
    )
    arrays = tuple(trace_.array(v) for v in values)
    canonical = tuple(attributes.get(name) for name in op.attributes)
    return inputs, arrays if len(op.results) > 1 else arrays[0], canonical


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A function as a graph. ``inputs`` index the leaves of the arguments that are graph inputs."""

    graph: Graph
    in_tree: Any
    out_tree: Any
    inputs: tuple[int, ...]
    watched: tuple[tuple[Any, Value], ...]
    """Arrays the function closes over that a gradient tape of the caller watches, and the
    constants they became."""
    captured: tuple[tuple[Any, Value], ...]
    """Arrays of enclosing traces the function closes over, and the values that stand for them: no
    inputs of the graph yet."""

    def closed(self) -> tuple[Any, ...]:
        """Make inputs, after those of the arguments, of what the function closes over and what is
        no constant to the caller; the arrays to pass for them."""
        for _, value in self.watched:
            value.constant = None
        self.graph.inputs.extend(value for _, value in (*self.watched, *self.captured))
        return tuple(array for array, _ in (*self.watched, *self.captured))


def input_spec(leaf: Any) -> Spec | None:
    """The spec a leaf of the arguments is traced with; None for static leaves."""
    if isinstance(leaf, _fast.Array):
        return Spec(leaf.shape, leaf.dtype, leaf._weak)
    if type(leaf) is int:
        return Spec((), int64, weak=True)
    if type(leaf) is float:
        return Spec((), float64, weak=True)
    if type(leaf) is complex:
        return Spec((), complex128, weak=True)
    return None


def _result(leaf: Any, name: str) -> Any:
    if isinstance(leaf, _fast.Array):
        return leaf
    if isinstance(leaf, bool | int | float | complex):
        from dovetail.creation import asarray  # noqa: PLC0415  creation is made of traced ops

        return asarray(leaf)
    raise TraceError(
        f"{name} returns {type(leaf).__name__} where only arrays, numbers and containers of them "
        f"can leave a traced function; return it from the caller instead"
    )


def trace(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    device: Any = None,
) -> Traced:
    """Run ``function`` on traced stand-ins for the arrays and numbers among its arguments.

    Other leaves (strings, bools, None) are passed as they are. Nothing is recorded on gradient
    tapes of the caller meanwhile.
    """
    leaves, in_tree = _fast.tree_flatten((args, dict(kwargs or {})))
    if device is None:
        device = next((x.device for x in leaves if isinstance(x, _fast.Array)), None)
        device = device or _fast.get_device()
    name = getattr(function, "__name__", "function")
    new = Trace(Graph(name=name), device)
    stand_ins, inputs = [], []
    for i, leaf in enumerate(leaves):
        spec = input_spec(leaf)
        if spec is None:
            stand_ins.append(leaf)
            continue
        value = Value(spec)
        new.graph.inputs.append(value)
        inputs.append(i)
        stand_ins.append(new.array(value))
    new_args, new_kwargs = _fast.tree_unflatten(in_tree, stand_ins)

    def body() -> Any:
        results, out_tree = _fast.tree_flatten(function(*new_args, **new_kwargs))
        new.graph.outputs = [new.value_of(_result(x, name)) for x in results]
        return out_tree

    out_tree = entered(new, body)
    watched = tuple(pair for pair in new.constants.values() if _watching(pair[:1]))
    return Traced(
        graph=new.graph,
        in_tree=in_tree,
        out_tree=out_tree,
        inputs=tuple(inputs),
        watched=watched,
        captured=tuple(new.captured.values()),
    )


def _watching(arrays: tuple[Any, ...]) -> bool:
    """Whether a gradient tape watches one of these, awake or asleep around an enclosing trace."""
    if _fast.tape_watching(arrays):
        return True
    for trace_ in _stack.traces:
        if trace_.asleep is None:
            continue
        awake = _fast.tape_suspend()
        _fast.tape_resume(trace_.asleep)
        found = _fast.tape_watching(arrays)
        _fast.tape_suspend()
        _fast.tape_resume(awake)
        if found:
            return True
    return False


def entered(trace_: Trace, function: Callable[[], Any]) -> Any:
    """Call ``function`` with a trace as this thread's innermost one, tapes asleep."""
    suspended = trace_.asleep = _fast.tape_suspend()
    before = _fast.set_device(trace_.device)
    _stack.traces.append(trace_)
    _fast.trace_depth(1)
    try:
        return function()
    finally:
        _fast.trace_depth(-1)
        _stack.traces.pop()
        _fast.set_device(before)
        _fast.tape_resume(suspended)
        trace_.asleep = None
