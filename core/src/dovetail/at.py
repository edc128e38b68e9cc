"""x.at[index]: reading and updating what an index selects, without changing ``x``.

After jax's property of that name. Where an index repeats a position, `add`, `multiply`, `min` and
`max` count every update, and of several values that are `set` the last wins.

An index may say what happens to positions beyond the ends of an axis. "error" (the default) refuses
them, eagerly and in compiled functions. "clip" takes the nearest position there is. "drop" ignores
updates, and "fill" reads a fill value in their place; they mean the same otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.dtypes import int64
from dovetail.errors import OpError
from dovetail.indexing import (
    consumed,
    converted,
    getitem,
    is_mask,
    one_for_each_axis,
    setitem,
    write,
)
from dovetail.manipulation import common_shape

__all__ = ["MODES", "Places", "Selection", "extremes"]

MODES = ("error", "clip", "drop", "fill")

Array = _fast.Array


def extremes(dtype: Any) -> tuple[Any, Any]:
    """The smallest and the largest value of a dtype, infinities where it has them."""
    if dtype.kind == "bool":
        return False, True
    if dtype.kind == "float":
        return -math.inf, math.inf
    bits = dtype.bits
    return (0, 2**bits - 1) if dtype.kind == "uint" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# ---- positions beyond the ends -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """An element of an index that holds positions on one axis."""

    place: int  # among the elements
    axis: int
    at: Any  # clipped
    inside: Any  # where it had not to be


def _clipped(part: Any, extent: int) -> tuple[Any, Any]:
    """Positions moved to the nearest there is, and which of them were there already."""
    last = max(extent - 1, 0)
    if isinstance(part, Array):
        if part.dtype.kind not in ("int", "uint"):
            raise OpError(f"an index array has dtype {part.dtype}; it must be integer or bool")
        at = ops.astype(part, int64)
        at = ops.where(at < 0, at + extent, at)
        inside = ops.logical_and(at >= 0, at < extent)
        return ops.minimum(ops.maximum(at, 0), last), inside
    known = np.asarray(part)
    if known.dtype.kind not in "iu":
        raise OpError(f"an index array has numpy's dtype {known.dtype}; it must be integer or bool")
    at = known.astype(np.int64)
    at = np.where(at < 0, at + extent, at)
    return at.clip(0, last), (at >= 0) & (at < extent)


def _holds_positions(part: Any) -> bool:
    return not (part is None or isinstance(part, slice) or is_mask(part))


def _parts(x: Any, index: Any) -> tuple[list[Any], list[_Part]]:
    elements = one_for_each_axis(x, index)
    found, axis = [], 0
    for place, part in enumerate(elements):
        if _holds_positions(part):
            found.append(_Part(place, axis, *_clipped(part, x.shape[axis])))
        axis += consumed(part)
    return elements, found


def _clip(x: Any, index: Any) -> Any:
    elements, parts = _parts(x, index)
    for part in parts:
        if x.shape[part.axis] == 0:
            raise OpError(
                f"axis {part.axis} of {x.dtype}{list(x.shape)} has no elements, so there is no "
                'nearest position to clip to; use the mode "drop" or "fill"'
            )
        elements[part.place] = part.at
    return tuple(elements)


def _all_inside(parts: list[_Part]) -> Any:
    """Which combinations of positions are inside on every axis; True where the host knows all."""
    known = [p.inside for p in parts if not isinstance(p.inside, Array)]
    if len(known) == len(parts):
        together = np.logical_and.reduce(np.broadcast_arrays(*known)) if known else np.True_
        return True if together.all() else together
    shape = common_shape("index arrays", *(tuple(p.inside.shape) for p in parts))
    inside: Any = None
    for p in parts:
        if isinstance(p.inside, Array) or not p.inside.all():
            one = ops.broadcast_to(_fast_array(p.inside), shape)
            inside = one if inside is None else ops.logical_and(inside, one)
    return inside


def _fast_array(values: Any) -> Any:
    from dovetail.creation import asarray  # noqa: PLC0415  only for indices of two kinds

    return values if isinstance(values, Array) else asarray(values)


def _with_margin(x: Any, index: Any, fill: Any) -> tuple[Any, Any, Any]:
    """The operand with a margin of one on some axis, which everything outside is sent to, and the
    index of it. The third result undoes the margin; None when nothing is outside."""
    elements, parts = _parts(x, index)
    inside = _all_inside(parts)
    if inside is True:
        return x, index, None
    empty = [p for p in parts if x.shape[p.axis] == 0]
    chosen = (empty or parts)[0]
    if len(empty) > 1:
        raise OpError(
            f"the index picks from several axes of {x.dtype}{list(x.shape)} without elements; "
            "there is nothing to read or write"
        )
    extent = x.shape[chosen.axis]
    for part in parts:
        elements[part.place] = part.at
    if isinstance(inside, Array) or isinstance(chosen.at, Array):
        at = _fast_array(chosen.at)
        elements[chosen.place] = ops.where(_fast_array(inside), at, extent)
    else:
        elements[chosen.place] = np.where(inside, chosen.at, extent)
    edge = tuple(1 if d == chosen.axis else n for d, n in enumerate(x.shape))
    wide = ops.concat([x, ops.filled_like(x, fill, shape=edge)], axis=chosen.axis)

    def cut(y: Any) -> Any:
        return ops.slice(y, start=(0,) * y.ndim, stop=x.shape)

    return wide, tuple(elements), cut


# ---- what users hold -----------------------------------------------------------------------------


def _mode(mode: Any) -> None:
    if mode not in MODES:
        raise OpError(f"x.at: mode={mode!r} is not known; use one of {', '.join(MODES)}")


def _repeats(index: Any) -> bool:
    """Whether an index may name a position twice: only arrays of positions can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(p, (list, tuple)) or (_holds_positions(p) and getattr(p, "ndim", 0) > 0)
        for p in parts
        if p is not Ellipsis
    )


