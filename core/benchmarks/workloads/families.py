"""The families of workloads, in the order of the table."""

from __future__ import annotations

import importlib
from types import ModuleType

FAMILIES = {
    "fused": "Element-wise, 4 Mi float32",
    "reductions": "Reductions, 4096 x 1024 float32",
    "products": "Matrix products",
    "convolutions": "Convolutions, batch 1, float32",
    "training": "A step of training with Adam, float32",
}


def family(name: str) -> ModuleType:
    """The module with WORKLOADS, CALLS (a generator for each peer) and expected(name)."""
    return importlib.import_module(f"workloads.{name}")
