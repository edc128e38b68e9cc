"""Operands of ops whose shapes or indices depend on each other: (inputs, attributes) for a size.

An input is ``(shape, low, high)`` to be drawn, or an array as it is. An attribute may be a function
of the row's dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dovetail.dtypes import dtype, float32, float64

Made = tuple[tuple[Any, ...], dict[str, Any]]


class Cast:
    """An array that takes the dtype of its row."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.values = values


def _side(size: int) -> int:
    return max(4, math.isqrt(size))


def _square(size: int, **attributes: Any) -> Made:
    side = _side(size)
    return (((side, side), -4, 4),), attributes


def _indices(count: int, extent: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).integers(0, extent, count)


def _matmul(size: int) -> Made:
    side = min(_side(size), 512)  # the products grow faster than the operands
    return (((side, side), -1, 1), ((side, side), -1, 1)), {}


def _layer_norm(size: int) -> Made:
    side = _side(size)
    return (((side, side), -3, 3), ((side,), 0.5, 1.5), ((side,), -1, 1)), {}


def _image(size: int, channels: int) -> tuple[int, int, int, int]:
    side = max(4, math.isqrt(max(1, size // (4 * channels))))
    return 4, side, side, channels


def _convolution(size: int) -> Made:
    return ((_image(size, 16), -1, 1), ((3, 3, 16, 16), -1, 1)), {"padding": (1, 1, 1, 1)}


def _convolution_input(size: int) -> Made:
    shape = _image(size, 16)
    return (
        (shape, -1, 1),
        ((3, 3, 16, 16), -1, 1),
    ), {"size": shape[1:3], "padding": (1, 1, 1, 1)}


def _convolution_weight(size: int) -> Made:
    shape = _image(size, 16)
    return ((shape, -1, 1), (shape, -1, 1)), {"size": (3, 3), "padding": (1, 1, 1, 1)}


def _pool(size: int) -> Made:
    n, h, w, c = _image(size, 16)
    return (((n, h // 2 * 2, w // 2 * 2, c), -4, 4),), {"window": (2, 2), "strides": (2, 2)}


def _pool_gradient(size: int) -> Made:
    n, h, w, c = _image(size, 16)
    words = {"size": (h // 2 * 2, w // 2 * 2), "window": (2, 2), "strides": (2, 2)}
    return (((n, h // 2, w // 2, c), -4, 4),), words


def _take(size: int) -> Made:
    side = _side(size)
    return (((side, side), -4, 4), _indices(side, side)), {"axis": 0}


def _scatter(size: int) -> Made:
    side = _side(size)
    where = np.random.default_rng(5).permutation(side)
    return (((side, side), -4, 4), where, ((side, side), -4, 4)), {"axis": 0}


def _along(size: int) -> Made:
    side = _side(size)
    where = np.random.default_rng(5).permuted(
        np.broadcast_to(np.arange(side), (side, side)), axis=1
    )
    return (((side, side), -4, 4), where), {"axis": 1}


def _scatter_along(size: int) -> Made:
    (x, where), attributes = _along(size)
    return (x, where, x), attributes


def _concat(size: int) -> Made:
    side = _side(size)
    return tuple(((side // 2, side), -4, 4) for _ in range(2)), {"axis": 0}


def _attention(size: int) -> Made:
    length = max(8, min(512, size // 2048))
    one = ((2, 4, length, 64), -1, 1)
    return (one, one, one), {}


def _key(size: int) -> Made:
    key = np.array([1, 2], dtype=np.uint32)
    return (key,), {"shape": (size,), "dtype": dtype}


def _keys(size: int) -> Made:
    keys = np.arange(2 * max(1, size // 1024), dtype=np.uint32).reshape(-1, 2)
    return (keys,), {"shape": (1024,), "dtype": dtype}


def _sampler(*ranges: tuple[float, float]) -> Callable[[int], Made]:
    """One key and an array for each parameter of a distribution."""

    def made(size: int) -> Made:
        key = np.array([1, 2], dtype=np.uint32)
        return (key, *(((size,), low, high) for low, high in ranges)), {}

    return made


def _matrices(*, second: bool = False, high: float = 1.0) -> Callable[[int], Made]:
    """32 x 32 matrices far from singular: LAPACK's daily work."""

    def made(size: int) -> Made:
        count = max(1, size // 1024)
        random = np.random.default_rng(6)
        x = random.uniform(-1, high, (count, 32, 32))
        x = x @ np.swapaxes(x, -1, -2) / 32 + np.eye(32)
        inputs: tuple[Any, ...] = (Cast(x),)
        if second:
            inputs += (Cast(random.uniform(-1, 1, (count, 32, 4))),)
        return inputs, {}

    return made


SHAPES: dict[str, Callable[[int], Made]] = {
    "astype": lambda size: (
        (((size,), -100, 100),),
        {"dtype": lambda kind: float64 if kind == "float32" else float32},
    ),
    "matmul": _matmul,
    "layer_norm": _layer_norm,
    "conv2d": _convolution,
    "conv2d_input_gradient": _convolution_input,
    "conv2d_weight_gradient": _convolution_weight,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "avg_pool2d_gradient": _pool_gradient,
    "take": _take,
    "scatter": _scatter,
    "scatter_add": _scatter,
    "scatter_maximum": _scatter,
    "scatter_minimum": _scatter,
    "scatter_multiply": _scatter,
    "take_along_axis": _along,
    "scatter_add_along_axis": _scatter_along,
    "concat": _concat,
    "pad": lambda size: _square(size, low=(1, 1), high=(1, 1)),
    "reshape": lambda size: _square(size, shape=(-1,)),
    "permute_dims": lambda size: _square(size, axes=(1, 0)),
    "slice": lambda size: _square(size, start=(1, 1), stop=(_side(size) - 1, _side(size) - 1)),
    "broadcast_to": lambda size: (
        (((_side(size),), -4, 4),),
        {"shape": (_side(size), _side(size))},
    ),
    "full": lambda size: (
        (),
        {"shape": (size,), "dtype": dtype, "value": 1.0},
    ),
    "iota": lambda size: ((), {"shape": (size,), "axis": 0, "dtype": dtype}),
    "random_bits": _key,
    "random_uniform": _key,
    "random_normal": _key,
    "random_bits_batch": _keys,
    "random_gamma": _sampler((0.5, 5)),
    "random_binomial": _sampler((1, 100), (0.1, 0.9)),
    "random_poisson": _sampler((0.5, 50)),
    "random_truncated_normal": _sampler((-2, -0.5), (0.5, 2)),
    "random_von_mises": _sampler((0.5, 4)),
    "attention": _attention,
    "searchsorted": lambda size: ((Cast(np.linspace(-4, 4, size)), ((size,), -5, 5)), {}),
    "cross": lambda size: ((((max(1, size // 3), 3), -4, 4),) * 2, {}),
    **dict.fromkeys(
        (
            "eig",
            "eigvals",
            "cholesky",
            "det",
            "slogdet",
            "inv",
            "eigh",
            "eigvalsh",
            "svd",
            "svdvals",
            "qr",
            "pinv",
        ),
        _matrices(),
    ),
    **dict.fromkeys(("cofactor", "expm"), _matrices()),
    **dict.fromkeys(("solve", "lstsq", "triangular_solve"), _matrices(second=True)),
}
