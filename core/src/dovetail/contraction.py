"""einsum: sums of products of arrays, written with one letter for each axis.

A call is planned once for its subscripts and shapes: which operands meet first, and for each pair
the one matrix product, or product of elements, that joins them. The plan runs as ordinary ops, so
it differentiates, compiles and batches like them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.errors import OpError
from dovetail.matrices import array, conjugate
from dovetail.ops.vector_products import vecdot

__all__ = ["einsum"]

Shape = tuple[int, ...]
Labels = tuple[str, ...]


# ---- reading the subscripts ----------------------------------------------------------------------


def _fail(subscripts: str, reason: str) -> OpError:
    return OpError(f"einsum: {subscripts!r}: {reason}")


def _terms(subscripts: str, shapes: Sequence[Shape]) -> tuple[list[str], str | None]:
    """The subscripts of each operand, and of the result where they are written."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    if "->" in right or any(c in "->" for c in left + right):
        raise _fail(subscripts, "it has more than one arrow '->'")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise _fail(subscripts, f"it names {len(terms)} operands, but {len(shapes)} were given")
    for term in (*terms, right):
        letters = term.replace("...", "", 1)
        if letters and not (letters.isascii() and letters.isalpha()):
            strange = next(c for c in letters if not (c.isascii() and c.isalpha()))
            raise _fail(
                subscripts,
                f"{strange!r} in {term!r} is no letter; axes are named a to z and A to Z, others "
                "by one '...'",
            )
    if "," in right:
        raise _fail(subscripts, "the result has one term, without a comma")
    return terms, right if arrow else None


def _labelled(subscripts: str, terms: list[str], shapes: Sequence[Shape]) -> list[Labels]:
    """One label for each axis of each operand; those of an ellipsis are counted from the last."""
    found = []
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        before, dots, behind = term.partition("...")
        named = len(before) + len(behind)
        if (len(shape) != named and not dots) or len(shape) < named:
            have = f"{named} axes" + (" or more" if dots else "")
            raise _fail(
                subscripts,
                f"{term!r} names {have}, but operand {i} has shape {shape} with {len(shape)}"
                + ("; '...' stands for axes without a letter" if len(shape) > named else ""),
            )
        rest = len(shape) - named
        found.append((*before, *(f"...{d}" for d in range(rest, 0, -1)), *behind))
    return found


def _result(subscripts: str, operands: list[Labels], right: str | None) -> Labels:
    """The labels of the result: written, or the ellipsis and what occurs once, sorted."""
    seen = [label for labels in operands for label in labels]
    dots = tuple(sorted({s for s in seen if len(s) > 1}, key=lambda s: -int(s[3:])))
    if right is None:
        once = sorted(s for s in set(seen) if len(s) == 1 and seen.count(s) == 1)
        return (*dots, *once)
    before, ellipsis, behind = right.partition("...")
    if dots and not ellipsis:
        raise _fail(
            subscripts,
            f"the result {right!r} has no '...' for the axes that stand for one in the operands",
        )
    for letter in before + behind:
        if letter not in seen:
            raise _fail(subscripts, f"{letter!r} of the result is an axis of no operand")
        if (before + behind).count(letter) > 1:
            raise _fail(subscripts, f"the result names {letter!r} twice")
    return (*before, *(dots if ellipsis else ()), *behind)


def _extents(subscripts: str, operands: list[Labels], shapes: Sequence[Shape]) -> dict[str, int]:
    """The extent of each label; 1 broadcasts."""
    found: dict[str, int] = {}
    for i, (labels, shape) in enumerate(zip(operands, shapes, strict=True)):
        for label in labels:
            own = {n for s, n in zip(labels, shape, strict=True) if s == label}
            if len(own) > 1:
                raise _fail(
                    subscripts,
                    f"{label!r} means a diagonal of operand {i}, of shape {shape}, whose extents "
                    f"{sorted(own)} differ",
                )
    for i, (labels, shape) in enumerate(zip(operands, shapes, strict=True)):
        for label, extent in zip(labels, shape, strict=True):
            known = found.setdefault(label, extent)
            if known == 1:
                found[label] = extent
            elif extent not in (1, known):
                what = "an axis of '...'" if len(label) > 1 else f"axis {label!r}"
                raise _fail(
                    subscripts,
                    f"{what} has extent {known} in one operand and {extent} in operand {i}, of "
                    f"shape {shape}",
                )
    return found


# ---- planning ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Single:
    """What happens to one operand before it meets others."""

    shape: Shape  # of the operand without axes of extent 1 that broadcast
    diagonals: tuple[tuple[int, int], ...]  # pairs of axes to merge into the last, one by one
    summed: tuple[int, ...]
    result: Labels


