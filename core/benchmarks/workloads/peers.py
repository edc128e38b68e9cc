"""The peers: how their threads are limited, how a result is awaited and read. All are optional."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def _nothing(_: Any) -> None:
    """Nothing is to be awaited or limited."""


def _torch_threads(threads: int) -> None:
    importlib.import_module("torch").set_num_threads(threads)


def _jax_wait(result: Any) -> None:
    importlib.import_module("jax").block_until_ready(result)


def _torch_read(result: Any) -> np.ndarray:
    torch = importlib.import_module("torch")
    return result.detach().to(torch.float64).numpy()


def _dovetail_wait(_: Any) -> None:
    importlib.import_module("dovetail").default_device().sync()


def _dovetail_read(result: Any) -> np.ndarray:
    dovetail = importlib.import_module("dovetail")
    return np.asarray(dovetail.asarray(result, dtype=dovetail.float64))


def _read(result: Any) -> np.ndarray:
    return np.asarray(result).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """``limit(threads)`` comes before the first case; ``wait(result)`` ends each call."""

    package: str
    colour: str
    limit: Callable[[int], None] = _nothing
    wait: Callable[[Any], None] = _nothing
    read: Callable[[Any], np.ndarray] = _read

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.package)


PEERS = {
    "numpy": Peer(package="numpy", colour="#8a8f98"),
    "torch": Peer(package="torch", colour="#d9822b", limit=_torch_threads, read=_torch_read),
    "jax": Peer(package="jax", colour="#6b8fd6", wait=_jax_wait),
    "onnxruntime": Peer(package="onnxruntime", colour="#b0689a"),
    "openvino": Peer(package="openvino", colour="#9a8456"),
    "litert": Peer(package="ai-edge-litert", colour="#5f9ea0"),
    "dovetail": Peer(
        package="dovetail", colour="#12806a", wait=_dovetail_wait, read=_dovetail_read
    ),
}
"""In the order of the table."""

IMPORTED = {
    "onnxruntime": ("onnxruntime", "onnx"),
    "litert": ("ai_edge_litert", "flatbuffers"),
}
"""The modules that a peer's cases import, where they are not one of its name."""


def missing(peer: str) -> str:
    """The first module of a peer that is not installed, or nothing."""
    for name in IMPORTED.get(peer, (peer,)):
        if importlib.util.find_spec(name) is None:
            return name
    return ""
