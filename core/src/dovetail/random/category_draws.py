"""Categories by their logits."""

from __future__ import annotations

import math
from typing import Any

from dovetail import ops
from dovetail.errors import OpError
from dovetail.random.arguments import Shape, extents_of, wide_of
from dovetail.random.keys import Key, data_of
from dovetail.random.uniform_draws import open_unit

__all__ = ["categorical"]


def standard_gumbel(data: Any, shape: tuple[int, ...], kind: Any) -> Any:
    """-log(-log u), from a key's words."""
    return -ops.portable_log(-ops.portable_log(open_unit(data, shape, kind)))


def categorical(
    key: Key, logits: Any, axis: int = -1, shape: Shape = (), replace: bool = True
) -> Any:
    """Positions along ``axis``, each with the probability softmax(logits) gives it; int64.

    ``shape`` draws that many of them, in front of the other axes of ``logits``. The position with
    the largest logit + Gumbel noise (the Gumbel-max trick). Without ``replace`` the draws are all
    different, as if taken one after the other: the positions with the largest sums (W. Kool, H. van
    Hoof and M. Welling, "Stochastic beams and where to find them", ICML 2019). Positions of logit
    minus infinity come last.

    >>> import dovetail as dt
    >>> dt.random.categorical(dt.random.key(0), dt.asarray([0.0, 100.0])).item()
    1
    """
    if logits.ndim == 0 or logits.dtype.kind != "float":
        raise OpError(
            f"random.categorical: logits are {logits.dtype}{list(logits.shape)}; they must be "
            "floating, with at least one axis"
        )
    if not -logits.ndim <= axis < logits.ndim:
        raise OpError(
            f"random.categorical: axis {axis} is out of range; logits of {logits.ndim} axes have "
            f"axis {-logits.ndim} to {logits.ndim - 1}"
        )
    axis %= logits.ndim
    if logits.shape[axis] == 0:
        raise OpError(f"random.categorical: axis {axis} of {list(logits.shape)} has no category")
    draws, wide = extents_of("categorical", shape), wide_of(logits.dtype)
    data = data_of(key, "categorical")
    logits = ops.astype(logits, wide)
    if replace:
        noise = standard_gumbel(data, (*draws, *logits.shape), wide)
        return ops.argmax(logits + noise, axis=axis + len(draws))
    count = math.prod(draws)
    if count > logits.shape[axis]:
        raise OpError(
            f"random.categorical: {count} different positions do not exist among "
            f"{logits.shape[axis]}; draw fewer, or with replace=True"
        )
    sums = logits + standard_gumbel(data, logits.shape, wide)
    order = ops.argsort(sums, axis=axis, descending=True)
    front = ops.permute_dims(order, (axis, *(i for i in range(logits.ndim) if i != axis)))[:count]
    return ops.reshape(front, (*draws, *front.shape[1:]))
