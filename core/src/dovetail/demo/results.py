"""What a run of the demo found out: the data behind the table and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOUND", "TARGET", "DeviceResult", "Results"]

TARGET = 0.97
"""Accuracy below which the demo fails."""

BOUND = 1e-3
"""Largest difference of a probability from the reference that the demo accepts. Four layers of
float32 sums in another order differ by a few 1e-6; a wrong kernel, or half precision where single
was asked for, differs by more than 1e-3."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceResult:
    """How one device ran the program; ``reason`` says why when it could not."""

    name: str
    accuracy: float | None = None
    difference: float | None = None
    """Largest absolute difference of any probability from the reference; None for itself."""
    batch_seconds: float | None = None
    """Median time of one batch."""
    load_seconds: float | None = None
    """From the file to a mapped graph."""
    compile_seconds: float | None = None
    """From the graph to a plan that has run once."""
    note: str = ""
    reason: str = ""
    reference: bool = False

    @property
    def agrees(self) -> bool:
        """Whether it ran and stayed within the bounds."""
        return not self.reason and (self.difference is None or self.difference <= BOUND)


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """Everything a run found out."""

    seed: int
    epochs: int
    device: str
    batch: int
    parameters: int
    train_count: int
    losses: list[float]
    """Of every training step."""
    epoch_accuracies: list[float]
    """On the held-out images after every epoch."""
    train_seconds: float
    compile_seconds: float
    """Of the first training step: tracing, differentiating, compiling and running it."""
    total_seconds: float
    images: NDArray[np.uint8]
    """The held-out images, 0 to 16."""
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    """Of the reloaded program on the training device."""
    devices: list[DeviceResult]
    program_path: str
    program_bytes: int
    program_text: str
    machine: Mapping[str, str] = field(default_factory=dict)
    command: str = "dovetail demo"

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The most probable class of each held-out image."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @property
    def accuracy(self) -> float:
        """Share of held-out images that were recognised."""
        return float((self.predictions == self.labels).mean())

    @property
    def failures(self) -> list[str]:
        """Sentences that say why the run must not count as a success."""
        found = []
        if self.accuracy < TARGET:
            found.append(f"accuracy {self.accuracy:.1%} is below {TARGET:.0%}")
        for one in self.devices:
            if one.reason:
                continue
            if one.difference is not None and not one.difference <= BOUND:
                found.append(f"{one.name} differs from the reference by {one.difference:.1e}")
            if one.accuracy is not None and one.accuracy < TARGET and one.accuracy != self.accuracy:
                found.append(f"{one.name} recognises only {one.accuracy:.1%}")
        if not any(not one.reason and not one.reference for one in self.devices):
            found.append("no device could run the program")
        return found
