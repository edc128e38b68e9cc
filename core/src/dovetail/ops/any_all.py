"""Whether some or every element along axes is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dovetail import batching
from dovetail.dtypes import bool_
from dovetail.op import Op, Spec, define
from dovetail.ops.comparisons import not_equal
from dovetail.samples import reduction
from dovetail.shapes import axes, reduced

__all__ = ["all", "all_op", "any", "any_op"]


def _canonical(name: str) -> Callable[..., dict[str, Any]]:
    def canonical(x: Spec, *, axis: Any, keepdims: Any) -> dict[str, Any]:
        return {"axis": axes(name, axis, x.ndim), "keepdims": bool(keepdims)}

    return canonical


def _infer(x: Spec, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
    return Spec(reduced(x.shape, axis, keepdims), bool_)


def _truth(x: Any) -> Any:
    return x if getattr(x, "dtype", None) is bool_ else not_equal(x, 0)


SAMPLES = reduction(0, 2, empty=True)

any_op: Any = define(
    Op(
        name="any",
        doc="""Whether any element along some axes, or of all, is true.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The function takes every dtype: numbers other than zero are true, NaN too. The record
    takes bools. False for nothing.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.any(dt.asarray([[True, False], [False, False]]), axis=1).tolist()
    [True, False]
    """,
        signature="x: bool -> bool",
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("any"),
        infer=_infer,
        batching=batching.shift("axis"),
        reference=np.any,
        samples=SAMPLES,
    )
)

all_op: Any = define(
    Op(
        name="all",
        doc="""Whether every element along some axes, or of all, is true.

    ``axis`` is an integer, a tuple of them or None for all; with ``keepdims`` the axes stay, with
    extent 1. The function takes every dtype: numbers other than zero are true, NaN too. The record
    takes bools. True for nothing.

    Raises OpError when an axis is out of range or named twice.

    >>> import dovetail as dt
    >>> dt.all(dt.asarray([[True, False], [True, True]]), axis=1).tolist()
    [False, True]
    """,
        signature="x: bool -> bool",
        attributes={"axis": None, "keepdims": False},
        canonical=_canonical("all"),
        infer=_infer,
        batching=batching.shift("axis"),
        reference=np.all,
        samples=SAMPLES,
    )
)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether any element is true; see the op any."""
    return any_op(_truth(x), axis=axis, keepdims=keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether every element is true; see the op all."""
    return all_op(_truth(x), axis=axis, keepdims=keepdims)


any.__doc__ = any_op.__doc__
all.__doc__ = all_op.__doc__
