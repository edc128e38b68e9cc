"""Convolutions, pools and interpolation in one to three dimensions, against direct sums."""

import itertools
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

LAYOUTS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
SIZES = {1: (11,), 2: (7, 6), 3: (5, 6, 4)}
WINDOWS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def direct(x: np.ndarray, w: np.ndarray, **how: Any) -> np.ndarray:
    """What a convolution means, position by position, channels last."""
    n = x.ndim - 2
    pads, strides, dilation, groups = how["pads"], how["strides"], how["dilation"], how["groups"]
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    out = [
        (x.shape[a + 1] - (w.shape[a] - 1) * dilation[a] - 1) // strides[a] + 1 for a in range(n)
    ]
    each, filters = w.shape[n], w.shape[n + 1]
    y = np.zeros((x.shape[0], *out, filters))
    for place in itertools.product(*map(range, out)):
        for tap in itertools.product(*map(range, w.shape[:n])):
            at = tuple(
                p * s + t * d for p, s, t, d in zip(place, strides, tap, dilation, strict=True)
            )
            seen = x[(slice(None), *at)]
            for o in range(filters):
                first = o // (filters // groups) * each
                y[(slice(None), *place, o)] += (
                    seen[:, first : first + each] @ w[(*tap, slice(None), o)]
                )
    return y


CASES = [
    {"strides": 1, "padding": "valid", "dilation": 1, "groups": 1},
    {"strides": 2, "padding": 1, "dilation": 1, "groups": 1},
    {"strides": 1, "padding": 2, "dilation": 2, "groups": 2},
    {"strides": 3, "padding": 1, "dilation": 1, "groups": 4},
]


