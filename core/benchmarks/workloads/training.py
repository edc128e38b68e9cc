"""Steps of training, forward, backward and Adam, in float32: dense, convolutional, transformer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from spine import problems

from workloads import gradients, networks
from workloads.workload import Call, Target, Workload

LOSSES = 4
"""The losses before so many first steps are compared."""
TOLERANCE = 2e-5
"""Of the first losses, relative to the largest. The sums behind a loss are off by about 1e-6, and a
weight whose gradient is below rounding moves by noise, but moves the loss by less than rounding
(`spine.problems.TOLERANCE`). A loss falls by several per cent at each of these steps, so that a
rate which is off by one per cent changes the losses by 1e-3, and a decay of the mean or of the
square that is off by 0.01 those of the convolutional network by more than 1e-4.
"""


def _peers(gate: float, stretch: float) -> Target:
    return Target(gate=gate, stretch=stretch, peers=("jax", "torch"))


WORKLOADS = (
    Workload(
        name="mlp",
        title="MLP 784-512-512-10, batch 128",
        tolerance=TOLERANCE,
        # The gradient of the images is not needed.
        flops=2.0 * 128 * (2 * 784 * 512 + 3 * 512 * 512 + 3 * 512 * 10),
        target=_peers(0.9, 0.7),
    ),
    Workload(
        name="cnn",
        title="CNN conv 32, conv 64, dense 128, batch 64",
        tolerance=TOLERANCE,
        flops=networks.cnn_flops(),
        target=_peers(0.9, 0.75),
    ),
    Workload(
        name="gpt",
        title="GPT, width 256, 4 layers, length 128, batch 8",
        tolerance=TOLERANCE,
        flops=networks.gpt_flops(),
        target=_peers(1.0, 0.75),
    ),
)

Step = Callable[[], Any]
"""One call, one step; it returns the loss before the step."""


def expected(name: str) -> np.ndarray:
    """The first losses."""
    if name == "mlp":
        return np.array(problems.losses(LOSSES))
    first = {"cnn": gradients.cnn_losses, "gpt": gradients.gpt_losses}[name]
    return np.array(first(LOSSES))


def _call(name: str, how: str, start: Callable[[], Step]) -> Call:
    step = start()
    return Call(
        name=name,
        how=how,
        function=step,
        answer=lambda: [float(step()) for _ in range(LOSSES)],
    )


def _cases(peer: str, how: dict[str, str]) -> Iterator[Call]:
    dense = importlib.import_module(f"spine.{peer}_peer")
    others = importlib.import_module(f"workloads.training_{peer}")
    yield _call("mlp", how["mlp"], dense.training)
    yield _call("cnn", how["cnn"], others.cnn)
    yield _call("gpt", how["gpt"], others.gpt)


def torch_calls(_: int) -> Iterator[Call]:
    way = "eager, fused Adam"
    return _cases("torch", {"mlp": way, "cnn": way + ", channels last", "gpt": way})


def jax_calls(_: int) -> Iterator[Call]:
    return _cases("jax", dict.fromkeys(("mlp", "cnn", "gpt"), "jit of the whole step, donated"))


def dovetail_calls(_: int) -> Iterator[Call]:
    return _cases(
        "dovetail", dict.fromkeys(("mlp", "cnn", "gpt"), "jit of the whole step, donated")
    )


CALLS = {"torch": torch_calls, "jax": jax_calls, "dovetail": dovetail_calls}
