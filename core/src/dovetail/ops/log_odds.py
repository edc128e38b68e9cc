"""The logarithm of odds, and the logarithm of the probability that has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail.batching import elementwise as batched
from dovetail.dtypes import FLOATING, float32, float64
from dovetail.op import Op, Sample, define
from dovetail.ops.sigmoid import sigmoid
from dovetail.samples import unary
from dovetail.shapes import elementwise
from dovetail.special_reference import wide

__all__ = ["log_expit", "logit"]

TOLERANCE = {"float32": 1, "float64": 4, "float16": 1, "bfloat16": 1}


def _logit(x: Any) -> Any:
    x = wide(x)
    return np.where(np.abs(x - 0.5) < 0.25, 2 * np.arctanh(2 * x - 1), np.log(x / (1 - x)))


def _log_expit(x: Any) -> Any:
    x = wide(x)
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def _probabilities() -> Iterator[Sample]:
    yield from unary(0.05, 0.95)()
    ends = [0.0, 1.0, 1e-30, 0.5, 0.50001, 0.999, -0.5, 1.5]
    yield Sample(inputs=(ends,), dtypes=frozenset({float32, float64}), differentiable=False)


logit: Any = define(
    Op(
        name="logit",
        doc="""log(x / (1 - x)), element by element; the inverse of `expit`.

    The result has x's shape and dtype; integers and bools are converted to float32 first. Minus
    infinity at 0 and infinity at 1, NaN outside. Accurate also around its zero at 1/2.

    >>> import dovetail as dt
    >>> dt.special.logit(dt.asarray([0.5, 1.0])).tolist()
    [0.0, inf]
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("logit"),
        gradient=(lambda g, y, x: g / (x * (1 - x)),),
        batching=batched,
        reference=_logit,
        samples=_probabilities,
        tolerance=TOLERANCE,
    )
)

log_expit: Any = define(
    Op(
        name="log_expit",
        doc="""log(1 / (1 + exp(-x))), element by element, without overflow on the way.

    The result has x's shape and dtype; integers and bools are converted to float32 first.

    >>> import dovetail as dt
    >>> round(dt.special.log_expit(dt.asarray(-1000.0)).item(), 5)
    -1000.0
    """,
        signature="x: T -> T",
        types={"T": FLOATING},
        infer=elementwise("log_expit"),
        gradient=(lambda g, y, x: g * sigmoid(-x),),
        batching=batched,
        reference=_log_expit,
        samples=unary(-6, 6),
        tolerance=TOLERANCE,
    )
)
