"""Layers, losses and initialisers against plain numpy; the conventions a model author relies on."""

import math
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ---- convolution ---------------------------------------------------------------------------------


def direct_convolution(
    x: np.ndarray, w: np.ndarray, *, stride: int, pads: Any, dilation: int, groups: int
) -> np.ndarray:
    """Seven loops over NHWC and HWIO: what the layer means, element by element."""
    top, bottom, left, right = pads
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    n, height, width, _ = x.shape
    kh, kw, per_group, out = w.shape
    oh = (height - (kh - 1) * dilation - 1) // stride + 1
    ow = (width - (kw - 1) * dilation - 1) // stride + 1
    y = np.zeros((n, oh, ow, out))
    for b, i, j, o in np.ndindex(*y.shape):
        first = o // (out // groups) * per_group
        for p, q, c in np.ndindex(kh, kw, per_group):
            at = x[b, i * stride + p * dilation, j * stride + q * dilation, first + c]
            y[b, i, j, o] += at * w[p, q, c, o]
    return y


@pytest.mark.parametrize(
    ("stride", "padding", "pads", "dilation", "groups"),
    [
        (1, "valid", (0, 0, 0, 0), 1, 1),
        (2, 1, (1, 1, 1, 1), 1, 1),
        (1, (2, 1), (2, 2, 1, 1), 2, 1),
        (1, ((0, 2), (1, 0)), (0, 2, 1, 0), 1, 2),
        (3, [[1, 0], [2, 1]], (1, 0, 2, 1), 1, 4),
        (1, "same", (1, 1, 0, 1), 1, 1),
        (2, "same", (1, 1, 0, 0), 1, 2),
    ],
)
def test_conv2d_is_the_direct_sum_in_both_layouts(
    stride: int, padding: Any, pads: tuple[int, ...], dilation: int, groups: int
) -> None:
    x, w, bias = draw(2, 7, 6, 4), draw(3, 2, 4 // groups, 8, seed=1), draw(8, seed=2)
    expected = (
        direct_convolution(x, w, stride=stride, pads=pads, dilation=dilation, groups=groups) + bias
    )
    options = {"strides": stride, "padding": padding, "dilation": dilation, "groups": groups}
    got = dt.nn.conv2d(dt.asarray(x), dt.asarray(w), dt.asarray(bias), **options)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-12, atol=1e-12)
    planes = dt.asarray(np.moveaxis(x, -1, 1))
    other = dt.asarray(np.transpose(w, (3, 2, 0, 1)))
    got = dt.nn.conv2d(planes, other, dt.asarray(bias), layout="NCHW", **options)
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(got), 1, -1), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_same_padding_gives_size_over_stride_rounded_up(
    size: int, stride: int, window: int
) -> None:
    x, w = dt.ones((1, size, size, 1)), dt.ones((window, window, 1, 1))
    rows = math.ceil(size / stride)
    assert dt.nn.conv2d(x, w, strides=stride, padding="same").shape == (1, rows, rows, 1)
    assert dt.nn.max_pool2d(x, window, strides=stride, padding="same").shape == (1, rows, rows, 1)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_conv2d_gradients_are_its_adjoints(layout: str) -> None:
    images, channels = ((2, 6, 5, 3), 3) if layout == "NHWC" else ((2, 3, 6, 5), 3)
    window = (3, 2, channels, 4) if layout == "NHWC" else (4, channels, 3, 2)
    x, w = dt.asarray(draw(*images)), dt.asarray(draw(*window, seed=1))

    def conv(x: Any, w: Any) -> Any:
        return dt.nn.conv2d(x, w, strides=2, padding=((1, 0), (0, 1)), layout=layout)

    g = dt.asarray(draw(*conv(x, w).shape, seed=2))
    gx, gw = dt.grad(lambda x, w: dt.sum(conv(x, w) * g), (0, 1))(x, w)
    # <g, conv(x, w)> is linear in each operand, so each gradient returns the same number.
    whole = dt.sum(conv(x, w) * g).item()
    assert dt.sum(gx * x).item() == pytest.approx(whole, rel=1e-10)
    assert dt.sum(gw * w).item() == pytest.approx(whole, rel=1e-10)


