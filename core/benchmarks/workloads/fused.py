"""Element-wise functions and chains on four million float32: sum, exp, tanh and GELU chains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from workloads.workload import Call, Target, Workload

SIZE = 4 << 20
SCALE, SHIFT, FACTOR = 1.1, 0.1, 0.9
"""The scalar operands of gelu(x * SCALE + SHIFT) * FACTOR."""
ROOT, CUBE = math.sqrt(2 / math.pi), 0.044715
"""The constants of the GELU with a hyperbolic tangent."""
TOLERANCE = 2e-6
"""Relative to the largest result. Each of about ten roundings is at most 6e-8 of what it rounds,
and nothing that is rounded is much larger than the largest result; a single-precision tanh, exp or
erf of a few units in the last place adds less than 5e-7. An approximation that stops at half
precision is off by 1e-4.
"""
_GELU = Target(gate=0.65, stretch=0.52, peers=("jax",))
_ONE, _TWO, _FOUR = (4.0 * SIZE * operands for operands in (1, 2, 4))

WORKLOADS = (
    Workload(name="add", title="a + b", tolerance=1e-7, read=_TWO, written=_ONE),
    Workload(name="exp", title="exp", tolerance=TOLERANCE, read=_ONE, written=_ONE),
    Workload(name="tanh", title="tanh", tolerance=TOLERANCE, read=_ONE, written=_ONE),
    Workload(
        name="gelu_tanh_scalar",
        title="gelu_tanh(x * 1.1 + 0.1) * 0.9",
        tolerance=TOLERANCE,
        read=_ONE,
        written=_ONE,
        target=_GELU,
    ),
    Workload(
        name="gelu_tanh_array",
        title="gelu_tanh(x * a + b) * c",
        tolerance=TOLERANCE,
        read=_FOUR,
        written=_ONE,
        target=_GELU,
    ),
    Workload(
        name="gelu_erf_array",
        title="gelu_erf(x * a + b) * c",
        tolerance=TOLERANCE,
        read=_FOUR,
        written=_ONE,
    ),
)


def operands() -> list[np.ndarray]:
    """x, a, b and c."""
    draw = np.random.default_rng(0)
    return [draw.standard_normal(SIZE, dtype=np.float32) for _ in range(4)]


def _gelu(u: np.ndarray) -> np.ndarray:
    return 0.5 * u * (1 + np.tanh(ROOT * (u + CUBE * u * u * u)))


def expected(name: str) -> np.ndarray:
    x, a, b, c = (v.astype(np.float64) for v in operands())
    if name == "gelu_erf_array":
        u = x * a + b
        erf = np.fromiter(map(math.erf, u * math.sqrt(0.5)), np.float64, len(u))
        return 0.5 * u * (1 + erf) * c
    return {
        "add": lambda: x + a,
        "exp": lambda: np.exp(x),
        "tanh": lambda: np.tanh(x),
        "gelu_tanh_scalar": lambda: _gelu(x * SCALE + SHIFT) * FACTOR,
        "gelu_tanh_array": lambda: _gelu(x * a + b) * c,
    }[name]()


def numpy_calls(_: int) -> Iterator[Call]:
    x, a, b, c = operands()
    y = np.empty_like(x)
    yield Call(name="add", how="out=", function=lambda: np.add(x, a, y))
    yield Call(name="exp", how="out=", function=lambda: np.exp(x, y))
    yield Call(name="tanh", how="out=", function=lambda: np.tanh(x, y))
    yield Call(
        name="gelu_tanh_scalar",
        how="expression",
        function=lambda: _gelu(x * SCALE + SHIFT) * FACTOR,
    )
    yield Call(name="gelu_tanh_array", how="expression", function=lambda: _gelu(x * a + b) * c)


def torch_calls(_: int) -> Iterator[Call]:
    import torch  # noqa: PLC0415  one peer in a process

    gelu = torch.nn.functional.gelu
    x, a, b, c = map(torch.from_numpy, operands())
    y = torch.empty_like(x)
    yield Call(name="add", how="out=", function=lambda: torch.add(x, a, out=y))
    yield Call(name="exp", how="out=", function=lambda: torch.exp(x, out=y))
    yield Call(name="tanh", how="out=", function=lambda: torch.tanh(x, out=y))
    yield Call(
        name="gelu_tanh_scalar",
        how="eager",
        function=lambda: gelu(x * SCALE + SHIFT, approximate="tanh") * FACTOR,
    )
    for kind, approximate in (("tanh", "tanh"), ("erf", "none")):
        yield Call(
            name=f"gelu_{kind}_array",
            how="eager",
            function=lambda way=approximate: gelu(x * a + b, approximate=way) * c,
        )


def jax_calls(_: int) -> Iterator[Call]:
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    x, a, b, c = map(jnp.asarray, operands())
    yield Call(name="add", how="eager", function=lambda: x + a)
    yield Call(name="exp", how="eager", function=lambda: jnp.exp(x))
    yield Call(name="tanh", how="eager", function=lambda: jnp.tanh(x))
    scalar = jax.jit(lambda x: jax.nn.gelu(x * SCALE + SHIFT, approximate=True) * FACTOR)
    yield Call(name="gelu_tanh_scalar", how="jit", function=lambda: scalar(x))
    for kind, approximate in (("tanh", True), ("erf", False)):

        def chain(x: Any, a: Any, b: Any, c: Any, way: bool = approximate) -> Any:
            return jax.nn.gelu(x * a + b, approximate=way) * c

        array = jax.jit(chain)
        yield Call(name=f"gelu_{kind}_array", how="jit", function=lambda f=array: f(x, a, b, c))


def dovetail_calls(_: int) -> Iterator[Call]:
    import dovetail as dt  # noqa: PLC0415

    x, a, b, c = map(dt.asarray, operands())
    yield Call(name="add", how="eager", function=lambda: x + a)
    yield Call(name="exp", how="eager", function=lambda: dt.exp(x))
    yield Call(name="tanh", how="eager", function=lambda: dt.tanh(x))
    scalar = dt.jit(lambda x: dt.nn.gelu(x * SCALE + SHIFT, approximate="tanh") * FACTOR)
    yield Call(name="gelu_tanh_scalar", how="jit", function=lambda: scalar(x))
    arrays = {
        "tanh": dt.jit(lambda x, a, b, c: dt.nn.gelu(x * a + b, approximate="tanh") * c),
        "erf": dt.jit(lambda x, a, b, c: dt.nn.gelu(x * a + b, approximate="none") * c),
    }
    for kind, array in arrays.items():
        yield Call(name=f"gelu_{kind}_array", how="jit", function=lambda f=array: f(x, a, b, c))


CALLS = {
    "numpy": numpy_calls,
    "torch": torch_calls,
    "jax": jax_calls,
    "dovetail": dovetail_calls,
}
