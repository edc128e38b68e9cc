"""Special functions: true values, edges, identities, derivatives in every operand, bad input."""

from __future__ import annotations

import doctest
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail import special

VALUES: dict[str, list[list[float]]] = json.loads(
    Path(__file__).with_name("special_values.json").read_text()
)
NAMES = sorted(name for name in VALUES if name in special.__all__)
INF, NAN = math.inf, math.nan


def f64(*values: Any) -> list[dt.Array]:
    return [dt.asarray(np.asarray(v, np.float64)) for v in values]


def columns(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    table = np.array(VALUES[name])
    return list(table[:, :-1].T), table[:, -1]


def ulps(got: Any, want: np.ndarray, kind: type) -> np.ndarray:
    """Units in the last place between results and true values rounded to float64."""
    spacing = np.spacing(np.abs(want.astype(kind))).astype(np.float64)
    return np.abs(np.asarray(got).astype(np.float64) - want) / spacing


def test_the_table_covers_the_namespace() -> None:
    by_axis = {"logsumexp", "softmax", "log_softmax"}
    assert set(special.__all__) - by_axis <= set(VALUES)
    assert min(len(VALUES[name]) for name in NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_float64_is_within_four_units_of_the_true_value(name: str) -> None:
    operands, want = columns(name)
    error = ulps(getattr(special, name)(*f64(*operands)), want, np.float64)
    assert error.max() <= 4, (error.max(), [x[error.argmax()] for x in operands])


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_within_two_units_of_the_true_value(name: str) -> None:
    operands, want = columns(name)
    narrow = [x.astype(np.float32) for x in operands]
    same = np.all([n == x for n, x in zip(narrow, operands, strict=True)], axis=0)
    same &= (np.abs(want) < 3e38) & (np.abs(want) > 1e-37)
    if not same.any():
        assert name in {"erfcinv", "ndtri"}, "points are float32 numbers elsewhere"
        return
    got = np.asarray(getattr(special, name)(*(dt.asarray(x[same]) for x in narrow)))
    assert got.dtype == np.float32
    assert ulps(got, want[same], np.float32).max() <= 2


@pytest.mark.parametrize("name", [n for n in VALUES if "_derivative" in n])
def test_derivatives_in_the_parameters_are_true(name: str) -> None:
    operands, want = columns(name)
    function, *orders = name.split()
    order = int(orders[0]) if len(orders) == 1 else tuple(map(int, orders))
    got = np.asarray(getattr(dt.ops, function)(*f64(*operands), order=order))
    np.testing.assert_allclose(got, want, rtol=1e-11)


EDGES: list[tuple[str, tuple[float, ...], float]] = [
    ("gammaln", (0.0,), INF),
    ("gammaln", (-3.0,), INF),
    ("gammaln", (INF,), INF),
    ("gammaln", (1.0,), 0.0),
    ("gamma", (0.0,), INF),
    ("gamma", (-0.0,), -INF),
    ("gamma", (-2.0,), NAN),
    ("gamma", (-INF,), NAN),
    ("gamma", (-200.5,), -0.0),
    ("digamma", (0.0,), -INF),
    ("digamma", (-0.0,), INF),
    ("digamma", (-1.0,), NAN),
    ("digamma", (INF,), INF),
    ("digamma", (1e-310,), -INF),
    ("polygamma", (1.5, 2.0), NAN),
    ("polygamma", (-1.0, 2.0), NAN),
    ("polygamma", (1.0, -2.0), INF),
    ("zeta", (1.0, 2.0), INF),
    ("zeta", (0.5, 2.0), NAN),
    ("zeta", (2.0, -3.0), INF),
    ("zeta", (2.5, -3.5), NAN),
    ("zeta", (2.0, INF), 0.0),
    ("zeta", (2.0, 1e300), 1e-300),
    ("zeta", (1e300, 1e299), 0.0),
    ("zeta", (INF, -45.5), NAN),
    ("zeta", (1e300, 0.5), INF),
    ("beta", (0.0, 2.0), INF),
    ("beta", (-1.0, 3.0), INF),
    ("beta", (-3.0, 2.0), 1 / 6),
    ("beta", (INF, 1.0), 0.0),
    ("betaln", (1.0, 1.0), 0.0),
    ("gammainc", (0.0, 1.0), 1.0),
    ("gammainc", (0.0, 0.0), NAN),
    ("gammainc", (2.0, 0.0), 0.0),
    ("gammainc", (2.0, INF), 1.0),
    ("gammainc", (INF, 2.0), 0.0),
    ("gammainc", (-1.0, 2.0), NAN),
    ("gammainc", (1.0, -2.0), NAN),
    ("gammaincc", (2.0, INF), 0.0),
    ("gammaincc", (0.0, 1.0), 0.0),
    ("gammaincc", (1e6, 1e3), 1.0),
    ("gammaincinv", (2.0, 0.0), 0.0),
    ("gammaincinv", (2.0, 1.0), INF),
    ("gammaincinv", (2.0, 1.5), NAN),
    ("gammaincinv", (-2.0, 0.5), NAN),
    ("gammainccinv", (2.0, 0.0), INF),
    ("betainc", (2.0, 3.0, 0.0), 0.0),
    ("betainc", (2.0, 3.0, 1.0), 1.0),
    ("betainc", (0.0, 3.0, 0.5), 1.0),
    ("betainc", (2.0, 0.0, 0.5), 0.0),
    ("betainc", (2.0, 3.0, 1.5), NAN),
    ("betainc", (-2.0, 3.0, 0.5), NAN),
    ("betaincinv", (2.0, 3.0, 0.0), 0.0),
    ("betaincinv", (2.0, 3.0, 1.0), 1.0),
    ("betaincinv", (2.0, 3.0, -0.1), NAN),
    ("betaincinv", (1.0, 1.0, 1e-300), 1e-300),
    ("betaincinv", (1e-10, 2.5, 0.5), 0.0),
    ("gammaincinv", (1e-3, 0.3), 0.0),
    ("erfc", (-INF,), 2.0),
    ("erfc", (30.0,), 0.0),
    ("erfcx", (-30.0,), INF),
    ("erfcx", (INF,), 0.0),
    ("erfcinv", (0.0,), INF),
    ("erfcinv", (1.0,), 0.0),
    ("erfinv", (1.0,), INF),
    ("erfinv", (-1.5,), NAN),
    ("ndtr", (-INF,), 0.0),
    ("ndtr", (INF,), 1.0),
    ("ndtri", (0.0,), -INF),
    ("ndtri", (1.0,), INF),
    ("ndtri", (1.5,), NAN),
    ("log_ndtr", (-INF,), -INF),
    ("log_ndtr", (INF,), -0.0),
    ("i0", (INF,), INF),
    ("i0e", (INF,), 0.0),
    ("i1", (-INF,), -INF),
    ("i1e", (-INF,), -0.0),
    ("exp1", (0.0,), INF),
    ("exp1", (-1.0,), NAN),
    ("exp1", (INF,), 0.0),
    ("expi", (0.0,), -INF),
    ("expi", (INF,), INF),
    ("expi", (-INF,), -0.0),
    ("xlogy", (0.0, 0.0), 0.0),
    ("xlogy", (0.0, NAN), NAN),
    ("xlogy", (1.0, -1.0), NAN),
    ("xlog1py", (0.0, -1.0), 0.0),
    ("entr", (-1.0,), -INF),
    ("rel_entr", (0.0, 0.0), 0.0),
    ("rel_entr", (1.0, 0.0), INF),
    ("kl_div", (0.0, 3.0), 3.0),
    ("kl_div", (-1.0, 3.0), INF),
    ("logit", (0.0,), -INF),
    ("logit", (1.0,), INF),
    ("logit", (2.0,), NAN),
    ("log_expit", (-1e300,), -1e300),
    ("sinc", (0.0,), 1.0),
    ("sinc", (INF,), NAN),
]


@pytest.mark.parametrize(("name", "operands", "want"), EDGES, ids=str)
def test_edges_are_those_of_scipy(name: str, operands: tuple[float, ...], want: float) -> None:
    got = getattr(special, name)(*f64(*operands)).item()
    assert (math.isnan(got) and math.isnan(want)) or got == pytest.approx(want, rel=1e-15)
    if want == 0:
        assert math.copysign(1, got) == math.copysign(1, want) or name in ("zeta", "sinc")


@pytest.mark.parametrize("name", NAMES)
def test_nan_gives_nan(name: str) -> None:
    operands, _ = columns(name)
    for position in range(len(operands)):
        values = [x[0] for x in operands]
        values[position] = NAN
        assert math.isnan(getattr(special, name)(*f64(*values)).item())


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_bools_become_float32(name: str) -> None:
    operands, _ = columns(name)
    function = getattr(special, name)
    for kind in (np.int64, np.uint8, np.bool_):
        ones = [np.ones(3, kind) for _ in operands]
        got = function(*map(dt.asarray, ones))
        want = function(*(dt.asarray(x.astype(np.float32)) for x in ones))
        assert got.dtype is dt.float32
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


@pytest.mark.parametrize("name", NAMES)
def test_views_give_what_their_copies_give(name: str) -> None:
    operands, _ = columns(name)
    stacked = [dt.asarray(np.stack([x[:4], x[1:5], x[:4]])) for x in operands]
    turned = [dt.permute_dims(x, (1, 0)) for x in stacked]
    function = getattr(special, name)
    got = np.asarray(function(*turned))
    np.testing.assert_array_equal(got, np.asarray(function(*stacked)).T)


@pytest.mark.parametrize("name", [n for n in NAMES if len(VALUES[n][0]) > 2])
def test_shapes_that_do_not_broadcast_are_refused_in_words(name: str) -> None:
    count = len(VALUES[name][0]) - 1
    operands = [dt.ones((2, n)) for n in range(3, 3 + count)]
    with pytest.raises(dt.OpError, match=rf"{name}: .*broadcast"):
        getattr(special, name)(*operands)


@pytest.mark.parametrize("name", ["gammaln", "betainc", "i0", "xlogy"])
def test_complex_numbers_are_refused_in_words(name: str) -> None:
    count = len(VALUES[name][0]) - 1
    operands = [dt.asarray(np.ones(2, np.complex64)) for _ in range(count)]
    with pytest.raises(dt.OpError, match=rf"{name}: .*complex64"):
        getattr(special, name)(*operands)


# ---- identities ---------------------------------------------------------------------------------


def test_the_two_incomplete_gammas_add_up_to_one() -> None:
    random = np.random.default_rng(1)
    a, x = f64(np.exp(random.uniform(-5, 12, 500)), np.exp(random.uniform(-5, 12, 500)))
    total = np.asarray(special.gammainc(a, x) + special.gammaincc(a, x))
    np.testing.assert_allclose(total, 1, rtol=3e-16)


def test_large_parameters_take_the_uniform_expansion_without_a_step() -> None:
    for a in (99999.0, 100001.0, 1e7, 1e12):
        offsets = np.array([-3.0, -1.0, 0.0, 0.5, 2.0, 6.0])
        x = a + offsets * math.sqrt(a)
        p, q = (np.asarray(f(*f64(a, x))) for f in (special.gammainc, special.gammaincc))
        # Edgeworth's expansion of the distribution function, to the order 1 / a
        phi = np.exp(-(offsets**2) / 2) / math.sqrt(2 * math.pi)
        skew = phi * (1 - offsets**2) / (3 * math.sqrt(a))
        want = np.asarray(special.ndtr(dt.asarray(offsets))) + skew
        np.testing.assert_allclose(p, want, atol=2 / a)
        np.testing.assert_allclose(p + q, 1, rtol=1e-15)
    steps = np.array([99999.0, 100000.0, 100001.0])
    p = np.asarray(special.gammainc(*f64(steps, steps)))
    # P(a, a) = 1/2 + 1 / (3 sqrt(2 pi a)) - ... falls smoothly
    assert abs(p[0] - 2 * p[1] + p[2]) < 1e-13


def test_inverses_bring_the_operand_back() -> None:
    random = np.random.default_rng(2)
    a, b = f64(np.exp(random.uniform(-2, 5, 200)), np.exp(random.uniform(-2, 5, 200)))
    (p,) = f64(random.uniform(0.01, 0.99, 200))
    pairs = [
        (special.gammainc(a, special.gammaincinv(a, p)), p),
        (special.gammaincc(a, special.gammainccinv(a, p)), p),
        (special.ndtr(special.ndtri(p)), p),
        (special.erfc(special.erfcinv(2 * p)), 2 * p),
        (special.expit(special.logit(p)), p),
    ]
    for got, want in pairs:
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-13)
    x = special.betaincinv(a, b, p)
    # x has a spacing of its own, which the slope carries into p
    inside = np.asarray(x) < 0.999
    got = np.asarray(special.betainc(a, b, x))[inside]
    np.testing.assert_allclose(got, np.asarray(p)[inside], rtol=1e-12)


def test_gamma_steps_by_its_argument() -> None:
    x = np.concatenate([np.linspace(-9.7, 9.8, 40), [50.5, 160.25, -100.5]])
    (at,) = f64(x)
    np.testing.assert_allclose(
        np.asarray(special.gamma(at + 1)), np.asarray(at * special.gamma(at)), rtol=2e-15
    )
    step = np.asarray(special.digamma(at + 1) - special.digamma(at))
    np.testing.assert_allclose(step, 1 / x, rtol=1e-9, atol=1e-13)


def test_tiny_tails_keep_their_digits() -> None:
    assert special.gammaincc(*f64(3.0, 700.0)).item() == pytest.approx(
        math.exp(-700) * (1 + 700 + 700**2 / 2), rel=1e-14
    )
    assert special.betaincc(*f64(2.0, 30.0, 0.999)).item() == pytest.approx(
        (0.001**30) * (1 + 30 * 0.999), rel=1e-12
    )
    assert special.gammaincc(*f64(1e-20, 1.0)).item() == pytest.approx(
        1e-20 * special.exp1(dt.asarray(np.float64(1))).item(), rel=1e-14
    )
    assert special.betainc(*f64(5.0, 1e-25, 0.5)).item() == pytest.approx(
        1e-25 * (math.log(2) - 1 / 2 - 1 / 8 - 1 / 24 - 1 / 64), rel=1e-12
    )
    assert special.log_ndtr(*f64(40.0)).item() == pytest.approx(-3.655893540915029e-350, abs=1e-320)


# ---- derivatives --------------------------------------------------------------------------------


def test_gammainc_flows_to_its_parameter() -> None:
    a, x = f64(np.linspace(0.2, 30, 20), np.linspace(25, 0.1, 20))
    slope = dt.grad(lambda a: dt.sum(special.gammainc(a, x)))
    # P(a + 1, x) = P(a, x) - x^a e^-x / gamma(a + 1)
    front = np.asarray(dt.exp(special.xlogy(a, x) - x - special.gammaln(a + 1)))
    want = -front * (np.log(np.asarray(x)) - np.asarray(special.digamma(a + 1)))
    got = np.asarray(slope(a + 1)) - np.asarray(slope(a))
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-14)