def _traced_mask(index: Any) -> Any:
    mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    traced = isinstance(mask, Array) and is_mask(mask) and mask._tracer is not None
    return mask if traced else None


@dataclass(frozen=True, slots=True)
class Selection:
    """What ``x.at[index]`` gives: the ways to read and update what the index selects.

    Every method takes ``mode``: see the module. Updates broadcast to what the index selects, are
    converted to the dtype of x unless that loses something, and are differentiable, as x is.
    With ``unique_indices`` the caller promises that no position is repeated; the update is then
    read, combined and written back, which keeps second derivatives of products exact.
    """

    x: Any
    index: Any

    def get(self, *, mode: str = "error", fill_value: Any = None) -> Any:
        """``x[index]``; with the mode "fill" a fill value beyond the ends.

        The fill value is NaN for floats, the smallest of signed and the largest of unsigned
        integers and True for bool, unless given.

        >>> import dovetail as dt
        >>> dt.asarray([1.0, 2.0]).at[dt.asarray([0, 5])].get(mode="fill", fill_value=0).tolist()
        [1.0, 0.0]
        """
        _mode(mode)
        if mode == "error":
            return getitem(self.x, self.index)
        if mode == "clip":
            return getitem(self.x, _clip(self.x, self.index))
        kind = self.x.dtype.kind
        if fill_value is None:
            fill_value = (
                math.nan
                if kind in ("float", "complex")
                else extremes(self.x.dtype)[kind in ("uint", "bool")]
            )
        wide, index, _ = _with_margin(self.x, self.index, fill_value)
        return getitem(wide, index)

    def set(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x with ``values`` where the index selects.

        >>> import dovetail as dt
        >>> dt.zeros(3).at[1:].set(7.0).tolist()
        [0.0, 7.0, 7.0]
        """
        _mode(mode)
        if mode == "error":
            return setitem(self.x, self.index, values)
        if mode == "clip":
            return setitem(self.x, _clip(self.x, self.index), values)
        wide, index, cut = _with_margin(self.x, self.index, 0)
        y = setitem(wide, index, values)
        return y if cut is None else cut(y)

    def add(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x with ``values`` added where the index selects.

        >>> import dovetail as dt
        >>> dt.zeros(3).at[dt.asarray([0, 2, 2])].add(1.0).tolist()
        [1.0, 0.0, 2.0]
        """
        return self._update(ops.add, ops.scatter_add, values, mode, unique_indices)

    def subtract(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x with ``values`` subtracted where the index selects.

        >>> import dovetail as dt
        >>> dt.zeros(3).at[1].subtract(1.0).tolist()
        [0.0, -1.0, 0.0]
        """
        less = ops.negative(converted(self.x, values))
        return self._update(ops.add, ops.scatter_add, less, mode, unique_indices)

    def multiply(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x multiplied by ``values`` where the index selects.

        >>> import dovetail as dt
        >>> dt.ones(3).at[dt.asarray([0, 2, 2])].multiply(3.0).tolist()
        [3.0, 1.0, 9.0]
        """
        return self._update(ops.multiply, _lazy("multiply"), values, mode, unique_indices)

    def divide(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x divided by ``values`` where the index selects; x must be floating.

        >>> import dovetail as dt
        >>> dt.ones(3).at[1].divide(4.0).tolist()
        [1.0, 0.25, 1.0]
        """
        if self.x.dtype.kind not in ("float", "complex"):
            raise OpError(f"x.at: divide needs floats, but x is {self.x.dtype}{list(self.x.shape)}")
        inverse = ops.reciprocal(converted(self.x, values))
        return self._update(ops.multiply, _lazy("multiply"), inverse, mode, unique_indices)

    def min(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x that is not above ``values`` where the index selects.

        >>> import dovetail as dt
        >>> dt.ones(3).at[dt.asarray([0, 2, 2])].min(dt.asarray([0.5, 3.0, -1.0])).tolist()
        [0.5, 1.0, -1.0]
        """
        return self._update(ops.minimum, _lazy("minimum"), values, mode, unique_indices)

    def max(self, values: Any, *, mode: str = "error", unique_indices: bool = False) -> Any:
        """A copy of x that is not below ``values`` where the index selects.

        >>> import dovetail as dt
        >>> dt.ones(3).at[dt.asarray([0, 2, 2])].max(dt.asarray([0.5, 3.0, -1.0])).tolist()
        [1.0, 1.0, 3.0]
        """
        return self._update(ops.maximum, _lazy("maximum"), values, mode, unique_indices)

    def _update(
        self, combine: Callable[..., Any], scatter: Any, values: Any, mode: str, unique: bool
    ) -> Any:
        _mode(mode)
        x, values = self.x, converted(self.x, values)
        mask = _traced_mask(self.index)
        if mask is not None:  # which elements it selects is not known, but that it selects once is
            return _masked(x, mask, values, combine)
        index, cut = self.index, None
        if mode == "clip":
            index = _clip(x, index)
        elif mode != "error":
            x, index, cut = _with_margin(x, index, 0)
        if unique or not _repeats(index):
            y = setitem(x, index, combine(getitem(x, index), values))
        else:
            y = write(x, index, values, scatter)
        return y if cut is None else cut(y)


def _masked(x: Any, mask: Any, values: Any, combine: Callable[..., Any]) -> Any:
    """Every selected slice gets the same values."""
    if x.shape[: mask.ndim] != mask.shape:
        raise OpError(
            f"a mask of shape {mask.shape} does not fit the first axes of {x.dtype}"
            f"{list(x.shape)}; the extents must be equal"
        )
    if values.ndim > x.ndim - mask.ndim:
        raise OpError(
            f"x.at: values of shape {values.shape} for each selected element need their number, "
            "which a traced mask does not tell; use dt.where(mask, f(x, values), x)"
        )
    changed = combine(x, values)
    chosen = ops.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    return ops.where(chosen, changed, x)


def _lazy(name: str) -> Any:
    """A scattering op that is loaded when first used."""
    return getattr(ops, f"scatter_{name}")


@dataclass(frozen=True, slots=True)
class Places:
    """What ``x.at`` gives; ``x.at[index]`` is a `Selection`."""

    x: Any

    def __getitem__(self, index: Any) -> Selection:
        return Selection(self.x, index)