# ---- pooling -------------------------------------------------------------------------------------


def test_max_pool_takes_values_and_sends_gradients_to_the_first_of_equals() -> None:
    x = dt.asarray([[[[1.0], [3.0]], [[3.0], [2.0]]]])
    assert dt.nn.max_pool2d(x, 2).tolist() == [[[[3.0]]]]
    g = dt.grad(lambda x: dt.sum(dt.nn.max_pool2d(x, 2)))(x)
    assert g.reshape((2, 2)).tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_overlapping_windows_add_their_gradients() -> None:
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1, 0] = 5
    g = dt.grad(lambda x: dt.sum(dt.nn.max_pool2d(x, 2, strides=1)))(dt.asarray(x))
    assert g.reshape((3, 3)).tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


@pytest.mark.parametrize("include", [False, True])
def test_avg_pool_counts_padding_only_where_asked(include: bool) -> None:
    def pool(x: Any) -> Any:
        return dt.nn.avg_pool2d(x, 2, strides=1, padding=1, count_include_pad=include)

    x = dt.ones((1, 2, 2, 1))
    y = pool(x)
    assert y[0, 0, 0, 0].item() == (0.25 if include else 1.0)
    assert y[0, 1, 1, 0].item() == 1.0
    g = dt.grad(lambda x: dt.sum(pool(x)))(x)
    assert dt.sum(g).item() == pytest.approx(dt.sum(y).item())


@pytest.mark.parametrize("pool", [dt.nn.max_pool2d, dt.nn.avg_pool2d])
def test_pools_take_both_layouts(pool: Any) -> None:
    x = draw(2, 5, 6, 3)
    last = np.asarray(pool(dt.asarray(x), (2, 3), strides=(1, 2), padding=(1, 0)))
    first = pool(
        dt.asarray(np.moveaxis(x, -1, 1)), (2, 3), strides=(1, 2), padding=(1, 0), layout="NCHW"
    )
    np.testing.assert_array_equal(np.moveaxis(np.asarray(first), 1, -1), last)


# ---- activations and norms -----------------------------------------------------------------------


def test_softmax_and_its_logarithm_stay_finite_for_large_logits() -> None:
    for dtype in (dt.float16, dt.bfloat16, dt.float32, dt.float64):
        x = dt.asarray([[3e4, 3e4, -3e4], [-3e4, 0.0, 1.0]], dtype=dtype)
        p = np.asarray(dt.astype(dt.nn.softmax(x), dt.float64))
        np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-2)
        assert np.isfinite(np.asarray(dt.nn.log_softmax(x))).all()
        gradient = dt.grad(lambda x: dt.astype(dt.nn.log_softmax(x)[0, 2], dt.float32))(x)
        assert np.isfinite(np.asarray(gradient)).all()


