"""The value itself, with and without its derivative."""

from __future__ import annotations

from typing import Any

from dovetail import batching
from dovetail.op import Op, define
from dovetail.samples import unary
from dovetail.shapes import elementwise

__all__ = ["identity", "stop_gradient"]


def _view(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    return shape, strides, 0


identity: Any = define(
    Op(
        name="identity",
        doc="""x itself, any shape and dtype; no data moves.

    >>> import dovetail as dt
    >>> dt.identity(dt.asarray([1, 2])).tolist()
    [1, 2]
    """,
        signature="x: T -> T",
        infer=elementwise("identity"),
        batching=batching.elementwise,
        view=_view,
        gradient=(lambda g, y, x: g,),
        reference=lambda x: x,
        samples=unary(-3, 3),
        claim="view",
    )
)

stop_gradient: Any = define(
    Op(
        name="stop_gradient",
        doc="""x itself, but a constant to differentiation: nothing flows back through it.

    Any shape and dtype; no data moves.

    >>> import dovetail as dt
    >>> dt.grad(lambda x: x * dt.stop_gradient(x))(dt.asarray(3.0)).item()
    3.0
    """,
        signature="x: T -> T",
        infer=elementwise("stop_gradient"),
        batching=batching.elementwise,
        view=_view,
        reference=lambda x: x,
        samples=unary(-3, 3),
        claim="view",
    )
)
