"""Layers without a family: products, tables, dropout."""

from __future__ import annotations

from typing import Any

from dovetail import ops, random
from dovetail.errors import OpError
from dovetail.random import Key

__all__ = ["dropout", "embedding", "linear"]


def linear(x: Any, w: Any, bias: Any = None) -> Any:
    """``x @ w + bias`` with ``w`` of shape (in, out).

    >>> import dovetail as dt
    >>> dt.nn.linear(dt.ones((1, 2)), dt.ones((2, 3)), dt.zeros(3)).tolist()
    [[2.0, 2.0, 2.0]]
    """
    y = ops.matmul(x, w)
    return y if bias is None else y + bias


def embedding(table: Any, indices: Any) -> Any:
    """Rows of a table: shape ``indices.shape + table.shape[1:]``.

    >>> import dovetail as dt
    >>> dt.nn.embedding(dt.asarray([[1.0, 2.0], [3.0, 4.0]]), dt.asarray([1, 0])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    return ops.take(table, indices, axis=0)


def dropout(key: Key | None, x: Any, rate: float = 0.5) -> Any:
    """Each element zero with probability ``rate``, else divided by 1 - rate to keep the mean.

    Without a key (when the network is used, not trained) ``x`` itself.

    >>> import dovetail as dt
    >>> set(dt.nn.dropout(dt.random.key(0), dt.ones(100), 0.5).tolist())
    {0.0, 2.0}
    """
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise OpError(f"nn.dropout: rate={rate!r} must be a number in [0, 1)")
    if key is None or rate == 0:
        return ops.identity(x)
    kept = random.bernoulli(key, 1.0 - rate, x.shape)
    return ops.where(kept, x / (1.0 - rate), 0.0)
