"""Weights to start from: their variance keeps signals and gradients at the same size."""

from __future__ import annotations

import math
from typing import Any

from dovetail import random
from dovetail.errors import OpError
from dovetail.random import Key

__all__ = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"]


def _fans(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs an output has and outputs an input: the last two axes times the window."""
    if len(shape) < 2:
        raise OpError(
            f"nn.{name}: shape {shape} has no inputs and outputs; give (..., in, out), or start a "
            "bias with dt.zeros"
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def glorot_uniform(key: Key, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Weights spread evenly within sqrt(6 / (inputs + outputs)) of zero.

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010. ``shape`` is (..., in, out).

    >>> import dovetail as dt
    >>> dt.nn.glorot_uniform(dt.random.key(0), (784, 10)).shape
    (784, 10)
    """
    inputs, outputs = _fans("glorot_uniform", shape)
    bound = math.sqrt(6.0 / max(inputs + outputs, 1))
    return random.uniform(key, shape, dtype, -bound, bound)


def glorot_normal(key: Key, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Normally distributed weights of variance 2 / (inputs + outputs); see `glorot_uniform`.

    >>> import dovetail as dt
    >>> dt.nn.glorot_normal(dt.random.key(0), (784, 10)).shape
    (784, 10)
    """
    inputs, outputs = _fans("glorot_normal", shape)
    return random.normal(key, shape, dtype, 0.0, math.sqrt(2.0 / max(inputs + outputs, 1)))


def he_uniform(key: Key, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Weights spread evenly within sqrt(6 / inputs) of zero; see `he_normal`.

    >>> import dovetail as dt
    >>> dt.nn.he_uniform(dt.random.key(0), (3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """
    bound = math.sqrt(6.0 / max(_fans("he_uniform", shape)[0], 1))
    return random.uniform(key, shape, dtype, -bound, bound)


def he_normal(key: Key, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Normally distributed weights of variance 2 / inputs, for layers before a rectifier.

    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", 2015. ``shape`` is (..., in,
    out); axes before are a convolution's window.

    >>> import dovetail as dt
    >>> dt.nn.he_normal(dt.random.key(0), (3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """
    inputs, _ = _fans("he_normal", shape)
    return random.normal(key, shape, dtype, 0.0, math.sqrt(2.0 / max(inputs, 1)))
