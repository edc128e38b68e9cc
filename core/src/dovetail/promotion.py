"""Which casts and broadcasts bring the operands of a call to the form its op record asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dovetail.dtypes import (
    DTYPES,
    DType,
    complex64,
    complex128,
    complex_of,
    default_dtype,
    float32,
    float64,
    int64,
    promote_types,
)
from dovetail.errors import OpError
from dovetail.op import ANY, Op, Spec, specs_text

__all__ = ["Promotion", "promotion"]

Promotion = tuple[tuple[DType | None, ...], tuple[tuple[int, ...] | None, ...]]
"""Per operand: the dtype to cast to, and the shape to broadcast to; None where it is right."""

_BY_WORD = {t.word: t for t in DTYPES} | {t.name: t for t in DTYPES}
_KINDS = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def promotion(op: Op, specs: Sequence[Spec]) -> Promotion:
    """The casts and broadcasts of a call; an `OpError` when there is no common form."""
    words = op.words(len(specs))
    if ANY in words:
        return (None,) * len(specs), (None,) * len(specs)
    targets = {word: _common(op, word, words, specs) for word in set(words)}
    taken = len(specs) == 1 and words[0] not in op.results
    casts = tuple(
        # A weak operand is cast even to its own dtype: from then on its dtype is firm.
        None if spec.dtype is targets[word] and (taken or not spec.weak) else targets[word]
        for spec, word in zip(specs, words, strict=True)
    )
    if not op.broadcast:
        return casts, (None,) * len(specs)
    shape = _broadcast(op, specs)
    return casts, tuple(None if spec.shape == shape else shape for spec in specs)


def _common(op: Op, word: str, words: Sequence[str], specs: Sequence[Spec]) -> DType:
    """The dtype that every operand of one type variable takes."""
    mine = [s for s, w in zip(specs, words, strict=True) if w == word]
    if len(specs) == 1 and word not in op.results and mine[0].dtype in op.allowed(word):
        return mine[0].dtype  # a conversion or a question: the operand is taken as it is
    firm = [s.dtype for s in mine if not s.weak]
    kind = max((s.dtype.kind for s in mine if s.weak), key=_KINDS.__getitem__, default=None)
    try:
        found = _join(firm)
    except OpError as error:
        raise op.fail(f"{specs_text(specs)}: {error}") from None
    if found is None:
        assert kind is not None
        found = default_dtype("int" if kind == "uint" else kind)
    elif kind == "complex" and found.kind == "float":
        found = complex_of(found)
    elif kind is not None and _KINDS[kind] > _KINDS[found.kind]:
        found = default_dtype("int" if kind == "uint" else kind)
    literal = _BY_WORD.get(word)
    allowed = frozenset({literal}) if literal is not None else op.allowed(word)
    if found in allowed:
        return found
    for candidate in (int64, float32, float64, complex64, complex128):
        if candidate in allowed and _widens(found, candidate):
            return candidate
    names = ", ".join(t.name for t in DTYPES if t in allowed)
    raise op.fail(
        f"it takes {names} here, not {found} (operands {specs_text(specs)}); "
        + ("take real(), imag() or abs()" if found.kind == "complex" else "convert with astype")
        + (", or compare with zero first (x != 0)" if names == "bool" else "")
    )


def _join(types: Iterable[DType]) -> DType | None:
    found: DType | None = None
    for t in types:
        found = t if found is None else promote_types(found, t)
    return found


def _widens(source: DType, target: DType) -> bool:
    """Whether an implicit cast is allowed: never from float to integer, never losing range."""
    try:
        return promote_types(source, target) is target
    except OpError:
        return False


def _broadcast(op: Op, specs: Sequence[Spec]) -> tuple[int, ...]:
    ndim = max(s.ndim for s in specs)
    result = [1] * ndim
    for spec in specs:
        for i, extent in enumerate(spec.shape, ndim - spec.ndim):
            if extent != 1 and result[i] not in (1, extent):
                raise op.fail(
                    f"the shapes of {specs_text(specs)} do not broadcast: axis {i - ndim} has "
                    f"extents {result[i]} and {extent}; make them equal, or one of them 1"
                )
            if extent != 1:
                result[i] = extent
    return tuple(result)
