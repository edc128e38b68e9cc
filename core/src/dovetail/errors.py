"""The errors a user can meet: one tree, each message a sentence that says what to do next."""

from __future__ import annotations

__all__ = [
    "AxisError",
    "DeviceError",
    "DonatedError",
    "DovetailError",
    "OpError",
    "OutOfMemoryError",
    "PluginError",
    "ProgramError",
    "TraceError",
]


class DovetailError(Exception):
    """Root of every error Dovetail raises on purpose."""


class OpError(DovetailError, ValueError):
    """An op was given shapes, dtypes or attributes it cannot work with."""


class AxisError(OpError, IndexError):
    """An axis was named that an array does not have."""


class TraceError(DovetailError, TypeError):
    """A traced value was used where only a concrete one has an answer (`if x > 0` under jit)."""


class DeviceError(DovetailError, RuntimeError):
    """A device failed, lacks an op under ``fallback="error"``, or does not exist."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A device has no memory left for an array; its size and the device are named."""


class DonatedError(DeviceError):
    """An array was used after its buffer had been donated to a compiled function."""


class PluginError(DovetailError, RuntimeError):
    """A plugin could not be found, loaded or trusted; the package and both versions are named."""


class ProgramError(DovetailError, ValueError):
    """A program file is truncated, damaged, too new, or does not fit the given inputs."""
