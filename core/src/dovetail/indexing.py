"""x[index] and x[index] = value: numpy's rules, made of slice, reshape, take and scatter.

Every element of an index is one of: an integer, a slice, None (a new axis), an Ellipsis, an array
of integers, or a boolean mask. What the host knows about indices (lists, numpy arrays, integers) is
checked and combined there; arrays on a device are combined by ops, so that both work under a trace.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail import _fast, ops
from dovetail.creation import asarray
from dovetail.dtypes import bool_, int32, int64
from dovetail.errors import AxisError, OpError, TraceError
from dovetail.manipulation import common_shape, moveaxis

__all__ = ["getitem", "setitem", "take_along_axis"]

Array = _fast.Array
Positions = Any  # an integer array: numpy's where the host knows it, else ours


class WrongIndex(OpError, IndexError):
    """An index that does not fit its array; Python's loops over sequences rely on IndexError."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """What happens to one axis of the operand."""

    extent: int
    section: range | None = None  # a slice
    at: Positions = None  # integer positions; 0-d for a plain integer


@dataclass(frozen=True, slots=True)
class _Plan:
    """An index, taken apart.

    ``new`` are the places of None among the axes, as in numpy counted in the result before the
    positions are placed; each of ``axes`` belongs to one axis of the operand.
    """

    axes: tuple[_Axis, ...]
    new: tuple[int, ...]  # for each None, the number of operand axes before it
    advanced: bool  # some axis has an array of positions

    @property
    def picked(self) -> tuple[int, ...]:
        return tuple(d for d, axis in enumerate(self.axes) if axis.at is not None)

    @property
    def together(self) -> bool:
        """Whether the axes with positions are neighbours, with no None between them."""
        picked = self.picked
        adjacent = picked[-1] - picked[0] == len(picked) - 1
        return adjacent and not any(picked[0] < n <= picked[-1] for n in self.new)


# ---- taking an index apart -----------------------------------------------------------------------


def is_mask(part: Any) -> bool:
    """Whether an element of an index is boolean."""
    if isinstance(part, (bool, np.bool_)):
        return True
    if isinstance(part, Array):
        return part.dtype is bool_
    return isinstance(part, np.ndarray) and part.dtype == np.bool_


def _readable(part: Any) -> Any:
    """An element of an index, with lists as numpy arrays."""
    if isinstance(part, (list, tuple)):
        if any(isinstance(item, Array) for item in part):
            return asarray(part)
        array = np.asarray(part)
        return array.astype(np.int64) if array.size == 0 else array
    return part


def consumed(part: Any) -> int:
    """How many axes of the operand an element stands for."""
    if part is None or part is Ellipsis:
        return 0
    if is_mask(part):
        return getattr(part, "ndim", 0)
    return 1


def one_for_each_axis(x: Any, index: Any) -> list[Any]:
    """The elements of an index, one for each axis: the Ellipsis is filled in."""
    given = [_readable(p) for p in (index if isinstance(index, tuple) else (index,))]
    dots = sum(p is Ellipsis for p in given)
    if dots > 1:
        raise WrongIndex("an index may have one Ellipsis, not several")
    used = sum(map(consumed, given))
    if used > x.ndim:
        raise WrongIndex(
            f"the index has elements for {used} axes, but {x.dtype}{list(x.shape)} has {x.ndim}"
        )
    fill = [slice(None)] * (x.ndim - used)
    if not dots:
        return given + fill
    at = next(i for i, p in enumerate(given) if p is Ellipsis)
    return given[:at] + fill + given[at + 1 :]


def _plan(x: Any, index: Any) -> tuple[Any, _Plan]:
    """The operand (with an axis for each boolean number) and what happens to its axes."""
    axes: list[_Axis] = []
    new: list[int] = []
    advanced = False
    for part in one_for_each_axis(x, index):
        d = len(axes)
        if part is None:
            new.append(d)
        elif isinstance(part, slice):
            axes.append(_Axis(x.shape[d], section=_section(part, x.shape[d])))
        elif is_mask(part):
            advanced = True
            if getattr(part, "ndim", 0) == 0:
                # True keeps a new axis of extent 1, False empties it.
                x = ops.reshape(x, (*x.shape[:d], 1, *x.shape[d:]))
                axes.append(_Axis(1, at=np.zeros(int(bool(part)), np.int64)))
            else:
                axes.extend(_masked(x, part, d))
        elif hasattr(part, "ndim") and part.ndim > 0:
            advanced = True
            axes.append(_Axis(x.shape[d], at=_positions(part, x, d)))
        else:
            axes.append(_Axis(x.shape[d], at=_integer(part, x, d)))
    return x, _Plan(tuple(axes), tuple(new), advanced)


