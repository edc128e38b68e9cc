"""A dvt_tensor with its extents, as calls take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail._abi import ffi
from dovetail.dtypes import DType

__all__ = ["View", "contiguous_strides", "pointers"]


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


class View:
    """A view of memory; ``pointer`` is the ``dvt_tensor *``, valid as long as this object."""

    def __init__(
        self,
        data: Any,
        shape: Sequence[int],
        kind: DType,
        *,
        strides: Sequence[int] | None = None,
        offset: int = 0,
        place: tuple[int, int] = (1, 0),
    ) -> None:
        ndim = len(shape)
        self.shape = tuple(shape)
        self.strides = contiguous_strides(shape) if strides is None else tuple(strides)
        # One element more, so that a view without axes still has extents to point to.
        self._shape = ffi.new("int64_t[]", [*self.shape, 0])
        self._strides = ffi.new("int64_t[]", [*self.strides, 0])
        self.pointer: Any = ffi.new("dvt_tensor *")
        self.pointer.data = data
        self.pointer.place.type, self.pointer.place.id = place
        self.pointer.ndim = ndim
        self.pointer.dtype.code, self.pointer.dtype.bits = kind.code, kind.bits
        self.pointer.dtype.lanes = 1
        self.pointer.shape, self.pointer.strides = self._shape, self._strides
        self.pointer.byte_offset = offset

    def scramble(self, data: Any) -> None:
        """Make it another view, of ``data`` with extents of one: what was passed into a call is
        gone when the call returns, and a callee that looks again shall see it."""
        for axis in range(len(self.shape)):
            self._shape[axis], self._strides[axis] = 1, 0
        self.pointer.data, self.pointer.byte_offset = data, 0


def pointers(views: Sequence[View]) -> Any:
    """An array of pointers to views, as dvt_op and dvt_call have it."""
    return ffi.new("dvt_tensor *[]", [v.pointer for v in views] or [ffi.NULL])
