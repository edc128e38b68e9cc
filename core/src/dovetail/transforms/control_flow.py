"""Choices and loops that depend on values: Python's on concrete arrays, one node when traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dovetail import _fast
from dovetail.creation import asarray
from dovetail.dtypes import bool_, int32, int64
from dovetail.errors import OpError
from dovetail.manipulation import stack
from dovetail.op import Spec
from dovetail.ops import astype
from dovetail.ops.branching import switch as switch_op
from dovetail.ops.conditional_loop import while_loop as while_op
from dovetail.ops.scanning import scan as scan_op
from dovetail.structured import stand_in
from dovetail.trace import Traced, active, input_spec, trace

__all__ = ["cond", "fori_loop", "scan", "switch", "while_loop"]


def _arrays(tree: Any, what: str) -> Any:
    """The same container with numbers made arrays; an `OpError` for anything else."""
    leaves, form = _fast.tree_flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, _fast.Array | bool | int | float | complex):
            raise OpError(
                f"{what} holds {type(leaf).__name__}; only arrays, numbers and containers of them "
                f"can pass from step to step"
            )
    return _fast.tree_unflatten(form, [asarray(leaf) for leaf in leaves])


def _traced(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Traced, tuple[Any, ...]]:
    """The graph of a function for arrays like these, and what to pass for what it closes over."""
    found = trace(function, args)
    return found, found.closed()


def _specs(leaves: Sequence[Any]) -> str:
    return ", ".join(f"{x.dtype}{list(x.shape)}" for x in leaves) or "nothing"


def _same_form(name: str, before: Any, after: Any, what: str) -> list[Any]:
    """Leaves of what a step returns, after the check that it has the form of what it was given."""
    old, form = _fast.tree_flatten(before)
    new, new_form = _fast.tree_flatten(_arrays(after, f"{name}: {what}"))
    alike = form == new_form and all(
        a.shape == b.shape and a.dtype is b.dtype for a, b in zip(old, new, strict=True)
    )
    if not alike:
        raise OpError(
            f"{name}: {what} is {_specs(new)} where the step was given {_specs(old)}; containers, "
            f"shapes and dtypes of what is carried must stay as they are (start with the dtype and "
            f"shape that a step returns)"
        )
    leaves: list[Any] = new
    return leaves


# ---- choices -------------------------------------------------------------------------------------


def switch(index: Any, functions: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Call one of several functions on the operands: ``functions[index](*operands)``.

    ``index`` is an integer without axes; one below 0 chooses the first function, one too large the
    last. Traced, all functions become part of the program and one of them runs; they must return
    containers of the same form, shapes and dtypes. Outside a trace the chosen one is just called.

    Raises OpError when there is no function, when the index is not one integer, and when the
    functions return different things.

    >>> import dovetail as dt
    >>> dt.switch(dt.asarray(1), (lambda x: x + 1, lambda x: x * 10), dt.asarray(3)).item()
    30
    """
    functions = tuple(functions)
    if not functions:
        raise OpError("switch: there is no function to choose from; give at least one")
    number = asarray(index)
    if number.shape != () or number.dtype.kind not in ("int", "uint"):
        raise OpError(
            f"switch: the index is {number.dtype}{list(number.shape)}; it must be one integer"
        )
    if active() is None:
        chosen = min(max(int(number.item()), 0), len(functions) - 1)
        return functions[chosen](*operands)
    last = len(functions) - 1
    if number.dtype.itemsize > 4 or number.dtype.kind == "uint":
        number = _clamped(number, last)
    return _choose("switch", astype(number, dtype=int32), functions, operands)


def _clamped(number: Any, last: int) -> Any:
    """An index that fits int32, whatever it was."""
    from dovetail.ops import maximum, minimum  # noqa: PLC0415  only wide indices need it

    low = number if number.dtype.kind == "uint" else maximum(number, 0)
    return minimum(low, last)


def cond(
    predicate: Any,
    true_function: Callable[..., Any],
    false_function: Callable[..., Any],
    *operands: Any,
) -> Any:
    """Call ``true_function(*operands)`` where the predicate holds, else ``false_function``.

    ``predicate`` is one bool (or number, true where not zero) without axes. Traced, both functions
    become part of the program and one of them runs; they must return containers of the same form,
    shapes and dtypes. Outside a trace the chosen one is just called. Under `vmap` with a predicate
    per example both run and each example takes its own.

    Raises OpError when the predicate has axes or the functions return different things.

    >>> import dovetail as dt
    >>> f = dt.jit(lambda x: dt.cond(x > 0, lambda x: x, lambda x: -x, x))
    >>> f(dt.asarray(-2.0)).item()
    2.0
    """
    value = asarray(predicate)
    if value.shape != ():
        raise OpError(
            f"cond: the predicate is {value.dtype}{list(value.shape)}; it must be one bool: reduce "
            f"it with all() or any(), or choose element by element with where"
        )
    if active() is None:
        return (true_function if bool(value.item()) else false_function)(*operands)
    if value.dtype is not bool_:
        value = value != 0
    return _choose("cond", astype(value, dtype=int32), (false_function, true_function), operands)


