"""What numpy is asked for the same result: the shortest expression a numpy user would write.

The record's reference is the judge where it is one itself; some references compute in double
precision, or loop in Python, to be right rather than quick, and those have an expression here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ops.problem import Problem

Judge = Callable[..., Any]


def _softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: int) -> Any:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    most = x.max(axis=axis, keepdims=True)
    found = np.log(np.exp(x - most).sum(axis=axis, keepdims=True)) + most
    return found if keepdims else found.squeeze(axis)


def _layer_norm(x: Any, scale: Any, bias: Any, epsilon: float = 1e-5) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + x.dtype.type(epsilon)) * scale + bias


def _scatter(x: Any, indices: Any, updates: Any, axis: int = 0) -> Any:
    result = x.copy()
    result[indices] = updates
    return result


def _scatter_add(x: Any, indices: Any, updates: Any, axis: int = 0) -> Any:
    result = x.copy()
    np.add.at(result, indices, updates)
    return result


def _scatter_add_along_axis(x: Any, indices: Any, updates: Any, axis: int = 1) -> Any:
    result = x.copy()
    np.add.at(result, (np.arange(x.shape[0])[:, None], indices), updates)
    return result


def _pad(x: Any, low: Any, high: Any) -> Any:
    return np.pad(x, tuple(zip(low, high, strict=True)))


def _max_pool2d(x: Any, window: Any, strides: Any) -> Any:
    n, h, w, c = x.shape
    tiles = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
    flat = tiles.reshape(n, h // 2, w // 2, c, 4)
    at = flat.argmax(axis=-1)
    best = np.take_along_axis(flat, at[..., None], axis=-1)[..., 0]
    rows = np.arange(h // 2)[:, None, None] * 2 + at // 2
    columns = np.arange(w // 2)[None, :, None] * 2 + at % 2
    return best, rows * w + columns


def _avg_pool2d(x: Any, window: Any, strides: Any) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


NATURAL: dict[str, tuple[str, Judge]] = {
    "softmax": ("e = exp(x - max); e / e.sum()", _softmax),
    "log_softmax": ("x - max - log(exp(x - max).sum())", _log_softmax),
    "logsumexp": ("log(exp(x - max).sum()) + max", _logsumexp),
    "layer_norm": ("(x - mean) / sqrt(variance + eps) * scale + bias", _layer_norm),
    "scatter": ("y = x.copy(); y[i] = u", _scatter),
    "scatter_add": ("y = x.copy(); np.add.at(y, i, u)", _scatter_add),
    "scatter_add_along_axis": ("y = x.copy(); np.add.at(y, (rows, i), u)", _scatter_add_along_axis),
    "take": ("np.take", lambda x, i, axis: np.take(x, i, axis=axis)),
    "take_along_axis": ("np.take_along_axis", np.take_along_axis),
    "pad": ("np.pad", _pad),
    "astype": ("x.astype", lambda x, dtype: x.astype(dtype.name)),
    "copy": ("x.copy", lambda x: x.copy()),
    "concat": ("np.concatenate", lambda *xs, axis: np.concatenate(xs, axis=axis)),
    "full": ("np.full", lambda shape, dtype, value: np.full(shape, value, dtype.name)),
    "iota": ("np.arange", lambda shape, axis, dtype: np.arange(shape[0], dtype=dtype.name)),
    # numpy gives a view here, which costs no time at any size; the values are what is compared.
    "real": ("x.real.copy()", lambda x: x.real.copy()),
    "imag": ("x.imag.copy()", lambda x: x.imag.copy()),
    "square": ("x * x", lambda x: x * x),
    "reciprocal": ("1 / x", lambda x: 1 / x),
    "rsqrt": ("1 / sqrt(x)", lambda x: 1 / np.sqrt(x)),
    "sigmoid": ("1 / (1 + exp(-x))", lambda x: 1 / (1 + np.exp(-x))),
    "relu": ("np.maximum(x, 0)", lambda x: np.maximum(x, 0)),
    "silu": ("x / (1 + exp(-x))", lambda x: x / (1 + np.exp(-x))),
    "softplus": ("np.logaddexp(x, 0)", lambda x: np.logaddexp(x, x.dtype.type(0))),
    "max_pool2d": ("reshape, argmax, take_along_axis", _max_pool2d),
    "avg_pool2d": ("reshape, mean", _avg_pool2d),
    "bitwise_invert": ("np.invert", np.invert),
    "bitwise_left_shift": ("np.left_shift", np.left_shift),
    "bitwise_right_shift": ("np.right_shift", np.right_shift),
}

# Its own generator: other values of the same distribution, so that only the time is compared.
RANDOM: dict[str, tuple[str, Judge]] = {
    "random_bits": (
        "rng.integers",
        lambda key, shape, dtype: rng.integers(0, np.iinfo(dtype.name).max, shape, dtype.name),
    ),
    "random_uniform": ("rng.random", lambda key, shape, dtype: rng.random(shape, dtype.name)),
    "random_normal": (
        "rng.standard_normal",
        lambda key, shape, dtype: rng.standard_normal(shape, dtype.name),
    ),
    "random_gamma": ("rng.standard_gamma", lambda key, a: rng.standard_gamma(a)),
    "random_binomial": ("rng.binomial", lambda key, n, p: rng.binomial(n.astype(np.int64), p)),
    "random_poisson": ("rng.poisson", lambda key, rate: rng.poisson(rate)),
    "random_von_mises": ("rng.vonmises", lambda key, kappa: rng.vonmises(0.0, kappa)),
}

rng = np.random.default_rng(1)

SAME_NAME = frozenset({"sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"})


def judge(problem: Problem) -> tuple[str, Callable[[], Any]]:
    """(what numpy is asked, the call)."""
    op, arrays = problem.op, problem.arrays
    if op.name in RANDOM:
        text, function = RANDOM[op.name]
        return text, lambda: function(*arrays, **problem.attributes)
    if op.name in NATURAL:
        text, function = NATURAL[op.name]
        return text, lambda: function(*arrays, **problem.attributes)
    found = getattr(np, op.name, None)
    if isinstance(found, np.ufunc) and found.nin == len(arrays) and not problem.attributes:
        return f"np.{op.name}", lambda: found(*arrays)
    if op.name in SAME_NAME and found is not None:
        return f"np.{op.name}", lambda: found(*arrays, **problem.attributes)
    if op.broadcast and len({x.shape for x in arrays}) > 1:
        arrays = tuple(np.broadcast_arrays(*arrays))
    return "the reference", lambda: op.reference(*arrays, **problem.canonical)
