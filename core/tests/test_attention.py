"""Attention against the whole matrix of scores: values, gradients, what a query sees, memory."""

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.op import REGISTRY
from dovetail.ops import dot_product_attention
from dovetail.testing.gradient_check import check_derivative
from dovetail.trace import trace


def draw(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def whole(q: Any, k: Any, v: Any, seen: Any = True, *, bias: Any = 0.0, scale: Any = None) -> Any:
    """The definition: every score at once, in float64. ``seen`` says which keys a query sees."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    group = q.shape[-3] // k.shape[-3]
    k, v = k.repeat(group, axis=-3), v.repeat(group, axis=-3)
    s = q @ np.swapaxes(k, -1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale) + bias
    s = np.where(seen, s, -np.inf)
    top = s.max(axis=-1, keepdims=True, initial=-1e300)
    e = np.exp(s - top)
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total) @ v


def band(m: int, n: int, low: float, high: float) -> np.ndarray:
    ahead = np.arange(n) - np.arange(m)[:, None]
    return (ahead >= low) & (ahead <= high)


# ---- values --------------------------------------------------------------------------------------

SHAPES = [
    ((1, 1, 1), (1, 1, 1)),
    ((2, 5, 8), (2, 7, 8)),
    ((3, 4, 97, 16), (3, 4, 97, 16)),
    ((2, 6, 1, 33), (2, 2, 300, 33)),
    ((6, 20, 5), (2, 257, 5)),
    ((2, 3, 4, 200, 24), (2, 3, 2, 513, 24)),
]


@pytest.mark.parametrize(("queries", "keys"), SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_it_is_the_softmax_of_all_scores(queries: Any, keys: Any, kind: str) -> None:
    q, k = draw(*queries, dtype=kind), draw(*keys, seed=1, dtype=kind)
    v = draw(*keys[:-1], keys[-1] + 3, seed=2, dtype=kind)
    limit = 1e-5 if kind == "float32" else 1e-12
    for scale in (None, 0.3):
        got = dt.nn.attention(dt.asarray(q), dt.asarray(k), dt.asarray(v), scale=scale)
        assert got.dtype is dt.dtype(kind)
        np.testing.assert_allclose(np.asarray(got), whole(q, k, v, scale=scale), atol=limit)
    got = dt.nn.attention(dt.asarray(q), dt.asarray(k), dt.asarray(v), causal=True)
    seen = band(queries[-2], keys[-2], -np.inf, 0)
    np.testing.assert_allclose(np.asarray(got), whole(q, k, v, seen), atol=limit)


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16], ids=str)
def test_16_bit_floats_round_once(kind: Any) -> None:
    q, k, v = (dt.asarray(draw(2, 70, 16, seed=i), dtype=kind) for i in range(3))
    got = dt.nn.attention(q, k, v)
    assert got.dtype is kind
    wide = whole(*(np.asarray(dt.astype(x, dt.float64)) for x in (q, k, v)))
    unit = 2.0**-8 if kind is dt.bfloat16 else 2.0**-11
    np.testing.assert_allclose(np.asarray(dt.astype(got, dt.float64)), wide, rtol=unit, atol=1e-5)


def test_one_head_needs_no_axis_of_heads() -> None:
    q, k, v = draw(5, 4), draw(6, 4, seed=1), draw(6, 2, seed=2)
    got = dt.nn.attention(*map(dt.asarray, (q, k, v)))
    np.testing.assert_allclose(np.asarray(got), whole(q[None], k[None], v[None])[0], rtol=1e-12)


def test_leading_axes_broadcast() -> None:
    q, k, v = draw(3, 1, 2, 4, 5), draw(2, 2, 6, 5, seed=1), draw(2, 2, 6, 5, seed=2)
    got = dt.nn.attention(dt.asarray(q), dt.asarray(k[None]), dt.asarray(v[None]))
    np.testing.assert_allclose(np.asarray(got), whole(q, k[None], v[None]), rtol=1e-12)


def test_heads_behind_the_positions_need_no_copy() -> None:
    q, k, v = (draw(2, 70, 3, 16, seed=i) for i in range(3))
    turned = [dt.permute_dims(dt.asarray(x), (0, 2, 1, 3)) for x in (q, k, v)]
    want = whole(*(np.moveaxis(x, 1, 2) for x in (q, k, v)))
    np.testing.assert_allclose(np.asarray(dt.nn.attention(*turned)), want, rtol=1e-11, atol=1e-13)


def test_scores_beyond_the_range_of_exp() -> None:
    q, k = np.array([[[1000.0], [-1000.0]]]), np.array([[[1.0], [2.0], [-3.0]]])
    v = np.array([[[1.0], [2.0], [3.0]]])
    got = dt.nn.attention(*(dt.asarray(x, dtype=dt.float32) for x in (q, k, v)))
    assert got.tolist() == [[[2.0], [3.0]]]


def test_nan_stays_with_its_query() -> None:
    q = draw(1, 3, 4)
    q[0, 1, 0] = np.nan
    k, v = draw(1, 5, 4, seed=1), draw(1, 5, 4, seed=2)
    got = np.asarray(dt.nn.attention(*map(dt.asarray, (q, k, v))))
    assert np.isnan(got[0, 1]).all()
    assert np.isfinite(got[0, [0, 2]]).all()


# ---- what a query sees ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 6, 9), (1, 6, 9), (2, 4, 1, 9), (6, 1), (9,), ()])
def test_masks_and_bias_broadcast(shape: tuple[int, ...]) -> None:
    q, k, v = draw(2, 4, 6, 5), draw(2, 2, 9, 5, seed=1), draw(2, 2, 9, 5, seed=2)
    mask = np.random.default_rng(3).random(shape) < 0.7
    bias = draw(*shape, seed=4)
    arrays = [dt.asarray(x) for x in (q, k, v)]
    got = dt.nn.attention(*arrays, mask=dt.asarray(mask))
    np.testing.assert_allclose(np.asarray(got), whole(q, k, v, mask), rtol=1e-11, atol=1e-13)
    got = dt.nn.attention(*arrays, bias=dt.asarray(bias))
    np.testing.assert_allclose(np.asarray(got), whole(q, k, v, bias=bias), rtol=1e-11, atol=1e-13)
    got = dt.nn.attention(*arrays, bias=dt.asarray(bias), mask=dt.asarray(mask), causal=True)
    want = whole(q, k, v, mask & band(6, 9, -np.inf, 0), bias=bias)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("sizes", [(300, 300), (40, 500), (500, 40)])
@pytest.mark.parametrize(
    ("window", "causal", "offset", "ends"),
    [
        (3, False, 0, (-3, 3)),
        ((130, 0), False, 0, (-130, 0)),
        ((None, 5), False, 0, (-np.inf, 5)),
        ((2, None), True, 0, (-2, 0)),
        (None, True, 460, (-np.inf, 460)),
        (10, True, 100, (90, 100)),
        (0, False, 0, (0, 0)),
    ],
)
def test_windows_slide(sizes: Any, window: Any, causal: bool, offset: int, ends: Any) -> None:
    m, n = sizes
    q, k, v = draw(2, m, 8), draw(2, n, 8, seed=1), draw(2, n, 8, seed=2)
    arrays = [dt.asarray(x) for x in (q, k, v)]
    got = dt.nn.attention(*arrays, window=window, causal=causal, offset=offset)
    want = whole(q, k, v, band(m, n, *ends))
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-10, atol=1e-12)


def test_a_query_that_sees_nothing_gives_zeros_and_no_gradient() -> None:
    q, k, v = draw(1, 3, 4), draw(1, 5, 4, seed=1), draw(1, 5, 4, seed=2)
    mask = np.ones((3, 5), bool)
    mask[1] = False

    def run(q: Any, k: Any, v: Any) -> Any:
        return dt.nn.attention(q, k, v, mask=dt.asarray(mask))

    arrays = [dt.asarray(x) for x in (q, k, v)]
    assert np.asarray(run(*arrays))[0, 1].tolist() == [0.0] * 4
    gradients = dt.grad(lambda *a: dt.sum(run(*a) ** 2), argnums=(0, 1, 2))(*arrays)
    assert all(np.isfinite(np.asarray(g)).all() for g in gradients)
    assert np.asarray(gradients[0])[0, 1].tolist() == [0.0] * 4


# ---- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"causal": True}, {"window": (3, 1), "scale": 0.9}], ids=str
)
def test_gradients_of_first_and_second_order(options: Any, traced: bool) -> None:
    q, k, v = (
        dt.asarray(draw(*s, seed=i)) for i, s in enumerate([(4, 6, 3), (2, 7, 3), (2, 7, 5)])
    )
    bias = dt.asarray(draw(4, 1, 7, seed=9))
    wrap = dt.jit if traced else (lambda f: f)

    def run(q: Any, k: Any, v: Any, bias: Any) -> Any:
        return dt.nn.attention(q, k, v, bias=bias, **options)

    check_derivative(wrap(run), (q, k, v, bias), (0, 1, 2, 3), "attention")
    slopes = dt.grad(lambda *a: dt.sum(run(*a) ** 2), argnums=(0, 1, 2, 3))
    check_derivative(wrap(slopes), (q, k, v, bias), (0, 1, 2, 3), "its gradient", tolerance=2e-5)


def test_gradients_of_long_sequences_are_those_of_all_scores() -> None:
    def composed(q: Any, k: Any, v: Any) -> Any:
        s = dt.matmul(q, dt.permute_dims(k, (0, 2, 1))) * q.shape[-1] ** -0.5
        ahead = dt.arange(600)[None, :] - dt.arange(350)[:, None]
        return dt.matmul(dt.nn.softmax(dt.where(ahead > 0, -np.inf, s)), v)

    arrays = [dt.asarray(draw(2, n, 17, seed=i)) for i, n in enumerate((350, 600, 600))]
    weights = dt.asarray(draw(2, 350, 17, seed=7))

    def slopes(f: Any) -> Any:
        return dt.grad(lambda *a: dt.sum(f(*a) * weights), argnums=(0, 1, 2))(*arrays)

    got = slopes(lambda q, k, v: dt.nn.attention(q, k, v, causal=True))
    for a, b in zip(got, slopes(composed), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-11)


def test_the_logarithms_of_the_sums_have_a_gradient_too() -> None:
    q, k, v = (dt.asarray(draw(1, 2, n, 3, seed=n)) for n in (4, 5, 5))
    check_derivative(lambda q, k, v: dt.ops.attention(q, k, v)[1], (q, k, v), (0, 1), "lse")


def test_one_backward_pass_serves_all_operands(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = dot_product_attention.attention_gradient
    monkeypatch.setattr(
        dot_product_attention,
        "attention_gradient",
        lambda *a, **k: calls.append(1) or real(*a, **k),
    )
    q, k, v = (dt.asarray(draw(1, 8, 4, seed=i)) for i in range(3))

    def loss(q: Any, k: Any, v: Any) -> Any:
        return dt.sum(dt.nn.attention(q, k, v) ** 2)

    dt.grad(loss, argnums=(0, 1, 2))(q, k, v)
    assert len(calls) == 1
    dt.grad(loss, argnums=1)(q, k, v)
    dt.grad(lambda x: loss(x, x, x))(q)
    assert len(calls) == 3


def test_devices_that_do_not_claim_it_run_its_decomposition() -> None:
    op = REGISTRY["attention"]
    q, k, v = draw(1, 4, 6, 5), draw(1, 2, 9, 5, seed=1), draw(1, 2, 9, 5, seed=2)
    arrays = [dt.asarray(x) for x in (q, k, v)]
    y, lse = op.decomposition(*arrays, low=-1, high=2, scale=0.5)
    mine, logs = dt.ops.attention(*arrays, low=-1, high=2, scale=0.5)
    np.testing.assert_allclose(np.asarray(y), np.asarray(mine), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(lse), np.asarray(logs), rtol=1e-12)


# ---- memory --------------------------------------------------------------------------------------


PEAK = """
import numpy as np
import dovetail as dt
from dovetail import _fast

slopes = dt.grad(lambda q, k, v: dt.sum(dt.nn.attention(q, k, v) ** 2), argnums=(0, 1, 2))
random = np.random.default_rng(0)
q, k, v = (dt.asarray(random.standard_normal((1, 6000, 32)), dtype=dt.float32) for _ in range(3))
live = _fast.memory_stats(dt.device("cpu:0"))["live_bytes"]
slopes(q, k, v)
print(_fast.memory_stats(dt.device("cpu:0"))["peak_bytes"] - live)
"""


def test_memory_grows_with_the_length_not_with_its_square() -> None:
    # A process of its own: the peak of whatever ran before would count as well.
    command = [sys.executable, "-c", PEAK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 6000 * 6000 * 4 // 4
    slopes = dt.grad(lambda q, k, v: dt.sum(dt.nn.attention(q, k, v) ** 2), argnums=(0, 1, 2))
    graph = trace(lambda q, k, v: slopes(q, k, v), tuple(dt.zeros((1, 6000, 32)) for _ in range(3)))
    largest = max(v.spec.size for n in graph.graph.nodes for v in n.outputs)
    assert largest <= 6000 * 33


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: dt.nn.attention(q[0, 0, 0], q, q), "same number of axes"),
        (lambda q: dt.nn.attention(q[0], q, q), "same number of axes"),
        (lambda q: dt.nn.attention(q, q[..., :2], q), "depth must be equal"),
        (lambda q: dt.nn.attention(q, q[:, :, :3], q), "each key needs one value"),
        (lambda q: dt.nn.attention(q, q[:, :3], q[:, :3]), "must divide"),
        (lambda q: dt.nn.attention(dt.astype(q, dt.int64), q, q), "must be floating"),
        (lambda q: dt.nn.attention(q, q, q, mask=dt.ones((5, 5))), "a mask is boolean"),
        (lambda q: dt.nn.attention(q, q, q, bias=dt.ones((3, 5))), "does not broadcast"),
        (lambda q: dt.nn.attention(q, q, q, window=-1), "negative"),
        (lambda q: dt.nn.attention(q, q, q, window=(1, 2, 3)), "pair"),
        (lambda q: dt.nn.attention(q, q, q, offset=0.5), "offset"),
        (lambda q: dt.nn.attention(q, q, q, scale=float("nan")), "finite"),
        (lambda q: dt.ops.attention(q[0], q, q), "four|axes"),
        (lambda q: dt.ops.attention(q, q, q, low="a"), "integer or None"),
        (lambda q: dt.ops.attention(q, q, q, dt.zeros((2, 2, 5, 5))), "must broadcast"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(dt.OpError, match=message):
        call(dt.ones((1, 4, 5, 6)))


def test_every_combination_of_nothing() -> None:
    for m, n, e in itertools.product((0, 2), repeat=3):
        q, k, v = dt.ones((1, 2, m, 3)), dt.ones((1, 1, n, 3)), dt.ones((1, 1, n, e))
        y = dt.nn.attention(q, k, v)
        assert y.shape == (1, 2, m, e)
        assert np.asarray(y).tolist() == np.full(y.shape, 1.0 if n else 0.0).tolist()
        g = dt.grad(lambda q, k, v: dt.sum(dt.nn.attention(q, k, v)), argnums=(0, 1, 2))(q, k, v)
        assert [x.shape for x in g] == [q.shape, k.shape, v.shape]
