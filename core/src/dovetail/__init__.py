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
from dovetail.casting import astype
from dovetail.creation import (
    asarray,
    empty,
    empty_like,
    from_dlpack,
    full,
    full_like,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from dovetail.devices import default_device, device, devices, use_device
from dovetail.dtypes import (
    DType,
    bfloat16,
    complex64,
    complex128,
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
    AxisError,
    DeviceError,
    DonatedError,
    DovetailError,
    OpError,
    OutOfMemoryError,
    PluginError,
    ProgramError,
    TraceError,
)
from dovetail.indexing import take_along_axis
from dovetail.manipulation import (
    broadcast_arrays,
    broadcast_shapes,
    expand_dims,
    flatten,
    flip,
    matrix_transpose,
    meshgrid,
    moveaxis,
    ravel,
    repeat,
    reshape,
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
from dovetail.ranges import arange, eye, linspace, tril, triu
from dovetail.transforms import grad, jit, value_and_grad, vjp

if _TYPE_CHECKING:
    from dovetail import debug, fft, linalg, optim, special
    from dovetail.contraction import einsum
    from dovetail.differences import diff
    from dovetail.histograms import bincount, histogram
    from dovetail.inspection import (
        __array_namespace_info__,
        can_cast,
        finfo,
        iinfo,
        isdtype,
        result_type,
    )
    from dovetail.memory import MemoryStats, memory_stats, release_memory
    from dovetail.nonzeros import argwhere, flatnonzero, nonzero
    from dovetail.ops.clipping import clip
    from dovetail.ops.complex_parts import conj, imag, real
    from dovetail.ops.counting import count_nonzero
    from dovetail.ops.cube_root import cbrt
    from dovetail.ops.cumulative import cumulative_prod, cumulative_sum
    from dovetail.ops.hyperbolic import acosh, asinh, atanh, cosh, sinh
    from dovetail.ops.hypotenuse import hypot
    from dovetail.ops.inverse_trigonometric import acos, asin, atan, tan
    from dovetail.ops.log_add_exp import logaddexp
    from dovetail.ops.log_cumulative import logcumsumexp
    from dovetail.ops.logarithm_bases import exp2, log2, log10
    from dovetail.ops.membership import isin
    from dovetail.ops.neighbour import nextafter
    from dovetail.ops.running_extrema import cummax, cummin
    from dovetail.ops.searching import searchsorted
    from dovetail.ops.sign_bit import copysign, signbit
    from dovetail.ops.sorting import argsort, sort
    from dovetail.ops.top_elements import topk
    from dovetail.products import inner, kron, tensordot, vecdot
    from dovetail.program import Program, load, save
    from dovetail.scattered import (
        put,
        put_along_axis,
        segment_max,
        segment_mean,
        segment_min,
        segment_prod,
        segment_sum,
    )
    from dovetail.sets import unique_all, unique_counts, unique_inverse, unique_values
    from dovetail.statistics import (
        median,
        nanmax,
        nanmean,
        nanmedian,
        nanmin,
        nanprod,
        nanquantile,
        nanstd,
        nansum,
        nanvar,
        percentile,
        quantile,
        std,
        var,
    )
    from dovetail.symbols import spec
    from dovetail.transforms.checkpoint import checkpoint
    from dovetail.transforms.control_flow import cond, fori_loop, scan, switch, while_loop
    from dovetail.transforms.custom_gradient import custom_gradient
    from dovetail.transforms.jacobian import hessian, hvp, jacfwd, jacrev
    from dovetail.transforms.jvp import jvp, linearize
    from dovetail.transforms.vmap import vmap

    __version__: str

__array_api_version__ = "2025.12"

e = _math.e
inf = _math.inf
nan = _math.nan
newaxis = None
pi = _math.pi

__all__ = [
    "Array",
    "AxisError",
    "DType",
    "DeviceError",
    "DonatedError",
    "DovetailError",
    "MemoryStats",
    "OpError",
    "OutOfMemoryError",
    "PluginError",
    "Program",
    "ProgramError",
    "TraceError",
    "__array_api_version__",
    "__array_namespace_info__",
    "__version__",
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "argwhere",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bfloat16",
    "bincount",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bool",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "cbrt",
    "ceil",
    "checkpoint",
    "clip",
    "complex64",
    "complex128",
    "concat",
    "cond",
    "conj",
    "copy",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cummax",
    "cummin",
    "cumulative_prod",
    "cumulative_sum",
    "custom_gradient",
    "debug",
    "default_device",
    "device",
    "devices",
    "diff",
    "divide",
    "dtype",
    "e",
    "einsum",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfinv",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "eye",
    "fft",
    "finfo",
    "flatnonzero",
    "flatten",
    "flip",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "fori_loop",
    "from_dlpack",
    "full",
    "full_like",
    "grad",
    "greater",
    "greater_equal",
    "hessian",
    "histogram",
    "hvp",
    "hypot",
    "identity",
    "iinfo",
    "imag",
    "inf",
    "inner",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "jacfwd",
    "jacrev",
    "jit",
    "jvp",
    "kron",
    "less",
    "less_equal",
    "linalg",
    "linearize",
    "linspace",
    "load",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logcumsumexp",
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
    "median",
    "memory_stats",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "negative",
    "newaxis",
    "nextafter",
    "nn",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "pad",
    "percentile",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "power",
    "prod",
    "promote_types",
    "put",
    "put_along_axis",
    "quantile",
    "random",
    "ravel",
    "real",
    "reciprocal",
    "release_memory",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "rsqrt",
    "save",
    "scan",
    "scatter",
    "scatter_add",
    "scatter_add_along_axis",
    "searchsorted",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sort",
    "spec",
    "special",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "switch",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "topk",
    "tree",
    "tril",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "use_device",
    "value_and_grad",
    "var",
    "vecdot",
    "vjp",
    "vmap",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]


_LAZY: dict[str, str] = {
    **dict.fromkeys(
        (
            "put",
            "put_along_axis",
            "segment_max",
            "segment_mean",
            "segment_min",
            "segment_prod",
            "segment_sum",
        ),
        "scattered",
    ),
    **dict.fromkeys(
        ("__array_namespace_info__", "can_cast", "finfo", "iinfo", "isdtype", "result_type"),
        "inspection",
    ),
    **dict.fromkeys(
        (
            "acos",
            "acosh",
            "argsort",
            "asin",
            "asinh",
            "atan",
            "atanh",
            "cbrt",
            "clip",
            "conj",
            "copysign",
            "cosh",
            "count_nonzero",
            "cummax",
            "cummin",
            "cumulative_prod",
            "cumulative_sum",
            "exp2",
            "hypot",
            "imag",
            "isin",
            "log10",
            "log2",
            "logaddexp",
            "logcumsumexp",
            "nextafter",
            "real",
            "searchsorted",
            "signbit",
            "sinh",
            "sort",
            "tan",
            "topk",
        ),
        "ops",
    ),
    **dict.fromkeys(("MemoryStats", "memory_stats", "release_memory"), "memory"),
    **dict.fromkeys(("Program", "load", "save"), "program"),
    "spec": "symbols",
    "einsum": "contraction",
    **dict.fromkeys(("inner", "kron", "tensordot", "vecdot"), "products"),
    **dict.fromkeys(
        ("cond", "fori_loop", "scan", "switch", "while_loop"), "transforms.control_flow"
    ),
    "checkpoint": "transforms.checkpoint",
    "custom_gradient": "transforms.custom_gradient",
    **dict.fromkeys(("hessian", "hvp", "jacfwd", "jacrev"), "transforms.jacobian"),
    **dict.fromkeys(("jvp", "linearize"), "transforms.jvp"),
    "vmap": "transforms.vmap",
    **dict.fromkeys(
        (
            "median",
            "nanmax",
            "nanmean",
            "nanmedian",
            "nanmin",
            "nanprod",
            "nanquantile",
            "nanstd",
            "nansum",
            "nanvar",
            "percentile",
            "quantile",
            "std",
            "var",
        ),
        "statistics",
    ),
    "diff": "differences",
    **dict.fromkeys(("unique_all", "unique_counts", "unique_inverse", "unique_values"), "sets"),
    **dict.fromkeys(("bincount", "histogram"), "histograms"),
    **dict.fromkeys(("argwhere", "flatnonzero", "nonzero"), "nonzeros"),
}
"""Public name -> the module that holds it, for what few programs need at once."""

_MODULES = frozenset({"debug", "fft", "linalg", "optim", "special"})
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
