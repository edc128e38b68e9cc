"""Function transforms: they take a function and give one that differentiates or compiles it."""

from dovetail.transforms.gradient import grad, value_and_grad, vjp
from dovetail.transforms.jit import jit

__all__ = ["grad", "jit", "value_and_grad", "vjp"]
