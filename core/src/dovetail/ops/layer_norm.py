"""Each line of the last axis brought to mean zero and variance one, then scaled and shifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.batching import examples
from dovetail.dtypes import FLOATING
from dovetail.op import Op, Sample, Spec, define
from dovetail.precision import widened

__all__ = ["layer_norm"]


def _canonical(x: Spec, scale: Spec, bias: Spec, epsilon: Any) -> dict[str, Any]:
    if not isinstance(epsilon, (int, float)) or not epsilon > 0:
        raise LAYER_NORM.fail(f"epsilon={epsilon!r} must be a positive number")
    return {"epsilon": float(epsilon)}


def _infer(x: Spec, scale: Spec, bias: Spec, epsilon: float) -> Spec:
    if x.ndim == 0:
        raise LAYER_NORM.fail(f"{x} has no axis to normalise; reshape it to (1,) or more")
    for name, spec in (("scale", scale), ("bias", bias)):
        if spec.shape != x.shape[-1:]:
            raise LAYER_NORM.fail(
                f"{name} is {spec}, but the last axis of {x} needs shape {x.shape[-1:]}"
            )
    return Spec(x.shape, x.dtype)


def _normalised(x: Any, epsilon: float) -> tuple[Any, Any]:
    """The lines with mean zero and variance one, and one over their standard deviation."""
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    # The mean of squares of what is already centred: E[x^2] - E[x]^2 would cancel.
    variance = ops.mean(centred * centred, axis=-1, keepdims=True)
    inverse = ops.rsqrt(variance + epsilon)
    return centred * inverse, inverse


@widened
def _decomposition(x: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    return _normalised(x, epsilon)[0] * scale + bias


@widened
def _gradient_x(x: Any, g: Any, scale: Any, epsilon: float) -> Any:
    normal, inverse = _normalised(x, epsilon)
    scaled = g * scale
    along = normal * ops.mean(scaled * normal, axis=-1, keepdims=True)
    return inverse * (scaled - ops.mean(scaled, axis=-1, keepdims=True) - along)


@widened
def _gradient_scale(x: Any, g: Any, epsilon: float) -> Any:
    return ops.sum(g * _normalised(x, epsilon)[0], axis=tuple(range(x.ndim - 1)))


@widened
def _gradient_bias(g: Any) -> Any:
    return ops.sum(g, axis=tuple(range(g.ndim - 1)))


def _reference(x: np.ndarray, scale: np.ndarray, bias: np.ndarray, epsilon: float) -> np.ndarray:
    wide = x.astype(np.float64)
    if wide.size == 0:
        return wide
    mean, variance = wide.mean(axis=-1, keepdims=True), wide.var(axis=-1, keepdims=True)
    return np.asarray((wide - mean) / np.sqrt(variance + epsilon) * scale + bias)


def _batching(
    op: Any, size: int, batched: tuple[bool, ...], /, *operands: Any, **words: Any
) -> Any:
    """With scale and bias of its own, each example takes them after the lines are normalised."""
    x, scale, bias = operands
    if not batched[1] and not batched[2]:
        return op(x, scale, bias, **words)
    lines = examples(x, size, batched[0])

    @widened
    def shifted(x: Any, scale: Any, bias: Any) -> Any:
        one = ops.filled_like(x, 1, shape=x.shape[-1:])
        y = op(x, one, ops.filled_like(one, 0), **words)
        rows = (size, *(1,) * (x.ndim - 2), x.shape[-1])
        return y * ops.reshape(scale, rows) + ops.reshape(bias, rows)

    return shifted(lines, examples(scale, size, batched[1]), examples(bias, size, batched[2]))


def _samples() -> Iterator[Sample]:
    for shape in ((1,), (5,), (2, 3), (3, 2, 17), (0, 4), (4, 33), (2, 1030)):
        line = shape[-1:]
        yield Sample(inputs=((shape, -3, 3), (line, -2, 2), (line, -1, 1)))
    line = (7,)
    yield Sample(inputs=(((4, 7), 100, 104), (line, -2, 2), (line, -1, 1)))
    yield Sample(
        inputs=(((4, 7), -1, 1), (line, -2, 2), (line, -1, 1)), attributes={"epsilon": 0.1}
    )


LAYER_NORM = Op(
    name="layer_norm",
    doc="""(x - mean) / sqrt(variance + epsilon) * scale + bias over the last axis.

    J. Ba, J. Kiros and G. Hinton, "Layer normalization", 2016. ``scale`` and ``bias`` have the
    length of that axis. The variance divides by the length, not by one less. The result has x's
    shape; float16 and bfloat16 compute in float32.

    Raises OpError when x has no axis, when scale or bias has another shape and when epsilon is not
    positive.

    >>> import dovetail as dt
    >>> y = dt.nn.layer_norm(dt.asarray([[1.0, 3.0]]), dt.ones(2), dt.zeros(2))
    >>> [round(v, 3) for v in y.tolist()[0]]
    [-1.0, 1.0]
    """,
    signature="x: T, scale: T, bias: T -> T",
    types={"T": FLOATING},
    attributes={"epsilon": 1e-5},
    canonical=_canonical,
    infer=_infer,
    gradient=(
        lambda g, y, x, scale, bias, epsilon: _gradient_x(x, g, scale, epsilon=epsilon),
        lambda g, y, x, scale, bias, epsilon: _gradient_scale(x, g, epsilon=epsilon),
        lambda g, y, x, scale, bias, epsilon: _gradient_bias(g),
    ),
    decomposition=_decomposition,
    reference=_reference,
    batching=_batching,
    samples=_samples,
    # The mean's rounding is relative to x and then divided by the deviation. In the sample around
    # 102 with deviation 1 and scale 2, one unit of the mean is 55 of the largest result. 16-bit
    # floats round at the end only.
    tolerance={"norm": True, "float32": 64, "float64": 64, "float16": 1, "bfloat16": 1},
    claim="composite",
)
layer_norm: Any = define(LAYER_NORM)
