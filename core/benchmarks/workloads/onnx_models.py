"""A model of one node for onnxruntime: a call of it is the cost of the node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def one_node(
    kind: str, x: np.ndarray, constants: dict[str, np.ndarray], threads: int, **attributes: Any
) -> Callable[[], np.ndarray]:
    """Run ``kind(x, *constants)``; what is constant may be packed beforehand."""
    import onnx  # noqa: PLC0415  one peer in a process
    import onnxruntime  # noqa: PLC0415

    helper, number = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [helper.make_node(kind, ["x", *constants], ["y"], **attributes)],
        kind,
        [helper.make_tensor_value_info("x", number, x.shape)],
        [helper.make_tensor_value_info("y", number, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8  # the one of operator set 17
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})[0]