def _section(part: slice, extent: int) -> range:
    ends: list[int | None] = []
    for value in (part.start, part.stop, part.step):
        if isinstance(value, Array) and value._tracer is not None:
            raise TraceError(
                "the ends of a slice decide a shape and so cannot be traced; use dt.take with "
                "dt.arange, or pass Python integers"
            )
        try:
            ends.append(None if value is None else operator.index(value))
        except TypeError:
            raise WrongIndex(f"the slice {part} has an end that is not an integer") from None
    if ends[2] == 0:
        raise WrongIndex(f"the slice {part} has a step of 0")
    # An empty range may start before the first element, at -1, which would count from the end.
    return range(extent)[slice(*ends)] or range(0)


def _integer(part: Any, x: Any, d: int) -> Positions:
    if isinstance(part, Array):
        return _positions(part, x, d)
    try:
        value = operator.index(part)
    except TypeError:
        raise WrongIndex(
            f"an index of type {type(part).__name__} is not known; use integers, slices, None, "
            "..., or arrays of integers or bools"
        ) from None
    return _positions(np.asarray(value), x, d)


def _positions(part: Any, x: Any, d: int) -> Positions:
    """Integer positions on axis ``d``; those the host knows are checked and made non-negative."""
    if isinstance(part, Array):
        if part.dtype.kind not in ("int", "uint"):
            raise WrongIndex(f"an index array has dtype {part.dtype}; it must be integer or bool")
        if part.ndim == 0 and part._tracer is None:
            return _checked(np.asarray(part), x, d)  # as good as a Python integer: a view
        return part if part.dtype in (int32, int64) else ops.astype(part, int64)
    if part.dtype.kind not in "iu":
        raise WrongIndex(
            f"an index array has numpy's dtype {part.dtype}; it must be integer or bool"
        )
    return _checked(part, x, d)


def _checked(part: np.ndarray, x: Any, d: int) -> np.ndarray:
    part, extent = part.astype(np.int64), x.shape[d]
    wrong = part[(part < -extent) | (part >= extent)]
    if wrong.size:
        raise WrongIndex(
            f"index {wrong[0]} is out of range for axis {d} with size {extent} of "
            f"{x.dtype}{list(x.shape)}"
        )
    return np.where(part < 0, part + extent, part)


def _masked(x: Any, mask: Any, d: int) -> list[_Axis]:
    extents = _under(mask, x.shape[d:], f"the axes {d} to {d + mask.ndim - 1} of {_text(x)}")
    places = np.nonzero(known(mask))
    return [_Axis(extent, at=at) for extent, at in zip(extents, places, strict=True)]


