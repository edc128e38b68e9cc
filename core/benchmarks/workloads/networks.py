"""The networks that are trained: their sizes, weights at the start, batches and operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES, IMAGES, SIDE = 10, 64, 28
"""The convolutional network: 3 x 3 to 32 and to 64 channels, pooling by 2, dense to 128 and 10."""
FLAT = (SIDE // 2) ** 2 * 64


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """A decoder: learnt positions, norms before attention and before the fourfold dense layers."""

    width: int = 256
    layers: int = 4
    heads: int = 4
    length: int = 128
    batch: int = 8
    vocabulary: int = 1000

    @property
    def depth(self) -> int:
        """Of a head."""
        return self.width // self.heads


GPT = Transformer()
EPSILON = 1e-5
"""Added to the variance in a layer norm."""


def cnn_flops(images: int = IMAGES) -> float:
    """Of a step: thrice the forward pass, but for the gradient of the images."""
    first = SIDE**2 * 9 * 32
    rest = SIDE**2 * 9 * 32 * 64 + FLAT * 128 + 128 * CLASSES
    return 2.0 * images * (2 * first + 3 * rest)


def gpt_flops(size: Transformer = GPT) -> float:
    """Of a step: thrice the forward pass, attention counted by the half that a token sees."""
    block = 12 * size.width**2 + size.length * size.width
    each = size.layers * block + size.width * size.vocabulary
    return 3 * 2.0 * size.batch * size.length * each


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same containers with the function's results."""
    if isinstance(tree, dict):
        return {key: mapped(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(function, value) for value in tree)
    return function(tree)


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def _dense(draw: np.random.Generator, into: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    w = draw.standard_normal((into, out), dtype=np.float32) * np.float32(into**-0.5)
    return w, np.zeros(out, np.float32)


def cnn_parameters() -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (height, width, in, out) and (in, out), each with its bias."""
    draw = np.random.default_rng(1)
    convolutions = [
        (
            draw.standard_normal((3, 3, *ends), dtype=np.float32) * np.float32(0.05),
            np.zeros(ends[1], np.float32),
        )
        for ends in ((1, 32), (32, 64))
    ]
    return [*convolutions, _dense(draw, FLAT, 128), _dense(draw, 128, CLASSES)]


def cnn_batch(images: int = IMAGES) -> tuple[np.ndarray, np.ndarray]:
    """Images (batch, height, width, 1) and labels."""
    draw = np.random.default_rng(2)
    x = draw.standard_normal((images, SIDE, SIDE, 1), dtype=np.float32)
    return x, draw.integers(0, CLASSES, images)


def gpt_parameters(size: Transformer = GPT) -> dict[str, Any]:
    draw = np.random.default_rng(3)
    d = size.width

    def norm() -> tuple[np.ndarray, np.ndarray]:
        return np.ones(d, np.float32), np.zeros(d, np.float32)

    return {
        "tokens": _dense(draw, size.vocabulary, d)[0],
        "positions": _dense(draw, size.length, d)[0],
        "norm": norm(),
        "head": _dense(draw, d, size.vocabulary)[0],
        "blocks": [
            {
                "before": norm(),
                "qkv": _dense(draw, d, 3 * d),
                "out": _dense(draw, d, d),
                "between": norm(),
                "up": _dense(draw, d, 4 * d),
                "down": _dense(draw, 4 * d, d),
            }
            for _ in range(size.layers)
        ],
    }


def gpt_batch(size: Transformer = GPT) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and the tokens that should follow them."""
    draw = np.random.default_rng(4)
    shape = (size.batch, size.length)
    return draw.integers(0, size.vocabulary, shape), draw.integers(0, size.vocabulary, shape)
