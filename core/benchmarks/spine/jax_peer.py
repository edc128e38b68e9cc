"""jax: eager, jitted, and the whole training step jitted with donated parameters and state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from spine import problems
from spine.case import Budget, Case, Samples, exact, first, minor_faults, per_step, timed


def versions() -> dict[str, str]:
    return {"jax": jax.__version__}


def _sampled(run: Callable[[int], Any], threads: int) -> Callable[[Budget], Samples]:
    return lambda budget: timed(run, budget, pinned=threads == 1)


def _calls(function: Callable[..., Any], *args: Any) -> Callable[[int], Any]:
    """Calls in a row; the last is awaited, so that queued work counts."""

    def run(n: int) -> None:
        for _ in range(n):
            result = function(*args)
        jax.block_until_ready(result)

    return run


def _done(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(function(*args))


def _tiny(threads: int) -> Iterator[Case]:
    a, b = map(jnp.asarray, problems.pair())

    def add(n: int) -> None:
        for _ in range(n):
            result = a + b
        result.block_until_ready()

    def mul_sum(n: int) -> Any:
        for _ in range(n):
            result = (a * b).sum()
        return result.block_until_ready()

    yield Case(name="add", how="a + b", samples=_sampled(add, threads), value=lambda: a + b)
    yield Case(
        name="mul_sum",
        how="(a * b).sum()",
        samples=_sampled(mul_sum, threads),
        value=lambda: mul_sum(1),
    )
    both = jax.value_and_grad(lambda x, y: (x * y).sum(), argnums=(0, 1))

    def answer() -> Any:
        value, grads = both(a, b)
        return value, *grads

    yield Case(
        name="mul_sum_backward",
        how="jax.value_and_grad, not jitted",
        samples=_sampled(_calls(both, a, b), threads),
        value=answer,
    )
    compiled = jax.jit(lambda x, y: (x * y + 1).sum())
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
    others = [jax.jit(lambda x, y, k=k: (x * y + k).sum()) for k in range(2, 2 + problems.ANOTHER)]
    yield Case(
        name="compiled_another",
        how="jit, first call of further functions",
        samples=lambda _: first(*(_done(f, a, b) for f in others), pinned=threads == 1),
    )


def steps_of(
    loss_of: Callable[..., Any], parameters: Any, batch: tuple[Any, ...]
) -> Callable[[], Any]:
    """Steps of Adam on ``loss_of(parameters, *batch)``; each returns the loss before it."""
    start = jax.tree.map(jnp.asarray, parameters)
    given = tuple(map(jnp.asarray, batch))

    def update(state: Any, *batch: Any) -> Any:
        params, mean, square, n = state
        n = n + 1
        loss, grads = jax.value_and_grad(loss_of)(params, *batch)
        b1, b2 = problems.BETA1, problems.BETA2
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, mean, grads)
        square = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, square, grads)
        params = jax.tree.map(
            lambda p, m, v: (
                p
                - problems.RATE * (m / (1 - b1**n)) / (jnp.sqrt(v / (1 - b2**n)) + problems.EPSILON)
            ),
            params,
            mean,
            square,
        )
        return (params, mean, square, n), loss

    compiled = jax.jit(update, donate_argnums=0)
    zeros = jax.tree.map(jnp.zeros_like, start)
    state = [(start, zeros, jax.tree.map(jnp.zeros_like, start), jnp.float32(0))]

    def step() -> Any:
        state[0], loss = compiled(state[0], *given)
        jax.block_until_ready(state[0])
        return loss

    return step


def training() -> Callable[[], Any]:
    """One call, one step; it returns the loss before the step."""

    def loss_of(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
        logits = x @ params[-1][0] + params[-1][1]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], -1)
        return -chosen.mean()

    return steps_of(loss_of, problems.parameters(), problems.batch())


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
    yield Case(
        name="mlp_faults",
        how=how,
        samples=lambda _: exact(per_step(step, minor_faults)),
    )


def cases(threads: int) -> Iterator[Case]:
    yield from _tiny(threads)
    yield from _mlp(threads)
