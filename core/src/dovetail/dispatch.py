"""Dispatch's Python half: asked once per new (op, specs, attributes, device), never on a hit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dovetail import _fast, settings
from dovetail.devices import device as find_device
from dovetail.errors import DeviceError
from dovetail.op import Op, Spec, iterate
from dovetail.promotion import promotion

if TYPE_CHECKING:
    from dovetail.selection import Refusal

__all__ = ["HINT", "canonical_attributes", "decompose", "infer", "resolve", "specs_of"]


def specs_of(inputs: tuple[Any, ...]) -> tuple[Spec, ...]:
    """Shape and dtype of each Array."""
    return tuple(Spec(x.shape, x.dtype, x._weak) for x in inputs)


def canonical_attributes(
    op: Op, specs: tuple[Spec, ...], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Attributes in the form that infer, gradients, reference and kernels see."""
    if op.canonical is None:
        return dict(attributes)
    return op.canonical(*specs, **attributes)


def infer(op: Op, specs: tuple[Spec, ...], attributes: Mapping[str, Any]) -> tuple[Spec, ...]:
    """Result specs of a call whose operands are promoted and whose attributes are canonical."""
    return tuple(iterate(op.infer(*specs, **attributes)))


def resolve(
    op: Op, inputs: tuple[Any, ...], attributes: dict[str, Any], function: Callable[..., Any]
) -> tuple[Any, ...]:
    """What dispatch should do with such a call; csrc/fast/cache.c reads and keeps the answer."""
    specs = specs_of(inputs)
    if inputs:
        casts, shapes = promotion(op, specs)
        if any(c is not None for c in casts) or any(s is not None for s in shapes):
            return ("promote", casts, shapes)
    attributes = canonical_attributes(op, specs, attributes)
    results = infer(op, specs, attributes)
    canonical = tuple(attributes.get(name) for name in op.attributes)
    device = inputs[0].device if inputs else _fast.get_device()
    if op.claim == "view":
        assert op.view is not None
        found = op.view(inputs[0].shape, inputs[0]._strides, **attributes)
        if found is None:
            return ("contiguous", 1)
        shape, strides, offset = found
        return ("view", results[0].dtype, tuple(shape), tuple(strides), offset, canonical)
    from dovetail.selection import Operand, Refusal, Strided, select  # noqa: PLC0415  at the first op

    operands = [
        Operand(s, None if x._contiguous else x._strides)
        for s, x in zip(specs, inputs, strict=True)
    ]
    kernel = select(device, op, operands, results, attributes)
    if isinstance(kernel, Strided):
        return ("contiguous", kernel.mask)
    if not isinstance(kernel, Refusal):
        return ("kernel", kernel, tuple((s.dtype, s.shape) for s in results), canonical)
    if op.decomposition is not None:
        return ("call", op.decomposition, canonical)
    if op.lays_out and not device.host_visible:
        return ("call", _fast.lay_out, canonical)
    return ("call", _elsewhere(op, device, kernel, specs, function), canonical)


def decompose(
    op: Op, inputs: tuple[Any, ...], attributes: dict[str, Any], function: Callable[..., Any]
) -> Any:
    """Run an op through its decomposition, because that is how it is differentiated."""
    specs = specs_of(inputs)
    casts, shapes = promotion(op, specs)
    if any(c is not None for c in casts) or any(s is not None for s in shapes):
        inputs = promoted(inputs, casts, shapes)
        specs = specs_of(inputs)
    assert op.decomposition is not None
    return op.decomposition(*inputs, **canonical_attributes(op, specs, attributes))


def promoted(inputs: tuple[Any, ...], casts: Any, shapes: Any) -> tuple[Any, ...]:
    """The operands after `promotion`'s casts and broadcasts, made through ops."""
    from dovetail.ops.astype import astype  # noqa: PLC0415  ops are made through dispatch
    from dovetail.ops.broadcast_to import broadcast_to  # noqa: PLC0415

    result = []
    for x, dtype, shape in zip(inputs, casts, shapes, strict=True):
        y = x if dtype is None else astype(x, dtype=dtype)
        result.append(y if shape is None else broadcast_to(y, shape))
    return tuple(result)


HINT = 'fallback="cpu" (DOVETAIL_FALLBACK) would run it on the CPU'
"""The end of a refusal."""


def _elsewhere(
    op: Op, device: Any, refusal: Refusal, specs: tuple[Spec, ...], function: Callable[..., Any]
) -> Callable[..., Any]:
    """Run on the CPU what a device lacks, saying so once; or refuse."""
    what = f"{op.name}({', '.join(map(str, specs))})"
    said = f"{device.name} has no kernel for {what}: {refusal}"
    # Laying operands out row by row is the core's own job, so on shared memory it is silent.
    own = op.lays_out and device.host_visible
    if device.name == "cpu:0":
        raise DeviceError(said)
    if settings.fallback() == "error" and not own:
        raise DeviceError(f"{said}; {HINT}")
    if not own:
        warnings.warn(f"{said}; it runs on cpu:0", RuntimeWarning, stacklevel=2)

    def run(*inputs: Any, **attributes: Any) -> Any:
        if not own and settings.fallback() == "error":  # what was found out before is kept
            raise DeviceError(f"{said}; {HINT}")
        cpu = find_device("cpu:0")
        before = _fast.set_device(cpu)
        try:
            found = function(*(_fast.transfer(x, cpu) for x in inputs), **attributes)
        finally:
            _fast.set_device(before)
        results = tuple(_fast.transfer(y, device) for y in iterate(found))
        return results if isinstance(found, tuple) else results[0]

    return run
