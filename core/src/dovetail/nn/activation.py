"""Activations that are short chains of ops; those with a kernel of their own are ops themselves."""

from __future__ import annotations

import math
from typing import Any

from dovetail import ops, shapes
from dovetail.errors import OpError
from dovetail.precision import widened

__all__ = [
    "celu",
    "elu",
    "geglu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "prelu",
    "relu6",
    "selu",
    "softmin",
    "softsign",
    "swiglu",
]

# G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks", 2017.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def _number(name: str, word: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise OpError(f"nn.{name}: {word}={value!r} must be a finite number")
    return float(value)


def _floating(name: str, x: Any) -> None:
    if x.dtype.kind != "float":
        raise OpError(f"nn.{name}: x is {x.dtype}{list(x.shape)}; it must be floating")


@widened
def _exponential(x: Any, *, alpha: float, inner: float) -> Any:
    # The branch that is not taken must not overflow: its gradient would be 0 times infinity.
    below = ops.where(ops.greater(x, 0.0), 0.0, x)
    return ops.where(ops.greater(x, 0.0), x, alpha * ops.expm1(below * inner))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (e^x - 1).

    D. Clevert, T. Unterthiner and S. Hochreiter, 2015, arXiv:1511.07289.

    >>> import dovetail as dt
    >>> [round(v, 3) for v in dt.nn.elu(dt.asarray([-1.0, 2.0])).tolist()]
    [-0.632, 2.0]
    """
    _floating("elu", x)
    return _exponential(x, alpha=_number("elu", "alpha", alpha), inner=1.0)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (e^(x / alpha) - 1): `elu` with a slope of 1 at 0.

    J. Barron, 2017, arXiv:1704.07483.

    >>> import dovetail as dt
    >>> [round(v, 3) for v in dt.nn.celu(dt.asarray([-1.0, 2.0]), 2.0).tolist()]
    [-0.787, 2.0]
    """
    _floating("celu", x)
    alpha = _number("celu", "alpha", alpha)
    if alpha == 0:
        raise OpError("nn.celu: alpha must not be 0")
    return _exponential(x, alpha=alpha, inner=1.0 / alpha)


