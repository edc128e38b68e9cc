"""Conditional random fields against all sequences, one by one."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated import crf

BATCH, TIME, TAGS = 4, 5, 3
RANDOM = np.random.default_rng(1)
SCORES = RANDOM.normal(size=(BATCH, TIME, TAGS))
TABLE = RANDOM.normal(size=(TAGS, TAGS))
CHOSEN = RANDOM.integers(0, TAGS, (BATCH, TIME))
LENGTHS = np.array([5, 3, 1, 0])


def score(example: int, tags: Any) -> float:
    own = sum(SCORES[example, i, t] for i, t in enumerate(tags))
    return own + sum(TABLE[a, b] for a, b in itertools.pairwise(tags))


def sequences(example: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(TAGS), repeat=int(LENGTHS[example])))


def test_scores_and_norms_are_sums_over_all_sequences() -> None:
    found = np.asarray(crf.crf_sequence_score(SCORES, CHOSEN, LENGTHS, TABLE))
    np.testing.assert_allclose(found, [score(i, CHOSEN[i, :n]) for i, n in enumerate(LENGTHS)])
    every = [[score(i, tags) for tags in sequences(i)] for i in range(BATCH)]
    norms = np.asarray(crf.crf_log_norm(SCORES, LENGTHS, TABLE))
    np.testing.assert_allclose(norms, [np.log(np.exp(x).sum()) for x in every], atol=1e-14)


def test_probabilities_of_all_sequences_add_up_to_one() -> None:
    total = 0.0
    for tags in sequences(1):
        padded = np.array([[*tags, 0, 0]])
        value, _ = crf.crf_log_likelihood(SCORES[1:2], padded, LENGTHS[1:2], TABLE)
        total += np.exp(value.item())
    assert total == pytest.approx(1.0, abs=1e-12)


def test_without_transitions_it_begins_with_zeros() -> None:
    value, table = crf.crf_log_likelihood(SCORES, CHOSEN, LENGTHS)
    assert table.shape == (TAGS, TAGS) and not np.asarray(table).any()
    alone = SCORES[0, range(TIME), CHOSEN[0]] - np.log(np.exp(SCORES[0]).sum(-1))
    assert value[0].item() == pytest.approx(alone.sum())


def test_decoding_finds_the_best_sequence() -> None:
    tags, best = crf.crf_decode(SCORES, TABLE, LENGTHS)
    for i, n in enumerate(LENGTHS):
        value, wanted = max((score(i, t), t) for t in sequences(i))
        assert tuple(tags[i, : int(n)].tolist()) == wanted and not np.asarray(tags)[i, n:].any()
        assert best[i].item() == pytest.approx(value)
    assert crf.viterbi_decode(SCORES[0], TABLE) == (tags[0].tolist(), pytest.approx(best[0].item()))


def test_gradients_and_compilation() -> None:
    def loss(scores: Any, table: Any) -> Any:
        return -dt.sum(crf.crf_log_likelihood(scores, CHOSEN, LENGTHS, table)[0])

    dt.debug.check_gradients(loss, dt.asarray(SCORES), dt.asarray(TABLE))
    eager = loss(dt.asarray(SCORES), dt.asarray(TABLE)).item()
    assert dt.jit(loss)(dt.asarray(SCORES), dt.asarray(TABLE)).item() == pytest.approx(eager)


def test_shapes_are_checked_in_words() -> None:
    with pytest.raises(
        ValueError, match=r"inputs have shape \(4, 5\) and lengths \(4,\); they are"
    ):
        crf.crf_log_norm(SCORES[:, :, 0], LENGTHS, TABLE)
