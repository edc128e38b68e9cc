"""Classes: one-hot vectors and the cross-entropy of predictions."""

from __future__ import annotations

from typing import Any

from dovetail import ops, shapes
from dovetail.creation import asarray
from dovetail.dtypes import bool_, float32, int64
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.indexing import take_along_axis
from dovetail.manipulation import expand_dims, squeeze
from dovetail.ops import log_softmax, logsumexp
from dovetail.ops.full import on_device_of

__all__ = ["cross_entropy", "one_hot"]


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
