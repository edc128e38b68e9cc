"""Normalisations: elements brought to mean zero and variance one over some of the axes."""

from __future__ import annotations

from typing import Any

from dovetail import ops, shapes
from dovetail.dtypes import float32
from dovetail.errors import OpError
from dovetail.ops.full import filled_like
from dovetail.precision import widened

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


def _positive(name: str, epsilon: Any) -> None:
    if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not epsilon > 0:
        raise OpError(f"nn.{name}: epsilon={epsilon!r} must be a positive number")


def _floating(name: str, x: Any, least: int) -> None:
    if x.dtype.kind != "float":
        raise OpError(f"nn.{name}: x is {x.dtype}{list(x.shape)}; it must be floating")
    if x.ndim < least:
        raise OpError(
            f"nn.{name}: x is {x.dtype}{list(x.shape)}; it needs at least {least} axes, the first "
            "of them the batch"
        )


def _lines(name: str, channels: int, **given: Any) -> None:
    """Refuse parameters that are not one number for each channel."""
    for word, value in given.items():
        if value is not None and value.shape != (channels,):
            raise OpError(
                f"nn.{name}: {word} is {value.dtype}{list(value.shape)}, but there are {channels} "
                f"channels; it needs shape ({channels},)"
            )


def _along(line: Any, axis: int, ndim: int) -> Any:
    """One number for each channel, in the shape that broadcasts along the channels' axis."""
    return ops.reshape(line, tuple(-1 if d == axis else 1 for d in range(ndim)))


def _affine(y: Any, scale: Any, bias: Any, axis: int) -> Any:
    y = y if scale is None else y * _along(scale, axis, y.ndim)
    return y if bias is None else y + _along(bias, axis, y.ndim)


def _factor(
    variance: Any, epsilon: float, scale: Any, bias: Any, given: tuple[Any, ...]
) -> tuple[Any, Any]:
    """What a centred channel is multiplied by, and what is added: one pass over it. ``given``:
    those of scale and bias that are not None."""
    factor = ops.rsqrt(variance + epsilon)
    left = list(given)
    if scale is not None:
        factor = factor * left.pop(0)
    return factor, left.pop(0) if bias is not None else None


@widened
def _standard(x: Any, *, axes: tuple[int, ...], epsilon: float) -> Any:
    centred = x - ops.mean(x, axis=axes, keepdims=True)
    # The mean of squares of what is already centred: E[x^2] - E[x]^2 would cancel.
    variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def _rows(x: Any, groups: int, epsilon: float) -> Any:
    """Groups of channels that stand first, so that each group is one line in memory."""
    line = x.size // max(x.shape[0] * groups, 1)
    one = filled_like(x, 1, shape=(line,))
    rows = ops.reshape(x, (x.shape[0] * groups, line))
    y = ops.layer_norm(rows, one, filled_like(one, 0), epsilon=epsilon)
    return ops.reshape(y, x.shape)


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


def rms_norm(x: Any, scale: Any = None, *, epsilon: float = 1e-6) -> Any:
    """Lines of the last axis divided by the root of their mean square, then times ``scale``.

    B. Zhang and R. Sennrich, "Root mean square layer normalization", 2019.

    >>> import dovetail as dt
    >>> [round(v, 3) for v in dt.nn.rms_norm(dt.asarray([3.0, 4.0])).tolist()]
    [0.849, 1.131]
    """
    _positive("rms_norm", epsilon)
    _floating("rms_norm", x, 1)
    _lines("rms_norm", x.shape[-1], scale=scale)

    @widened
    def divided(x: Any) -> Any:
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + epsilon)

    y = divided(x)
    return y if scale is None else y * scale


