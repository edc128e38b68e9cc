"""The ops. Each module holds the records of one small family and the functions made from them.

The ops of arrays, of the first layers and of their gradients are loaded with the package; the
families of `LAZY` when one of their names is first asked for.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from dovetail.ops.any_all import all, any
from dovetail.ops.arg_extrema import argmax, argmin
from dovetail.ops.arithmetic import add, divide, multiply, subtract
from dovetail.ops.astype import astype
from dovetail.ops.atan2 import atan2
from dovetail.ops.avg_pool2d import avg_pool2d, avg_pool2d_gradient
from dovetail.ops.bitwise import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
)
from dovetail.ops.broadcast_to import broadcast_to
from dovetail.ops.classification import isfinite, isinf, isnan
from dovetail.ops.comparisons import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
)
from dovetail.ops.concat import concat
from dovetail.ops.conv2d import conv2d, conv2d_input_gradient, conv2d_weight_gradient
from dovetail.ops.copy import copy
from dovetail.ops.division import floor_divide, remainder
from dovetail.ops.error_function import erf, erfinv
from dovetail.ops.exponential import exp, expm1, log, log1p
from dovetail.ops.extrema import max, min
from dovetail.ops.extremum import maximum, minimum
from dovetail.ops.full import filled_like, full
from dovetail.ops.gelu import gelu
from dovetail.ops.identity import identity, stop_gradient
from dovetail.ops.iota import iota, iota_like
from dovetail.ops.layer_norm import layer_norm
from dovetail.ops.logical import logical_and, logical_not, logical_or, logical_xor
from dovetail.ops.logsumexp import logsumexp
from dovetail.ops.matmul import matmul
from dovetail.ops.max_pool2d import max_pool2d
from dovetail.ops.mean import mean
from dovetail.ops.pad import pad
from dovetail.ops.permute_dims import permute_dims
from dovetail.ops.power import power
from dovetail.ops.prod import prod
from dovetail.ops.random_bits import random_bits
from dovetail.ops.relu import relu
from dovetail.ops.reshape import reshape
from dovetail.ops.root import rsqrt, sqrt
from dovetail.ops.rounding import ceil, floor, round, trunc
from dovetail.ops.sigmoid import sigmoid
from dovetail.ops.sign import abs, negative, sign
from dovetail.ops.silu import silu
from dovetail.ops.slice import slice
from dovetail.ops.softmax import log_softmax, softmax
from dovetail.ops.softplus import softplus
from dovetail.ops.square import reciprocal, square
from dovetail.ops.sum import sum, sum_op
from dovetail.ops.take import scatter, scatter_add, take
from dovetail.ops.take_along_axis import scatter_add_along_axis, take_along_axis
from dovetail.ops.tanh import tanh
from dovetail.ops.trigonometric import cos, sin
from dovetail.ops.where import where

__all__ = [
    "abs",
    "add",
    "all",
    "any",
    "argmax",
    "argmin",
    "astype",
    "atan2",
    "avg_pool2d",
    "avg_pool2d_gradient",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_to",
    "ceil",
    "concat",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_weight_gradient",
    "copy",
    "cos",
    "divide",
    "equal",
    "erf",
    "erfinv",
    "exp",
    "expm1",
    "filled_like",
    "floor",
    "floor_divide",
    "full",
    "gelu",
    "greater",
    "greater_equal",
    "identity",
    "iota",
    "iota_like",
    "isfinite",
    "isinf",
    "isnan",
    "layer_norm",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pad",
    "permute_dims",
    "power",
    "prod",
    "random_bits",
    "reciprocal",
    "relu",
    "remainder",
    "reshape",
    "round",
    "rsqrt",
    "scatter",
    "scatter_add",
    "scatter_add_along_axis",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "slice",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "stop_gradient",
    "subtract",
    "sum",
    "sum_op",
    "take",
    "take_along_axis",
    "tanh",
    "trunc",
    "where",
]

LAZY: dict[str, str] = {
    "acos": "dovetail.ops.inverse_trigonometric",
    "acosh": "dovetail.ops.hyperbolic",
    "argsort": "dovetail.ops.sorting",
    "asin": "dovetail.ops.inverse_trigonometric",
    "asinh": "dovetail.ops.hyperbolic",
    "atan": "dovetail.ops.inverse_trigonometric",
    "atanh": "dovetail.ops.hyperbolic",
    "attention": "dovetail.ops.dot_product_attention",
    "attention_gradient": "dovetail.ops.attention_adjoint",
    "barrier": "dovetail.ops.ordering",
    "beta": "dovetail.ops.beta_functions",
    "betainc": "dovetail.ops.incomplete_beta",
    "betainc_derivative": "dovetail.ops.incomplete_beta",
    "betaincc": "dovetail.ops.incomplete_beta",
    "betaincinv": "dovetail.ops.incomplete_beta",
    "betaln": "dovetail.ops.beta_functions",
    "cbrt": "dovetail.ops.cube_root",
    "checkpoint": "dovetail.ops.recomputation",
    "cholesky": "dovetail.ops.cholesky_decomposition",
    "clip": "dovetail.ops.clipping",
    "cofactor": "dovetail.ops.determinant",
    "conj": "dovetail.ops.complex_parts",
    "copysign": "dovetail.ops.sign_bit",
    "cosh": "dovetail.ops.hyperbolic",
    "count_nonzero": "dovetail.ops.counting",
    "cross": "dovetail.ops.vector_products",
    "cummax": "dovetail.ops.running_extrema",
    "cummin": "dovetail.ops.running_extrema",
    "cumulative_prod": "dovetail.ops.cumulative",
    "cumulative_prod_op": "dovetail.ops.cumulative",
    "cumulative_sum": "dovetail.ops.cumulative",
    "cumulative_sum_op": "dovetail.ops.cumulative",
    "custom_gradient": "dovetail.ops.gradient_override",
    "det": "dovetail.ops.determinant",
    "digamma": "dovetail.ops.gamma_functions",
    "eig": "dovetail.ops.general_eigen",
    "eigh": "dovetail.ops.hermitian_eigen",
    "eigvals": "dovetail.ops.general_eigen",
    "eigvalsh": "dovetail.ops.hermitian_eigen",
    "entr": "dovetail.ops.entropies",
    "erfc": "dovetail.ops.normal_distribution",
    "erfcinv": "dovetail.ops.normal_distribution",
    "erfcx": "dovetail.ops.normal_distribution",
    "exp1": "dovetail.ops.exponential_integrals",
    "exp2": "dovetail.ops.logarithm_bases",
    "expi": "dovetail.ops.exponential_integrals",
    "expm": "dovetail.ops.matrix_exponential",
    "fft": "dovetail.ops.fourier",
    "gamma": "dovetail.ops.gamma_functions",
    "gammainc": "dovetail.ops.incomplete_gamma",
    "gammainc_derivative": "dovetail.ops.incomplete_gamma",
    "gammaincc": "dovetail.ops.incomplete_gamma",
    "gammainccinv": "dovetail.ops.incomplete_gamma",
    "gammaincinv": "dovetail.ops.incomplete_gamma",
    "gammaln": "dovetail.ops.gamma_functions",
    "hypot": "dovetail.ops.hypotenuse",
    "i0": "dovetail.ops.modified_bessel",
    "i0e": "dovetail.ops.modified_bessel",
    "i1": "dovetail.ops.modified_bessel",
    "i1e": "dovetail.ops.modified_bessel",
    "imag": "dovetail.ops.complex_parts",
    "inv": "dovetail.ops.linear_solve",
    "irfft": "dovetail.ops.fourier",
    "isin": "dovetail.ops.membership",
    "kl_div": "dovetail.ops.entropies",
    "log10": "dovetail.ops.logarithm_bases",
    "log2": "dovetail.ops.logarithm_bases",
    "log_expit": "dovetail.ops.log_odds",
    "log_ndtr": "dovetail.ops.normal_distribution",
    "logaddexp": "dovetail.ops.log_add_exp",
    "logcumsumexp": "dovetail.ops.log_cumulative",
    "logit": "dovetail.ops.log_odds",
    "lstsq": "dovetail.ops.pseudo_inverse",
    "ndtr": "dovetail.ops.normal_distribution",
    "ndtri": "dovetail.ops.normal_distribution",
    "nextafter": "dovetail.ops.neighbour",
    "pinv": "dovetail.ops.pseudo_inverse",
    "polygamma": "dovetail.ops.gamma_functions",
    "portable_exp": "dovetail.ops.portable",
    "portable_log": "dovetail.ops.portable",
    "qr": "dovetail.ops.qr_decomposition",
    "random_below": "dovetail.ops.random_range",
    "random_binomial": "dovetail.ops.binomial_sampler",
    "random_bits_batch": "dovetail.ops.random_bits",
    "random_gamma": "dovetail.ops.gamma_sampler",
    "random_gamma_gradient": "dovetail.ops.gamma_gradient",
    "random_normal": "dovetail.ops.random_reals",
    "random_poisson": "dovetail.ops.poisson_sampler",
    "random_truncated_normal": "dovetail.ops.truncated_normal_sampler",
    "random_truncated_normal_gradient": "dovetail.ops.truncated_normal_slope",
    "random_uniform": "dovetail.ops.random_reals",
    "random_von_mises": "dovetail.ops.von_mises_sampler",
    "real": "dovetail.ops.complex_parts",
    "rel_entr": "dovetail.ops.entropies",
    "rfft": "dovetail.ops.fourier",
    "roll": "dovetail.ops.rotation",
    "scan": "dovetail.ops.scanning",
    "scatter_maximum": "dovetail.ops.scattering",
    "scatter_minimum": "dovetail.ops.scattering",
    "scatter_multiply": "dovetail.ops.scattering",
    "searchsorted": "dovetail.ops.searching",
    "searchsorted_op": "dovetail.ops.searching",
    "signbit": "dovetail.ops.sign_bit",
    "sinc": "dovetail.ops.cardinal_sine",
    "sinh": "dovetail.ops.hyperbolic",
    "slogdet": "dovetail.ops.determinant",
    "solve": "dovetail.ops.linear_solve",
    "sort": "dovetail.ops.sorting",
    "svd": "dovetail.ops.singular_values",
    "svdvals": "dovetail.ops.singular_values",
    "switch": "dovetail.ops.branching",
    "tan": "dovetail.ops.inverse_trigonometric",
    "topk": "dovetail.ops.top_elements",
    "triangular_solve": "dovetail.ops.triangular",
    "vecdot": "dovetail.ops.vector_products",
    "while_loop": "dovetail.ops.conditional_loop",
    "xlog1py": "dovetail.ops.entropies",
    "xlogy": "dovetail.ops.entropies",
    "zeta": "dovetail.ops.gamma_functions",
}
"""Name of a function or op -> the module that defines it, for families loaded on demand."""


def __getattr__(name: str) -> _Any:
    if name in LAZY:
        return getattr(_import_module(LAZY[name]), name)
    raise AttributeError(f"module 'dovetail.ops' has no attribute {name!r}")