def sides(case: dict[str, Any], n: int) -> Any:
    p = case["padding"]
    return [(0, 0) if p == "valid" else (p, p)] * n


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("traced", [False, True])
def test_convolutions_are_direct_sums_in_both_layouts(n: int, case: Any, traced: bool) -> None:
    wrap = dt.jit if traced else (lambda f: f)
    x, bias = draw(2, *SIZES[n], 4), draw(8, seed=2)
    w = draw(*WINDOWS[n], 4 // case["groups"], 8, seed=1)
    want = bias + direct(
        x,
        w,
        pads=sides(case, n),
        strides=(case["strides"],) * n,
        dilation=(case["dilation"],) * n,
        groups=case["groups"],
    )
    run = getattr(dt.nn, f"conv{n}d")
    got = wrap(lambda x, w, b: run(x, w, b, **case))(*map(dt.asarray, (x, w, bias)))
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-11, atol=1e-12)
    planes = dt.asarray(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    other = dt.asarray(np.transpose(w, (n + 1, n, *range(n))))
    got = run(planes, other, dt.asarray(bias), layout=LAYOUTS[n][1], **case)
    np.testing.assert_allclose(np.moveaxis(np.asarray(got), 1, -1), want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_padding_takes_every_form(n: int) -> None:
    x, w = draw(1, *SIZES[n], 2), draw(*WINDOWS[n], 2, 3, seed=1)
    run = getattr(dt.nn, f"conv{n}d")
    same = run(dt.asarray(x), dt.asarray(w), padding="same", strides=2)
    assert same.shape == (1, *(-(-e // 2) for e in SIZES[n]), 3)
    pairs = tuple((i, i + 1) for i in range(n))
    got = run(dt.asarray(x), dt.asarray(w), padding=pairs)
    one = (1,) * n
    want = direct(x, w, pads=pairs, strides=one, dilation=one, groups=1)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_transposed_convolutions_are_adjoints(n: int, case: Any) -> None:
    x = draw(2, *SIZES[n], 4)
    w = draw(*WINDOWS[n], 4 // case["groups"], 8, seed=1)
    forward = getattr(dt.nn, f"conv{n}d")
    backward = getattr(dt.nn, f"conv_transpose{n}d")
    y = forward(dt.asarray(x), dt.asarray(w), **case)
    g = draw(*y.shape, seed=5)
    # The size of x is one of `strides` that the convolution brings to the size of y.
    reach = [(e - 1) * case["dilation"] + 1 for e in WINDOWS[n]]
    pad = 0 if case["padding"] == "valid" else 2 * case["padding"]
    more = tuple((e + pad - r) % case["strides"] for e, r in zip(SIZES[n], reach, strict=True))
    back = backward(dt.asarray(g), dt.asarray(w), output_padding=more, **case)
    assert back.shape == x.shape
    left, right = (np.asarray(y) * g).sum(), (np.asarray(back) * x).sum()
    assert left == pytest.approx(right, rel=1e-11)
    planes = dt.asarray(np.ascontiguousarray(np.moveaxis(g, -1, 1)))
    other = dt.asarray(np.transpose(w, (n + 1, n, *range(n))))
    first = backward(planes, other, output_padding=more, layout=LAYOUTS[n][1], **case)
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(first), 1, -1), np.asarray(back), rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_transposed_convolutions_have_the_sizes_they_say(n: int) -> None:
    x, w = dt.ones((1, *SIZES[n], 3)), dt.ones((*WINDOWS[n], 2, 3))
    run = getattr(dt.nn, f"conv_transpose{n}d")
    assert run(x, w, padding="same", strides=2).shape == (1, *(2 * e for e in SIZES[n]), 2)
    y = run(x, w, dt.ones(2), strides=1, output_padding=4)  # more than there is: only the bias
    grown = tuple(e + k - 1 + 4 for e, k in zip(SIZES[n], WINDOWS[n], strict=True))
    assert y.shape == (1, *grown, 2)
    assert np.asarray(y)[(0, *(-1,) * n)].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_gradients_of_convolutions(n: int, name: str) -> None:
    sizes = tuple(e - 1 for e in SIZES[n])
    x, bias = dt.asarray(draw(1, *sizes, 2)), dt.asarray(draw(4, seed=2))
    shape = (1, 4) if name == "conv" else (2, 2)
    w = dt.asarray(draw(*WINDOWS[n], *shape, seed=1))
    run = getattr(dt.nn, f"{name}{n}d")

    def layer(x: Any, w: Any, b: Any) -> Any:
        return run(x, w, b, strides=2, padding=1, groups=2)

    check_derivative(layer, (x, w, bias), (0, 1, 2), name)
    slopes = dt.grad(lambda *a: dt.sum(layer(*a) ** 2), argnums=(0, 1, 2))
    check_derivative(slopes, (x, w, bias), (0, 1, 2), f"gradient of {name}", tolerance=2e-5)


# ---- pools ---------------------------------------------------------------------------------------


def windows(x: np.ndarray, n: int, window: int, stride: int, *, padding: int, fill: float) -> Any:
    x = np.pad(x, ((0, 0), *((padding, padding),) * n, (0, 0)), constant_values=fill)
    out = [(e - window) // stride + 1 for e in x.shape[1 : n + 1]]
    for place in itertools.product(*map(range, out)):
        at = tuple(slice(p * stride, p * stride + window) for p in place)
        yield place, x[(slice(None), *at)], out


def pooled(x: np.ndarray, n: int, window: int, stride: int, padding: int, *, how: Any) -> Any:
    fill, reduce = how
    y: Any = None
    for place, seen, out in windows(x, n, window, stride, padding=padding, fill=fill):
        y = np.zeros((x.shape[0], *out, x.shape[-1])) if y is None else y
        y[(slice(None), *place)] = reduce(seen, tuple(range(1, n + 1)))
    return y


POOLS = {
    "max_pool": (-np.inf, lambda s, axes: s.max(axis=axes)),
    "avg_pool": (np.nan, lambda s, axes: np.nanmean(s, axis=axes)),
    "lp_pool": (0.0, lambda s, axes: np.sqrt((s**2).sum(axis=axes))),
}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(POOLS))
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_pools_reduce_each_window(
    n: int, name: str, window: int, stride: int, padding: int
) -> None:
    x = draw(2, *SIZES[n], 3)
    run = getattr(dt.nn, f"{name}{n}d")
    words: dict[str, Any] = {"strides": stride}
    padding = 0 if name == "lp_pool" else padding
    if name != "lp_pool":
        words["padding"] = padding
    want = pooled(x, n, window, stride, padding, how=POOLS[name])
    got = run(dt.asarray(x), window, **words)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12)
    planes = dt.asarray(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    got = run(planes, window, layout=LAYOUTS[n][1], **words)
    np.testing.assert_allclose(np.moveaxis(np.asarray(got), 1, -1), want, rtol=1e-12)
    check_derivative(lambda x: run(x, window, **words), (dt.asarray(x),), (0,), name)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding_counts_where_asked_for(n: int) -> None:
    x = draw(1, *SIZES[n], 2)
    how = (0.0, lambda s, axes: s.mean(axis=axes))
    got = getattr(dt.nn, f"avg_pool{n}d")(
        dt.asarray(x), 3, strides=2, padding=1, count_include_pad=True
    )
    np.testing.assert_allclose(np.asarray(got), pooled(x, n, 3, 2, 1, how=how), rtol=1e-12)


def test_a_window_of_zeros_has_no_slope_in_an_lp_pool() -> None:
    g = dt.grad(lambda x: dt.sum(dt.nn.lp_pool1d(x, 2)))(dt.zeros((1, 4, 1)))
    assert g.reshape((4,)).tolist() == [0.0] * 4


def test_global_pools() -> None:
    x = draw(2, 4, 5, 3)
    np.testing.assert_allclose(
        np.asarray(dt.nn.global_avg_pool(dt.asarray(x))), x.mean(axis=(1, 2)), rtol=1e-12
    )
    got = dt.nn.global_max_pool(dt.asarray(x), keepdims=True, layout="NCHW")
    np.testing.assert_array_equal(np.asarray(got), x.max(axis=(2, 3), keepdims=True))


# ---- interpolation -------------------------------------------------------------------------------

LINE = [1.0, 4.0, -2.0, 3.0, 7.0, 0.0]
# What torch 2.13 gives for that line: mode, size, align_corners, antialias. Rounded to 1e-10.
TABLE: list[tuple[str, int, bool, bool, list[float]]] = [
    ("nearest", 9, False, False, [1, 1, 4, -2, -2, 3, 7, 7, 0]),
    ("nearest_exact", 9, False, False, [1, 4, 4, -2, 3, 3, 7, 0, 0]),
    ("area", 9, False, False, [1, 2.5, 4, -2, 0.5, 3, 7, 3.5, 0]),
    ("linear", 9, False, False, [1, 2.5, 3, -1, 0.5, 3.6666666667, 6.3333333333, 3.5, 0]),
    ("linear", 9, True, False, [1, 2.875, 2.5, -1.25, 0.5, 3.5, 6, 4.375, 0]),
    (
        "cubic",
        9,
        False,
        False,
        [
            0.7395833333,
            3.0625,
            3.3125,
            -1.5208333333,
            -0.4375,
            4.1296296296,
            7.1203703704,
            3.875,
            -0.6076388889,
        ],
    ),
    (
        "cubic",
        9,
        True,
        False,
        [1, 3.578125, 2.78125, -1.701171875, -0.4375, 3.8486328125, 7.0078125, 4.9169921875, 0],
    ),
    ("linear", 9, False, True, [1, 2.5, 3, -1, 0.5, 3.6666666667, 6.3333333333, 3.5, 0]),
    (
        "cubic",
        9,
        False,
        True,
        [
            0.8026315789,
            2.7647058824,
            3.3935185185,
            -1.5324074074,
            -0.125,
            3.8518518519,
            6.9814814815,
            3.5294117647,
            -0.4605263158,
        ],
    ),
    ("nearest", 4, False, False, [1, 4, 3, 7]),
    ("nearest_exact", 4, False, False, [1, -2, 3, 0]),
    ("area", 4, False, False, [2.5, 1, 5, 3.5]),
    ("linear", 4, False, False, [1.75, -0.5, 4, 1.75]),
    ("linear", 4, True, False, [1, 0, 4.3333333333, 0]),
    ("cubic", 4, False, False, [1.890625, -1.0625, 4.6796875, 1.7265625]),
    ("cubic", 4, True, False, [1, -0.5, 5.2037037037, 0]),
    ("linear", 4, False, True, [2.125, 0.5555555556, 3.7777777778, 2.625]),
    ("cubic", 4, False, True, [2.284789644, 0.1822358346, 4.1255742726, 2.6472491909]),
]


@pytest.mark.parametrize(("mode", "size", "corners", "antialias", "want"), TABLE)
def test_interpolation_of_a_line(
    mode: str, size: int, corners: bool, antialias: bool, want: list[float]
) -> None:
    x = dt.asarray(LINE, dtype=dt.float64).reshape((1, 6, 1))
    words = {"mode": mode, "align_corners": corners, "antialias": antialias}
    got = dt.nn.interpolate(x, size, **words)
    np.testing.assert_allclose(np.asarray(got).reshape(-1), want, atol=1e-9)
    first = dt.nn.interpolate(x.reshape((1, 1, 6)), size, layout="NCW", **words)
    np.testing.assert_allclose(np.asarray(first).reshape(-1), want, atol=1e-9)
    narrow = dt.nn.interpolate(dt.astype(x, dt.float16), size, **words)
    assert narrow.dtype is dt.float16
    np.testing.assert_allclose(np.asarray(narrow).reshape(-1), want, atol=1e-2)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic", "area"])
def test_axes_are_independent(mode: str) -> None:
    x = draw(2, 5, 4, 6, 3)
    whole = dt.nn.interpolate(dt.asarray(x), (3, 9, 11), mode=mode)
    step = dt.asarray(x)
    for axis, size in ((1, 3), (2, 9), (3, 11)):
        moved = np.moveaxis(np.asarray(step), axis, 1)
        line = dt.nn.interpolate(dt.asarray(moved.reshape(2, moved.shape[1], -1)), size, mode=mode)
        shape = (2, size, *moved.shape[2:])
        step = dt.asarray(np.moveaxis(np.asarray(line).reshape(shape), 1, axis))
    np.testing.assert_allclose(np.asarray(whole), np.asarray(step), rtol=1e-11, atol=1e-12)


def test_a_scale_is_kept_when_the_size_is_rounded() -> None:
    x = dt.asarray(LINE, dtype=dt.float64).reshape((1, 6, 1))
    got = dt.nn.interpolate(x, scale=1.7, mode="linear")
    centre = np.maximum((np.arange(10) + 0.5) / 1.7 - 0.5, 0)
    np.testing.assert_allclose(
        np.asarray(got).reshape(-1), np.interp(centre, np.arange(6), LINE), rtol=1e-12
    )


def test_nearest_takes_every_dtype() -> None:
    x = dt.asarray([[[1], [2]]], dtype=dt.int8)
    got = dt.nn.interpolate(x, 4)
    assert got.dtype is dt.int8 and got.reshape((4,)).tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic", "area"])
@pytest.mark.parametrize("size", [(9, 8), (3, 2)])
@pytest.mark.parametrize("traced", [False, True])
def test_gradients_of_interpolation(mode: str, size: Any, traced: bool) -> None:
    wrap = dt.jit if traced else (lambda f: f)
    antialias = mode in ("linear", "cubic") and size[0] == 3
    run = wrap(lambda x: dt.nn.interpolate(x, size, mode=mode, antialias=antialias))
    check_derivative(run, (dt.asarray(draw(1, 5, 4, 2)),), (0,), mode)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dt.nn.conv1d(x, dt.ones((3, 2, 2))), "three axes"),
        (lambda x: dt.nn.conv3d(x, dt.ones((3, 2, 2))), "five axes"),
        (lambda x: dt.nn.conv1d(x[0], dt.ones((2, 2))), "needs three axes"),
        (lambda x: dt.nn.conv1d(x[0], dt.ones((9, 2, 2))), "does not fit the width 4"),
        (lambda x: dt.nn.conv1d(x[0], dt.ones((1, 2, 2)), strides=(1, 1)), "strides"),
        (lambda x: dt.nn.conv1d(x[0], dt.ones((1, 2, 2)), padding=(1, 2, 3)), "left, right"),
        (lambda x: dt.nn.conv3d(x[None], dt.ones((1, 1, 1, 3, 2))), "2 channels"),
        (lambda x: dt.nn.conv3d(x[None], dt.ones((0, 1, 1, 2, 2))), "at least one position"),
        (lambda x: dt.nn.conv3d(x[None], dt.ones((1, 1, 1, 2, 2)), groups=1.5), "groups"),
        (lambda x: dt.nn.conv_transpose2d(x, dt.ones((1, 1, 2, 3))), "must be equal"),
        (lambda x: dt.nn.conv_transpose2d(x, dt.ones((1, 1, 2, 2)), padding=9), "pad less"),
        (
            lambda x: dt.nn.conv_transpose2d(x, dt.ones((1, 1, 2, 2)), output_padding=-1),
            "at least 0",
        ),
        (lambda x: dt.nn.conv_transpose2d(x, dt.ones((1, 1, 2, 2)), groups=0), "positive"),
        (lambda x: dt.nn.conv_transpose2d(x, dt.ones((1, 1, 2, 2)), layout="X"), "layout"),
        (lambda x: dt.nn.max_pool1d(x, 2), "three axes"),
        (lambda x: dt.nn.max_pool3d(x[None], 2, padding=2), "smaller than the window"),
        (lambda x: dt.nn.max_pool3d(x[None], (2, 2)), "three"),
        (lambda x: dt.nn.lp_pool2d(x, 2, 0), "power"),
        (lambda x: dt.nn.global_avg_pool(x, layout="middle"), "layout"),
        (lambda x: dt.nn.global_avg_pool(x[0, 0]), "spatial axis"),
        (lambda x: dt.nn.interpolate(x), "size or scale"),
        (lambda x: dt.nn.interpolate(x, 2, scale=2), "size or scale"),
        (lambda x: dt.nn.interpolate(x, (1, 2, 3)), "one number or 2"),
        (lambda x: dt.nn.interpolate(x, 0), "without elements"),
        (lambda x: dt.nn.interpolate(x, 1.5), "integers"),
        (lambda x: dt.nn.interpolate(x, scale=-1), "positive"),
        (lambda x: dt.nn.interpolate(x, 2, mode="lanczos"), "mode"),
        (lambda x: dt.nn.interpolate(x, 2, antialias=True), "antialias"),
        (lambda x: dt.nn.interpolate(x, 2, layout="NWC"), "layout"),
        (lambda x: dt.nn.interpolate(x[0, 0], 2), "spatial"),
        (lambda x: dt.nn.interpolate(dt.astype(x, dt.int64), 2, mode="linear"), "astype"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call(dt.ones((1, 4, 4, 2)))
