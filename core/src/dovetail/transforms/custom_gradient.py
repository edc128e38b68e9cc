"""custom_gradient: a function that brings its own derivative."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail import _fast
from dovetail.creation import asarray
from dovetail.errors import OpError
from dovetail.graph import Graph
from dovetail.op import Spec
from dovetail.ops.gradient_override import custom_gradient as custom_gradient_op
from dovetail.structured import stand_in
from dovetail.trace import active, trace
from dovetail.transforms.as_graph import as_graph

__all__ = ["custom_gradient"]


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a gradient of your own.

    ``function(*args)`` returns ``(value, pull)``. ``pull(cotangent)``, with a cotangent of the
    value's form, returns the gradients: one per positional argument, each of the argument's form,
    shapes and dtypes (for a single argument, the gradient itself; None for no gradient). The
    wrapped function returns the value.

    ``pull`` may use whatever ``function`` computed; that is kept. Arrays given by name or closed
    over are differentiated as if there were no ``pull``. Gradients of the gradient differentiate
    ``pull``. All transforms apply, inside and outside; where the function is differentiated or
    compiled it is traced, so ``if`` and ``while`` on values of arrays raise a `TraceError` there.

    Raises OpError when the function returns no such pair and when a gradient does not fit its
    argument.

    >>> import dovetail as dt
    >>> @dt.custom_gradient
    ... def log1pexp(x):
    ...     e = dt.exp(x)
    ...     return dt.log1p(e), lambda g: g * (1 - 1 / (1 + e))
    >>> dt.grad(log1pexp)(dt.asarray(100.0)).item()
    1.0
    """
    name = getattr(function, "__name__", "the function")

    @functools.wraps(function, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        bound = functools.partial(function, **kwargs) if kwargs else function
        if active() is None:
            leaves, _ = _fast.tree_flatten(args)
            arrays = tuple(x for x in leaves if isinstance(x, _fast.Array))
            if not _fast.tape_watching(arrays):  # nobody will ask for this gradient
                return _value_and_pull(bound(*args), name)[0]
        call = _Call(bound, name)
        traced, operands = as_graph(call, args)
        found = custom_gradient_op(
            *operands,
            body=traced.graph,
            pull=call.pull,
            n_values=call.n_values,
            n_arguments=len(traced.inputs),
            answered=tuple(call.answered),
        )
        return _fast.tree_unflatten(call.form, list(found[: call.n_values]))

    return wrapped


def _value_and_pull(result: Any, name: str) -> tuple[Any, Callable[[Any], Any]]:
    if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
        raise OpError(
            f"custom_gradient of {name}: it must return (value, pull), where pull(cotangent) gives "
            f"the gradients; it returned {type(result).__name__}"
        )
    return result


@dataclass(eq=False)
class _Call:
    """One call being traced: as a function of the arguments it gives the values and what the pull
    reads of the computation; afterwards it holds the rest of what the op needs."""

    function: Callable[..., Any]
    __name__: str
    form: Any = None
    n_values: int = 0
    pull: Graph = field(default_factory=Graph)
    answered: list[int] = field(default_factory=list)
    """Positions among the traced inputs that the pull gives a gradient for."""

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        value, pull = _value_and_pull(self.function(*args), self.__name__)
        leaves, self.form = _fast.tree_flatten(value)
        values = [self._array(x) for x in leaves]
        self.n_values = len(values)

        def flat(*cotangents: Any) -> list[Any]:
            answer = pull(_fast.tree_unflatten(self.form, cotangents))
            return self._answers(args, answer)

        flat.__name__ = f"{self.__name__}.pull"
        stand_ins = tuple(stand_in(Spec(y.shape, y.dtype), y.device) for y in values)
        traced = trace(flat, stand_ins, device=_device(args, values))
        self.pull = traced.graph
        return (*values, *traced.closed())

    def _array(self, leaf: Any) -> Any:
        if isinstance(leaf, _fast.Array | bool | int | float | complex):
            return asarray(leaf)
        raise OpError(
            f"custom_gradient of {self.__name__}: its value holds {type(leaf).__name__}; only "
            f"arrays, numbers and containers of them have gradients"
        )

    def _answers(self, args: tuple[Any, ...], answer: Any) -> list[Any]:
        """The gradients that the pull gave, in the order of ``answered``."""
        self.answered.clear()
        given = self._per_argument(args, answer)
        found, at = [], 0
        for i, (arg, gradient) in enumerate(zip(args, given, strict=True)):
            leaves, tree = _fast.tree_flatten(arg)
            parts: list[Any] = [None] * len(leaves)
            if gradient is not None:
                parts = _fast.tree_flatten_up_to(tree, gradient)
            for x, g in zip(leaves, parts, strict=True):
                if not isinstance(x, _fast.Array):
                    continue  # a string or a bool: no operand
                if x.dtype.differentiable and not x._weak and g is not None:
                    found.append(self._checked(i, x, g))
                    self.answered.append(at)
                at += 1
        return found

    def _per_argument(self, args: tuple[Any, ...], answer: Any) -> Sequence[Any]:
        if len(args) == 1:
            wrapped = isinstance(answer, tuple) and len(answer) == 1
            return answer if wrapped and not isinstance(args[0], tuple) else (answer,)
        if not isinstance(answer, tuple | list) or len(answer) != len(args):
            what = f"{len(answer)}" if isinstance(answer, tuple | list) else type(answer).__name__
            raise OpError(
                f"custom_gradient of {self.__name__}: pull must return a tuple with a gradient for "
                f"each of the {len(args)} positional arguments (None for none), not {what}"
            )
        return answer

    def _checked(self, i: int, x: Any, g: Any) -> Any:
        if isinstance(g, bool | int | float | complex):
            g = asarray(g, dtype=x.dtype)
        if not isinstance(g, _fast.Array) or g.shape != x.shape or g.dtype is not x.dtype:
            have = f"{g.dtype}{list(g.shape)}" if isinstance(g, _fast.Array) else type(g).__name__
            raise OpError(
                f"custom_gradient of {self.__name__}: pull gave {have} for argument {i}, which "
                f"holds {x.dtype}{list(x.shape)} there; a gradient has its argument's shape and "
                f"dtype"
            )
        return g


def _device(args: tuple[Any, ...], values: Sequence[Any]) -> Any:
    leaves, _ = _fast.tree_flatten(args)
    arrays = [x for x in (*leaves, *values) if isinstance(x, _fast.Array)]
    return arrays[0].device if arrays else _fast.get_device()
