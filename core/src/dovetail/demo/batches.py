"""Batches of one size: shuffled and shifted ones to learn from, padded ones to be tested on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dovetail.demo.data import Floats, Labels

__all__ = ["padded", "shifted", "training_batches"]


def shifted(images: Floats, random: np.random.Generator) -> Floats:
    """Each image moved by up to one pixel in each direction; what moves in is blank.

    Two of three stay where they are along an axis: the digits fill their frames, so a shift also
    cuts something off.
    """
    count, height, width, _ = images.shape
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    down, right = random.choice([0, 1, 1, 1, 1, 2], (2, count, 1))
    rows, columns = down + np.arange(height), right + np.arange(width)
    which = np.arange(count)[:, np.newaxis, np.newaxis]
    moved: Floats = framed[which, rows[:, :, np.newaxis], columns[:, np.newaxis, :]]
    return moved


def training_batches(
    images: Floats, labels: Labels, batch: int, random: np.random.Generator
) -> Iterator[tuple[Floats, Labels]]:
    """One epoch: every image at most once, in random order, in batches of exactly ``batch``."""
    order = random.permutation(len(images))
    moved = shifted(images, random)
    for start in range(0, len(order) - batch + 1, batch):
        chosen = order[start : start + batch]
        yield moved[chosen], labels[chosen]


def padded(images: Floats, batch: int) -> Iterator[tuple[Floats, int]]:
    """All images in order, in batches of ``batch``, and how many of each batch are images: the last
    one is filled up with blank ones, because a program has one shape."""
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        filled: NDArray[Any] = np.zeros((batch, *images.shape[1:]), images.dtype)
        filled[: len(part)] = part
        yield filled, len(part)
