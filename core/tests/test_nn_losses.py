"""Losses against their formulas in numpy: reductions, weights, gradients, ends."""

import itertools
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


# ---- connectionist temporal classification -------------------------------------------------------


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    merged = [c for i, c in enumerate(path) if i == 0 or path[i - 1] != c]
    return [c for c in merged if c != blank]


def every_path(x: np.ndarray, labels: list[int], blank: int) -> float:
    """The definition: the paths that collapse to the labels, one by one."""
    total = 0.0
    for path in itertools.product(range(x.shape[1]), repeat=x.shape[0]):
        if collapsed(path, blank) == labels:
            total += float(np.exp(sum(x[t, c] for t, c in enumerate(path))))
    return -np.log(total) if total else np.inf


LABELS = [[1, 2, 1], [2, 2, 3], [3, 1, 1], [1, 3, 2], [2, 1, 3]]
FRAMES, COUNTS = [5, 5, 3, 1, 4], [3, 3, 2, 0, 1]


@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize("traced", [False, True])
def test_ctc_sums_over_every_path(blank: int, traced: bool) -> None:
    wrap = dt.jit if traced else (lambda f: f)
    logits = RANDOM.normal(size=(5, 5, 4))
    x = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    labels = np.where(np.asarray(LABELS) == blank, 0, LABELS) if blank else np.asarray(LABELS)
    want = [every_path(x[b, : FRAMES[b]], labels[b, : COUNTS[b]].tolist(), blank) for b in range(5)]

    def loss(x: Any, reduction: str = "none") -> Any:
        return dt.nn.ctc_loss(
            dt.nn.log_softmax(x),
            dt.asarray(labels),
            input_lengths=dt.asarray(FRAMES),
            label_lengths=dt.asarray(COUNTS),
            blank=blank,
            reduction=reduction,
        )

    run = wrap(loss)
    np.testing.assert_allclose(np.asarray(run(dt.asarray(logits))), want, rtol=1e-12)
    mean = np.mean(np.asarray(want) / np.maximum(COUNTS, 1))
    assert loss(dt.asarray(logits), "mean").item() == pytest.approx(mean, rel=1e-12)
    check_derivative(run, (dt.asarray(logits),), (0,), "ctc")


def test_labels_that_do_not_fit_cost_infinity_and_pull_nowhere() -> None:
    x = dt.asarray(RANDOM.normal(size=(2, 2, 3)))
    labels = dt.asarray([[1, 1], [1, 2]])  # 1 1 needs a blank between

    def loss(x: Any) -> Any:
        return dt.nn.ctc_loss(dt.nn.log_softmax(x), labels, reduction="none")

    assert np.isinf(np.asarray(loss(x))[0]) and np.isfinite(np.asarray(loss(x))[1])
    g = np.asarray(dt.grad(lambda x: dt.sum(loss(x)[1:]))(x))
    assert np.isfinite(g).all() and not g[0].any() and g[1].any()
    assert np.isfinite(np.asarray(dt.grad(lambda x: dt.sum(loss(x)))(x))).all()


def test_frames_beyond_the_length_do_not_count() -> None:
    x = RANDOM.normal(size=(1, 4, 3))
    labels, lengths = dt.asarray([[1, 2]]), dt.asarray([3])
    whole = dt.nn.ctc_loss(dt.asarray(x), labels, input_lengths=lengths)
    x[0, 3] = np.nan
    assert dt.nn.ctc_loss(dt.asarray(x), labels, input_lengths=lengths).item() == whole.item()


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.ctc_loss(x, dt.asarray([[1]])), "batch, frames, classes"),
        (lambda x: dt.nn.ctc_loss(x[None], dt.asarray([1])), "labels are"),
        (lambda x: dt.nn.ctc_loss(x[None], dt.asarray([[1]]), blank=6), "blank"),
        (lambda x: dt.nn.ctc_loss(x[None], dt.asarray([[9]])), "out of range"),
        (
            lambda x: dt.nn.ctc_loss(x[None], dt.asarray([[1]]), input_lengths=dt.asarray([8])),
            "from 8 to 8",
        ),
        (
            lambda x: dt.nn.ctc_loss(x[None], dt.asarray([[1]]), label_lengths=dt.asarray([1, 1])),
            "one for each of 1",
        ),
        (lambda x: dt.nn.ctc_loss(x[None], dt.asarray([[1]]), reduction="max"), "reduction"),
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
    with pytest.raises((OpError, ValueError), match=message):
        call(dt.asarray(X))