def test_layer_norm_normalises_the_last_axis() -> None:
    x = draw(3, 4, 7) * 5 + 2
    y = np.asarray(dt.nn.layer_norm(dt.asarray(x)))
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=-1), 1, rtol=1e-5)
    scale, bias = draw(7, seed=1), draw(7, seed=2)
    z = dt.nn.layer_norm(dt.asarray(x), dt.asarray(scale), dt.asarray(bias))
    np.testing.assert_allclose(np.asarray(z), y * scale + bias, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("start", [0.0, 1e2, 1e4])
@pytest.mark.parametrize("offset", [0.0, 3e4])
def test_layer_norm_whose_first_numbers_are_far_from_the_rest(start: float, offset: float) -> None:
    """The kernel measures distances from a mean of the first 64, which is no mean here. A distance
    is rounded once, by half a unit of the offset, and the sums meet a few roundings more."""
    x = np.random.default_rng(0).standard_normal((3, 1500)).astype(np.float32)
    x[:, :64] += np.float32(start)
    x += np.float32(offset)
    wide = x.astype(np.float64)
    spread = wide - wide.mean(axis=1, keepdims=True)
    expected = spread / np.sqrt(wide.var(axis=1, keepdims=True) + 1e-5)
    found = np.asarray(dt.nn.layer_norm(dt.asarray(x)))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_layer_norm_of_sixteen_bits_rounds_once() -> None:
    x = dt.asarray(draw(4, 300), dtype=dt.bfloat16)
    narrow = dt.nn.layer_norm(x)
    wide = dt.nn.layer_norm(dt.astype(x, dt.float32))
    np.testing.assert_array_equal(np.asarray(narrow), np.asarray(dt.astype(wide, dt.bfloat16)))


# ---- losses --------------------------------------------------------------------------------------


def plain_cross_entropy(x: np.ndarray, labels: np.ndarray, smoothing: float) -> np.ndarray:
    shifted = x - x.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    k = x.shape[-1]
    p = np.eye(k)[labels] if labels.dtype.kind == "i" else labels
    return -((p * (1 - smoothing) + smoothing / k) * log_p).sum(axis=-1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_cross_entropy_of_classes_and_of_probabilities(smoothing: float, axis: int) -> None:
    x, labels = draw(4, 3, 5), np.random.default_rng(1).integers(0, 5, (4, 3))
    p = np.abs(draw(4, 3, 5, seed=2))
    p /= p.sum(axis=-1, keepdims=True)
    logits = dt.asarray(np.moveaxis(x, -1, axis))
    for target, given in ((labels, labels), (p, np.moveaxis(p, -1, axis))):
        expected = plain_cross_entropy(x, target, smoothing)
        for reduction, value in (
            ("none", expected),
            ("sum", expected.sum()),
            ("mean", expected.mean()),
        ):
            loss = dt.nn.cross_entropy(
                logits,
                dt.asarray(given),
                axis=axis,
                reduction=reduction,
                label_smoothing=smoothing,
            )
            np.testing.assert_allclose(np.asarray(loss), value, rtol=1e-12)


def test_the_gradient_of_cross_entropy_is_softmax_minus_the_label() -> None:
    x, labels = dt.asarray(draw(3, 4)), dt.asarray([2, 0, 3])
    g = dt.grad(lambda x: dt.nn.cross_entropy(x, labels, reduction="sum"))(x)
    expected = dt.nn.softmax(x) - dt.nn.one_hot(labels, 4, dtype=dt.float64)
    np.testing.assert_allclose(np.asarray(g), np.asarray(expected), rtol=1e-12, atol=1e-12)


def test_cross_entropy_of_huge_logits_is_finite() -> None:
    x = dt.asarray([[1e30, -1e30, 0.0]])
    assert dt.nn.cross_entropy(x, dt.asarray([0])).item() == 0.0
    assert math.isfinite(dt.nn.cross_entropy(x, dt.asarray([2])).item())


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises((OpError, ValueError), match="out of range"):
        dt.nn.cross_entropy(dt.zeros((1, 3)), dt.asarray([3]))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_puts_the_classes_on_any_axis(axis: int) -> None:
    labels = np.array([[0, 2], [1, 5]])
    expected = np.moveaxis(np.eye(6)[labels][..., :3], -1, axis)
    got = dt.nn.one_hot(dt.asarray(labels), 3, axis=axis)
    assert got.dtype is dt.float32
    np.testing.assert_array_equal(np.asarray(got), expected)
    assert dt.nn.one_hot(dt.asarray(labels), 3, dtype=dt.bool).dtype is dt.bool


# ---- other layers --------------------------------------------------------------------------------


def test_embedding_adds_the_gradients_of_repeated_rows() -> None:
    table, at = dt.asarray(draw(4, 2)), dt.asarray([[1, 3], [1, 1]])
    assert dt.nn.embedding(table, at).shape == (2, 2, 2)
    g = dt.grad(lambda t: dt.sum(dt.nn.embedding(t, at)))(table)
    assert g.tolist() == [[0, 0], [3, 3], [0, 0], [1, 1]]


def test_dropout_keeps_the_mean_and_is_repeatable() -> None:
    x = dt.ones((200, 100))
    y = dt.nn.dropout(dt.random.key(3), x, 0.25)
    values, counts = np.unique(np.asarray(y), return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / 0.75], rtol=1e-6)
    assert counts[0] / 20000 == pytest.approx(0.25, abs=0.02)
    again = dt.nn.dropout(dt.random.key(3), x, 0.25)
    np.testing.assert_array_equal(np.asarray(y), np.asarray(again))
    assert dt.nn.dropout(None, x).tolist() == x.tolist()
    g = dt.grad(lambda x: dt.sum(dt.nn.dropout(dt.random.key(3), x, 0.25)))(x)
    np.testing.assert_array_equal(np.asarray(g), np.asarray(y))


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / (9 * 20 + 9 * 30)),
        ("glorot_normal", 2 / (9 * 20 + 9 * 30)),
        ("he_uniform", 2 / (9 * 20)),
        ("he_normal", 2 / (9 * 20)),
    ],
)
def test_initialisers_have_their_variance(name: str, variance: float) -> None:
    x = getattr(dt.nn, name)(dt.random.key(0), (3, 3, 20, 30))
    assert x.dtype is dt.float32
    values = np.asarray(x)
    assert values.var() == pytest.approx(variance, rel=0.05)
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    if "uniform" in name:
        assert np.abs(values).max() <= math.sqrt(3 * variance) * (1 + 1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.conv2d(x[0], dt.ones((1, 1, 2, 2))), "four axes"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 2, 2))), "four axes"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 3, 2))), "2 channels"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 1, 3)), groups=2), "3 output channels"),
        (lambda x: dt.nn.conv2d(x, dt.ones((9, 1, 2, 2))), "does not fit the height 4"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), strides=0), "at least 1"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), padding=-1), "negative"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), padding="full"), "same"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), padding=(1, 2, 3)), "four"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), groups=0), "positive"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), layout="HWCN"), "layout"),
        (lambda x: dt.nn.conv2d(x, dt.ones((1, 1, 2, 2)), dt.ones(3)), "output channels"),
        (lambda x: dt.nn.conv2d(x, dt.ones((0, 1, 2, 2))), "at least one position"),
        (lambda x: dt.nn.max_pool2d(x, 2, padding=2), "smaller than the window"),
        (lambda x: dt.nn.max_pool2d(x, 9), "does not fit"),
        (lambda x: dt.nn.avg_pool2d(x, 1.5), "integers"),
        (lambda x: dt.nn.gelu(x, approximate="erf"), "approximate"),
        (lambda x: dt.nn.softmax(x, axis=4), "axis 4"),
        (lambda x: dt.nn.layer_norm(x, dt.ones(3)), "scale is"),
        (lambda x: dt.nn.layer_norm(x, epsilon=0), "epsilon"),
        (lambda x: dt.nn.dropout(dt.random.key(0), x, 1.0), "rate"),
        (lambda x: dt.nn.one_hot(x, 3), "integers"),
        (lambda x: dt.nn.cross_entropy(x, x, reduction="max"), "reduction"),
        (lambda x: dt.nn.cross_entropy(x, dt.zeros(2, dtype=dt.int64)), "labels are"),
        (lambda x: dt.nn.cross_entropy(x, x[0]), "probabilities"),
        (lambda x: dt.nn.glorot_uniform(dt.random.key(0), (3,)), "inputs and outputs"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.ones((1, 4, 4, 2)))
