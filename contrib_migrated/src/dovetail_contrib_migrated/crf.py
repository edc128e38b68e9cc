"""tf.contrib.crf: linear-chain conditional random fields.

Lafferty, McCallum and Pereira, "Conditional Random Fields", 2001. Sums over all sequences of tags
by the forward recursion, the best sequence by Viterbi's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = [
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]

guest("crf")


def _operands(inputs: Any, lengths: Any) -> tuple[Any, Any]:
    x, n = dt.asarray(inputs), dt.asarray(lengths)
    if x.ndim != 3 or n.shape != (x.shape[0],):
        raise ValueError(
            f"inputs have shape {x.shape} and lengths {n.shape}; they are [batch, time, tags] and "
            f"[batch]"
        )
    return x, n


def _present(lengths: Any, time: int, dtype: Any) -> Any:
    """1 where a step belongs to its sequence, else 0; shape [batch, time]."""
    return dt.astype(dt.arange(time) < dt.expand_dims(lengths, axis=1), dtype)


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """The sum of each sequence's own scores at its tags: shape [batch].

    ``inputs``: scores [batch, time, tags]; ``tag_indices``: [batch, time].
    """
    x, n = _operands(inputs, sequence_lengths)
    tags = dt.expand_dims(dt.asarray(tag_indices), axis=2)
    chosen = dt.squeeze(dt.take_along_axis(x, tags, axis=2), axis=2)
    return dt.sum(chosen * _present(n, x.shape[1], x.dtype), axis=1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """The sum of the transitions between each sequence's tags: shape [batch].

    ``transition_params``: scores [tags, tags] of going from the first to the second.
    """
    tags, n = dt.asarray(tag_indices), dt.asarray(sequence_lengths)
    table = dt.asarray(transition_params)
    time = tags.shape[1]
    if time < 2:
        return dt.zeros((tags.shape[0],), dtype=table.dtype)
    flat = dt.reshape(table, (-1,))
    steps = dt.take(flat, dt.reshape(tags[:, :-1] * table.shape[1] + tags[:, 1:], (-1,)), axis=0)
    inner = _present(n - 1, time - 1, table.dtype)
    return dt.sum(dt.reshape(steps, (tags.shape[0], time - 1)) * inner, axis=1)


def crf_sequence_score(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any
) -> Any:
    """The score of each tagged sequence, not normalised: shape [batch]; 0 for an empty one."""
    own = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return own + crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """The logarithm of the sum over all sequences of tags: shape [batch]; 0 for an empty one."""
    x, n = _operands(inputs, sequence_lengths)
    table = dt.asarray(transition_params, dtype=x.dtype)

    def step(alpha: Any, given: tuple[Any, Any]) -> tuple[Any, None]:
        scores, time = given
        new = scores + dt.logsumexp(dt.expand_dims(alpha, axis=2) + table, axis=1)
        inside = dt.expand_dims(time < n, axis=1)
        return dt.where(inside, new, alpha), None

    steps = (dt.permute_dims(x[:, 1:], (1, 0, 2)), dt.arange(1, max(x.shape[1], 1)))
    alpha, _ = dt.scan(step, x[:, 0], steps)
    total = dt.logsumexp(alpha, axis=1)
    return dt.where(n > 0, total, dt.zeros_like(total))


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """(log-likelihood of each tagged sequence [batch], transition_params).

    ``transition_params`` None: zeros to begin with; there are no variables here, so hand them in to
    train them.
    """
    x = dt.asarray(inputs)
    if transition_params is None:
        transition_params = dt.zeros((x.shape[2], x.shape[2]), dtype=x.dtype)
    score = crf_sequence_score(x, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(x, sequence_lengths, transition_params), transition_params


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """(best tags [batch, time], their score [batch]); tags beyond a sequence's end are 0."""
    x, n = _operands(potentials, sequence_length)
    table = dt.asarray(transition_params, dtype=x.dtype)

    def forward(best: Any, given: tuple[Any, Any]) -> tuple[Any, Any]:
        scores, time = given
        ways = dt.expand_dims(best, axis=2) + table
        inside = dt.expand_dims(time < n, axis=1)
        stay = dt.broadcast_to(dt.arange(x.shape[2]), best.shape)
        back = dt.where(inside, dt.argmax(ways, axis=1), stay)
        return dt.where(inside, scores + dt.max(ways, axis=1), best), back

    steps = (dt.permute_dims(x[:, 1:], (1, 0, 2)), dt.arange(1, max(x.shape[1], 1)))
    best, backs = dt.scan(forward, x[:, 0], steps)
    last = dt.argmax(best, axis=1)

    def backward(tag: Any, back: Any) -> tuple[Any, Any]:
        column = dt.expand_dims(tag, axis=1)
        before = dt.squeeze(dt.take_along_axis(back, column, axis=1), axis=1)
        return before, before

    _, found = dt.scan(backward, last, backs, reverse=True)
    tags = dt.concat([dt.permute_dims(found, (1, 0)), dt.expand_dims(last, axis=1)], axis=1)
    inside = dt.arange(x.shape[1]) < dt.expand_dims(n, axis=1)
    score = dt.max(best, axis=1)
    return dt.where(inside, tags, dt.zeros_like(tags)), dt.where(n > 0, score, dt.zeros_like(score))


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[int], float]:
    """(best tags, their score) of one sequence in numpy: ``score`` is [time, tags]."""
    scores, table = np.asarray(score), np.asarray(transition_params)
    best, backs = scores[0], []
    for row in scores[1:]:
        ways = best[:, None] + table
        backs.append(ways.argmax(axis=0))
        best = row + ways.max(axis=0)
    tags = [int(best.argmax())]
    for back in reversed(backs):
        tags.append(int(back[tags[-1]]))
    return tags[::-1], float(best.max())