def test_gammainc_flows_to_a_large_parameter() -> None:
    for times in (1, 2, 3, 4):
        for z in (-1.0, 0.5):
            below, above = 109_999.0, 110_001.0  # by the series, and by differences
            left, right = (
                dt.ops.gammainc_derivative(*f64(a, a + z * math.sqrt(a)), order=times).item()
                for a in (below, above)
            )
            scale = 110_000 ** (-times / 2)
            assert abs(left - right) < 1e-4 * scale


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_betainc_has_derivatives_up_to_the_fourth(times: int) -> None:
    x = 0.3

    def along_a(a: Any) -> Any:
        return special.betainc(a, 1.0, x)  # x^a

    def along_b(b: Any) -> Any:
        return special.betainc(1.0, b, x)  # 1 - (1 - x)^b

    for _ in range(times):
        along_a, along_b = dt.grad(along_a), dt.grad(along_b)
    at = dt.asarray(np.float64(2.5))
    assert along_a(at).item() == pytest.approx(x**2.5 * math.log(x) ** times, rel=1e-10)
    want = -((1 - x) ** 2.5) * math.log1p(-x) ** times
    assert along_b(at).item() == pytest.approx(want, rel=1e-10)


def test_a_fifth_derivative_in_a_parameter_is_refused_in_words() -> None:
    function: Any = lambda a: special.gammainc(a, 1.0)  # noqa: E731
    for _ in range(5):
        function = dt.grad(function)
    with pytest.raises(dt.OpError, match=r"gammainc_derivative: order=5 .* not offered"):
        function(dt.asarray(2.0))
    with pytest.raises(dt.OpError, match=r"betainc_derivative: order=\(3, 2\)"):
        dt.ops.betainc_derivative(1.0, 2.0, dt.asarray(0.5), order=(3, 2))