def _choose(
    name: str, index: Any, functions: tuple[Callable[..., Any], ...], operands: tuple[Any, ...]
) -> Any:
    leaves, _ = _fast.tree_flatten(operands)
    specs_of = [(x, input_spec(x)) for x in leaves]
    given = tuple(
        x if isinstance(x, _fast.Array) else asarray(x, dtype=s.dtype) for x, s in specs_of if s
    )
    found = [_traced(f, operands) for f in functions]
    first = found[0][0]
    for k, (other, _) in enumerate(found):
        specs = [[(v.spec.shape, v.spec.dtype) for v in t.graph.outputs] for t in (first, other)]
        if other.out_tree != first.out_tree or specs[0] != specs[1]:
            both = [", ".join(str(v.spec) for v in t.graph.outputs) for t in (first, other)]
            names = [_branch(name, j, f) for j, f in ((0, functions[0]), (k, functions[k]))]
            raise OpError(
                f"{name}: {names[0]} returns {both[0] or 'nothing'} and {names[1]} returns "
                f"{both[1] or 'nothing'}; make containers, shapes and dtypes equal, for instance "
                f"with astype"
            )
    _share_inputs(found, len(given))
    captured = tuple(x for _, extra in found for x in extra)
    graphs = tuple(t.graph for t, _ in found)
    results = switch_op(index, *given, *captured, branches=graphs)
    return _fast.tree_unflatten(first.out_tree, list(results))


def _branch(name: str, k: int, function: Callable[..., Any]) -> str:
    word = getattr(function, "__name__", "a function")
    return (
        f"{('the false' if k == 0 else 'the true') if name == 'cond' else f'branch {k}'} ({word})"
    )


def _share_inputs(found: Sequence[tuple[Traced, tuple[Any, ...]]], count: int) -> None:
    """Let every branch take what any of them closes over."""
    from dovetail.graph import Value  # noqa: PLC0415  with traced choices only

    own = [t.graph.inputs[count:] for t, _ in found]
    for k, (traced, _) in enumerate(found):
        given = traced.graph.inputs[:count]
        others = [
            value if j == k else Value(value.spec)
            for j, values in enumerate(own)
            for value in values
        ]
        traced.graph.inputs = [*given, *others]


# ---- loops ---------------------------------------------------------------------------------------


def while_loop(
    condition: Callable[[Any], Any],
    body: Callable[[Any], Any],
    init: Any,
    *,
    max_steps: int | None = None,
) -> Any:
    """Repeat ``value = body(value)`` as long as ``condition(value)`` holds; return the last value.

    ``init`` is an array, a number or a container of them; ``body`` returns one of the same form,
    shapes and dtypes. Traced, the loop runs natively. Reverse-mode gradients of a traced loop need
    ``max_steps``, and cost that many steps; on concrete arrays every step is recorded as it runs.
    A condition that still holds after ``max_steps`` is an error.

    Raises OpError when the condition is not one bool, when the body changes the form of the value,
    and when the loop does not end within ``max_steps``.

    >>> import dovetail as dt
    >>> dt.jit(lambda x: dt.while_loop(lambda x: x < 100, lambda x: x * x, x))(dt.asarray(3)).item()
    6561
    """
    if max_steps is not None and max_steps < 0:
        raise OpError(f"while_loop: max_steps={max_steps} must not be negative")
    value = _arrays(init, "while_loop: init")
    if active() is None:
        return _python_while(condition, body, value, max_steps)
    leaves, form = _fast.tree_flatten(value)
    asked, asked_extra = _traced(condition, (value,))
    step, step_extra = _traced(
        lambda v: _same_form("while_loop", v, body(v), "the body's result"), (value,)
    )
    answers = asked.graph.outputs
    if len(answers) != 1 or answers[0].spec.shape != () or answers[0].spec.dtype is not bool_:
        raise _no_bool(", ".join(str(v.spec) for v in answers))
    results = while_op(
        *leaves,
        *asked_extra,
        *step_extra,
        condition=asked.graph,
        body=step.graph,
        n_carry=len(leaves),
        max_steps=max_steps,
    )
    return _fast.tree_unflatten(form, list(results))


def _no_bool(what: str) -> OpError:
    return OpError(
        f"while_loop: the condition returns {what or 'nothing'}; it must return one bool without "
        f"axes: compare, and reduce with all() or any()"
    )


def _python_while(condition: Any, body: Any, value: Any, max_steps: int | None) -> Any:
    steps = 0
    while True:
        answer = condition(value)
        if isinstance(answer, _fast.Array) and (answer.shape != () or answer.dtype is not bool_):
            raise _no_bool(f"{answer.dtype}{list(answer.shape)}")
        if not bool(answer):
            return value
        if max_steps is not None and steps >= max_steps:
            raise OpError(
                f"while_loop: the condition still holds after max_steps={max_steps} steps; raise "
                f"max_steps or make the loop end sooner"
            )
        new = _same_form("while_loop", value, body(value), "the body's result")
        value = _fast.tree_unflatten(_fast.tree_flatten(value)[1], new)
        steps += 1


