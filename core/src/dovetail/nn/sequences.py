"""Sequences without an alignment: the loss of connectionist temporal classification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.creation import asarray
from dovetail.dtypes import int64
from dovetail.errors import OpError
from dovetail.precision import widened

__all__ = ["ctc_loss"]

NEVER = -1e30
"""The logarithm of what cannot be: finite, so that differences of two of them are numbers."""


def _log_sum(*terms: Any) -> Any:
    """log of the sum of e^term, element by element."""
    top = terms[0]
    for term in terms[1:]:
        top = ops.maximum(top, term)
    top = ops.stop_gradient(top)
    total = None
    for term in terms:
        one = ops.exp(term - top)
        total = one if total is None else total + one
    return top + ops.log(total)


def _later(x: Any, by: int) -> Any:
    """States moved on by one or two, none coming in."""
    moved = ops.pad(x, low=(0, by), high=(0, 0), value=NEVER)
    return ops.slice(moved, start=(0, 0), stop=x.shape)


def _lengths(name: str, given: Any, batch: int, longest: int) -> Any:
    if given is None:
        return asarray(np.full(batch, longest))
    lengths = asarray(given)
    if lengths.dtype.kind not in ("int", "uint") or lengths.shape != (batch,):
        raise OpError(
            f"nn.ctc_loss: {name} are {lengths.dtype}{list(lengths.shape)}; they must be integers, "
            f"one for each of {batch} sequences"
        )
    if lengths._tracer is None:
        known = np.asarray(lengths)
        if known.size and (known.min() < 0 or known.max() > longest):
            raise OpError(
                f"nn.ctc_loss: {name} reach from {known.min()} to {known.max()}, but there are "
                f"{longest} positions"
            )
    return ops.astype(lengths, int64)


@widened
def _forward(x: Any, *, states: Any, frames: Any, ends: Any, skips: Any) -> Any:
    """Minus the log-probability of all paths: A. Graves et al., section 4.1, in logarithms."""
    from dovetail.transforms.control_flow import scan  # noqa: PLC0415  loaded by its first use

    batch, time, _ = x.shape
    count = states.shape[1]
    wide = ops.broadcast_to(ops.reshape(states, (batch, 1, count)), (batch, time, count))
    emitted = ops.permute_dims(ops.take_along_axis(x, wide, axis=2), (1, 0, 2))
    emitted = ops.maximum(emitted, NEVER)  # a class of probability zero
    place = asarray(np.arange(count)[None])
    first = ops.slice(emitted, start=(0, 0, 0), stop=(1, batch, count))
    start = ops.where(place < 2, ops.reshape(first, (batch, count)), NEVER)
    numbers = asarray(np.arange(1, max(time, 1)))

    def step(alpha: Any, given: tuple[Any, Any]) -> tuple[Any, None]:
        frame, number = given
        jumped = ops.where(skips, _later(alpha, 2), NEVER)
        moved = ops.maximum(_log_sum(alpha, _later(alpha, 1), jumped) + frame, NEVER)
        going = ops.reshape(ops.less(number, frames), (batch, 1))
        return ops.where(going, moved, alpha), None

    rest = ops.slice(emitted, start=(1, 0, 0), stop=emitted.shape)
    alpha = scan(step, start, (rest, numbers))[0] if time > 1 else start
    last = 2 * ends
    reached = ops.reshape(last, (batch, 1))
    ending = ops.logical_or(ops.equal(place, reached), ops.equal(place, reached - 1))
    total = ops.where(ending, alpha, NEVER)
    top = ops.stop_gradient(ops.max(total, axis=1, keepdims=True))
    return -(ops.reshape(top, (batch,)) + ops.log(ops.sum(ops.exp(total - top), axis=1)))


def ctc_loss(
    log_probabilities: Any,
    labels: Any,
    *,
    input_lengths: Any = None,
    label_lengths: Any = None,
    blank: int = 0,
    reduction: str = "mean",
) -> Any:
    """Minus the log-probability that frames give the labels, over all alignments.

    A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal classification",
    2006. ``log_probabilities`` is (batch, frames, classes), as `log_softmax` gives them, ``labels``
    (batch, longest) integers that are not ``blank``. The lengths say how many frames and labels of
    each sequence count, all of them unless given. Labels that need more frames than there are have
    the loss infinity, and no gradient. ``reduction`` is "mean" (each loss divided by the number of
    its labels, then the mean), "sum" or "none".

    Raises OpError when shapes, dtypes or lengths do not fit, and for a label that is no class.

    >>> import dovetail as dt
    >>> even = dt.nn.log_softmax(dt.zeros((1, 2, 2)))
    >>> loss = dt.nn.ctc_loss(even, dt.asarray([[1]]))  # three of four paths: 1-, -1, 11
    >>> round(dt.exp(-loss).item(), 4)
    0.75
    """
    x, labels = log_probabilities, asarray(labels)
    if x.dtype.kind != "float" or x.ndim != 3 or 0 in x.shape:
        raise OpError(
            f"nn.ctc_loss: the log-probabilities are {x.dtype}{list(x.shape)}; they must be "
            "floating, with the axes (batch, frames, classes), none of them empty"
        )
    batch, time, classes = x.shape
    if labels.dtype.kind not in ("int", "uint") or labels.ndim != 2 or labels.shape[0] != batch:
        raise OpError(
            f"nn.ctc_loss: labels are {labels.dtype}{list(labels.shape)}; they must be integers of "
            f"shape ({batch}, longest)"
        )
    if isinstance(blank, bool) or not isinstance(blank, int) or not 0 <= blank < classes:
        raise OpError(f"nn.ctc_loss: blank={blank!r} is none of the {classes} classes")
    if reduction not in ("mean", "sum", "none"):
        raise OpError(
            f'nn.ctc_loss: reduction={reduction!r} is not known; use "mean", "sum" or "none"'
        )
    longest = labels.shape[1]
    frames = _lengths("input_lengths", input_lengths, batch, time)
    ends = _lengths("label_lengths", label_lengths, batch, longest)
    # Blanks before, between and behind the labels; what is padding is never reached.
    real = asarray(np.arange(longest)[None]) < ops.reshape(ends, (batch, 1))
    named = ops.where(real, ops.astype(labels, int64), blank)
    states = (
        ops.pad(
            ops.reshape(named, (batch, longest)),
            low=(0, 1),
            high=(0, 1),
            interior=(0, 1),
            value=blank,
        )
        if longest
        else ops.filled_like(ends, blank, shape=(batch, 1))
    )
    earlier = ops.slice(
        ops.pad(states, low=(0, 2), high=(0, 0), value=blank), start=(0, 0), stop=states.shape
    )
    skips = ops.logical_and(ops.not_equal(states, blank), ops.not_equal(states, earlier))
    loss = _forward(x, states=states, frames=frames, ends=ends, skips=skips)
    impossible = ops.greater(loss, -NEVER / 2)
    loss = ops.where(impossible, math.inf, loss)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return ops.sum(loss)
    return ops.mean(loss / ops.astype(ops.maximum(ends, 1), loss.dtype))
