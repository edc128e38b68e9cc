"""Where the channels stand: the ops take them last, users may bring them first."""

from __future__ import annotations

from typing import Any

from dovetail import ops
from dovetail.errors import OpError

__all__ = ["LAYOUTS", "channels_last", "given_layout", "hashable", "weights_last"]

LAYOUTS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
"""By the number of spatial axes: channels last, and channels first."""

COUNTS = {1: "three", 2: "four", 3: "five"}


def hashable(value: Any) -> Any:
    """Lists, which some write for tuples, as tuples: attributes are hashed."""
    return tuple(map(hashable, value)) if isinstance(value, (list, tuple)) else value


def channels_last(name: str, x: Any, n: int, layout: str | None) -> Any:
    """``x`` with its channels last; refused when it does not have ``n`` spatial axes."""
    known = LAYOUTS[n]
    if layout is not None and layout not in known:
        raise OpError(
            f'nn.{name}: layout={layout!r} is not known; use "{known[0]}" or "{known[1]}"'
        )
    if x.ndim != n + 2:
        raise OpError(
            f"nn.{name}: x is {x.dtype}{list(x.shape)}, but {layout or known[0]} has {COUNTS[n]} "
            "axes; expand_dims adds a batch of one"
        )
    if layout is None or layout == known[0]:
        return x
    return ops.permute_dims(x, (0, *range(2, n + 2), 1))


def given_layout(y: Any, layout: str | None) -> Any:
    """The result with its channels where the operand had them."""
    n = y.ndim - 2
    if layout is None or layout == LAYOUTS[n][0]:
        return y
    return ops.permute_dims(y, (0, n + 1, *range(1, n + 1)))


def weights_last(name: str, w: Any, n: int, layout: str | None, *, inner: str, outer: str) -> Any:
    """Weights (window, inner, outer), which with channels first are (outer, inner, window)."""
    first = layout == LAYOUTS[n][1]
    if w.ndim != n + 2:
        window = ("depth, height, width", "height, width", "width")[3 - n]
        order = f"({outer}, {inner}, {window})" if first else f"({window}, {inner}, {outer})"
        raise OpError(
            f"nn.{name}: w is {w.dtype}{list(w.shape)}, but it needs {COUNTS[n]} axes, {order}"
        )
    return ops.permute_dims(w, (*range(2, n + 2), 1, 0)) if first else w
