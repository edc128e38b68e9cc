"""Reductions, softmax and layer norm of a matrix of 4096 rows and 1024 columns in float32."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workloads.litert_models import one_operator
from workloads.onnx_models import one_node
from workloads.openvino_models import one_operation
from workloads.workload import Call, Target, Workload

ROWS, COLUMNS = 4096, 1024
EPSILON = 1e-5
"""Added to the variance in a layer norm."""
SUM_TOLERANCE = 1e-5
"""Relative to the largest sum. Single-precision addition of 4096 numbers one after the other is off
by about 6e-8 of the running sum at each, which walks to 4e-6; adding in blocks is off by less, and
4 million numbers are not to be added one after the other.
"""
LINE_TOLERANCE = 3e-6
"""Relative to the largest element: a softmax or a norm divides by a sum of 1024 numbers, whose
error is below 2e-6, and rounds a handful of times more.
"""
_ALL = Target(gate=1.0, stretch=0.7)
_BYTES = 4.0 * ROWS * COLUMNS

WORKLOADS = (
    Workload(name="sum_all", title="sum of all", tolerance=SUM_TOLERANCE, read=_BYTES, target=_ALL),
    Workload(
        name="sum_axis1",
        title="sum of each row",
        tolerance=SUM_TOLERANCE,
        read=_BYTES,
        target=_ALL,
    ),
    Workload(
        name="sum_axis0",
        title="sum of each column",
        tolerance=SUM_TOLERANCE,
        read=_BYTES,
        target=_ALL,
    ),
    Workload(name="max_axis1", title="largest of each row", tolerance=0.0, read=_BYTES),
    Workload(
        name="argmax_axis1",
        title="argmax of each row",
        tolerance=0.0,
        read=_BYTES,
        target=_ALL,
    ),
    Workload(
        name="softmax",
        title="softmax of each row",
        tolerance=LINE_TOLERANCE,
        read=_BYTES,
        written=_BYTES,
        target=_ALL,
    ),
    Workload(
        name="layer_norm",
        title="layer norm of each row, scale and bias",
        tolerance=LINE_TOLERANCE,
        read=_BYTES,
        written=_BYTES,
        target=_ALL,
    ),
)


def matrix() -> np.ndarray:
    draw = np.random.default_rng(0)
    return draw.standard_normal((ROWS, COLUMNS), dtype=np.float32)


def affine() -> tuple[np.ndarray, np.ndarray]:
    """The scale and the bias of the layer norm."""
    at = np.arange(COLUMNS, dtype=np.float32) / COLUMNS
    return 1 + at, at - 0.5


def _softmax(x: np.ndarray) -> np.ndarray:
    y = x - x.max(-1, keepdims=True)
    np.exp(y, y)
    y /= y.sum(-1, keepdims=True)
    return y


def _layer_norm(x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> np.ndarray:
    away = x - x.mean(-1, keepdims=True)
    variance = np.square(away).mean(-1, keepdims=True)
    return away / np.sqrt(variance + EPSILON) * scale + bias


def expected(name: str) -> np.ndarray:
    wanted = {call.name: call for call in _plain(matrix().astype(np.float64))}
    return np.asarray(wanted[name].function())


def _plain(x: np.ndarray) -> Iterator[Call]:
    scale, bias = affine()
    yield Call(name="sum_all", how="x.sum()", function=x.sum)
    yield Call(name="sum_axis1", how="x.sum(1)", function=lambda: x.sum(1))
    yield Call(name="sum_axis0", how="x.sum(0)", function=lambda: x.sum(0))
    yield Call(name="max_axis1", how="x.max(1)", function=lambda: x.max(1))
    yield Call(name="argmax_axis1", how="x.argmax(1)", function=lambda: x.argmax(1))
    yield Call(name="softmax", how="expression, in place", function=lambda: _softmax(x))
    yield Call(name="layer_norm", how="expression", function=lambda: _layer_norm(x, scale, bias))


def numpy_calls(_: int) -> Iterator[Call]:
    return _plain(matrix())


def torch_calls(_: int) -> Iterator[Call]:
    import torch  # noqa: PLC0415  one peer in a process

    x = torch.from_numpy(matrix())
    scale, bias = map(torch.from_numpy, affine())
    functional = torch.nn.functional
    for name, function in {
        "sum_all": x.sum,
        "sum_axis1": lambda: x.sum(1),
        "sum_axis0": lambda: x.sum(0),
        "max_axis1": lambda: x.amax(1),
        "argmax_axis1": lambda: x.argmax(1),
        "softmax": lambda: functional.softmax(x, -1),
        "layer_norm": lambda: functional.layer_norm(x, (COLUMNS,), scale, bias, EPSILON),
    }.items():
        yield Call(name=name, how="eager", function=function)


def jax_calls(_: int) -> Iterator[Call]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    x = jnp.asarray(matrix())
    scale, bias = map(jnp.asarray, affine())

    def layer_norm(x: jax.Array) -> jax.Array:
        root = jax.lax.rsqrt(x.var(-1, keepdims=True) + EPSILON)
        return (x - x.mean(-1, keepdims=True)) * root * scale + bias

    for name, function in {
        "sum_all": lambda x: x.sum(),
        "sum_axis1": lambda x: x.sum(1),
        "sum_axis0": lambda x: x.sum(0),
        "max_axis1": lambda x: x.max(1),
        "argmax_axis1": lambda x: x.argmax(1),
        "softmax": lambda x: jax.nn.softmax(x, -1),
        "layer_norm": layer_norm,
    }.items():
        compiled = jax.jit(function)
        yield Call(name=name, how="jit", function=lambda f=compiled: f(x))


def onnxruntime_calls(threads: int) -> Iterator[Call]:
    x = matrix()
    scale, bias = affine()
    constants = {"scale": scale, "bias": bias}
    yield Call(
        name="softmax", how="one node", function=one_node("Softmax", x, {}, threads, axis=-1)
    )
    yield Call(
        name="layer_norm",
        how="one node",
        function=one_node("LayerNormalization", x, constants, threads, axis=-1, epsilon=EPSILON),
    )


def openvino_calls(threads: int) -> Iterator[Call]:
    run = one_operation(lambda opset, x: opset.softmax(x, 1), matrix(), threads)
    yield Call(name="softmax", how="one operation", function=run)


def litert_calls(threads: int) -> Iterator[Call]:
    run = one_operator("SOFTMAX", matrix(), [], (ROWS, COLUMNS), threads, beta=1.0)
    yield Call(name="softmax", how="one operator", function=run)


def dovetail_calls(_: int) -> Iterator[Call]:
    import dovetail as dt  # noqa: PLC0415

    x = dt.asarray(matrix())
    scale, bias = map(dt.asarray, affine())
    for name, function in {
        "sum_all": x.sum,
        "sum_axis1": lambda: dt.sum(x, axis=1),
        "sum_axis0": lambda: dt.sum(x, axis=0),
        "max_axis1": lambda: dt.max(x, axis=1),
        "argmax_axis1": lambda: dt.argmax(x, axis=1),
        "softmax": lambda: dt.nn.softmax(x),
    }.items():
        yield Call(name=name, how="eager", function=function)
    layer_norm = dt.jit(lambda x, scale, bias: dt.nn.layer_norm(x, scale, bias, epsilon=EPSILON))
    yield Call(name="layer_norm", how="jit", function=lambda: layer_norm(x, scale, bias))


CALLS = {
    "numpy": numpy_calls,
    "torch": torch_calls,
    "jax": jax_calls,
    "onnxruntime": onnxruntime_calls,
    "openvino": openvino_calls,
    "litert": litert_calls,
    "dovetail": dovetail_calls,
}
