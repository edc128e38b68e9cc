"""dovetail: eager, compiled, called from C, and the whole training step compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dovetail as dt
from dovetail import _fast
from spine import entry, plugin, problems
from spine.case import Budget, Case, Samples, exact, first, minor_faults, per_step, timed


def versions() -> dict[str, str]:
    return {"dovetail": dt.__version__}


def _sampled(run: Callable[[int], Any], threads: int) -> Callable[[Budget], Samples]:
    return lambda budget: timed(run, budget, pinned=threads == 1)


def _calls(function: Callable[..., Any], *args: Any) -> Callable[[int], Any]:
    sync = dt.default_device().sync

    def run(n: int) -> None:
        for _ in range(n):
            function(*args)
        sync()

    return run


def _done(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    run = _calls(function, *args)
    return lambda: run(1)


def _tiny(threads: int) -> Iterator[Case]:
    a, b = map(dt.asarray, problems.pair())
    sync = dt.default_device().sync

    def add(n: int) -> None:
        for _ in range(n):
            a + b
        sync()

    def mul_sum(n: int) -> Any:
        for _ in range(n):
            result = (a * b).sum()
        sync()
        return result

    yield Case(name="add", how="a + b", samples=_sampled(add, threads), value=lambda: a + b)
    yield Case(
        name="mul_sum",
        how="(a * b).sum()",
        samples=_sampled(mul_sum, threads),
        value=lambda: mul_sum(1),
    )
    both = dt.value_and_grad(lambda x, y: (x * y).sum(), argnums=(0, 1))

    def answer() -> Any:
        value, grads = both(a, b)
        return value, *grads

    yield Case(
        name="mul_sum_backward",
        how="value_and_grad, not jitted",
        samples=_sampled(_calls(both, a, b), threads),
        value=answer,
    )
    compiled = dt.jit(lambda x, y: (x * y + 1).sum())
    yield Case(
        name="compiled_first",
        how="jit, first call of (x * y + 1).sum()",
        samples=lambda _: first(_done(compiled, a, b), pinned=threads == 1),
    )
    yield Case(
        name="compiled",
        how="jit, (x * y + 1).sum()",
        samples=_sampled(_calls(compiled, a, b), threads),
        value=lambda: compiled(a, b),
    )
    others = [dt.jit(lambda x, y, k=k: (x * y + k).sum()) for k in _constants()]
    yield Case(
        name="compiled_another",
        how="jit, first call of further functions",
        samples=lambda _: first(*(_done(f, a, b) for f in others), pinned=threads == 1),
    )


def _constants() -> list[float]:
    """Default arguments are static here as in jax: k is a constant of the function."""
    return [float(k) for k in range(2, 2 + problems.ANOTHER)]


def steps_of(
    loss_of: Callable[..., Any], parameters: Any, batch: tuple[Any, ...]
) -> Callable[[], Any]:
    """Steps of Adam on ``loss_of(parameters, *batch)``; each returns the loss before it."""
    start = dt.tree.map(dt.asarray, parameters)
    x, labels = map(dt.asarray, batch)
    adam = dt.optim.adam(
        problems.RATE, beta1=problems.BETA1, beta2=problems.BETA2, epsilon=problems.EPSILON
    )
    gradient = dt.value_and_grad(loss_of)

    def update(params: Any, state: Any, x: Any, labels: Any) -> Any:
        loss, grads = gradient(params, x, labels)
        params, state = adam.update(grads, state, params)
        return params, state, loss

    compiled = dt.jit(update, donate=("params", "state"))
    held = [start, adam.init(start)]
    sync = dt.default_device().sync

    def step() -> Any:
        held[0], held[1], loss = compiled(held[0], held[1], x, labels)
        sync()
        return loss

    return step


def training() -> Callable[[], Any]:
    """One call, one step; it returns the loss before the step."""

    def loss_of(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:-1]:
            x = dt.nn.relu(dt.nn.linear(x, w, b))
        return dt.nn.cross_entropy(dt.nn.linear(x, *params[-1]), labels)

    return steps_of(loss_of, problems.parameters(), problems.batch())


def _memory(word: str) -> Callable[[], int]:
    device = dt.default_device()
    return lambda: _fast.memory_stats(device)[word]


def _mlp(threads: int) -> Iterator[Case]:
    how = "jit of the whole step, donated"
    step = training()
    found: list[Any] = []
    yield Case(
        name="mlp_first",
        how=how,
        samples=lambda _: first(lambda: found.append(step()), pinned=threads == 1),
    )
    found += [step() for _ in range(problems.LOSSES - 1)]
    yield Case(
        name="mlp_losses",
        how=how,
        samples=lambda _: exact(problems.deviation([float(x) for x in found])),
    )

    def steps(n: int) -> None:
        for _ in range(n):
            step()

    yield Case(name="mlp_step", how=how, samples=_sampled(steps, threads))
    counters = (
        ("mlp_faults", minor_faults),
        ("mlp_allocations", _memory("system_allocations")),
        ("mlp_growth", _memory("live_bytes")),
    )
    for name, count in counters:
        yield Case(
            name=name,
            how=how,
            samples=lambda _, count=count: exact(per_step(step, count)),
        )


def cases(threads: int) -> Iterator[Case]:
    yield from _tiny(threads)
    yield from plugin.cases(threads)
    yield from entry.cases(threads)
    yield from _mlp(threads)
