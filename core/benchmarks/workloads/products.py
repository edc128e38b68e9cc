"""Products of matrices: square ones in float32, float64, float16 and bfloat16, and one row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workloads.litert_models import one_operator
from workloads.onnx_models import one_node
from workloads.openvino_models import one_operation
from workloads.workload import Call, Target, Workload

SQUARE = {"f32_256": 256, "f32_1024": 1024, "f32_2048": 2048}
OTHER = {"f64_1024": "float64", "f16_1024": "float16", "bf16_1024": "bfloat16"}
SIZE = 1024
"""Of the products whose operands are not float32."""
LONG = 4096
"""Columns and rows of the operands of the product of one row."""
TOLERANCE = {"f32": 1e-5, "f64": 1e-13, "f16": 2e-3, "bf16": 1e-2}
"""Relative to the largest element, which is about five standard deviations, 5 n^(1/2).

float32 and float64: the rounding errors of n additions grow as a random walk, n^(1/2) times half a
unit (6e-8, 1.1e-16) of a running sum: at most 4e-6 and 5e-15 for n = 4096. float16 and bfloat16
round the result to 11 and 8 digits (5e-4 and 4e-3) if they accumulate in float32, as they must:
a sum of 1024 numbers accumulated in 11 digits is off by about 5e-3.
"""
_SGEMM = Target(gate=1.05, stretch=0.95, peers=("numpy",))
_TARGETS = {
    "f16_1024": Target(gate=0.03, stretch=0.015, peers=("torch",)),
    "bf16_1024": Target(gate=1.25, stretch=1.05, peers=("torch",)),
}
_BYTES = {"float64": 8.0, "float16": 2.0, "bfloat16": 2.0}

WORKLOADS = (
    *(
        Workload(
            name=name,
            title=f"float32, {n} x {n} x {n}",
            tolerance=TOLERANCE["f32"],
            flops=2.0 * n**3,
            read=8.0 * n * n,
            written=4.0 * n * n,
            target=_SGEMM,
        )
        for name, n in SQUARE.items()
    ),
    Workload(
        name="f32_row",
        title=f"float32, 1 x {LONG} x {LONG}",
        tolerance=TOLERANCE["f32"],
        flops=2.0 * LONG * LONG,
        read=4.0 * LONG * (LONG + 1),
        written=4.0 * LONG,
    ),
    *(
        Workload(
            name=name,
            title=f"{dtype}, {SIZE} x {SIZE} x {SIZE}",
            tolerance=TOLERANCE[name.split("_")[0]],
            flops=(4.0 if dtype == "float64" else 2.0) * SIZE**3,
            read=2 * _BYTES[dtype] * SIZE**2,
            written=_BYTES[dtype] * SIZE**2,
            target=_TARGETS.get(name),
        )
        for name, dtype in OTHER.items()
    ),
)


def _bfloat16(x: np.ndarray) -> np.ndarray:
    """The nearest numbers that bfloat16 holds, ties to even."""
    bits = x.view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return kept.view(np.float32)


def operands(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices in float32 (float64 where that is the case's) which the case's dtype holds."""
    draw = np.random.default_rng(0)
    if name == "f32_row":
        shapes = (1, LONG), (LONG, LONG)
    else:
        n = SQUARE.get(name, SIZE)
        shapes = (n, n), (n, n)
    if name == "f64_1024":
        a, b = (draw.standard_normal(shape) for shape in shapes)
        return a, b
    a, b = (draw.standard_normal(shape, dtype=np.float32) for shape in shapes)
    if name == "f16_1024":
        return a.astype(np.float16).astype(np.float32), b.astype(np.float16).astype(np.float32)
    return (_bfloat16(a), _bfloat16(b)) if name == "bf16_1024" else (a, b)


def expected(name: str) -> np.ndarray:
    a, b = operands(name)
    return a.astype(np.float64) @ b.astype(np.float64)


def numpy_calls(_: int) -> Iterator[Call]:
    for name in (*SQUARE, "f32_row", "f64_1024"):
        a, b = operands(name)
        out = np.empty((len(a), b.shape[1]), a.dtype)
        yield Call(
            name=name, how="matmul, out=", function=lambda a=a, b=b, y=out: np.matmul(a, b, y)
        )


def torch_calls(_: int) -> Iterator[Call]:
    import torch  # noqa: PLC0415  one peer in a process

    for work in WORKLOADS:
        a, b = map(torch.from_numpy, operands(work.name))
        if work.name in OTHER:
            dtype = getattr(torch, OTHER[work.name])
            a, b = a.to(dtype), b.to(dtype)
        out = torch.empty((len(a), b.shape[1]), dtype=a.dtype)
        yield Call(
            name=work.name, how="mm, out=", function=lambda a=a, b=b, y=out: torch.mm(a, b, out=y)
        )


def jax_calls(_: int) -> Iterator[Call]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)  # for the product in float64
    product = jax.jit(lambda a, b: a @ b)
    for work in WORKLOADS:
        a, b = map(jnp.asarray, operands(work.name))
        if work.name in OTHER:
            a, b = a.astype(OTHER[work.name]), b.astype(OTHER[work.name])
        yield Call(name=work.name, how="jit", function=lambda a=a, b=b: product(a, b))


def onnxruntime_calls(threads: int) -> Iterator[Call]:
    for name in (*SQUARE, "f32_row"):
        a, b = operands(name)
        yield Call(
            name=name,
            how="MatMul, constant right operand",
            function=one_node("MatMul", a, {"b": b}, threads),
        )


def openvino_calls(threads: int) -> Iterator[Call]:
    for name in (*SQUARE, "f32_row"):
        a, b = operands(name)
        run = one_operation(
            lambda opset, x, b=b: opset.matmul(x, opset.constant(b), False, False), a, threads
        )
        yield Call(name=name, how="constant right operand", function=run)


def litert_calls(threads: int) -> Iterator[Call]:
    for name in (*SQUARE, "f32_row"):
        a, b = operands(name)
        constants = [np.ascontiguousarray(b.T), np.zeros(b.shape[1], np.float32)]
        run = one_operator("FULLY_CONNECTED", a, constants, (len(a), b.shape[1]), threads)
        yield Call(name=name, how="FULLY_CONNECTED, constant weights", function=run)


def dovetail_calls(_: int) -> Iterator[Call]:
    import dovetail as dt  # noqa: PLC0415

    for work in WORKLOADS:
        a, b = map(dt.asarray, operands(work.name))
        if work.name in OTHER:
            dtype = getattr(dt, OTHER[work.name])
            a, b = dt.astype(a, dtype), dt.astype(b, dtype)
        yield Call(name=work.name, how="eager", function=lambda a=a, b=b: dt.matmul(a, b))


CALLS = {
    "numpy": numpy_calls,
    "torch": torch_calls,
    "jax": jax_calls,
    "onnxruntime": onnxruntime_calls,
    "openvino": openvino_calls,
    "litert": litert_calls,
    "dovetail": dovetail_calls,
}
