"""A model of one operator for litert: a call of it is the cost of the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def one_operator(
    kind: str,
    x: np.ndarray,
    constants: list[np.ndarray],
    shape: tuple[int, ...],
    threads: int,
    **options: Any,
) -> Callable[[], np.ndarray]:
    """Run ``kind(x, *constants)`` in float32, with a result of ``shape``.

    ``options`` are the fields of the operator's options in the schema of model files.
    """
    import flatbuffers  # noqa: PLC0415  one peer in a process
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    operands = [x, *constants]
    shapes = [*(value.shape for value in operands), shape]
    # The first buffer is the empty one of what is no constant.
    buffers = [schema.BufferT()] + [
        schema.BufferT(data=np.frombuffer(value.tobytes(), np.uint8)) for value in constants
    ]
    tensors = [
        schema.TensorT(
            shape=list(extent),
            type=schema.TensorType.FLOAT32,
            buffer=k if 0 < k < len(operands) else 0,
            name=f"t{k}",
        )
        for k, extent in enumerate(shapes)
    ]
    code = getattr(schema.BuiltinOperator, kind.upper())
    # CONV_2D has Conv2DOptions.
    words = kind.title().replace("_", "") + "Options"
    operator = schema.OperatorT(
        inputs=list(range(len(operands))),
        outputs=[len(operands)],
        builtinOptionsType=getattr(schema.BuiltinOptions, words),
        builtinOptions=getattr(schema, words + "T")(**options),
    )
    graph = schema.SubGraphT(
        tensors=tensors, inputs=[0], outputs=[len(operands)], operators=[operator], name="one"
    )
    model = schema.ModelT(
        version=3,
        operatorCodes=[
            schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code)
        ],
        subgraphs=[graph],
        buffers=buffers,
    )
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=threads)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    interpreter.set_tensor(given, x)

    def run() -> np.ndarray:
        interpreter.invoke()
        return interpreter.tensor(result)()

    return run
