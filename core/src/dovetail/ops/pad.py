"""Margins and gaps of a constant."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.op import REQUIRED, Op, Sample, Spec, define
from dovetail.ops.full import complex_value
from dovetail.shapes import integers, sized

__all__ = ["pad"]

Amounts = tuple[int, ...]


def _amounts(word: str, values: Any, ndim: int) -> Amounts:
    found = (0,) * ndim if values is None else integers("pad", word, values)
    if len(found) != ndim:
        raise PAD.fail(f"{word}={values!r} has {len(found)} entries for {ndim} axes; give each one")
    if min(found, default=0) < 0:
        raise PAD.fail(f"{word}={values!r} has a negative entry; slice takes elements away")
    return found


def _canonical(x: Spec, *, low: Any, high: Any, interior: Any, value: Any) -> dict[str, Any]:
    try:
        if x.dtype.kind == "complex":
            number: Any = complex_value(value)
            number = (number.real, number.imag)
        else:
            number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise PAD.fail(f"value={value!r} must be a number that fits {x.dtype}") from None
    return {
        "low": _amounts("low", low, x.ndim),
        "high": _amounts("high", high, x.ndim),
        "interior": _amounts("interior", interior, x.ndim),
        "value": number,
    }


def _inner(shape: tuple[int, ...], interior: Amounts) -> tuple[int, ...]:
    return tuple(n + max(n - 1, 0) * i for n, i in zip(shape, interior, strict=True))


def _infer(x: Spec, *, low: Amounts, high: Amounts, interior: Amounts, value: Any) -> Spec:
    inner = _inner(x.shape, interior)
    shape = tuple(a + n + b for a, n, b in zip(low, inner, high, strict=True))
    return sized("pad", Spec(shape, x.dtype))


def _gradient(
    g: Any, y: Any, x: Any, *, low: Amounts, high: Amounts, interior: Amounts, value: Any
) -> Any:
    inner = _inner(x.shape, interior)
    stop = tuple(a + n for a, n in zip(low, inner, strict=True))
    return ops.slice(g, start=low, stop=stop, step=tuple(i + 1 for i in interior))


def _reference(x: Any, *, low: Amounts, high: Amounts, interior: Amounts, value: Any) -> Any:
    inner = _inner(x.shape, interior)
    shape = tuple(a + n + b for a, n, b in zip(low, inner, high, strict=True))
    margin = complex_value(value) if isinstance(value, tuple) else value
    result = np.full(shape, np.asarray(margin).astype(x.dtype), dtype=x.dtype)
    inside = zip(low, inner, interior, strict=True)
    result[tuple(builtins.slice(a, a + n, i + 1) for a, n, i in inside)] = x
    return result


def _batching(
    op: Any,
    size: int,
    batched: tuple[bool, ...],
    x: Any,
    *,
    low: Amounts,
    high: Amounts,
    interior: Amounts,
    value: float,
) -> Any:
    return op(x, low=(0, *low), high=(0, *high), interior=(0, *interior), value=value)


def _samples() -> Iterator[Sample]:
    for shape, low, high, interior, value in [
        ((), (), (), None, 0.0),
        ((3,), (1,), (2,), None, 0.0),
        ((3,), (0,), (0,), (2,), 1.0),
        ((1,), (2,), (0,), (5,), 7.0),
        ((0,), (2,), (1,), (3,), 1.0),
        ((2, 3), (1, 0), (0, 2), (1, 2), 3.0),
        ((17, 33), (2, 1), (0, 3), None, 0.0),
        ((2, 3, 4), (0, 1, 0), (1, 1, 0), (0, 0, 1), 1.0),
    ]:
        yield Sample(
            inputs=((shape, 0, 9),),
            attributes={"low": low, "high": high, "interior": interior, "value": value},
        )


PAD = Op(
    name="pad",
    doc="""x with a constant before, behind and between its elements.

    ``low``, ``high`` and ``interior`` hold one amount per axis: how many to put before the first
    element, behind the last and between two neighbours. ``value`` is converted to x's dtype (to a
    device a complex value is the pair of its parts). The meaning is XLA's Pad, without negative
    amounts.

    Raises OpError when an amount is missing or negative.

    >>> import dovetail as dt
    >>> dt.pad(dt.asarray([1, 2]), low=(1,), high=(2,), interior=(1,), value=9).tolist()
    [9, 1, 9, 2, 9, 9]
    """,
    signature="x: T -> T",
    attributes={"low": REQUIRED, "high": REQUIRED, "interior": None, "value": 0.0},
    canonical=_canonical,
    infer=_infer,
    batching=_batching,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    # Moves bits.
    tolerance={"float32": 0, "float64": 0, "float16": 0, "bfloat16": 0},
)
pad: Any = define(PAD)