@dataclass(frozen=True, kw_only=True, slots=True)
class _Join:
    """Two operands joined by one op: "matmul", "vecdot", or "multiply" with a sum behind it."""

    places: tuple[int, int]
    kind: str
    orders: tuple[tuple[int, ...], tuple[int, ...]]
    shapes: tuple[Shape, Shape]
    summed: tuple[int, ...]
    shape: Shape
    labels: Labels


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    singles: tuple[_Single, ...]
    joins: tuple[_Join, ...]
    order: tuple[int, ...]
    shape: Shape


def _single(labels: Labels, extents: dict[str, int], wanted: frozenset[str]) -> _Single:
    names = list(labels)
    diagonals = []
    for s in dict.fromkeys(names):
        while names.count(s) > 1:
            i = names.index(s)
            j = names.index(s, i + 1)
            diagonals.append((i, j))
            del names[j], names[i]
            names.append(s)
    summed = tuple(d for d, s in enumerate(names) if s not in wanted)
    return _Single(
        shape=tuple(extents[s] for s in labels),
        diagonals=tuple(diagonals),
        summed=summed,
        result=tuple(s for s in names if s in wanted),
    )


def _join(
    places: tuple[int, int],
    left: Labels,
    right: Labels,
    extents: dict[str, int],
    wanted: frozenset[str],
) -> _Join:
    both = [s for s in left if s in right]
    batch = [s for s in both if s in wanted]
    inner = [s for s in both if s not in wanted]
    rows = [s for s in left if s not in right]
    columns = [s for s in right if s not in left]

    def size(labels: list[str]) -> int:
        return math.prod(extents[s] for s in labels)

    fronts = tuple(extents[s] for s in batch)
    summed: tuple[int, ...] = ()
    labels = (*batch, *rows, *columns)
    if inner and (rows or columns):
        kind = "matmul"
        orders = (*batch, *rows, *inner), (*batch, *inner, *columns)
        forms: tuple[Shape, Shape] = (
            (*fronts, size(rows), size(inner)),
            (*fronts, size(inner), size(columns)),
        )
    elif left == (*batch, *inner) and inner:
        kind = "vecdot"
        orders = left, left
        forms = ((*fronts, size(inner)),) * 2
    else:  # the left one stays as it is
        kind = "multiply"
        whole = (*left, *columns)
        orders = left, tuple(s for s in whole if s in right)
        forms = (
            tuple(1 if s in columns else extents[s] for s in whole),
            tuple(1 if s in rows else extents[s] for s in whole),
        )
        summed = tuple(d for d, s in enumerate(whole) if s in inner)
        labels = tuple(s for s in whole if s not in inner)
    return _Join(
        places=places,
        kind=kind,
        orders=(
            tuple(left.index(s) for s in orders[0]),
            tuple(right.index(s) for s in orders[1]),
        ),
        shapes=forms,
        summed=summed,
        shape=tuple(extents[s] for s in labels),
        labels=labels,
    )


def _path(
    subscripts: str, operands: Sequence[Labels], out: Labels, extents: dict[str, int], how: Any
) -> list[tuple[int, ...]]:
    """Which operands meet, step by step, as numpy.einsum_path counts them."""
    count = len(operands)
    if how is False or count <= 2:
        return [(0, 1)] * (count - 1) if count > 1 else []
    if isinstance(how, tuple):
        return [step for step in how if not isinstance(step, str)]
    if len(extents) > len(ascii_letters):  # more than numpy's search knows
        return [(0, 1)] * (count - 1)
    letters = dict(zip(extents, ascii_letters, strict=False))
    text = ",".join("".join(letters[s] for s in labels) for labels in operands)
    text += "->" + "".join(letters[s] for s in out)
    shells = [np.broadcast_to(0.0, [extents[s] for s in labels]) for labels in operands]
    found = np.einsum_path(text, *shells, optimize="greedy" if how is True else how)[0]
    return [tuple(step) for step in found[1:]]


