"""A model of one operation for openvino: a request of it is the cost of the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def one_operation(
    build: Callable[[Any, Any], Any], x: np.ndarray, threads: int
) -> Callable[[], np.ndarray]:
    """Run what ``build(opset, x)`` makes; what is constant may be packed beforehand."""
    import openvino  # noqa: PLC0415  one peer in a process
    from openvino import opset13  # noqa: PLC0415

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    given = opset13.parameter(x.shape, np.float32)
    model = openvino.Model([build(opset13, given)], [given], "one")
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(x))

    def run() -> np.ndarray:
        request.infer()
        return request.get_output_tensor().data

    return run
