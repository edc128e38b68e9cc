"""Losses against their formulas in numpy: reductions, weights, gradients, ends."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(0.0, 2.0, size=(7, 6))
Y = RANDOM.normal(0.0, 2.0, size=(7, 6))
P = RANDOM.random((7, 6))
SIGNS = np.where(RANDOM.random((7, 6)) < 0.5, -1.0, 1.0)


def huber(d: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(d)
    return np.where(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta))


def bce(x: np.ndarray, t: np.ndarray, positive: Any = 1.0) -> np.ndarray:
    s = 1 / (1 + np.exp(-x))
    return -(positive * t * np.log(s) + (1 - t) * np.log1p(-s))


LOSSES: dict[str, tuple[Any, Any, np.ndarray]] = {
    "mse": (dt.nn.mse_loss, lambda x, y: (x - y) ** 2, Y),
    "mae": (dt.nn.mae_loss, lambda x, y: np.abs(x - y), Y),
    "huber": (
        lambda x, y, **w: dt.nn.huber_loss(x, y, delta=0.7, **w),
        lambda x, y: huber(x - y, 0.7),
        Y,
    ),
    "smooth l1": (
        lambda x, y, **w: dt.nn.smooth_l1_loss(x, y, beta=0.7, **w),
        lambda x, y: huber(x - y, 0.7) / 0.7,
        Y,
    ),
    "bce": (dt.nn.bce_with_logits, bce, P),
    "weighted bce": (
        lambda x, y, **w: dt.nn.bce_with_logits(
            x, y, weight=dt.asarray(P[0]), positive_weight=dt.asarray(P[1] + 1), **w
        ),
        lambda x, y: P[0] * bce(x, y, P[1] + 1),
        P,
    ),
    "kl": (dt.nn.kl_divergence, lambda x, y: y * (np.log(y) - x), P),
    "kl of logarithms": (
        lambda x, y, **w: dt.nn.kl_divergence(x, y, log_target=True, **w),
        lambda x, y: np.exp(y) * (y - x),
        Y,
    ),
    "hinge": (
        lambda x, y, **w: dt.nn.hinge_loss(x, y, margin=0.5, **w),
        lambda x, y: np.maximum(0, 0.5 - x * y),
        SIGNS,
    ),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_values_reductions_and_gradients(name: str) -> None:
    loss, formula, target = LOSSES[name]
    arrays = dt.asarray(X), dt.asarray(target)
    each = formula(X, target)
    got = loss(*arrays, reduction="none")
    np.testing.assert_allclose(np.asarray(got), each, rtol=1e-11, atol=1e-13)
    assert loss(*arrays).item() == pytest.approx(each.mean(), rel=1e-11)
    assert loss(*arrays, reduction="sum").item() == pytest.approx(each.sum(), rel=1e-11)
    assert dt.jit(loss)(*arrays).item() == pytest.approx(each.mean(), rel=1e-11)
    check_derivative(lambda x, y: loss(x, y, reduction="none"), arrays, (0, 1), name)
    slopes = dt.grad(lambda x, y: loss(x, y) * 40, argnums=(0, 1))
    check_derivative(slopes, arrays, (0, 1), f"slopes of {name}", tolerance=2e-5)
    with pytest.raises(OpError, match="reduction"):
        loss(*arrays, reduction="median")


def test_extreme_logits_cost_what_they_should() -> None:
    logits = dt.asarray([1000.0, -1000.0, 1000.0])
    target = dt.asarray([1.0, 0.0, 0.0])
    assert dt.nn.bce_with_logits(logits, target, reduction="none").tolist() == [0.0, 0.0, 1000.0]
    g = dt.grad(lambda x: dt.nn.bce_with_logits(x, target, reduction="sum"))(logits)
    assert g.tolist() == [0.0, 0.0, 1.0]


def test_a_target_of_zero_costs_nothing() -> None:
    x, t = dt.asarray([-1.0, -2.0]), dt.asarray([0.0, 1.0])
    assert dt.nn.kl_divergence(x, t, reduction="none").tolist() == [0.0, 2.0]
    g = dt.grad(lambda t: dt.nn.kl_divergence(x, t, reduction="sum"))(t)
    assert np.isfinite(np.asarray(g)).all()
    rows = dt.nn.kl_divergence(dt.asarray(X), dt.asarray(P), reduction="batchmean")
    assert rows.item() == pytest.approx((P * (np.log(P) - X)).sum() / 7, rel=1e-11)


@pytest.mark.parametrize("axis", [-1, 0])
def test_negative_log_likelihood(axis: int) -> None:
    count = X.shape[axis]
    others = X.shape[0] if axis else X.shape[1]
    labels = np.arange(others) * 3 % count
    picked = -np.take_along_axis(X, np.expand_dims(labels, axis), axis).squeeze(axis)
    weight = P.reshape(-1)[:count]
    ours = dt.asarray(X), dt.asarray(labels)
    got = dt.nn.nll_loss(*ours, axis=axis, reduction="none")
    np.testing.assert_allclose(np.asarray(got), picked, rtol=1e-12)
    mean = (picked * weight[labels]).sum() / weight[labels].sum()
    assert dt.nn.nll_loss(*ours, weight=dt.asarray(weight), axis=axis).item() == pytest.approx(mean)
    crossed = dt.nn.nll_loss(dt.nn.log_softmax(ours[0], axis=axis), ours[1], axis=axis)
    whole = dt.nn.cross_entropy(*ours, axis=axis)
    assert crossed.item() == pytest.approx(whole.item(), rel=1e-12)


def test_cosine_similarity_of_lines() -> None:
    want = (X * Y).sum(axis=0) / (np.linalg.norm(X, axis=0) * np.linalg.norm(Y, axis=0))
    got = dt.nn.cosine_similarity(dt.asarray(X), dt.asarray(Y), axis=0)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
    check_derivative(dt.nn.cosine_similarity, (dt.asarray(X), dt.asarray(Y[0])), (0, 1), "cosine")
    zero = dt.grad(lambda x: dt.nn.cosine_similarity(x, dt.ones(3)))(dt.zeros(3))
    assert dt.nn.cosine_similarity(dt.zeros(3), dt.ones(3)).item() == 0.0
    assert np.isfinite(np.asarray(zero)).all()


def test_triplets() -> None:
    z = RANDOM.normal(size=(7, 6))

    def length(d: np.ndarray, power: float) -> np.ndarray:
        return ((np.abs(d) + 1e-6) ** power).sum(axis=-1) ** (1 / power)

    for power in (2.0, 3.0):
        want = np.maximum(0, length(X - Y, power) - length(X - z, power) + 1.0)
        arrays = [dt.asarray(a) for a in (X, Y, z)]
        got = dt.nn.triplet_loss(*arrays, power=power, reduction="none")
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-10)
        check_derivative(
            lambda *a, p=power: dt.nn.triplet_loss(*a, power=p, reduction="none"),
            arrays,
            (0, 1, 2),
            "triplet",
        )
    same = dt.grad(lambda a: dt.nn.triplet_loss(a, a, dt.ones((1, 2))))(dt.zeros((1, 2)))
    assert np.isfinite(np.asarray(same)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.mse_loss(x, x[0]), "shapes must be equal"),
        (lambda x: dt.nn.mae_loss(dt.astype(x, dt.int64), x), "must be floating"),
        (lambda x: dt.nn.huber_loss(x, x, delta=0), "delta"),
        (lambda x: dt.nn.smooth_l1_loss(x, x, beta=-1), "beta"),
        (lambda x: dt.nn.hinge_loss(x, x, margin="a"), "margin"),
        (lambda x: dt.nn.nll_loss(x, x), "need integers of shape"),
        (lambda x: dt.nn.nll_loss(x, dt.zeros(3, dtype=dt.int64)), "need integers of shape"),
        (
            lambda x: dt.nn.nll_loss(x, dt.zeros(7, dtype=dt.int64), weight=dt.ones(5)),
            "6 classes",
        ),
        (lambda x: dt.nn.cosine_similarity(x, x[:, :4]), "cosine_similarity"),
        (lambda x: dt.nn.cosine_similarity(x, x, epsilon=0), "epsilon"),
        (lambda x: dt.nn.triplet_loss(x, x, x[:3]), "must be equal"),
        (lambda x: dt.nn.triplet_loss(x, x, x, power=0), "power"),
        (lambda x: dt.nn.kl_divergence(x[0, 0], x[0, 0], reduction="batchmean"), "batch"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.asarray(X))
