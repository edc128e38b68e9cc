"""checkpoint: memory for time in reverse-mode differentiation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from dovetail import _fast
from dovetail.ops.recomputation import checkpoint as checkpoint_op
from dovetail.trace import active
from dovetail.transforms.as_graph import as_graph

__all__ = ["checkpoint"]


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but its gradient computes the intermediate values again.

    Reverse-mode differentiation keeps what the function computes until it walks back. Of a
    checkpointed function it keeps the arguments only (and what it closes over), and runs the
    function a second time when it comes to it. Wrap the layers of a deep model: memory then grows
    with the layers' inputs, not with all their values, for one more forward pass.

    Values and gradients of every order are the same as without. The function is traced where it is
    differentiated, so ``if`` and ``while`` on values of arrays raise a `TraceError` there.

    >>> import dovetail as dt
    >>> layer = dt.checkpoint(lambda w, x: dt.tanh(w @ x))
    >>> w, x = dt.zeros((2, 2)), dt.asarray([1.0, 2.0])
    >>> dt.grad(lambda w: layer(w, layer(w, x)).sum())(w).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """

    @functools.wraps(function, updated=())
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if active() is None:
            leaves, _ = _fast.tree_flatten((args, kwargs))
            arrays = tuple(x for x in leaves if isinstance(x, _fast.Array))
            if not _fast.tape_watching(arrays):  # nothing to keep of this call
                return function(*args, **kwargs)
        traced, operands = as_graph(function, args, kwargs)
        results = checkpoint_op(*operands, body=traced.graph) if traced.graph.outputs else ()
        return _fast.tree_unflatten(traced.out_tree, list(results))

    return checkpointed