def scan(
    function: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Loop over the rows of ``xs``: ``carry, y = function(carry, x)``; return carry and stacked ys.

    ``xs`` is an array or a container of arrays with the same number of rows (None, with ``length``
    given, for none at all); ``init`` an array, a number or a container of them. ``function``
    returns the next carry, of init's form, shapes and dtypes, and a result (or None) whose arrays
    are stacked along a new first axis. ``reverse`` starts from the last row; the results keep the
    order of the rows.

    Traced, the loop is one node of the program, its size independent of the length, and runs
    natively; its gradient keeps the carry of each turn and repeats the rest. On concrete arrays it
    is a Python loop: print and debug as you like, and compile with `jit` for speed.

    Raises OpError when rows or lengths disagree and when the carry changes its form.

    >>> import dovetail as dt
    >>> total, sums = dt.scan(lambda c, x: (c + x, c + x), dt.asarray(0), dt.asarray([1, 2, 3]))
    >>> total.item(), sums.tolist()
    (6, [1, 3, 6])
    """
    leaves, rows_form = _fast.tree_flatten(_arrays(xs, "scan: xs"))
    length = _length(leaves, length)
    carry = _arrays(init, "scan: init")
    if active() is None and length > 0:

        def row_of(t: int) -> Any:
            return _fast.tree_unflatten(rows_form, [x[t] for x in leaves])

        return _python_scan(function, carry, row_of, length, reverse)
    carried, form = _fast.tree_flatten(carry)
    result_form: list[Any] = []

    def turn(now: Any, row: Any) -> list[Any]:
        new, result = _pair(function(now, row))
        ys, tree = _fast.tree_flatten(_arrays(result, "scan: a result"))
        result_form[:] = [tree]
        return [*_same_form("scan", now, new, "the carry it returns"), *ys]

    rows = [stand_in(Spec(x.shape[1:], x.dtype), x.device) for x in leaves]
    one = _fast.tree_unflatten(rows_form, rows)
    body, extra = _traced(turn, (carry, one))
    results = scan_op(
        *carried,
        *leaves,
        *extra,
        body=body.graph,
        n_carry=len(carried),
        n_rows=len(leaves),
        length=length,
        reverse=bool(reverse),
    )
    return (
        _fast.tree_unflatten(form, list(results[: len(carried)])),
        _fast.tree_unflatten(result_form[0], list(results[len(carried) :])),
    )


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise OpError(
            f"scan: the function returns {type(result).__name__}; it must return a pair: the next "
            f"carry and a result (None for none)"
        )
    return result


def _length(leaves: Sequence[Any], length: int | None) -> int:
    if length is not None and length < 0:
        raise OpError(f"scan: length={length} must not be negative")
    for x in leaves:
        if x.ndim == 0:
            raise OpError(f"scan: xs holds {x.dtype}[]; every array of xs needs an axis of rows")
        if length is None:
            length = x.shape[0]
        if x.shape[0] != length:
            raise OpError(
                f"scan: an array of xs has {x.shape[0]} rows where {length} are expected; xs is "
                f"{_specs(leaves)}"
            )
    if length is None:
        raise OpError("scan: there are no xs to count; give length=")
    return length


def _python_scan(
    function: Any, carry: Any, row_of: Callable[[int], Any], length: int, reverse: bool
) -> tuple[Any, Any]:
    form = _fast.tree_flatten(carry)[1]
    columns: list[list[Any]] = []
    tree: Any = None
    for t in range(length)[:: -1 if reverse else 1]:
        row = row_of(t)
        new, result = _pair(function(carry, row))
        carry = _fast.tree_unflatten(form, _same_form("scan", carry, new, "the carry it returns"))
        ys, tree = _fast.tree_flatten(_arrays(result, "scan: a result"))
        columns = columns or [[] for _ in ys]
        for column, y in zip(columns, ys, strict=True):
            column.append(y)
    stacked = [stack(c[:: -1 if reverse else 1]) for c in columns]
    return carry, _fast.tree_unflatten(tree, stacked)


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """Repeat ``value = body(i, value)`` for i from ``lower`` up to, not including, ``upper``.

    With Python integers as bounds the loop has a gradient (it is a `scan`); with arrays it is a
    `while_loop`.

    >>> import dovetail as dt
    >>> dt.fori_loop(0, 4, lambda i, x: x * 2, dt.asarray(1)).item()
    16
    """
    if isinstance(lower, int) and isinstance(upper, int):
        from dovetail.ranges import arange  # noqa: PLC0415  this loop alone counts

        counts = arange(lower, max(lower, upper), dtype=int64)
        return scan(lambda value, i: (body(i, value), None), init, counts)[0]
    start = asarray(lower, dtype=int64) if isinstance(lower, int) else lower
    _, value = while_loop(
        lambda state: state[0] < upper,
        lambda state: (state[0] + 1, body(state[0], state[1])),
        (start, init),
    )
    return value
