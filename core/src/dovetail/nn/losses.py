"""Losses: how far predictions are from what was wanted; see `nn.cross_entropy` for classes.

Each takes ``reduction``: "mean" over all elements, "sum", or "none" for one loss per element.
"""

from __future__ import annotations

import math
from typing import Any

from dovetail import ops, shapes
from dovetail.creation import asarray
from dovetail.errors import OpError
from dovetail.manipulation import common_shape, expand_dims, squeeze

__all__ = [
    "bce_with_logits",
    "cosine_similarity",
    "hinge_loss",
    "huber_loss",
    "kl_divergence",
    "mae_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    "triplet_loss",
]


def _reduced(name: str, loss: Any, reduction: str, weight: Any = None) -> Any:
    """``weight``: what the mean divides by, where it is not the number of elements."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return ops.sum(loss)
    if reduction != "mean":
        raise OpError(
            f'nn.{name}: reduction={reduction!r} is not known; use "mean", "sum" or "none"'
        )
    return ops.mean(loss) if weight is None else ops.sum(loss) / ops.sum(weight)


def _alike(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Both as floating arrays of one shape: a target that only broadcasts is most often a slip."""
    prediction, target = asarray(prediction), asarray(target)
    if prediction.dtype.kind != "float":
        raise OpError(
            f"nn.{name}: the prediction is {prediction.dtype}{list(prediction.shape)}; it must be "
            "floating"
        )
    if target.shape != prediction.shape and target.ndim:
        raise OpError(
            f"nn.{name}: the prediction is {prediction.dtype}{list(prediction.shape)} and the "
            f"target {target.dtype}{list(target.shape)}; the shapes must be equal"
        )
    if target.dtype.kind != "float":
        target = ops.astype(target, prediction.dtype)
    return prediction, target