def _under(mask: Any, shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The extents that a mask covers; the standard lets one without elements cover any."""
    extents = shape[: mask.ndim]
    if any(n not in (extent, 0) for n, extent in zip(mask.shape, extents, strict=True)):
        raise WrongIndex(
            f"a mask of shape {tuple(mask.shape)} does not fit {what}; the extents must be equal"
        )
    return extents


def _text(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}"


def known(mask: Any) -> np.ndarray:
    """A mask's values on the host."""
    if isinstance(mask, Array) and mask._tracer is not None:
        raise TraceError(
            "a traced boolean mask selects a number of elements that is not known yet; use "
            "dt.where(mask, x, other), which keeps the shape"
        )
    return np.asarray(mask)


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """Elements at positions of their own along an axis; the other axes broadcast.

    >>> import dovetail as dt
    >>> x = dt.asarray([[3, 1, 2], [6, 5, 4]])
    >>> dt.take_along_axis(x, dt.asarray([[2, 0]]), axis=1).tolist()
    [[2, 3], [4, 6]]
    """
    if x.ndim != indices.ndim:
        raise OpError(
            f"take_along_axis: x has shape {x.shape} and indices {indices.shape}; they need the "
            "same number of axes"
        )
    if not -x.ndim <= axis < x.ndim:
        raise AxisError(f"take_along_axis: axis {axis} does not exist for shape {x.shape}")
    at = axis % x.ndim
    others = [(*a.shape[:at], 1, *a.shape[at + 1 :]) for a in (x, indices)]
    shape = common_shape("take_along_axis", *others)
    wide = ops.broadcast_to(x, (*shape[:at], x.shape[at], *shape[at + 1 :]))
    positions = ops.broadcast_to(indices, (*shape[:at], indices.shape[at], *shape[at + 1 :]))
    return ops.take_along_axis(wide, positions, axis=at)


# ---- combining positions -------------------------------------------------------------------------


def _linear(positions: list[Positions], axes: list[int], x: Any) -> Positions:
    """Positions on several axes, broadcast together, as positions on those axes merged into one."""
    shape = common_shape("index arrays", *(tuple(p.shape) for p in positions))
    extents = [x.shape[d] for d in axes]
    here = all(
        not isinstance(p, Array) or (p._tracer is None and p.device.host_visible) for p in positions
    )
    if here:  # the host can check and name what is out of range
        flat = np.zeros(shape, np.int64)
        for p, d, extent in zip(positions, axes, extents, strict=True):
            flat = flat * extent + (_checked(np.asarray(p), x, d) if isinstance(p, Array) else p)
        return flat
    total: Any = None
    outside: Any = None
    for p, extent in zip(positions, extents, strict=True):
        one = _device_positions(p, x)
        if isinstance(p, Array):  # those of the host are checked already
            wrong = ops.logical_or(one < -extent, one >= extent)
            outside = wrong if outside is None else ops.logical_or(outside, wrong)
            one = ops.where(one < 0, one + extent, one)
        total = one if total is None else total * extent + one
    # A position that is out of range on its own axis must not land in a neighbouring line: it is
    # sent out of range of the merged axis, which take and scatter refuse.
    return ops.broadcast_to(ops.where(outside, math.prod(extents), total), shape)


def _device_positions(at: Positions, x: Any) -> Any:
    return at if isinstance(at, Array) else asarray(at, device=x.device)


def _merge(x: Any, first: int, count: int) -> Any:
    """The operand with ``count`` axes from ``first`` on as one."""
    if count == 1:
        return x
    merged = math.prod(x.shape[first : first + count])
    return ops.reshape(x, (*x.shape[:first], merged, *x.shape[first + count :]))


# ---- reading -------------------------------------------------------------------------------------


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``: a new array; slices and integers alone move no data.

    >>> import dovetail as dt
    >>> from dovetail.indexing import getitem
    >>> getitem(dt.asarray([[1, 2], [3, 4]]), (0, slice(None, None, -1))).tolist()
    [2, 1]
    """
    x, plan = _plan(x, index)
    if not plan.advanced:
        dynamic = [d for d, a in enumerate(plan.axes) if isinstance(a.at, Array)]
        if not dynamic:
            return _basic(x, plan)
    sliced = _sections(x, [a.section for a in plan.axes])
    picked = plan.picked
    positions = [plan.axes[d].at for d in picked]
    first = picked[0] if plan.together else 0
    if not plan.together:
        sliced = moveaxis(sliced, picked, tuple(range(len(picked))))
    at = positions[0] if len(picked) == 1 else _linear(positions, list(picked), x)
    result = ops.take(_merge(sliced, first, len(picked)), _device_positions(at, x), axis=first)
    return _with_new_axes(result, plan, len(at.shape))


def _sections(x: Any, sections: list[range | None]) -> Any:
    if all(s is None or s == range(n) for s, n in zip(sections, x.shape, strict=True)):
        return x
    whole = [range(n) if s is None else s for s, n in zip(sections, x.shape, strict=True)]
    return ops.slice(
        x,
        start=tuple(s.start for s in whole),
        # Before the first element is -1, which would count from the end; None says it.
        stop=tuple(None if s.stop < 0 else s.stop for s in whole),
        step=tuple(s.step for s in whole),
    )


def _basic(x: Any, plan: _Plan) -> Any:
    sections = [a.section if a.at is None else range(int(a.at), int(a.at) + 1) for a in plan.axes]
    part = _sections(x, sections)
    shape: list[int] = []
    for d, axis in enumerate(plan.axes):
        shape += [1] * plan.new.count(d)
        if axis.section is not None:
            shape.append(len(axis.section))
    shape += [1] * plan.new.count(len(plan.axes))
    if tuple(shape) != part.shape:
        return ops.reshape(part, tuple(shape))
    # A new object in any case: x[:] must not follow when x[0] = v rebinds x.
    return ops.identity(part) if part is x else part


def _with_new_axes(result: Any, plan: _Plan, ndim: int) -> Any:
    """The result of taking, with the axes that None asks for; ``ndim`` axes came from positions."""
    if not plan.new:
        return result
    shape = list(result.shape)
    for n, before in enumerate(plan.new):
        kept = sum(a.at is None for a in plan.axes[:before])
        ahead = ndim if not plan.together or before > plan.picked[0] else 0
        shape.insert(kept + ahead + n, 1)
    return ops.reshape(result, tuple(shape))


# ---- writing -------------------------------------------------------------------------------------


def setitem(x: Any, index: Any, value: Any) -> Any:
    """``x`` with ``x[index]`` replaced by ``value``: a new array, and differentiable in both.

    The value broadcasts to what the index selects and is converted to the dtype of ``x``, unless
    that would turn floats into integers or numbers into bools. Where an index array repeats a
    position, the last value wins.

    >>> import dovetail as dt
    >>> from dovetail.indexing import setitem
    >>> setitem(dt.zeros(3), slice(1, None), 7.0).tolist()
    [0.0, 7.0, 7.0]
    """
    value = converted(x, value)
    mask: Any = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    axes = getattr(mask, "ndim", 0) if is_mask(mask) else 0
    if 0 < axes <= x.ndim and value.ndim <= x.ndim - axes and mask.shape == x.shape[:axes]:
        return _choose(x, mask, value)  # every selected slice gets one value: no positions needed
    wide, plan = _plan(x, index)
    result = _write(wide, plan, value, ops.scatter)
    return result if result.shape == x.shape else ops.reshape(result, x.shape)


def write(x: Any, index: Any, value: Any, scatter: Any) -> Any:
    """``setitem`` by another op than scatter, for an index with arrays of positions."""
    wide, plan = _plan(x, index)
    result = _write(wide, plan, converted(x, value), scatter)
    return result if result.shape == x.shape else ops.reshape(result, x.shape)


_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def converted(x: Any, value: Any) -> Any:
    """A value as an array of the dtype of ``x`` and where it lies, unless that loses something."""
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        kind = "bool" if isinstance(value, bool) else type(value).__name__
        _refuse(x, kind, repr(value))
        return ops.filled_like(x, value, shape=())
    array = asarray(value)
    _refuse(x, array.dtype.kind, f"{array.dtype}{list(array.shape)}")
    if array.device is not x.device and array._tracer is None and x._tracer is None:
        array = _fast.transfer(array, x.device)
    return array if array.dtype is x.dtype else ops.astype(array, x.dtype)


def _refuse(x: Any, kind: str, what: str) -> None:
    if _RANK[kind] > _RANK[x.dtype.kind]:
        raise OpError(
            f"{what} cannot be assigned into {x.dtype}{list(x.shape)} without loss; convert one of "
            "them with astype first"
        )


def _choose(x: Any, mask: Any, value: Any) -> Any:
    shape = tuple(mask.shape)
    mask = mask if isinstance(mask, Array) else asarray(mask, device=x.device)
    behind = x.shape[len(shape) :]
    chosen = ops.reshape(mask, (*shape, *(1,) * len(behind)))
    return ops.where(chosen, _spread(value, behind), x)


def _spread(value: Any, shape: tuple[int, ...]) -> Any:
    """The value broadcast to what an index selects; leading axes of extent 1 may be too many."""
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = ops.reshape(value, value.shape[1:])
    if value.ndim > len(shape) or common_shape("x[index] = value", value.shape, shape) != shape:
        raise OpError(
            f"a value of shape {value.shape} does not broadcast to the shape {shape} that the "
            "index selects"
        )
    return value if value.shape == shape else ops.broadcast_to(value, shape)


def _write(x: Any, plan: _Plan, value: Any, scatter: Any) -> Any:
    """Scatter the value into the axes from the first to the last that the index touches."""
    touched = [d for d, a in enumerate(plan.axes) if a.section != range(a.extent)]
    picked = plan.picked
    block = range(touched[0], touched[-1] + 1) if touched else range(0)

    # The axes of x[index], None left out, as lists of extents: kept axes, and the positions' own.
    own = common_shape("index arrays", *(tuple(plan.axes[d].at.shape) for d in picked))
    front = len(own) if picked and not plan.together else 0
    region: list[int] = [*own] if front else []
    place: dict[int, int] = {}  # operand axis -> axis of the region
    start = 0
    for d, axis in enumerate(plan.axes):
        if axis.section is not None:
            place[d] = len(region)
            region.append(len(axis.section))
        elif plan.together and d == picked[0]:
            start = len(region)
            region += own
    # In the order of numpy's result, with the axes of None, then without them.
    value = _without_new_axes(_spread(value, _selected_shape(plan, region, len(own))), region)
    if not touched:
        return value
    if _is_block(plan) and scatter is ops.scatter:
        return _placed(x, [_run(a) for a in plan.axes], _with_picked_axes(value, plan))
    if front and block.start:
        # Positions that numpy puts in front belong behind the untouched leading axes.
        value = moveaxis(value, tuple(range(front)), tuple(range(block.start, block.start + front)))
        place = {d: p - front if d < block.start else p for d, p in place.items()}
        start = block.start

    lead = block.start
    inside = sum(d in place for d in block) + len(own)
    lines = []
    for d in block:
        axis = plan.axes[d]
        if axis.section is not None:
            at: Positions = np.arange(axis.section.start, axis.section.stop, axis.section.step)
            axes: tuple[int, ...] = (place[d] - lead,)
        else:
            at = plan.axes[d].at
            axes = tuple(range(start - lead + len(own) - len(at.shape), start - lead + len(own)))
        shape = [1] * inside
        for a, n in zip(axes, at.shape, strict=True):
            shape[a] = n
        lines.append(at.reshape(tuple(shape)))
    at = lines[0] if len(lines) == 1 else _linear(lines, list(block), x)
    merged = _merge(x, lead, len(block))
    result = scatter(merged, _device_positions(at, x), value, axis=lead)
    return result if result.shape == x.shape else ops.reshape(result, x.shape)


def _is_block(plan: _Plan) -> bool:
    """Whether the index selects neighbours on every axis, at places that the host knows."""
    return not plan.advanced and all(
        axis.section.step == 1 if axis.section is not None else not isinstance(axis.at, Array)
        for axis in plan.axes
    )


def _run(axis: _Axis) -> range:
    if axis.section is not None:
        return axis.section
    return range(int(axis.at), int(axis.at) + 1)


def _with_picked_axes(value: Any, plan: _Plan) -> Any:
    """The value with an axis of extent 1 for each integer of the index."""
    extents = iter(value.shape)
    shape = tuple(1 if a.section is None else next(extents) for a in plan.axes)
    return value if shape == value.shape else ops.reshape(value, shape)


def _placed(x: Any, runs: list[range], value: Any) -> Any:
    """``x`` with a block replaced: cut apart and joined, which moves whole lines of memory."""
    d = next((d for d, n in enumerate(x.shape) if len(runs[d]) != n), None)
    if d is None:
        return value
    if not runs[d]:
        return ops.identity(x)
    before, inside, after = (
        _sections(x, [section if at == d else range(n) for at, n in enumerate(x.shape)])
        for section in (range(runs[d].start), runs[d], range(runs[d].stop, x.shape[d]))
    )
    runs = [range(len(run)) if at == d else run for at, run in enumerate(runs)]
    parts = [before, _placed(inside, runs, value), after]
    return ops.concat([part for part in parts if part.shape[d]], axis=d)


def _selected_shape(plan: _Plan, region: list[int], ndim: int) -> tuple[int, ...]:
    """The shape of x[index], with the axes of None."""
    shape = list(region)
    for n, before in enumerate(plan.new):
        kept = sum(a.section is not None for a in plan.axes[:before])
        ahead = 0
        if plan.picked:
            ahead = ndim if not plan.together or before > plan.picked[0] else 0
        shape.insert(kept + ahead + n, 1)
    return tuple(shape)


def _without_new_axes(value: Any, region: list[int]) -> Any:
    return value if value.shape == tuple(region) else ops.reshape(value, tuple(region))