@functools.lru_cache(maxsize=512)
def _plan(subscripts: str, shapes: tuple[Shape, ...], how: Any) -> _Plan:
    terms, right = _terms(subscripts, shapes)
    operands = _labelled(subscripts, terms, shapes)
    out = _result(subscripts, operands, right)
    extents = _extents(subscripts, operands, shapes)
    whole = [
        tuple(s for s, n in zip(labels, shape, strict=True) if n == extents[s])
        for labels, shape in zip(operands, shapes, strict=True)
    ]
    singles = []
    for i, labels in enumerate(whole):
        others = (s for j, other in enumerate(whole) if j != i for s in other)
        singles.append(_single(labels, extents, frozenset((*others, *out))))
    live = [one.result for one in singles]
    joins = []
    for step in _path(subscripts, live, out, extents, how):
        left = sorted(step)
        while len(left) > 1:  # more than two operands meet two by two
            i, j, *later = left
            if not 0 <= i < j < len(live):
                raise _fail(subscripts, f"the step {step} of optimize names no two operands left")
            rest = (s for k, other in enumerate(live) if k not in (i, j) for s in other)
            joins.append(_join((i, j), live[i], live[j], extents, frozenset((*rest, *out))))
            live = [x for k, x in enumerate(live) if k not in (i, j)]
            live.append(joins[-1].labels)
            left = [*(k - 2 for k in later), len(live) - 1]
    if len(live) != 1:
        raise _fail(subscripts, f"the steps {how} of optimize leave {len(live)} operands")
    return _Plan(
        singles=tuple(singles),
        joins=tuple(joins),
        order=tuple(live[0].index(s) for s in out),
        shape=tuple(extents[s] for s in out),
    )


# ---- running -------------------------------------------------------------------------------------


def _permuted(x: Any, order: tuple[int, ...]) -> Any:
    return x if order == tuple(range(x.ndim)) else ops.permute_dims(x, order)


def _reshaped(x: Any, shape: Shape) -> Any:
    return x if tuple(x.shape) == shape else ops.reshape(x, shape)


def _prepared(x: Any, one: _Single) -> Any:
    x = _reshaped(x, one.shape)
    for i, j in one.diagonals:
        others = tuple(d for d in range(x.ndim) if d not in (i, j))
        x = _permuted(x, (*others, i, j))
        n = x.shape[-1]
        x = ops.reshape(x, (*x.shape[:-2], n * n))
        whole = (None,) * (x.ndim - 1)
        x = ops.slice(x, start=(*whole, None), stop=(*whole, None), step=(*whole, n + 1))
    return ops.sum_op(x, axis=one.summed) if one.summed else x


def _joined(x: Any, y: Any, join: _Join) -> Any:
    x = _reshaped(_permuted(x, join.orders[0]), join.shapes[0])
    y = _reshaped(_permuted(y, join.orders[1]), join.shapes[1])
    if join.kind == "matmul":
        return _reshaped(ops.matmul(x, y), join.shape)
    if join.kind == "vecdot":
        return vecdot(conjugate(x), y)
    found = x * y
    return ops.sum_op(found, axis=join.summed) if join.summed else found


def einsum(subscripts: str, /, *operands: Any, optimize: Any = True) -> Any:
    """Sums of products of arrays, with a letter for each axis: ``einsum("ij,jk->ik", a, b)``.

    Operands' subscripts are separated by commas. Axes with the same letter go together: they are
    multiplied element by element, and summed over where the letter is missing in the result, behind
    the arrow. Without an arrow the result has the letters that occur once, in alphabetical order.
    A letter that one operand has twice means its diagonal. ``...`` stands for any number of further
    axes, which broadcast; so do axes of extent 1.

    ``optimize`` chooses the order in which three or more operands meet: True or "greedy" by numpy's
    greedy search, "optimal" by trying all, False from left to right; or a path as
    `numpy.einsum_path` gives it. Operands are promoted to a common dtype, and the result has it.

    Raises OpError when the subscripts do not suit the operands.

    >>> import dovetail as dt
    >>> a = dt.asarray([[1, 2], [3, 4]])
    >>> dt.einsum("ij,kj->ik", a, a).tolist()
    [[5, 11], [11, 25]]
    >>> dt.einsum("ii", a).item()
    5
    """
    if not isinstance(subscripts, str):
        raise OpError(
            f"einsum: the first argument is the subscripts, such as 'ij,jk->ik', not "
            f"{type(subscripts).__name__}"
        )
    if not operands:
        raise OpError(f"einsum: {subscripts!r} without operands; give one for each term")
    how = optimize
    if isinstance(how, list):
        how = tuple(tuple(step) if not isinstance(step, str) else step for step in how)
    if how not in (True, False, "greedy", "optimal") and not isinstance(how, tuple):
        raise OpError(
            f"einsum: optimize={optimize!r} is not known; use True, False, 'greedy', 'optimal' or "
            "a path"
        )
    arrays = [array("einsum", x) for x in operands]
    plan = _plan(subscripts, tuple(tuple(x.shape) for x in arrays), how)
    live = [_prepared(x, one) for x, one in zip(arrays, plan.singles, strict=True)]
    for join in plan.joins:
        i, j = join.places
        joined = _joined(live[i], live[j], join)
        live = [x for k, x in enumerate(live) if k not in (i, j)]
        live.append(joined)
    return _permuted(live[0], plan.order)
