"""Convolutions of one image in float32, in the shapes of residual and of mobile networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.litert_models import one_operator
from workloads.onnx_models import one_node
from workloads.openvino_models import one_operation
from workloads.workload import Call, Target, Workload


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A convolution with stride 1 whose result has the height and width of its image."""

    side: int
    channels: int
    filters: int
    window: int
    groups: int = 1


SHAPES = {
    "conv3_56x64": Shape(side=56, channels=64, filters=64, window=3),
    "conv3_28x128": Shape(side=28, channels=128, filters=128, window=3),
    "conv1_56x256": Shape(side=56, channels=256, filters=64, window=1),
    "depthwise3_56x128": Shape(side=56, channels=128, filters=128, window=3, groups=128),
}
TOLERANCE = 1e-5
"""Relative to the largest element: sums of at most 1152 products, whose errors grow to 2e-6. A
transformed convolution (Winograd's, of 2 or 4 outputs at once) is off by a few times more.
"""
_TORCH = Target(gate=1.15, stretch=0.9, peers=("torch",))


def _workload(name: str, shape: Shape) -> Workload:
    pixels, each = shape.side**2, shape.channels // shape.groups
    weights = shape.window**2 * each * shape.filters
    kind = "depth-wise" if shape.groups > 1 else f"{shape.channels} to {shape.filters} channels"
    if shape.groups > 1:
        kind += f", {shape.channels} channels"
    return Workload(
        name=name,
        title=f"{shape.window} x {shape.window}, {shape.side} x {shape.side}, {kind}",
        tolerance=TOLERANCE,
        flops=2.0 * pixels * weights,
        read=4.0 * (pixels * shape.channels + weights),
        written=4.0 * pixels * shape.filters,
        target=_TORCH,
    )


WORKLOADS = tuple(_workload(name, shape) for name, shape in SHAPES.items())


def operands(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """An image (1, height, width, in) and weights (height, width, in / groups, out)."""
    draw = np.random.default_rng(0)
    image = (1, shape.side, shape.side, shape.channels)
    weights = (shape.window, shape.window, shape.channels // shape.groups, shape.filters)
    x = draw.standard_normal(image, dtype=np.float32)
    return x, draw.standard_normal(weights, dtype=np.float32) * np.float32(0.05)


def _channels_first(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The same as (1, in, height, width) and (out, in / groups, height, width)."""
    x, w = operands(shape)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), np.ascontiguousarray(
        w.transpose(3, 2, 0, 1)
    )


def _in_numpy(x: np.ndarray, w: np.ndarray, shape: Shape) -> np.ndarray:
    """A sum over the window's places, each an ordinary product over the channels."""
    edge, n = shape.window // 2, shape.side
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    y = np.zeros((1, n, n, shape.filters), x.dtype)
    for i in range(shape.window):
        for k in range(shape.window):
            part = padded[:, i : i + n, k : k + n]
            y += part * w[i, k, 0] if shape.groups > 1 else part @ w[i, k]
    return y


def expected(name: str) -> np.ndarray:
    """Channels last."""
    x, w = operands(SHAPES[name])
    return _in_numpy(x.astype(np.float64), w.astype(np.float64), SHAPES[name])


def numpy_calls(_: int) -> Iterator[Call]:
    for name, shape in SHAPES.items():
        x, w = operands(shape)
        yield Call(
            name=name,
            how="sum over the window",
            function=lambda x=x, w=w, shape=shape: _in_numpy(x, w, shape),
        )


def torch_calls(_: int) -> Iterator[Call]:
    import torch  # noqa: PLC0415  one peer in a process

    for name, shape in SHAPES.items():
        x, w = (
            torch.from_numpy(v).contiguous(memory_format=torch.channels_last)
            for v in _channels_first(shape)
        )
        edge, groups = shape.window // 2, shape.groups

        def convolve(
            x: torch.Tensor = x, w: torch.Tensor = w, edge: int = edge, groups: int = groups
        ):
            return torch.conv2d(x, w, padding=edge, groups=groups).permute(0, 2, 3, 1)

        yield Call(name=name, how="eager, channels last", function=convolve)


def jax_calls(_: int) -> Iterator[Call]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    for name, shape in SHAPES.items():
        x, w = map(jnp.asarray, operands(shape))

        def convolve(x: jax.Array, w: jax.Array, groups: int = shape.groups) -> jax.Array:
            return jax.lax.conv_general_dilated(
                x,
                w,
                (1, 1),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                feature_group_count=groups,
            )

        compiled = jax.jit(convolve)
        yield Call(
            name=name, how="jit, channels last", function=lambda f=compiled, x=x, w=w: f(x, w)
        )


def onnxruntime_calls(threads: int) -> Iterator[Call]:
    for name, shape in SHAPES.items():
        x, w = _channels_first(shape)
        run = one_node(
            "Conv",
            x,
            {"w": w},
            threads,
            kernel_shape=[shape.window] * 2,
            pads=[shape.window // 2] * 4,
            group=shape.groups,
        )
        yield Call(
            name=name,
            how="Conv, constant weights, channels first",
            function=lambda run=run: run().transpose(0, 2, 3, 1),
        )


def openvino_calls(threads: int) -> Iterator[Call]:
    for name, shape in SHAPES.items():
        x, w = _channels_first(shape)

        def build(opset: Any, given: Any, w: np.ndarray = w, shape: Shape = shape) -> Any:
            kind = opset.group_convolution if shape.groups > 1 else opset.convolution
            constant = opset.constant(w[:, None] if shape.groups > 1 else w)
            around = [shape.window // 2] * 2
            return kind(given, constant, [1, 1], around, around, [1, 1])

        run = one_operation(build, x, threads)
        yield Call(
            name=name,
            how="constant weights, channels first",
            function=lambda run=run: run().transpose(0, 2, 3, 1),
        )


def litert_calls(threads: int) -> Iterator[Call]:
    for name, shape in SHAPES.items():
        x, w = operands(shape)
        options = {"padding": 0, "strideW": 1, "strideH": 1}  # padding 0 is "same"
        if shape.groups > 1:
            kind, w = "DEPTHWISE_CONV_2D", np.ascontiguousarray(w.transpose(2, 0, 1, 3))
            options["depthMultiplier"] = 1
        else:
            kind, w = "CONV_2D", np.ascontiguousarray(w.transpose(3, 0, 1, 2))
        constants = [w, np.zeros(shape.filters, np.float32)]
        result = (1, shape.side, shape.side, shape.filters)
        yield Call(
            name=name,
            how="constant weights, a bias of zeros, channels last",
            function=one_operator(kind, x, constants, result, threads, **options),
        )


def dovetail_calls(_: int) -> Iterator[Call]:
    import dovetail as dt  # noqa: PLC0415

    for name, shape in SHAPES.items():
        x, w = map(dt.asarray, operands(shape))
        yield Call(
            name=name,
            how="eager, channels last",
            function=lambda x=x, w=w, groups=shape.groups: dt.nn.conv2d(
                x, w, padding="same", groups=groups
            ),
        )


CALLS = {
    "numpy": numpy_calls,
    "torch": torch_calls,
    "jax": jax_calls,
    "onnxruntime": onnxruntime_calls,
    "openvino": openvino_calls,
    "litert": litert_calls,
    "dovetail": dovetail_calls,
}