def _positive(name: str, word: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise OpError(f"nn.{name}: {word}={value!r} must be a positive number")
    return float(value)


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The squared difference.

    >>> import dovetail as dt
    >>> dt.nn.mse_loss(dt.asarray([1.0, 2.0]), dt.asarray([1.0, 4.0])).item()
    2.0
    """
    prediction, target = _alike("mse_loss", prediction, target)
    return _reduced("mse_loss", ops.square(prediction - target), reduction)


def mae_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The absolute difference.

    >>> import dovetail as dt
    >>> dt.nn.mae_loss(dt.asarray([1.0, 2.0]), dt.asarray([1.0, 4.0])).item()
    1.0
    """
    prediction, target = _alike("mae_loss", prediction, target)
    return _reduced("mae_loss", ops.abs(prediction - target), reduction)


def _huber(difference: Any, delta: float) -> Any:
    size = ops.abs(difference)
    near = 0.5 * ops.square(difference)
    return ops.where(ops.less_equal(size, delta), near, delta * (size - 0.5 * delta))


def huber_loss(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """Half the squared difference up to delta, beyond it a line: delta (|d| - delta / 2).

    P. Huber, "Robust estimation of a location parameter", 1964.

    >>> import dovetail as dt
    >>> dt.nn.huber_loss(dt.asarray([0.5, 3.0]), dt.zeros(2), reduction="none").tolist()
    [0.125, 2.5]
    """
    delta = _positive("huber_loss", "delta", delta)
    prediction, target = _alike("huber_loss", prediction, target)
    return _reduced("huber_loss", _huber(prediction - target, delta), reduction)


def smooth_l1_loss(
    prediction: Any, target: Any, *, beta: float = 1.0, reduction: str = "mean"
) -> Any:
    """huber_loss / beta: a line of slope 1 from beta on. R. Girshick, "Fast R-CNN", 2015.

    >>> import dovetail as dt
    >>> dt.nn.smooth_l1_loss(dt.asarray([0.5, 3.0]), dt.zeros(2), reduction="none").tolist()
    [0.125, 2.5]
    """
    beta = _positive("smooth_l1_loss", "beta", beta)
    prediction, target = _alike("smooth_l1_loss", prediction, target)
    return _reduced("smooth_l1_loss", _huber(prediction - target, beta) * (1 / beta), reduction)


def bce_with_logits(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    positive_weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """Binary cross-entropy of sigmoid(logits) and targets from 0 to 1, without overflow.

    ``weight`` multiplies each loss and ``positive_weight`` its part for the target 1; both
    broadcast.

    >>> import dovetail as dt
    >>> round(dt.nn.bce_with_logits(dt.zeros(2), dt.asarray([0.0, 1.0])).item(), 4)  # log(2)
    0.6931
    """
    logits, target = _alike("bce_with_logits", logits, target)
    # -t log s(x) - (1 - t) log(1 - s(x)) with log s(x) = -softplus(-x), 1 - s(x) = s(-x)
    there = target * ops.softplus(-logits)
    if positive_weight is not None:
        there = there * asarray(positive_weight)
    loss = there + (1.0 - target) * ops.softplus(logits)
    if weight is not None:
        loss = loss * asarray(weight)
    return _reduced("bce_with_logits", loss, reduction)


def nll_loss(
    log_probabilities: Any,
    labels: Any,
    *,
    weight: Any = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """Minus the log-probability of each label, with the classes on ``axis``.

    ``weight`` is one number for each class; the mean divides by the weights of the labels.

    Raises OpError when shapes do not fit and when a label is no class.

    >>> import dovetail as dt
    >>> dt.nn.nll_loss(dt.asarray([[-1.0, -2.0]]), dt.asarray([1])).item()
    2.0
    """
    from dovetail.indexing import take_along_axis  # noqa: PLC0415  indexing is loaded with arrays

    x, labels = log_probabilities, asarray(labels)
    at = shapes.axis("nn.nll_loss", axis, x.ndim)
    wanted = x.shape[:at] + x.shape[at + 1 :]
    if labels.dtype.kind not in ("int", "uint") or labels.shape != wanted:
        raise OpError(
            f"nn.nll_loss: labels are {labels.dtype}{list(labels.shape)}, but log-probabilities "
            f"{x.dtype}{list(x.shape)} need integers of shape {wanted}"
        )
    index = expand_dims(ops.astype(labels, "int64"), axis=at)
    loss = -squeeze(take_along_axis(x, index, axis=at), axis=at)
    if weight is None:
        return _reduced("nll_loss", loss, reduction)
    weight = asarray(weight)
    if weight.shape != (x.shape[at],):
        raise OpError(
            f"nn.nll_loss: weight is {weight.dtype}{list(weight.shape)}, but there are "
            f"{x.shape[at]} classes; it needs one number for each"
        )
    each = ops.take(weight, squeeze(index, axis=at), axis=0)
    return _reduced("nll_loss", loss * each, reduction, weight=each)


def kl_divergence(
    log_prediction: Any, target: Any, *, log_target: bool = False, reduction: str = "mean"
) -> Any:
    """target (log target - prediction) with the prediction as logarithms; 0 where the target is 0.

    With ``log_target`` the target is given as logarithms, too. S. Kullback and R. Leibler, 1951.
    The divergence of a distribution is the sum of these: "batchmean" as ``reduction`` divides the
    sum by the extent of the first axis.

    >>> import dovetail as dt
    >>> p = dt.asarray([[0.5, 0.5]])
    >>> dt.nn.kl_divergence(dt.log(p), p, reduction="batchmean").item()
    0.0
    """
    prediction, target = _alike("kl_divergence", log_prediction, target)
    if log_target:
        loss = ops.exp(target) * (target - prediction)
    else:
        some = ops.greater(target, 0.0)
        safe = ops.where(some, target, 1.0)
        loss = ops.where(some, target * (ops.log(safe) - prediction), 0.0)
    if reduction == "batchmean":
        if prediction.ndim == 0:
            raise OpError("nn.kl_divergence: a 0-d prediction has no batch to divide by")
        return ops.sum(loss) / float(max(prediction.shape[0], 1))
    return _reduced("kl_divergence", loss, reduction)


def cosine_similarity(x: Any, y: Any, *, axis: int = -1, epsilon: float = 1e-8) -> Any:
    """x . y / (|x| |y|) along an axis, with no length taken smaller than ``epsilon``.

    The other axes broadcast. A line of zeros gives 0, and a gradient of 0.

    >>> import dovetail as dt
    >>> dt.nn.cosine_similarity(dt.asarray([3.0, 4.0]), dt.asarray([3.0, 4.0])).item()
    1.0
    """
    epsilon = _positive("cosine_similarity", "epsilon", epsilon)
    shape = common_shape("nn.cosine_similarity", x.shape, y.shape)
    x, y = ops.broadcast_to(x, shape), ops.broadcast_to(y, shape)
    at = shapes.axis("nn.cosine_similarity", axis, x.ndim)
    lengths = []
    for a in (x, y):
        squared = ops.sum(ops.square(a), axis=at)
        long = ops.greater(squared, epsilon * epsilon)
        lengths.append(ops.where(long, ops.sqrt(ops.where(long, squared, 1.0)), epsilon))
    return ops.sum(x * y, axis=at) / (lengths[0] * lengths[1])


def hinge_loss(
    prediction: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean"
) -> Any:
    """max(0, margin - target prediction) for targets -1 and 1.

    >>> import dovetail as dt
    >>> dt.nn.hinge_loss(dt.asarray([0.5, 3.0]), dt.asarray([1.0, 1.0]), reduction="none").tolist()
    [0.5, 0.0]
    """
    if isinstance(margin, bool) or not isinstance(margin, (int, float)):
        raise OpError(f"nn.hinge_loss: margin={margin!r} must be a number")
    prediction, target = _alike("hinge_loss", prediction, target)
    return _reduced("hinge_loss", ops.relu(float(margin) - target * prediction), reduction)


def _length(difference: Any, power: float, epsilon: float, axis: int) -> Any:
    size = ops.abs(difference) + epsilon
    if power == 2:
        return ops.sqrt(ops.sum(ops.square(size), axis=axis))
    return ops.power(ops.sum(ops.power(size, power), axis=axis), 1 / power)


def triplet_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    power: float = 2.0,
    axis: int = -1,
    epsilon: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """max(0, |anchor - positive| - |anchor - negative| + margin), lengths along ``axis``.

    F. Schroff, D. Kalenichenko and J. Philbin, "FaceNet", 2015. ``power`` chooses the norm;
    ``epsilon`` is added to every difference, so that equal points have a gradient.

    >>> import dovetail as dt
    >>> a = dt.zeros((1, 2))
    >>> round(dt.nn.triplet_loss(a, a, dt.asarray([[3.0, 4.0]]), margin=6.0).item(), 3)
    1.0
    """
    power = _positive("triplet_loss", "power", power)
    epsilon = _positive("triplet_loss", "epsilon", epsilon)
    if isinstance(margin, bool) or not isinstance(margin, (int, float)) or math.isnan(margin):
        raise OpError(f"nn.triplet_loss: margin={margin!r} must be a number")
    if not anchor.shape == positive.shape == negative.shape:
        raise OpError(
            f"nn.triplet_loss: the shapes are {anchor.shape}, {positive.shape} and "
            f"{negative.shape}; they must be equal"
        )
    at = shapes.axis("nn.triplet_loss", axis, anchor.ndim)
    near = _length(anchor - positive, power, epsilon, at)
    far = _length(anchor - negative, power, epsilon, at)
    return _reduced("triplet_loss", ops.relu(near - far + float(margin)), reduction)
