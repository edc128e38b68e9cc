"""jit: trace once per signature, rewrite the graph, plan it, then run it in C."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail import _fast
from dovetail.errors import OpError
from dovetail.graph import Graph
from dovetail.trace import Traced, trace

if TYPE_CHECKING:
    from dovetail.plan import Planned

__all__ = ["Lowered", "jit", "lower", "trace_call", "traced_leaves"]


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """Everything known about one compiled signature."""

    traced: Traced
    graph: Graph
    planned: Planned
    kept: tuple[int, ...]
    """Which inputs of the traced graph the plan reads."""

    def __str__(self) -> str:
        return f"{self.graph}\n\n{self.planned}"


def jit(
    function: Callable[..., Any] | None = None,
    *,
    donate: int | str | Iterable[int | str] = (),
    static: int | str | Iterable[int | str] = (),
) -> Any:
    """Compile a function: traced once per shapes and dtypes of its arguments, then run natively.

    Arguments may be arrays, Python numbers (traced as scalars that take the dtype of what they
    meet), other hashable values (part of the signature) and containers of all these. ``static``
    names arguments, by position or name, whose value is part of the signature even if they are
    numbers. ``donate`` names arguments whose arrays the call may overwrite: it reuses their memory
    for results, and using them afterwards raises `DonatedError`.

    ``if`` and ``while`` on traced values raise a `TraceError` with your line. Concrete arrays that
    the function closes over are constants.

    The result has ``.explain(*args)``, the graph and the plan as text, and ``.entry(*args)``, the
    plan as a C function (see dovetail_compiled.h).

    >>> import dovetail as dt
    >>> double = dt.jit(lambda x: x + x)
    >>> double(dt.asarray([1.0, 2.0])).tolist()
    [2.0, 4.0]
    """
    if function is None:
        return functools.partial(jit, donate=donate, static=static)
    names = _names(function, static, "static")
    donated = _names(function, donate, "donate")
    compiled = _fast.Jit(function, functools.partial(_compile, donated), names)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        if hasattr(function, attribute):
            setattr(compiled, attribute, getattr(function, attribute))
    return compiled


def _names(
    function: Callable[..., Any], chosen: int | str | Iterable[int | str], word: str
) -> frozenset[int | str]:
    """Positions and names of arguments, each completed by the other where the signature tells."""
    wanted = {chosen} if isinstance(chosen, int | str) else set(chosen)
    if not wanted:
        return frozenset()
    import inspect  # noqa: PLC0415  slow to load, and needed only where something is named

    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset(wanted)
    for name in list(wanted):
        if isinstance(name, int):
            wanted.update(parameters[name : name + 1])
        elif name in parameters:
            wanted.add(parameters.index(name))
        elif not any(
            p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()
        ):
            raise OpError(
                f"jit: {word}={name!r} is no argument of {getattr(function, '__name__', 'it')}; "
                f"it has {', '.join(parameters) or 'none'}"
            )
    return frozenset(wanted)


def _without_static(
    names: frozenset[int | str], function: Callable[..., Any], args: Any, kwargs: Any
) -> tuple[Callable[..., Any], Any, Any]:
    """The call with its static arguments bound, so that only traced ones remain."""
    if not names:
        return function, args, kwargs
    fixed = {i: x for i, x in enumerate(args) if i in names}
    fixed_words = {k: v for k, v in kwargs.items() if k in names}

    @functools.wraps(function)
    def bound(*rest: Any, **words: Any) -> Any:
        merged = [fixed.get(i, x) for i, x in enumerate(rest)]
        return function(*merged, **words, **fixed_words)

    return (
        bound,
        tuple(None if i in fixed else x for i, x in enumerate(args)),
        {k: v for k, v in kwargs.items() if k not in fixed_words},
    )


def lower(
    graph: Graph, traced: Traced, device: Any, donated: frozenset[int] = frozenset()
) -> Lowered:
    """Passes and plan of a traced function. ``donated`` are positions of graph inputs."""
    from dovetail.passes import optimise  # noqa: PLC0415  who never compiles never loads them
    from dovetail.plan import plan  # noqa: PLC0415

    graph = optimise(graph, device)
    used = graph.uses()
    kept = tuple(i for i, v in enumerate(graph.inputs) if v in used)
    graph.inputs = [graph.inputs[i] for i in kept]
    planned = plan(graph, device, frozenset(kept.index(i) for i in donated if i in kept))
    return Lowered(traced=traced, graph=graph, planned=planned, kept=kept)


def _device_of(args: Any, kwargs: Any) -> Any:
    leaves, _ = _fast.tree_flatten((args, kwargs))
    return (
        next((x.device for x in leaves if isinstance(x, _fast.Array)), None) or _fast.get_device()
    )


def _donated_leaves(
    donated: frozenset[int | str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[bool]:
    """For each leaf of the arguments whether its argument is donated."""
    flags: list[bool] = []
    for name, x in (*enumerate(args), *kwargs.items()):
        flags += [name in donated] * len(_fast.tree_flatten(x)[0])
    return flags


def trace_call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Traced, Any]:
    """The graph of one call of a compiled function, and its device."""
    bound, args, kwargs = _without_static(
        function._static_names, function.__wrapped__, args, kwargs
    )
    device = _device_of(args, kwargs)
    return trace(bound, args, kwargs, device), device


def traced_leaves(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The leaves of a call's arguments that `Traced.inputs` counts: static ones are left out."""
    _, args, kwargs = _without_static(function._static_names, function.__wrapped__, args, kwargs)
    leaves, _ = _fast.tree_flatten((args, kwargs))
    found: list[Any] = leaves
    return found


def _compile(
    donated: frozenset[int | str], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...] | None:
    """What csrc/fast/jit.c keeps for a new signature: plan, result's TreeDef, which leaves the plan
    reads, which of its inputs are donated, `Lowered`. None: the function closes over an array that
    a gradient tape watches, so the call must be recorded."""
    traced, device = trace_call(function, args, kwargs)
    if traced.watched:
        return None
    _, args, kwargs = _without_static(function._static_names, function.__wrapped__, args, kwargs)
    flags = _donated_leaves(donated, args, kwargs)
    positions = frozenset(k for k, leaf in enumerate(traced.inputs) if flags[leaf])
    lowered = lower(traced.graph, traced, device, positions)
    return (
        lowered.planned.plan,
        traced.out_tree,
        bytes(i in lowered.kept for i in range(len(traced.inputs))),
        bytes(lowered.planned.donated) if any(lowered.planned.donated) else None,
        lowered,
    )


def _explain(self: Any, *args: Any, **kwargs: Any) -> str:
    """The graph and the plan of the call with these arguments, as text."""
    return str(_lowered(self, args, kwargs))


def _lowered(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lowered:
    found = self._find(args, kwargs)
    if found is None:
        answer = self._compile(self, args, kwargs)
        if answer is None:
            raise OpError(
                f"{self.__name__} closes over an array that is being differentiated; pass it as an "
                f"argument to look at its plan"
            )
        found = answer[-1]
    result: Lowered = found
    return result


def _entry(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The plan of the call with these arguments as a C function and a context.

    ``.address`` is a ``dvt_compiled *`` (dovetail_compiled.h). Donation does not apply.
    """
    return _lowered(self, args, kwargs).planned.plan.entry()


_Jit: Any = _fast.Jit
_Jit.explain = _explain
_Jit.entry = _entry
