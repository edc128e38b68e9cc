"""Element-wise functions: true values, exactness where it is promised, edges, clip."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt

VALUES: dict[str, list[list[float]]] = json.loads(
    Path(__file__).with_name("special_values.json").read_text()
)
NAMES = sorted(name for name in VALUES if hasattr(dt, name) and not hasattr(dt.special, name))
INF, NAN = math.inf, math.nan


def ulps(got: Any, want: np.ndarray, kind: type) -> np.ndarray:
    spacing = np.spacing(np.abs(want.astype(kind))).astype(np.float64)
    return np.abs(np.asarray(got).astype(np.float64) - want) / spacing


def test_the_table_has_the_functions() -> None:
    assert len(NAMES) >= 20
    assert {"tan", "asinh", "log10", "exp2", "cbrt", "hypot", "power", "sin"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_values_are_within_two_units(name: str, kind: type) -> None:
    table = np.array(VALUES[name])
    operands, want = list(table[:, :-1].T), table[:, -1]
    info = np.finfo(kind)
    fits = (np.abs(want) < float(info.max)) & (np.abs(want) > float(info.tiny))
    fits &= np.all([x.astype(kind) == x for x in operands], axis=0)
    assert fits.sum() >= 5
    got = getattr(dt, name)(*(dt.asarray(x[fits].astype(kind)) for x in operands))
    error = ulps(got, want[fits], kind)
    assert error.max() <= 2.5, [x[fits][error.argmax()] for x in operands]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_powers_of_two_are_exact(kind: type) -> None:
    low, high = (-1074, 1023) if kind is np.float64 else (-149, 127)
    exponents = np.arange(low, high + 1).astype(kind)
    powers = np.ldexp(np.ones_like(exponents), exponents.astype(int))
    np.testing.assert_array_equal(np.asarray(dt.exp2(dt.asarray(exponents))), powers)
    np.testing.assert_array_equal(np.asarray(dt.log2(dt.asarray(powers))), exponents)


def test_whole_cubes_have_whole_roots_within_a_unit() -> None:
    n = np.arange(-200, 201).astype(np.float64)
    np.testing.assert_array_max_ulp(np.asarray(dt.cbrt(dt.asarray(n**3))), n, 1)


EDGES: list[tuple[str, tuple[float, ...], float]] = [
    ("acos", (1.0,), 0.0),
    ("acos", (1.5,), NAN),
    ("acosh", (1.0,), 0.0),
    ("acosh", (0.5,), NAN),
    ("acosh", (INF,), INF),
    ("asin", (-0.0,), -0.0),
    ("asin", (-1.5,), NAN),
    ("asinh", (-INF,), -INF),
    ("asinh", (-0.0,), -0.0),
    ("atan", (INF,), math.pi / 2),
    ("atan", (-0.0,), -0.0),
    ("atanh", (1.0,), INF),
    ("atanh", (-1.0,), -INF),
    ("atanh", (1.5,), NAN),
    ("cbrt", (-0.0,), -0.0),
    ("cbrt", (-INF,), -INF),
    ("cos", (INF,), NAN),
    ("cosh", (-INF,), INF),
    ("cosh", (710.0,), 1.1169973830808557e308),
    ("cosh", (711.0,), INF),
    ("exp2", (1024.0,), INF),
    ("exp2", (-INF,), 0.0),
    ("expm1", (-INF,), -1.0),
    ("expm1", (-0.0,), -0.0),
    ("expm1", (710.0,), INF),
    ("hypot", (INF, NAN), INF),
    ("hypot", (3e200, 4e200), 5e200),
    ("hypot", (3e-200, 4e-200), 5e-200),
    ("log10", (0.0,), -INF),
    ("log10", (-1.0,), NAN),
    ("log1p", (-1.0,), -INF),
    ("log1p", (-0.0,), -0.0),
    ("log2", (-0.0,), -INF),
    ("log2", (INF,), INF),
    ("logaddexp", (-INF, -INF), -INF),
    ("logaddexp", (INF, -INF), INF),
    ("logaddexp", (INF, INF), INF),
    ("sin", (-0.0,), -0.0),
    ("sin", (-INF,), NAN),
    ("sinh", (710.0,), 1.1169973830808557e308),
    ("sinh", (-711.0,), -INF),
    ("sinh", (-0.0,), -0.0),
    ("tan", (INF,), NAN),
    ("tan", (-0.0,), -0.0),
]


@pytest.mark.parametrize(("name", "operands", "want"), EDGES, ids=str)
def test_edges(name: str, operands: tuple[float, ...], want: float) -> None:
    # Nine of the same: vectors and what is left over both see it.
    arrays = [dt.asarray(np.full(9, x, np.float64)) for x in operands]
    got = np.asarray(getattr(dt, name)(*arrays))
    np.testing.assert_allclose(got, want, rtol=1e-15)
    assert math.isnan(want) or (np.signbit(got) == np.signbit(want)).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_element_does_not_depend_on_where_it_lies(name: str) -> None:
    count = len(VALUES[name][0]) - 1
    table = np.array(VALUES[name])
    for kind in (np.float64, np.float32):
        operands = [np.resize(table[:, i], 77).astype(kind) for i in range(count)]
        whole = np.asarray(getattr(dt, name)(*map(dt.asarray, operands)))
        for start, stop in [(0, 1), (3, 10), (5, 77), (70, 77)]:
            part = [dt.asarray(x[start:stop]) for x in operands]
            got = np.asarray(getattr(dt, name)(*part))
            np.testing.assert_array_equal(got, whole[start:stop])


@pytest.mark.parametrize("name", ["acos", "atan", "sinh", "asinh", "log2", "cbrt", "tan", "exp2"])
def test_integers_and_bools_become_float32(name: str) -> None:
    function = getattr(dt, name)
    for kind in (np.int8, np.uint64, np.bool_):
        got = function(dt.asarray(np.ones(5, kind)))
        assert got.dtype is dt.float32
        assert (np.asarray(got) == function(dt.asarray(np.float32(1))).item()).all()


@pytest.mark.parametrize("name", ["hypot", "copysign", "logaddexp", "nextafter", "atan2"])
def test_shapes_that_do_not_broadcast_are_refused_in_words(name: str) -> None:
    with pytest.raises(dt.OpError, match=rf"{name}: .*broadcast"):
        getattr(dt, name)(dt.ones((2, 3)), dt.ones((2, 4)))


@pytest.mark.parametrize("name", ["cbrt", "exp2", "signbit"])
def test_complex_numbers_are_refused_in_words(name: str) -> None:
    with pytest.raises(dt.OpError, match=rf"{name}: .*complex64"):
        getattr(dt, name)(dt.asarray(np.ones(2, np.complex64)))


# ---- signs and neighbours -----------------------------------------------------------------------

HALVES = [dt.float16, dt.bfloat16]


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_neighbours_are_those_of_the_dtype(kind: Any) -> None:
    one, two = dt.asarray(1.0, dtype=kind), dt.asarray(2.0, dtype=kind)
    bits = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[kind.name]
    up, down = dt.nextafter(one, two), dt.nextafter(one, dt.zeros((), dtype=kind))
    assert up.dtype is kind
    assert dt.astype(up, dt.float64).item() == 1 + 2.0**-bits
    assert dt.astype(down, dt.float64).item() == 1 - 2.0 ** -(bits + 1)


@pytest.mark.parametrize("kind", HALVES)
def test_walking_up_visits_every_half_once(kind: Any) -> None:
    largest = {"float16": 65504.0, "bfloat16": float.fromhex("0x1.fep127")}[kind.name]
    at, top = dt.asarray(-largest, dtype=kind), dt.asarray(INF, dtype=kind)
    start = dt.astype(at, dt.float64).item()
    for _ in range(300):
        after = dt.nextafter(at, top)
        assert dt.astype(after, dt.float64).item() > dt.astype(at, dt.float64).item()
        assert dt.nextafter(after, -top).item() == at.item()
        at = after
    assert start < dt.astype(at, dt.float64).item() < 0
    zero = dt.asarray(0.0, dtype=kind)
    least = dt.nextafter(zero, top)
    assert least.item() > 0
    assert dt.nextafter(least, -top).item() == 0
    assert dt.nextafter(zero, -top).item() == -least.item()


def test_sign_bits_of_zeros_and_nans() -> None:
    x = np.array([0.0, -0.0, -NAN, NAN, -INF, 3.0] * 3)
    for kind in (np.float64, np.float32, np.float16):
        typed = x.astype(kind)
        np.testing.assert_array_equal(np.asarray(dt.signbit(dt.asarray(typed))), np.signbit(typed))
        magnitudes = np.asarray(dt.copysign(dt.asarray(np.full(18, 2, kind)), dt.asarray(typed)))
        np.testing.assert_array_equal(magnitudes, np.where(np.signbit(typed), -2, 2))


# ---- clip ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (None, 1), (0, None), (None, None), (-0.5, 0.5), ([0.0, 1.0, -9.0], 2)],
    ids=str,
)
def test_clip_agrees_with_numpy(low: Any, high: Any) -> None:
    x = np.array([[-2.0, 0.25, 7.0], [NAN, INF, -INF]], np.float32)
    low_array = dt.asarray(low) if isinstance(low, list) else low
    got = dt.clip(dt.asarray(x), low_array, high)
    want = x if low is None and high is None else np.clip(x, low, high)
    assert got.dtype is dt.float32
    np.testing.assert_array_equal(np.asarray(got), want.astype(np.float32))


def test_clip_keeps_integers_and_broadcasts() -> None:
    x = dt.asarray(np.arange(-5, 5, dtype=np.int8))
    got = dt.clip(x, -2, 3)
    assert got.dtype is dt.int8
    np.testing.assert_array_equal(np.asarray(got), np.clip(np.arange(-5, 5), -2, 3))
    wide = dt.clip(x, max=dt.asarray([[0], [1]], dtype=dt.int8))
    assert wide.shape == (2, 10)
    assert dt.clip(dt.asarray(3.0), min=dt.asarray(5.0), max=dt.asarray(4.0)).item() == 4
    assert math.isnan(dt.clip(dt.asarray(3.0), min=NAN).item())


def test_clip_names_what_does_not_fit() -> None:
    with pytest.raises(dt.OpError, match="broadcast"):
        dt.clip(dt.ones(3), dt.zeros(2))


# ---- derivatives where the formula alone goes wrong ----------------------------------------------


def slope(function: Callable[..., Any], *values: float, kind: type = np.float64) -> list[float]:
    arrays = [dt.asarray(kind(v)) for v in values]
    found = dt.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
    return [g.item() for g in found]


def test_slopes_do_not_overflow_on_the_way() -> None:
    assert slope(dt.asinh, 1e25, kind=np.float32)[0] == pytest.approx(1e-25, rel=1e-5)
    assert slope(dt.acosh, 1e25, kind=np.float32)[0] == pytest.approx(1e-25, rel=1e-5)
    assert slope(dt.acosh, 1 + 1e-12)[0] == pytest.approx(1 / math.sqrt(2e-12), rel=1e-3)
    assert slope(dt.asin, 1 - 2.0**-40)[0] == pytest.approx(2.0**19.5, rel=1e-9)


def test_slopes_at_ties_and_infinities() -> None:
    assert slope(dt.hypot, 0.0, 0.0) == [0, 0]
    assert slope(dt.logaddexp, 2.0, 2.0) == [0.5, 0.5]
    assert slope(dt.logaddexp, -INF, -INF) == [0.5, 0.5]
    assert slope(dt.logaddexp, -INF, 1.0) == [0, 1]
    second = dt.grad(lambda x: dt.grad(lambda x: dt.logaddexp(x, 2.0))(x))
    assert second(dt.asarray(np.float64(2))).item() == 0.25
    assert [slope(lambda x: dt.copysign(x, -1.0), v)[0] for v in (2.0, -2.0)] == [-1, 1]
