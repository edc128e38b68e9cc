"""How ``digits.npz`` was made: ``pip install scikit-learn && python make_digits.py``.

A tool for maintainers; nothing imports it, and scikit-learn is needed here only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np


def main() -> None:
    """Write the data set beside this file, pixels and labels as bytes."""
    from sklearn.datasets import load_digits  # type: ignore[import-not-found]  # noqa: PLC0415

    digits = load_digits()
    images = digits.images.astype(np.uint8)
    assert images.shape == (1797, 8, 8)
    assert np.array_equal(images, digits.images), "pixels are whole numbers from 0 to 16"
    path = Path(__file__).with_name("digits.npz")
    np.savez_compressed(path, images=images, labels=digits.target.astype(np.uint8))
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(images)} images")


if __name__ == "__main__":
    main()
