"""Memory as a plan sees it while it is made: storages, views of them, steps that use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail import _fast
from dovetail.op import Spec
from dovetail.partition import Group

__all__ = ["ARENA", "CONSTANT", "HOST", "INPUT", "OUTPUT", "Step", "Storage", "Tensor"]

INPUT, CONSTANT, ARENA, OUTPUT, HOST = range(5)
"""Kinds of storages, as in csrc/fast/plan.h. HOST: temporaries in host memory, of a plan whose
device has memory of its own."""


@dataclass(eq=False, slots=True)
class Storage:
    """A block of memory and the steps during which its content matters."""

    kind: int
    size: int
    index: int = -1
    """Input position, constant position, or the donated input whose memory an output takes."""
    first: int = 0
    last: int = -1
    offset: int = 0
    visible: bool = True
    """Whether the host can read it."""
    back: bool = False
    """Host memory that a row of the device itself wrote: what follows is the device's again."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A view of a storage."""

    storage: Storage
    spec: Spec
    strides: tuple[int, ...]
    offset: int = 0  # elements

    @property
    def contiguous(self) -> bool:
        """Whether its elements follow each other row by row."""
        expected = 1
        for extent, stride in zip(self.spec.shape[::-1], self.strides[::-1], strict=True):
            if extent != 1 and stride != expected:
                return False
            expected *= extent
        return True

    @property
    def layout(self) -> tuple[int, ...] | None:
        """Strides, or None when contiguous, as kernels are asked."""
        return None if self.contiguous or self.spec.size == 0 else self.strides

    @property
    def whole(self) -> bool:
        """Whether it covers its storage exactly."""
        return self.contiguous and self.offset == 0 and self.spec.nbytes == self.storage.size


@dataclass(eq=False, slots=True)
class Step:
    """One call: of a kernel, of an executable, or of a device's own copy between memories."""

    target: Any
    """A `_fast.Kernel`, a `_fast.Executable`, or the `_fast.Device` that copies."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    what: str
    why: str = ""
    workspace: Storage | None = None
    group: Group | None = None
    """The nodes it runs; None for a copy that a layout or a place asks for."""

    @property
    def crosses(self) -> bool:
        """Whether it copies from the host's memory to the device's, or back."""
        copies = isinstance(self.target, _fast.Device)
        return copies and self.inputs[0].storage.visible != self.outputs[0].storage.visible

    @property
    def cost_ns(self) -> int:
        """The device's estimate, 0 without one."""
        return getattr(self.target, "cost_ns", 0)

    @property
    def may_alias(self) -> int:
        """Bit 8 * output + input: the output may lie where the input lies."""
        return getattr(self.target, "may_alias", 0)
