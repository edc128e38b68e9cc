"""jit: trace once per signature, rewrite the graph, plan it, then run it in C."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dovetail import _fast, settings
from dovetail.errors import OpError

if TYPE_CHECKING:
    from dovetail.explain import Explanation
    from dovetail.transforms.lowering import Lowered

__all__ = ["jit"]


def jit(
    function: Callable[..., Any] | None = None,
    *,
    donate: int | str | Iterable[int | str] = (),
    static: int | str | Iterable[int | str] = (),
    fallback: str | None = None,
) -> Any:
    """Compile a function: traced once per shapes and dtypes of its arguments, then run natively.

    Arguments may be arrays, Python numbers (traced as scalars that take the dtype of what they
    meet), other hashable values (part of the signature) and containers of all these. ``static``
    names arguments, by position or name, whose value is part of the signature even if they are
    numbers. ``donate`` names arguments whose arrays the call may overwrite: it reuses their memory
    for results, and using them afterwards raises `DonatedError`.

    ``fallback`` says what becomes of what the device lacks: ``"cpu"`` leaves it to the CPU, which
    ``.explain`` shows with the device's reasons; ``"error"`` raises a `DeviceError`. Without it,
    `use_device` or DOVETAIL_FALLBACK decides.

    ``if`` and ``while`` on traced values raise a `TraceError` with your line. Concrete arrays that
    the function closes over are constants.

    The result has ``.explain(*args)``, the graph, its steps and its memory as text and pictures
    (see `dovetail.explain`), and ``.entry(*args)``, the plan as a C function (see
    dovetail_compiled.h).

    >>> import dovetail as dt
    >>> double = dt.jit(lambda x: x + x)
    >>> double(dt.asarray([1.0, 2.0])).tolist()
    [2.0, 4.0]
    """
    if function is None:
        return functools.partial(jit, donate=donate, static=static, fallback=fallback)
    if fallback is not None:
        settings.checked_fallback(fallback, "jit: fallback")
    names = _names(function, static, "static")
    donated = _names(function, donate, "donate")
    compiled = _fast.Jit(function, functools.partial(_compile, donated), names)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        if hasattr(function, attribute):
            setattr(compiled, attribute, getattr(function, attribute))
    compiled.fallback = fallback
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


# Lowering is loaded by the first call that compiles: importing Dovetail stays light.
def _compile(
    donated: frozenset[int | str], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...] | None:
    """What csrc/fast/jit.c asks for a new signature; see `lowering.compile_call`."""
    from dovetail.transforms.lowering import compile_call  # noqa: PLC0415  loads passes and plan

    with settings.fallback_as(function.fallback):
        return compile_call(donated, function, args, kwargs)


def _explain(self: Any, *args: Any, **kwargs: Any) -> Explanation:
    """What the call with these arguments runs: printed, or drawn with ``to_svg()``."""
    from dovetail.explain import Explanation, part_of  # noqa: PLC0415  for people, not for calls

    found = _lowered(self, args, kwargs)
    return Explanation(parts=(part_of("", found.graph, found.planned),))


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