def batch_norm(
    x: Any,
    mean: Any,
    variance: Any,
    scale: Any = None,
    bias: Any = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
    axis: int = -1,
) -> Any:
    """Each channel with mean 0 and variance 1, then times ``scale`` plus ``bias``.

    S. Ioffe and C. Szegedy, "Batch normalization", 2015. ``axis`` is that of the channels; ``mean``
    and ``variance`` are the running statistics, one number for each channel as ``scale`` and
    ``bias`` are. In use (``training`` False) they normalise, and the result is the array alone. In
    training the statistics of the batch do, over all axes but the channels', and the result is
    ``(y, mean, variance)`` with the running statistics moved towards them by ``momentum``: nothing
    is changed in place. The running variance takes the unbiased one of the batch. No gradient flows
    through running statistics.

    >>> import dovetail as dt
    >>> x = dt.asarray([[1.0], [3.0]])
    >>> y, mean, variance = dt.nn.batch_norm(x, dt.zeros(1), dt.ones(1), training=True)
    >>> [round(v, 3) for v in y.reshape((2,)).tolist()], round(mean.item(), 3)
    ([-1.0, 1.0], 0.2)
    """
    _positive("batch_norm", epsilon)
    _floating("batch_norm", x, 2)
    if isinstance(momentum, bool) or not isinstance(momentum, (int, float)):
        raise OpError(f"nn.batch_norm: momentum={momentum!r} must be a number from 0 to 1")
    if not 0 <= momentum <= 1:
        raise OpError(f"nn.batch_norm: momentum={momentum!r} must lie from 0 to 1")
    at = shapes.axis("nn.batch_norm", axis, x.ndim)
    _lines("batch_norm", x.shape[at], mean=mean, variance=variance, scale=scale, bias=bias)
    given = [word for word in (scale, bias) if word is not None]
    if not training:

        @widened
        def normal(x: Any, mean: Any, variance: Any, *rest: Any) -> Any:
            factor, shift = _factor(variance, epsilon, scale, bias, rest)
            return _affine(x - _along(mean, at, x.ndim), factor, shift, at)

        return normal(x, mean, variance, *given)
    axes = tuple(d for d in range(x.ndim) if d != at)
    count = x.size // max(x.shape[at], 1)
    if count < 1:
        raise OpError(
            f"nn.batch_norm: x is {x.dtype}{list(x.shape)}; a batch of nothing has no statistics"
        )

    # 16-bit floats widen once and round once, and the statistics are those of what was widened.
    wide = x if x.dtype.itemsize > 2 else ops.astype(x, float32)
    given = [w if w.dtype is wide.dtype else ops.astype(w, wide.dtype) for w in given]
    here = ops.mean(wide, axis=axes)
    centred = wide - _along(here, at, x.ndim)
    # The mean of squares of what is already centred: E[x^2] - E[x]^2 would cancel.
    spread = ops.mean(ops.square(centred), axis=axes)
    y = _affine(centred, *_factor(spread, epsilon, scale, bias, tuple(given)), at)
    y = y if y.dtype is x.dtype else ops.astype(y, x.dtype)
    unbiased = spread * (count / max(count - 1, 1))
    moved = (
        old + momentum * (ops.astype(new, old.dtype) - old)
        for old, new in ((mean, here), (variance, unbiased))
    )
    return (y, *(ops.stop_gradient(m) for m in moved))


def group_norm(
    x: Any,
    groups: int,
    scale: Any = None,
    bias: Any = None,
    *,
    epsilon: float = 1e-5,
    axis: int = -1,
) -> Any:
    """Groups of channels of one example with mean 0 and variance 1, then scaled and shifted.

    Y. Wu and K. He, "Group normalization", 2018. ``axis`` is that of the channels, which fall into
    ``groups`` of neighbours; ``scale`` and ``bias`` have one number for each channel.

    >>> import dovetail as dt
    >>> x = dt.asarray([[1.0, 3.0, 10.0, 30.0]])
    >>> [round(v, 3) for v in dt.nn.group_norm(x, 2).tolist()[0]]
    [-1.0, 1.0, -1.0, 1.0]
    """
    _positive("group_norm", epsilon)
    _floating("group_norm", x, 2)
    at = shapes.axis("nn.group_norm", axis, x.ndim)
    if at == 0:
        raise OpError("nn.group_norm: axis 0 is the batch; the channels stand on another axis")
    channels = x.shape[at]
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or channels % groups:
        raise OpError(
            f"nn.group_norm: groups={groups!r} must be a positive integer that divides the "
            f"{channels} channels"
        )
    _lines("group_norm", channels, scale=scale, bias=bias)
    if at == 1:
        return _affine(_rows(x, groups, float(epsilon)), scale, bias, at)
    split = ops.reshape(x, (*x.shape[:at], groups, channels // groups, *x.shape[at + 1 :]))
    axes = tuple(d for d in range(1, split.ndim) if d != at)
    y = _standard(split, axes=axes, epsilon=float(epsilon))
    return _affine(ops.reshape(y, x.shape), scale, bias, at)


def instance_norm(
    x: Any, scale: Any = None, bias: Any = None, *, epsilon: float = 1e-5, axis: int = -1
) -> Any:
    """Each channel of each example with mean 0 and variance 1, then scaled and shifted.

    D. Ulyanov, A. Vedaldi and V. Lempitsky, "Instance normalization", 2016. ``axis`` is that of the
    channels; the mean runs over all other axes but the first.

    >>> import dovetail as dt
    >>> y = dt.nn.instance_norm(dt.asarray([[[1.0], [3.0]]]))
    >>> [round(v, 3) for v in y.reshape((2,)).tolist()]
    [-1.0, 1.0]
    """
    _positive("instance_norm", epsilon)
    _floating("instance_norm", x, 3)
    at = shapes.axis("nn.instance_norm", axis, x.ndim)
    if at == 0:
        raise OpError("nn.instance_norm: axis 0 is the batch; the channels stand on another axis")
    _lines("instance_norm", x.shape[at], scale=scale, bias=bias)
    if at == 1:
        return _affine(_rows(x, x.shape[at], float(epsilon)), scale, bias, at)
    axes = tuple(d for d in range(1, x.ndim) if d != at)
    return _affine(_standard(x, axes=axes, epsilon=float(epsilon)), scale, bias, at)
