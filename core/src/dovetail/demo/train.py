"""Training: one compiled step that owns its parameters, called a few hundred times."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import dovetail as dt
from dovetail.demo import model
from dovetail.demo.batches import padded, training_batches
from dovetail.demo.data import Digits, Floats

__all__ = ["BATCH", "Trained", "classify_all", "train"]

BATCH = 64
RATE = 3e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """The parameters and how training went."""

    params: Any
    losses: list[float]
    accuracies: list[float]
    seconds: float
    first_step_seconds: float


def train(
    digits: Digits,
    *,
    seed: int,
    epochs: int,
    report: Callable[[int, int, float, float], None] = lambda *_: None,
) -> Trained:
    """Learn from ``digits``; the same seed gives the same weights and batches.

    ``report(step, steps, loss, accuracy)`` is called after every step.
    """
    random = np.random.default_rng(seed)
    params = model.init(dt.random.key(seed))
    steps = epochs * (len(digits.train_images) // BATCH)
    optimizer = dt.optim.adam(lambda taken: _rate(taken, steps))
    state = optimizer.init(params)

    def learn(params: Any, state: Any, images: Any, labels: Any) -> tuple[Any, Any, Any]:
        loss, grads = dt.value_and_grad(model.loss)(params, images, labels)
        params, state = optimizer.update(grads, state, params)
        return params, state, loss

    # The compiled step owns params and state: it takes their memory for the new ones.
    step = dt.jit(learn, donate=("params", "state"))
    classify = dt.jit(model.classify)
    losses: list[float] = []
    accuracies: list[float] = []
    first = 0.0
    started = time.perf_counter()
    for _ in range(epochs):
        for images, labels in training_batches(
            digits.train_images, digits.train_labels, BATCH, random
        ):
            params, state, loss = step(params, state, dt.asarray(images), dt.asarray(labels))
            losses.append(loss.item())
            first = first or time.perf_counter() - started
            report(len(losses), steps, losses[-1], accuracies[-1] if accuracies else math.nan)
        found = classify_all(lambda batch: classify(params, batch), digits.test_images)  # noqa: B023
        accuracies.append(float((found.argmax(axis=1) == digits.test_labels).mean()))
    return Trained(
        params=params,
        losses=losses,
        accuracies=accuracies,
        seconds=time.perf_counter() - started,
        first_step_seconds=first,
    )


def _rate(taken: Any, steps: int) -> Any:
    """A cosine from the full rate down to nothing, so that the last epochs settle."""
    progress = taken.astype(dt.float32) / steps
    return RATE * 0.5 * (1 + dt.cos(progress * math.pi))


def classify_all(classify: Callable[[Any], Any], images: Floats) -> Floats:
    """Probabilities of all images, batch by batch."""
    parts = [
        np.asarray(classify(dt.asarray(batch)))[:count] for batch, count in padded(images, BATCH)
    ]
    return np.concatenate(parts)
