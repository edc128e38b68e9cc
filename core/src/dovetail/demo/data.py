"""The data of the demo: 1,797 handwritten digits of 8 x 8 pixels (see ATTRIBUTION.md)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digits", "load_digits"]

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Digits:
    """Images as (n, 8, 8, 1) between 0 and 1, and labels from 0 to 9."""

    train_images: Floats
    train_labels: Labels
    test_images: Floats
    test_labels: Labels


def load_digits() -> Digits:
    """The digits in two parts: of each class every third image is held out for the test.

    The split is fixed and stratified, so that accuracies can be compared between machines and
    versions. It is by image, not by writer: the same hands wrote both parts.
    """
    with (resources.files(__package__) / "digits.npz").open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        pixels, labels = archive["images"], archive["labels"].astype(np.int32)
    images = (pixels.astype(np.float32) / np.float32(16))[..., np.newaxis]
    held_out = np.zeros(len(labels), bool)
    for digit in range(10):
        held_out[np.flatnonzero(labels == digit)[2::3]] = True
    return Digits(
        train_images=images[~held_out],
        train_labels=labels[~held_out],
        test_images=images[held_out],
        test_labels=labels[held_out],
    )
