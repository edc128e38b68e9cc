"""torch: eager, with its fused Adam; torch.compile apart, since it takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from spine import problems
from spine.case import Budget, Case, Samples, exact, first, minor_faults, per_step, timed


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def _pair(**how: Any) -> tuple[Any, Any]:
    a, b = problems.pair()
    return torch.tensor(a, **how), torch.tensor(b, **how)


def _sampled(run: Callable[[int], Any], threads: int) -> Callable[[Budget], Samples]:
    return lambda budget: timed(run, budget, pinned=threads == 1)


def _tiny(threads: int) -> Iterator[Case]:
    a, b = _pair()

    def add(n: int) -> None:
        for _ in range(n):
            a + b

    def mul_sum(n: int) -> Any:
        for _ in range(n):
            result = (a * b).sum()
        return result

    yield Case(name="add", how="a + b", samples=_sampled(add, threads), value=lambda: a + b)
    yield Case(
        name="mul_sum",
        how="(a * b).sum(), no gradient asked",
        samples=_sampled(mul_sum, threads),
        value=lambda: mul_sum(1),
    )
    c, d = _pair(requires_grad=True)

    def backward(n: int) -> Any:
        for _ in range(n):
            c.grad = d.grad = None
            value = (c * d).sum()
            value.backward()
        return value

    yield Case(
        name="mul_sum_backward",
        how="(a * b).sum().backward(), gradients reset",
        samples=_sampled(backward, threads),
        value=lambda: (backward(1).detach(), c.grad, d.grad),
    )


def _network() -> Any:
    net = nn.Sequential(
        nn.Linear(*problems.LAYERS[0]),
        nn.ReLU(),
        nn.Linear(*problems.LAYERS[1]),
        nn.ReLU(),
        nn.Linear(*problems.LAYERS[2]),
    )
    with torch.no_grad():
        for layer, (w, b) in zip(net[::2], problems.parameters(), strict=True):
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
    return net


def training(compiled: bool = False) -> Callable[[], Any]:
    """One call, one step; it returns the loss before the step."""
    net = _network()
    x, labels = map(torch.from_numpy, problems.batch())
    adam = torch.optim.Adam(
        net.parameters(),
        problems.RATE,
        betas=(problems.BETA1, problems.BETA2),
        eps=problems.EPSILON,
        fused=True,
    )

    def forward(x: Any) -> Any:
        return functional.cross_entropy(net(x), labels)

    loss_of = torch.compile(forward) if compiled else forward

    def step() -> Any:
        adam.zero_grad(set_to_none=True)
        loss = loss_of(x)
        loss.backward()
        adam.step()
        return loss.detach()

    return step


def _mlp(threads: int, compiled: bool) -> Iterator[Case]:
    how = f"{'torch.compile of the loss' if compiled else 'eager'}, fused Adam"
    step = training(compiled)
    found: list[Any] = []
    yield Case(
        name="mlp_first",
        how=how + ("" if compiled else " (nothing is compiled)"),
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
    torch.set_num_threads(threads)
    yield from _tiny(threads)
    yield from _mlp(threads, compiled=False)


def compiled_cases(threads: int) -> Iterator[Case]:
    torch.set_num_threads(threads)
    a, b = _pair()
    (a * b).sum()
    function = torch.compile(lambda x, y: (x * y + 1).sum())
    yield Case(
        name="compiled_first",
        how="torch.compile, first call of (x * y + 1).sum()",
        samples=lambda _: first(lambda: function(a, b), pinned=threads == 1),
    )

    def calls(n: int) -> None:
        for _ in range(n):
            function(a, b)

    yield Case(
        name="compiled",
        how="torch.compile, (x * y + 1).sum()",
        samples=_sampled(calls, threads),
        value=lambda: function(a, b),
    )
    yield from _mlp(threads, compiled=True)
