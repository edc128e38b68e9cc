"""An op's attributes in the ABI's typed form, as the core writes them (csrc/fast/attrs.c)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.dtypes import DType

__all__ = ["Attributes"]


class Attributes:
    """``pointer`` to ``count`` attributes, valid as long as this object. None means absent."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        self.count = len(given)
        self.pointer: Any = ffi.new("dvt_attr[]", max(self.count, 1))
        self._keep: list[Any] = []
        for row, (name, value) in zip(self.pointer, given.items(), strict=False):
            row.name = self._kept(ffi.new("char[]", name.encode()))
            row.kind, row.values, row.count = self._typed(value)
            row.is_list = int(isinstance(value, tuple))

    def _kept(self, made: Any) -> Any:
        self._keep.append(made)
        return made

    def _typed(self, value: Any) -> tuple[int, Any, int]:
        if isinstance(value, str):
            text = self._kept(ffi.new("char[]", value.encode()))
            return lib.DVT_ATTR_STRING, self._kept(ffi.new("char *[]", [text])), 1
        if isinstance(value, DType):
            kind = self._kept(ffi.new("dvt_dtype *"))
            kind.code, kind.bits, kind.lanes = value.code, value.bits, 1
            return lib.DVT_ATTR_DTYPE, kind, 1
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(n, float) for n in numbers):
            doubles = ffi.new("double[]", [float(n) for n in numbers] or [0.0])
            return lib.DVT_ATTR_FLOAT64, self._kept(doubles), len(numbers)
        integers = ffi.new("int64_t[]", [int(n) for n in numbers] or [0])
        return lib.DVT_ATTR_INT64, self._kept(integers), len(numbers)
