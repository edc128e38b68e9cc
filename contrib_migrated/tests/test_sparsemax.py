"""Sparsemax against the projection by bisection, and its loss by its gradient."""

import warnings
from typing import Any

import numpy as np
import pytest

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated.sparsemax import sparsemax, sparsemax_loss

RANDOM = np.random.default_rng(3)


def projection(z: Any) -> Any:
    low, high = z.min(-1, keepdims=True) - 1, z.max(-1, keepdims=True)
    for _ in range(100):
        middle = (low + high) / 2
        over = np.maximum(z - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.maximum(z - low, 0)


@pytest.mark.parametrize("shape", [(7,), (5, 9), (2, 3, 4), (4, 1)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_it_projects_onto_the_simplex(shape: tuple[int, ...], scale: float) -> None:
    z = RANDOM.normal(size=shape) * scale
    p = np.asarray(sparsemax(dt.asarray(z)))
    np.testing.assert_allclose(p, projection(z), atol=1e-13)
    np.testing.assert_allclose(p.sum(-1), 1.0, atol=1e-12)


def test_the_papers_two_dimensions() -> None:
    """Equation 4: between -1 and 1 the first of two probabilities is (t + 1) / 2, else 0 or 1."""
    t = np.linspace(-2, 2, 17)
    p = np.asarray(sparsemax(dt.asarray(np.stack([t, np.zeros_like(t)], axis=-1))))
    np.testing.assert_allclose(p[:, 0], np.clip((t + 1) / 2, 0, 1), atol=1e-15)


def test_ties_infinities_and_nan() -> None:
    assert sparsemax(dt.asarray([2.0, 2.0, 2.0, 0.0])).tolist() == pytest.approx([1 / 3] * 3 + [0])
    assert np.isnan(np.asarray(sparsemax(dt.asarray([[dt.nan, 1.0], [1.0, 0.0]])))).tolist() == [
        [True, True],
        [False, False],
    ]


def test_the_loss_has_the_gradient_that_defines_it() -> None:
    z = RANDOM.normal(size=(6, 5))
    q = np.eye(5)[RANDOM.integers(0, 5, 6)]
    p = np.asarray(sparsemax(dt.asarray(z)))

    def loss(z: Any) -> Any:
        return dt.sum(sparsemax_loss(z, sparsemax(z), dt.asarray(q)))

    np.testing.assert_allclose(np.asarray(dt.grad(loss)(dt.asarray(z))), p - q, atol=1e-14)
    assert (np.asarray(sparsemax_loss(z, p, q)) >= 0).all()
    exact = np.eye(5) * 9
    np.testing.assert_allclose(np.asarray(sparsemax_loss(exact, np.eye(5), np.eye(5))), 0.0)
