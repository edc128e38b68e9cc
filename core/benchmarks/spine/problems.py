"""The problems, in numpy: inputs, right answers, and the training step in double precision."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

SIZE = 16
ANOTHER = 5
"""How many further functions are compiled to see what a first call costs later on."""
LAYERS = ((784, 512), (512, 512), (512, 10))
BATCH, CLASSES = 128, 10
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
LOSSES = 20
FLOOR = 0.01
TOLERANCE = 1e-3
"""Largest deviation of any of the first losses from those in double precision, relative to the loss
or to FLOOR, whichever is larger.

Adam divides by the root of the mean square, so a gradient below rounding still moves its weight by
about RATE, in a direction that is noise: single precision cannot follow double precision to the
last digit. But such a weight moves the loss by its gradient times RATE, which is below rounding
too; what is left is the error of sums of 512 to 784 products, about 1e-6, grown over 20 steps
(plain numpy in float32 deviates by 3e-5). The loss falls from 3 to 2e-4, where the difference of a
log-sum-exp of about 10 and a logit has an absolute error of 1e-6: hence FLOOR. A rate off by
1 % or a decay off by 0.01 exceeds the tolerance within six steps (core/tests/test_benchmarks.py).
"""


def pair(dtype: Any = np.float32, size: int = SIZE) -> tuple[Any, Any]:
    """Two vectors of unlike numbers that single precision holds exactly."""
    at = np.arange(size, dtype=dtype)
    return (at / 8 - 1).astype(dtype), (2 - at / 16).astype(dtype)


def ten(lib: Any, x: Any, y: Any) -> Any:
    """Ten operations, of which none can be simplified away. ``lib`` has sqrt and maximum."""
    a = x * y
    c = a + x - y
    e = c * c + 1.0
    return lib.maximum(c / e, lib.sqrt(e)) * x - a


def expected(name: str) -> Any:
    """What the case computes, or None where nothing is compared."""
    x, y = pair(np.float64)
    answers: dict[str, Any] = {
        "add": x + y,
        "add_plugin": x + y,
        "mul_sum": (x * y).sum(),
        "mul_sum_backward": ((x * y).sum(), y, x),
        "compiled": (x * y + 1).sum(),
    }
    if name.startswith("entry"):
        x, y = pair(np.float64, 4)
        return ten(np, x, y) if name == "entry_ten" else x + y
    return answers.get(name)


def same(found: Any, wanted: Any) -> bool:
    """Within rounding of single precision; tuples element by element."""
    if isinstance(wanted, tuple):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    found = np.asarray(found, np.float64)
    return found.shape == np.shape(wanted) and np.allclose(found, wanted, rtol=2e-6, atol=2e-6)


# ---- the training step ---------------------------------------------------------------------------


def parameters() -> list[tuple[Any, Any]]:
    """Weights (in, out), normal with variance 2 / in, and biases, in float32."""
    draw = np.random.default_rng(0)
    return [
        (
            (draw.standard_normal((i, o)) * (2 / i) ** 0.5).astype(np.float32),
            np.zeros(o, np.float32),
        )
        for i, o in LAYERS
    ]


def batch() -> tuple[Any, Any]:
    """One batch: normal inputs in float32, labels in int64."""
    draw = np.random.default_rng(1)
    x = draw.standard_normal((BATCH, LAYERS[0][0])).astype(np.float32)
    return x, draw.integers(0, CLASSES, BATCH)


def _loss_and_gradients(weights: list[Any], x: Any, labels: Any) -> tuple[float, list[Any]]:
    layers = [weights[k : k + 2] for k in range(0, len(weights), 2)]
    kept = [x]
    for w, b in layers[:-1]:
        kept.append(np.maximum(kept[-1] @ w + b, 0))
    w, b = layers[-1]
    logits = kept[-1] @ w + b
    logits = logits - logits.max(1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(1, keepdims=True))
    at = np.arange(len(labels))
    loss = float((log_sum[:, 0] - logits[at, labels]).mean())
    slope = np.exp(logits - log_sum)
    slope[at, labels] -= 1
    slope /= len(labels)
    gradients: list[Any] = []
    for k in range(len(layers) - 1, -1, -1):
        gradients[:0] = [kept[k].T @ slope, slope.sum(0)]
        slope = (slope @ layers[k][0].T) * (kept[k] > 0)
    return loss, gradients


@functools.cache
def losses(steps: int = LOSSES, dtype: Any = np.float64) -> tuple[float, ...]:
    """The loss before each of the first steps, computed plainly."""
    weights = [p.astype(dtype) for layer in parameters() for p in layer]
    x, labels = batch()
    x = x.astype(dtype)
    mean = [np.zeros_like(w) for w in weights]
    square = [np.zeros_like(w) for w in weights]
    found = []
    for n in range(1, steps + 1):
        loss, gradients = _loss_and_gradients(weights, x, labels)
        found.append(loss)
        for k, g in enumerate(gradients):
            mean[k] = BETA1 * mean[k] + (1 - BETA1) * g
            square[k] = BETA2 * square[k] + (1 - BETA2) * g * g
            step = mean[k] / (1 - BETA1**n) / (np.sqrt(square[k] / (1 - BETA2**n)) + EPSILON)
            weights[k] = weights[k] - RATE * step
    return tuple(found)


def deviation(found: list[float], wanted: tuple[float, ...] | None = None) -> float:
    """The largest deviation of the first losses from double precision, as TOLERANCE counts."""
    wanted = losses() if wanted is None else wanted
    if len(found) != len(wanted):
        raise ValueError(f"{len(found)} losses, not {len(wanted)}")
    return max(abs(a - b) / max(b, FLOOR) for a, b in zip(found, wanted, strict=True))