def test_inverses_flow_to_their_parameters() -> None:
    a, b, p = f64(2.5, 1.5, 0.3)
    x = special.betaincinv(a, b, p)
    slopes = dt.grad(special.betaincinv, argnums=(0, 1, 2))(a, b, p)
    forward = dt.grad(special.betainc, argnums=(0, 1, 2))(a, b, x)
    density = forward[2].item()
    assert slopes[2].item() == pytest.approx(1 / density, rel=1e-12)
    assert slopes[0].item() == pytest.approx(-forward[0].item() / density, rel=1e-12)
    assert slopes[1].item() == pytest.approx(-forward[1].item() / density, rel=1e-12)


def test_slopes_at_zero_are_finite() -> None:
    (zero,) = f64(0.0)
    for function, first, second in [
        (special.sinc, 0.0, -(math.pi**2) / 3),
        (special.i0, 0.0, 0.5),
        (special.i1, 0.5, 0.0),
    ]:
        slope = dt.grad(function)
        assert slope(zero).item() == pytest.approx(first)
        assert dt.grad(slope)(zero).item() == pytest.approx(second)
    x, y = dt.grad(special.xlogy, argnums=(0, 1))(*f64(0.0, 0.0))
    assert x.item() == -INF
    assert y.item() == 0


def test_everything_compiles_and_batches() -> None:
    a = dt.asarray(np.linspace(0.5, 5, 6).reshape(2, 3))
    x = dt.asarray(np.linspace(0.1, 8, 6).reshape(2, 3))

    def slope(a: Any, x: Any) -> Any:
        return dt.grad(lambda a: dt.sum(special.gammainc(a, x) * special.i0e(x)))(a)

    want = np.asarray(slope(a, x))
    np.testing.assert_allclose(np.asarray(dt.jit(slope)(a, x)), want, rtol=1e-14)
    np.testing.assert_allclose(np.asarray(dt.vmap(slope)(a, x)), want, rtol=1e-14)


def test_the_examples_of_the_module_run() -> None:
    result = doctest.testmod(special)
    assert result.attempted > 0
    assert result.failed == 0
