"""Dovetail: tensor programs that run on every device whose maker has filled in one C table.

The functions of the Array API standard are here; `nn` holds layers and losses, `random` keys and
draws, `optim` optimisers, `tree` containers of arrays, `ops` every op with its record. Importing
this package opens no device and looks for no plugin.
"""

from __future__ import annotations

import math as _math
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from dovetail import nn, ops, random, tree
from dovetail.array import Array
from dovetail.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tril,
    triu,
    zeros,
    zeros_like,
)
from dovetail.devices import default_device, device, devices, use_device
from dovetail.dtypes import (
    DType,
    bfloat16,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    uint8,
    uint16,
    uint32,
    uint64,
)
from dovetail.dtypes import bool_ as bool
from dovetail.errors import (
    DeviceError,
    DonatedError,
    DovetailError,
    OpError,
    OutOfMemoryError,
    PluginError,
    ProgramError,
    TraceError,
)
from dovetail.indexing import nonzero, take_along_axis
from dovetail.manipulation import (
    broadcast_arrays,
    expand_dims,
    flatten,
    flip,
    matrix_transpose,
    meshgrid,
    moveaxis,
    ravel,
    repeat,
    roll,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    unstack,
)
from dovetail.ops import (
    abs,
    add,
    all,
    any,
    argmax,
    argmin,
    astype,
    atan2,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    broadcast_to,
    ceil,
    concat,
    copy,
    cos,
    divide,
    equal,
    erf,
    erfinv,
    exp,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    identity,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logsumexp,
    matmul,
    max,
    maximum,
    mean,
    min,
    minimum,
    multiply,
    negative,
    not_equal,
    pad,
    permute_dims,
    power,
    prod,
    reciprocal,
    remainder,
    reshape,
    round,
    rsqrt,
    scatter,
    scatter_add,
    scatter_add_along_axis,
    sign,
    sin,
    sqrt,
    square,
    stop_gradient,
    subtract,
    sum,
    take,
    tanh,
    trunc,
    where,
)
from dovetail.ops import identity as positive
from dovetail.ops import power as pow
from dovetail.transforms import grad, jit, value_and_grad, vjp

if _TYPE_CHECKING:
    from dovetail import optim
    from dovetail.inspection import can_cast, finfo, iinfo, isdtype, result_type
    from dovetail.program import Program, load, save

    __version__: str

e = _math.e
inf = _math.inf
nan = _math.nan
newaxis = None
pi = _math.pi

__all__ = [
    "Array",
    "DType",
    "DeviceError",
    "DonatedError",
    "DovetailError",
    "OpError",
    "OutOfMemoryError",
    "PluginError",
    "Program",
    "ProgramError",
    "TraceError",
    "__version__",
    "abs",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "asarray",
    "astype",
    "atan2",
    "bfloat16",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "ceil",
    "concat",
    "copy",
    "cos",
    "default_device",
    "device",
    "devices",
    "divide",
    "dtype",
    "e",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfinv",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flatten",
    "flip",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "grad",
    "greater",
    "greater_equal",
    "identity",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "jit",
    "less",
    "less_equal",
    "linspace",
    "load",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nn",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "pad",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "power",
    "prod",
    "promote_types",
    "random",
    "ravel",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "rsqrt",
    "save",
    "scatter",
    "scatter_add",
    "scatter_add_along_axis",
    "sign",
    "sin",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tanh",
    "tile",
    "tree",
    "tril",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unstack",
    "use_device",
    "value_and_grad",
    "vjp",
    "where",
    "zeros",
    "zeros_like",
]


_LAZY: dict[str, str] = {
    **dict.fromkeys(("can_cast", "finfo", "iinfo", "isdtype", "result_type"), "inspection"),
    **dict.fromkeys(("Program", "load", "save"), "program"),
}
"""Public name -> the module that holds it, for what few programs need at once."""

_MODULES = frozenset({"optim"})
"""Namespaces that are loaded when first asked for."""


def __getattr__(name: str) -> _Any:
    """Names that are loaded when first asked for, and the version."""
    from importlib import import_module  # noqa: PLC0415  keeps the namespace clean

    if name in _MODULES:  # `from dovetail import` would come here again
        return import_module(f"dovetail.{name}")
    if name in _LAZY:
        return getattr(import_module(f"dovetail.{_LAZY[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  50 ms that only this name needs

        return version("dovetail")
    raise AttributeError(f"module 'dovetail' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