def selu(x: Any) -> Any:
    """`elu` scaled so that mean 0 and variance 1 are kept from layer to layer.

    G. Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> import dovetail as dt
    >>> [round(v, 3) for v in dt.nn.selu(dt.asarray([-1.0, 2.0])).tolist()]
    [-1.111, 2.101]
    """
    _floating("selu", x)
    return SELU_SCALE * _exponential(x, alpha=SELU_ALPHA, inner=1.0)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """x where it is positive, else slope x.

    >>> import dovetail as dt
    >>> dt.nn.leaky_relu(dt.asarray([-1.0, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    _floating("leaky_relu", x)
    return ops.where(ops.greater(x, 0.0), x, x * _number("leaky_relu", "slope", slope))


def prelu(x: Any, slope: Any, *, axis: int = -1) -> Any:
    """x where it is positive, else slope x, with a learnt slope (one, or one for each channel).

    K. He et al., "Delving deep into rectifiers", 2015. ``axis`` is that of the channels.

    >>> import dovetail as dt
    >>> dt.nn.prelu(dt.asarray([[-1.0, -1.0]]), dt.asarray([0.5, 0.25])).tolist()
    [[-0.5, -0.25]]
    """
    _floating("prelu", x)
    if slope.ndim > 1 or (slope.size != 1 and x.ndim == 0):
        raise OpError(
            f"nn.prelu: slope is {slope.dtype}{list(slope.shape)}; it needs one number, or one for "
            "each channel"
        )
    if slope.size != 1:
        at = shapes.axis("nn.prelu", axis, x.ndim)
        if slope.shape[0] != x.shape[at]:
            raise OpError(
                f"nn.prelu: slope is {slope.dtype}{list(slope.shape)}, but axis {at} of x "
                f"{x.dtype}{list(x.shape)} has {x.shape[at]} channels"
            )
        slope = ops.reshape(slope, tuple(-1 if d == at else 1 for d in range(x.ndim)))
    elif slope.ndim:
        slope = ops.reshape(slope, ())
    return ops.where(ops.greater(x, 0.0), x, x * slope)


def hardtanh(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    """x within [low, high], else the nearer end.

    >>> import dovetail as dt
    >>> dt.nn.hardtanh(dt.asarray([-3.0, 0.5, 2.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    low, high = _number("hardtanh", "low", low), _number("hardtanh", "high", high)
    if not low < high:
        raise OpError(f"nn.hardtanh: low={low} must be below high={high}")
    return ops.minimum(ops.maximum(x, low), high)


def relu6(x: Any) -> Any:
    """x within [0, 6], else the nearer end.

    >>> import dovetail as dt
    >>> dt.nn.relu6(dt.asarray([-3.0, 0.5, 8.0])).tolist()
    [0.0, 0.5, 6.0]
    """
    return hardtanh(x, 0.0, 6.0)


def hardsigmoid(x: Any) -> Any:
    """A line from 0 at -3 to 1 at 3: relu6(x + 3) / 6.

    >>> import dovetail as dt
    >>> dt.nn.hardsigmoid(dt.asarray([-4.0, 0.0, 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return relu6(x + 3.0) * (1.0 / 6.0)


def hardswish(x: Any) -> Any:
    """x hardsigmoid(x). A. Howard et al., "Searching for MobileNetV3", 2019.

    >>> import dovetail as dt
    >>> dt.nn.hardswish(dt.asarray([0.0, 3.0])).tolist()
    [0.0, 3.0]
    """
    return x * hardsigmoid(x)


@widened
def _mish(x: Any) -> Any:
    return x * ops.tanh(ops.softplus(x))


def mish(x: Any) -> Any:
    """x tanh(softplus(x)). D. Misra, 2019, arXiv:1908.08681.

    >>> import dovetail as dt
    >>> round(dt.nn.mish(dt.asarray(1.0)).item(), 4)
    0.8651
    """
    _floating("mish", x)
    return _mish(x)


def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> import dovetail as dt
    >>> dt.nn.softsign(dt.asarray([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    return x / (1.0 + ops.abs(x))


def log_sigmoid(x: Any) -> Any:
    """The logarithm of the sigmoid, -softplus(-x), exact where the sigmoid underflows.

    >>> import dovetail as dt
    >>> dt.nn.log_sigmoid(dt.asarray(-1000.0)).item()
    -1000.0
    """
    _floating("log_sigmoid", x)
    return -ops.softplus(-x)


def softmin(x: Any, *, axis: int = -1) -> Any:
    """softmax(-x): the smallest element gets the largest share.

    >>> import dovetail as dt
    >>> dt.nn.softmin(dt.asarray([1.0, 1.0])).tolist()
    [0.5, 0.5]
    """
    return ops.softmax(-x, axis=axis)


def _halves(name: str, x: Any, axis: int) -> tuple[Any, Any]:
    _floating(name, x)
    at = shapes.axis(f"nn.{name}", axis, x.ndim)
    if x.shape[at] % 2:
        raise OpError(
            f"nn.{name}: axis {at} of {x.dtype}{list(x.shape)} does not divide into two halves"
        )
    half = x.shape[at] // 2
    parts = []
    for first in (0, half):
        start = tuple(first if d == at else 0 for d in range(x.ndim))
        stop = tuple(first + half if d == at else n for d, n in enumerate(x.shape))
        parts.append(ops.slice(x, start=start, stop=stop))
    return parts[0], parts[1]


def glu(x: Any, *, axis: int = -1) -> Any:
    """The first half times the sigmoid of the second. Y. Dauphin et al., 2016, arXiv:1612.08083.

    >>> import dovetail as dt
    >>> dt.nn.glu(dt.asarray([4.0, 0.0])).tolist()
    [2.0]
    """
    value, gate = _halves("glu", x, axis)
    return value * ops.sigmoid(gate)


def swiglu(x: Any, *, axis: int = -1) -> Any:
    """silu of the first half times the second. N. Shazeer, "GLU variants", 2020, arXiv:2002.05202.

    >>> import dovetail as dt
    >>> dt.nn.swiglu(dt.asarray([0.0, 5.0])).tolist()
    [0.0]
    """
    gate, value = _halves("swiglu", x, axis)
    return ops.silu(gate) * value


def geglu(x: Any, *, axis: int = -1, approximate: str = "none") -> Any:
    """gelu of the first half times the second. N. Shazeer, "GLU variants", 2020, arXiv:2002.05202.

    >>> import dovetail as dt
    >>> dt.nn.geglu(dt.asarray([0.0, 5.0])).tolist()
    [0.0]
    """
    gate, value = _halves("geglu", x, axis)
    return ops.gelu(gate, approximate=approximate) * value
