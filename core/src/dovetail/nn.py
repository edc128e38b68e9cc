"""Neural networks: layers as plain functions of arrays, losses and initialisers."""

from __future__ import annotations

import math
from typing import Any

from dovetail import ops, random, shapes
from dovetail.creation import asarray
from dovetail.dtypes import bool_, float32, int64
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.indexing import take_along_axis
from dovetail.manipulation import expand_dims, squeeze
from dovetail.ops import gelu, log_softmax, logsumexp, relu, sigmoid, silu, softmax, softplus
from dovetail.ops.full import filled_like, on_device_of
from dovetail.random import Key

__all__ = [
    "avg_pool2d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "layer_norm",
    "linear",
    "log_softmax",
    "logsumexp",
    "max_pool2d",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]

Window = int | tuple[int, int]
Padding = str | int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


# ---- layers --------------------------------------------------------------------------------------


def linear(x: Any, w: Any, bias: Any = None) -> Any:
    """``x @ w + bias`` with ``w`` of shape (in, out).

    >>> import dovetail as dt
    >>> dt.nn.linear(dt.ones((1, 2)), dt.ones((2, 3)), dt.zeros(3)).tolist()
    [[2.0, 2.0, 2.0]]
    """
    y = ops.matmul(x, w)
    return y if bias is None else y + bias


