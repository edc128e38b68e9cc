"""The network of the demo: two convolutions with pooling and two dense layers."""

from __future__ import annotations

from typing import Any

import dovetail as dt

__all__ = ["SMOOTHING", "SUMMARY", "classify", "init", "logits", "loss"]

SUMMARY = "conv 3×3×32 · pool · conv 3×3×64 · pool · dense 64 · dense 10"

SMOOTHING = 0.1

Params = dict[str, dict[str, Any]]


def init(key: dt.random.Key) -> Params:
    """Fresh weights: one key for each layer, drawn from the layer's name."""
    shapes = {
        "conv1": (3, 3, 1, 32),
        "conv2": (3, 3, 32, 64),
        "dense1": (256, 64),
        "dense2": (64, 10),
    }
    return {
        name: {
            "w": dt.nn.he_normal(dt.random.fold_in(key, name), shape),
            "b": dt.zeros(shape[-1:]),
        }
        for name, shape in shapes.items()
    }


def logits(params: Params, images: Any) -> Any:
    """Ten numbers for each image of (n, 8, 8, 1); the largest marks the digit."""
    x = images
    for name in ("conv1", "conv2"):
        x = dt.nn.conv2d(x, params[name]["w"], params[name]["b"], padding="same")
        x = dt.nn.max_pool2d(dt.nn.relu(x), 2)
    x = x.reshape((x.shape[0], -1))
    x = dt.nn.relu(dt.nn.linear(x, params["dense1"]["w"], params["dense1"]["b"]))
    return dt.nn.linear(x, params["dense2"]["w"], params["dense2"]["b"])


def classify(params: Params, images: Any) -> Any:
    """The probability of each digit; this is what the program file holds."""
    return dt.nn.softmax(logits(params, images))


def loss(params: Params, images: Any, labels: Any) -> Any:
    """The mean cross-entropy of a batch. Labels that are nine tenths sure keep the network from
    learning its training images by heart."""
    return dt.nn.cross_entropy(logits(params, images), labels, label_smoothing=SMOOTHING)
