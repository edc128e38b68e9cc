"""Neural networks: layers as plain functions of arrays, losses and initialisers.

One idea per module; each is loaded when one of its functions is first asked for.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from dovetail.nn.activation import (
        celu,
        elu,
        geglu,
        glu,
        hardsigmoid,
        hardswish,
        hardtanh,
        leaky_relu,
        log_sigmoid,
        mish,
        prelu,
        relu6,
        selu,
        softmin,
        softsign,
        swiglu,
    )
    from dovetail.nn.classification import cross_entropy, one_hot
    from dovetail.nn.convolution import conv1d, conv2d, conv3d
    from dovetail.nn.initialisers import glorot_normal, glorot_uniform, he_normal, he_uniform
    from dovetail.nn.layers import dropout, embedding, linear
    from dovetail.nn.losses import (
        bce_with_logits,
        cosine_similarity,
        hinge_loss,
        huber_loss,
        kl_divergence,
        mae_loss,
        mse_loss,
        nll_loss,
        smooth_l1_loss,
        triplet_loss,
    )
    from dovetail.nn.normalisation import (
        batch_norm,
        group_norm,
        instance_norm,
        layer_norm,
        rms_norm,
    )
    from dovetail.nn.pooling import (
        avg_pool1d,
        avg_pool2d,
        avg_pool3d,
        global_avg_pool,
        global_max_pool,
        lp_pool1d,
        lp_pool2d,
        lp_pool3d,
        max_pool1d,
        max_pool2d,
        max_pool3d,
    )
    from dovetail.nn.resizing import interpolate
    from dovetail.nn.scaled_attention import attention
    from dovetail.nn.sequences import ctc_loss
    from dovetail.nn.transposed_convolution import (
        conv_transpose1d,
        conv_transpose2d,
        conv_transpose3d,
    )
    from dovetail.ops import gelu, log_softmax, logsumexp, relu, sigmoid, silu, softmax, softplus

__all__ = [
    "attention",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bce_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "elu",
    "embedding",
    "geglu",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glorot_normal",
    "glorot_uniform",
    "glu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "he_normal",
    "he_uniform",
    "hinge_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "mae_loss",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mish",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "swiglu",
    "triplet_loss",
]

_LAZY: dict[str, str] = {
    "ctc_loss": "nn.sequences",
    **dict.fromkeys(
        (
            "celu",
            "elu",
            "geglu",
            "glu",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "leaky_relu",
            "log_sigmoid",
            "mish",
            "prelu",
            "relu6",
            "selu",
            "softmin",
            "softsign",
            "swiglu",
        ),
        "nn.activation",
    ),
    **dict.fromkeys(("cross_entropy", "one_hot"), "nn.classification"),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), "nn.convolution"),
    **dict.fromkeys(
        ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform"), "nn.initialisers"
    ),
    **dict.fromkeys(("dropout", "embedding", "linear"), "nn.layers"),
    **dict.fromkeys(
        (
            "bce_with_logits",
            "cosine_similarity",
            "hinge_loss",
            "huber_loss",
            "kl_divergence",
            "mae_loss",
            "mse_loss",
            "nll_loss",
            "smooth_l1_loss",
            "triplet_loss",
        ),
        "nn.losses",
    ),
    **dict.fromkeys(
        ("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"), "nn.normalisation"
    ),
    **dict.fromkeys(
        (
            "avg_pool1d",
            "avg_pool2d",
            "avg_pool3d",
            "global_avg_pool",
            "global_max_pool",
            "lp_pool1d",
            "lp_pool2d",
            "lp_pool3d",
            "max_pool1d",
            "max_pool2d",
            "max_pool3d",
        ),
        "nn.pooling",
    ),
    **dict.fromkeys(("interpolate",), "nn.resizing"),
    **dict.fromkeys(("attention",), "nn.scaled_attention"),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), "nn.transposed_convolution"
    ),
    **dict.fromkeys(
        ("gelu", "log_softmax", "logsumexp", "relu", "sigmoid", "silu", "softmax", "softplus"),
        "ops",
    ),
}
"""Name -> the module of dovetail that holds it."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'dovetail.nn' has no attribute {name!r}")
    value = getattr(_import_module(f"dovetail.{_LAZY[name]}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