def embedding(table: Any, indices: Any) -> Any:
    """Rows of a table: shape ``indices.shape + table.shape[1:]``.

    >>> import dovetail as dt
    >>> dt.nn.embedding(dt.asarray([[1.0, 2.0], [3.0, 4.0]]), dt.asarray([1, 0])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return ops.take(table, indices, axis=0)


def layer_norm(x: Any, scale: Any = None, bias: Any = None, *, epsilon: float = 1e-5) -> Any:
    """Lines of the last axis with mean 0 and variance 1, then times ``scale`` plus ``bias``.

    >>> import dovetail as dt
    >>> [round(v, 3) for v in dt.nn.layer_norm(dt.asarray([1.0, 3.0])).tolist()]
    [-1.0, 1.0]
    """
    line = x.shape[-1:]
    scale = filled_like(x, 1, shape=line) if scale is None else scale
    bias = filled_like(x, 0, shape=line) if bias is None else bias
    return ops.layer_norm(x, scale, bias, epsilon=epsilon)


def dropout(key: Key | None, x: Any, rate: float = 0.5) -> Any:
    """Each element zero with probability ``rate``, else divided by 1 - rate to keep the mean.

    Without a key (when the network is used, not trained) ``x`` itself.

    >>> import dovetail as dt
    >>> set(dt.nn.dropout(dt.random.key(0), dt.ones(100), 0.5).tolist())
    {0.0, 2.0}
    """
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise OpError(f"nn.dropout: rate={rate!r} must be a number in [0, 1)")
    if key is None or rate == 0:
        return ops.identity(x)
    kept = random.bernoulli(key, 1.0 - rate, x.shape)
    return ops.where(kept, x / (1.0 - rate), 0.0)


# ---- windows -------------------------------------------------------------------------------------


def _hashable(value: Any) -> Any:
    """Lists, which some write for tuples, as tuples: attributes are hashed."""
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple)) else value


def _channels_last(name: str, x: Any, layout: str) -> Any:
    if layout not in ("NHWC", "NCHW"):
        raise OpError(f'nn.{name}: layout={layout!r} is not known; use "NHWC" or "NCHW"')
    if x.ndim != 4:
        raise OpError(
            f"nn.{name}: x is {x.dtype}{list(x.shape)}, but {layout} has four axes; expand_dims "
            "adds a batch of one"
        )
    return x if layout == "NHWC" else ops.permute_dims(x, (0, 2, 3, 1))


def _given_layout(y: Any, layout: str) -> Any:
    return y if layout == "NHWC" else ops.permute_dims(y, (0, 3, 1, 2))


def conv2d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    strides: Window = 1,
    padding: Padding = "valid",
    dilation: Window = 1,
    groups: int = 1,
    layout: str = "NHWC",
) -> Any:
    """Two-dimensional convolution of images, plus a bias for each output channel.

    With the layout "NHWC" ``x`` is (batch, height, width, in) and ``w`` (height, width, in /
    groups, out); with "NCHW" they are (batch, in, height, width) and (out, in / groups, height,
    width). ``padding`` is "valid" (none), "same" (the result has ceil(size / stride) rows), an
    integer, or (height, width) where each may be a pair (before, behind).

    >>> import dovetail as dt
    >>> x, w = dt.ones((1, 5, 5, 3)), dt.ones((3, 3, 3, 8))
    >>> dt.nn.conv2d(x, w, padding="same", strides=2).shape
    (1, 3, 3, 8)
    """
    images = _channels_last("conv2d", x, layout)
    if w.ndim != 4:
        raise OpError(
            f"nn.conv2d: w is {w.dtype}{list(w.shape)}, but it needs four axes, "
            + (
                "(height, width, in / groups, out)"
                if layout == "NHWC"
                else "(out, in / groups, height, width)"
            )
        )
    weights = w if layout == "NHWC" else ops.permute_dims(w, (2, 3, 1, 0))
    y = ops.conv2d(
        images,
        weights,
        strides=_hashable(strides),
        padding=_hashable(padding),
        dilation=_hashable(dilation),
        groups=groups,
    )
    if bias is not None:
        if bias.shape != y.shape[-1:]:
            raise OpError(
                f"nn.conv2d: bias is {bias.dtype}{list(bias.shape)}, but there are {y.shape[-1]} "
                "output channels; it needs one number for each"
            )
        y = y + bias
    return _given_layout(y, layout)


def max_pool2d(
    x: Any,
    window: Window,
    *,
    strides: Window | None = None,
    padding: Padding = "valid",
    layout: str = "NHWC",
) -> Any:
    """The largest element of each window of images; ``strides`` is the window unless given.

    >>> import dovetail as dt
    >>> dt.nn.max_pool2d(dt.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 3)
    """
    images = _channels_last("max_pool2d", x, layout)
    values, _ = ops.max_pool2d(
        images,
        window=_hashable(window),
        strides=_hashable(strides),
        padding=_hashable(padding),
    )
    return _given_layout(values, layout)


def avg_pool2d(
    x: Any,
    window: Window,
    *,
    strides: Window | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
    layout: str = "NHWC",
) -> Any:
    """The mean of each window of images; padding counts as zeros only where asked for.

    >>> import dovetail as dt
    >>> dt.nn.avg_pool2d(dt.ones((1, 3, 3, 1)), 2, padding="same").shape
    (1, 2, 2, 1)
    """
    y = ops.avg_pool2d(
        _channels_last("avg_pool2d", x, layout),
        window=_hashable(window),
        strides=_hashable(strides),
        padding=_hashable(padding),
        count_include_pad=count_include_pad,
    )
    return _given_layout(y, layout)


# ---- losses --------------------------------------------------------------------------------------


def one_hot(indices: Any, classes: int, *, axis: int = -1, dtype: Any = None) -> Any:
    """One at the index along a new axis and zeros elsewhere; an index that is no class gives zeros.

    >>> import dovetail as dt
    >>> dt.nn.one_hot(dt.asarray([1, 0]), 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    if indices.dtype.kind not in ("int", "uint"):
        raise OpError(f"nn.one_hot: indices are {indices.dtype}; they must be integers")
    at = shapes.axis("one_hot", axis, indices.ndim + 1)
    line = on_device_of(indices, ops.iota, (classes,), 0, int64)
    line = ops.reshape(line, tuple(classes if d == at else 1 for d in range(indices.ndim + 1)))
    same = ops.equal(expand_dims(ops.astype(indices, int64), axis=at), line)
    kind = float32 if dtype is None else as_dtype(dtype)
    return same if kind is bool_ else ops.astype(same, kind)


def cross_entropy(
    logits: Any,
    labels: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Minus the log-probability that softmax(logits) gives the labels.

    ``labels`` are integers, in the shape of the logits without ``axis``, or probabilities in the
    shape of the logits. ``label_smoothing`` moves that share of the probability to all classes
    alike. ``reduction`` is "mean", "sum" or "none".

    Raises OpError when the shapes do not fit and when a label is no class.

    >>> import dovetail as dt
    >>> loss = dt.nn.cross_entropy(dt.zeros((2, 4)), dt.asarray([3, 0]))
    >>> round(loss.item(), 4)  # log(4)
    1.3863
    """
    if reduction not in ("mean", "sum", "none"):
        raise OpError(
            f'nn.cross_entropy: reduction={reduction!r} is not known; use "mean", "sum" or "none"'
        )
    if not isinstance(label_smoothing, (int, float)) or not 0 <= label_smoothing < 1:
        raise OpError(f"nn.cross_entropy: label_smoothing={label_smoothing!r} must lie in [0, 1)")
    if logits.dtype.kind != "float":
        raise OpError(f"nn.cross_entropy: logits are {logits.dtype}; they must be floating")
    labels = asarray(labels)
    at = shapes.axis("cross_entropy", axis, logits.ndim)
    if labels.dtype.kind == "float":
        loss = _against_probabilities(logits, labels, at, label_smoothing)
    else:
        loss = _against_classes(logits, labels, at, label_smoothing)
    if reduction == "none":
        return loss
    return ops.mean(loss) if reduction == "mean" else ops.sum(loss)


def _against_classes(logits: Any, labels: Any, axis: int, smoothing: float) -> Any:
    wanted = logits.shape[:axis] + logits.shape[axis + 1 :]
    if labels.dtype.kind not in ("int", "uint") or labels.shape != wanted:
        raise OpError(
            f"nn.cross_entropy: labels are {labels.dtype}{list(labels.shape)}, but logits "
            f"{logits.dtype}{list(logits.shape)} need integers of shape {wanted} or probabilities "
            "of their own shape"
        )
    # -log softmax(x)[label] = logsumexp(x) - x[label]; the mean of -log softmax likewise.
    index = expand_dims(ops.astype(labels, int64), axis=axis)
    target = squeeze(take_along_axis(logits, index, axis=axis), axis=axis)
    if smoothing:
        target = target * (1.0 - smoothing) + ops.mean(logits, axis=axis) * smoothing
    return logsumexp(logits, axis=axis) - target


def _against_probabilities(logits: Any, labels: Any, axis: int, smoothing: float) -> Any:
    if labels.shape != logits.shape:
        raise OpError(
            f"nn.cross_entropy: the probabilities are {labels.dtype}{list(labels.shape)}, but the "
            f"logits {logits.dtype}{list(logits.shape)}; the shapes must be equal"
        )
    if smoothing:
        labels = labels * (1.0 - smoothing) + smoothing / logits.shape[axis]
    return -ops.sum(labels * log_softmax(logits, axis=axis), axis=axis)


# ---- initialisers --------------------------------------------------------------------------------


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
