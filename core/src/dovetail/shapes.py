"""Rules about shapes and axes that several ops share. Every error names the op that asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import Any

from dovetail.errors import AxisError, OpError
from dovetail.op import Spec

__all__ = [
    "LARGEST",
    "axes",
    "axis",
    "contiguous_strides",
    "elementwise",
    "integers",
    "reduced",
    "sized",
]

LARGEST = 2**63 - 1
"""Most bytes an array can have: extents, strides and sizes are signed 64-bit numbers."""


def sized(name: str, spec: Spec) -> Spec:
    """Return the spec, or refuse it when its bytes cannot be counted in 63 bits."""
    if spec.nbytes > LARGEST:
        raise OpError(
            f"{name}: a result {spec} needs {spec.nbytes} bytes, more than the {LARGEST} that can "
            f"be addressed; check the extents"
        )
    return spec


def integers(name: str, word: str, values: Any) -> tuple[int, ...]:
    """An attribute that is one integer or several, as a tuple."""
    try:
        if isinstance(values, Iterable):
            return tuple(index(v) for v in values)
        return (index(values),)
    except TypeError:
        raise OpError(
            f"{name}: {word}={values!r} must be an integer or a tuple of integers"
        ) from None


def axis(name: str, value: Any, ndim: int, what: str = "axis") -> int:
    """One axis as a number in [0, ndim); negative ones count from the end.

    >>> axis("take", -1, 3)
    2
    """
    try:
        number = index(value)
    except TypeError:
        raise OpError(f"{name}: {what}={value!r} must be an integer") from None
    if not -ndim <= number < ndim:
        have = f"an array of {ndim} axes has {what} {-ndim} to {ndim - 1}"
        if ndim == 0:
            have = "an array without axes has none"
        raise AxisError(f"{name}: {what} {number} is out of range; {have}")
    return number % ndim


def axes(name: str, values: Any, ndim: int) -> tuple[int, ...]:
    """A set of axes, sorted; None means all of them.

    >>> axes("sum", (-1, 0), 3)
    (0, 2)
    """
    if values is None:
        return tuple(range(ndim))
    found = [axis(name, v, ndim) for v in integers(name, "axis", values)]
    if len(set(found)) < len(found):
        raise OpError(f"{name}: axis={values!r} names an axis twice; name each once")
    return tuple(sorted(found))


def reduced(shape: tuple[int, ...], over: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape after a reduction over canonical axes.

    >>> reduced((2, 3, 4), (1,), keepdims=True)
    (2, 1, 4)
    """
    if keepdims:
        return tuple(1 if d in over else n for d, n in enumerate(shape))
    return tuple(n for d, n in enumerate(shape) if d not in over)


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a row-major array.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides: list[int] = []
    stride = 1
    for extent in reversed(shape):
        strides.append(stride)
        stride *= extent
    return tuple(reversed(strides))


def elementwise(name: str, result: Any = None) -> Callable[..., Spec]:
    """The `infer` of an op whose result has its operands' common shape.

    ``result`` is the dtype of the result; without it the last operand's, which for every such op is
    one of its type variable.
    """

    def infer(*specs: Spec, **_: Any) -> Spec:
        first = specs[0]
        for other in specs[1:]:
            if other.shape != first.shape:
                raise OpError(
                    f"{name}: {' and '.join(map(str, specs))} have different shapes; "
                    f"broadcast_to brings them to a common one"
                )
        return Spec(first.shape, result or specs[-1].dtype)

    return infer
