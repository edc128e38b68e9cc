"""Differential equations against their closed solutions and against scipy."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated import integrate


def oscillator(y: Any, t: Any) -> Any:
    """Van der Pol's."""
    return dt.stack([y[1], (1 - y[0] * y[0]) * y[1] - y[0]])


def judge(t: Any) -> Any:
    def slope(t: float, y: Any) -> list[float]:
        return [y[1], (1 - y[0] ** 2) * y[1] - y[0]]

    found = solve_ivp(slope, (t[0], t[-1]), [2.0, 0.0], t_eval=t, rtol=1e-12, atol=1e-12)
    return found.y.T


START = dt.asarray([2.0, 0.0], dtype=dt.float64)


@pytest.mark.parametrize("t", [np.linspace(0, 10, 23), np.linspace(1, 0, 7), np.array([0.0, 3.0])])
def test_it_agrees_with_scipy(t: Any) -> None:
    found, report = integrate.odeint(oscillator, START, t, rtol=1e-9, full_output=True)
    # The error per step is 1e-9 of the value; some hundred steps, which the oscillator amplifies.
    np.testing.assert_allclose(np.asarray(found), judge(t), atol=1e-6)
    ratios, points = np.asarray(report["error_ratio"]), np.asarray(report["integrate_points"])
    assert ratios.shape == points.shape and (ratios <= 1).sum() > 3
    assert report["num_func_evals"] == 2 + 6 * len(points)


def test_tighter_tolerances_give_smaller_errors() -> None:
    t = np.linspace(0, 5, 6)
    errors = [
        np.abs(np.asarray(integrate.odeint(oscillator, START, t, rtol=r)) - judge(t)).max()
        for r in (1e-3, 1e-6, 1e-9)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_exponentials_in_float32_float64_and_complex() -> None:
    t = dt.asarray([0.0, 0.5, 2.0])
    for dtype, bound in ((dt.float32, 1e-5), (dt.float64, 1e-5)):
        y = integrate.odeint(lambda y, t: -y, dt.asarray(1.0, dtype=dtype), t)
        assert y.dtype is dtype
        np.testing.assert_allclose(np.asarray(y), np.exp([-0.0, -0.5, -2.0]), atol=bound)
    turn = integrate.odeint(
        lambda y, t: 1j * y, dt.asarray(1 + 0j), [0, math.pi / 2, math.pi], 1e-9
    )
    np.testing.assert_allclose(np.asarray(turn), [1, 1j, -1], atol=1e-6)


def test_time_in_the_slope() -> None:
    y = integrate.odeint(lambda y, t: dt.cos(t), dt.asarray(0.0, dtype=dt.float64), [0.0, 1.0, 4.0])
    np.testing.assert_allclose(np.asarray(y), np.sin([0, 1, 4]), atol=1e-5)


def test_a_step_beyond_the_domain_is_made_shorter() -> None:
    one = dt.asarray(1.0, dtype=dt.float64)
    y, told = integrate.odeint(
        lambda y, t: -dt.sqrt(y), one, [0.0, 1.0], options={"first_step": 10.0}, full_output=True
    )
    assert math.isnan(told["error_ratio"][0].item()), "the first step leaves the domain"
    assert y[1].item() == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize("method", ["rk4", "midpoint"])
def test_fixed_steps_know_the_time_in_the_precision_of_y(method: str) -> None:
    asked = []

    def slope(y: Any, t: Any) -> Any:
        asked.append(t.dtype)
        return dt.exp(t) + 0 * y

    for start, dtype in ((np.float64(1), dt.float64), (np.complex128(1), dt.float64)):
        asked.clear()
        y = integrate.odeint_fixed(slope, dt.asarray(start), [0.0, 1.0], dt=0.001, method=method)
        assert set(asked) == {dtype}
        bound = 1e-12 if method == "rk4" else 1e-6
        assert abs(complex(y[1].item()) - math.e) < bound
    with pytest.raises(ValueError, match="y0 is int64"):
        integrate.odeint_fixed(slope, dt.asarray([1, 2]), [0.0, 1.0], method=method)


@pytest.mark.parametrize(("method", "order"), [("rk4", 4), ("midpoint", 2)])
def test_fixed_steps_have_their_order(method: str, order: int) -> None:
    t = np.array([0.0, 1.0, 2.0])

    def error(length: float) -> float:
        y = integrate.odeint_fixed(oscillator, START, t, dt=length, method=method)
        return float(np.abs(np.asarray(y) - judge(t)).max())

    assert error(0.1) / error(0.05) == pytest.approx(2**order, rel=0.35)


def test_fixed_steps_compile_and_have_gradients() -> None:
    def at_one(k: Any) -> Any:
        start = dt.asarray(1.0, dtype=dt.float64)
        return integrate.odeint_fixed(lambda y, t: -k * y, start, [0.0, 1.0], dt=0.05)[1]

    k = dt.asarray(1.5, dtype=dt.float64)
    assert dt.jit(at_one)(k).item() == pytest.approx(math.exp(-1.5), rel=1e-6)
    assert dt.grad(at_one)(k).item() == pytest.approx(-math.exp(-1.5), rel=1e-6)


def test_what_cannot_be_solved_is_said() -> None:
    one = dt.asarray(1.0, dtype=dt.float64)
    with pytest.raises(ArithmeticError, match=r"odeint's step became .* at t = 1\.00"):
        integrate.odeint(lambda y, t: y * y, one, [0.0, 2.0])
    with pytest.raises(ArithmeticError, match=r"took 5 steps and is at t = .* raise max_num_steps"):
        integrate.odeint(oscillator, START, [0.0, 100.0], options={"max_num_steps": 5})
    with pytest.raises(ValueError, match="strictly increase or strictly decrease"):
        integrate.odeint(oscillator, START, [0.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="has the method 'dopri5', not 'bdf'"):
        integrate.odeint(oscillator, START, [0.0, 1.0], method="bdf")
    with pytest.raises(ValueError, match="has no option 'steps'"):
        integrate.odeint(oscillator, START, [0.0, 1.0], options={"steps": 3})
    with pytest.raises(ValueError, match="y0 is int64"):
        integrate.odeint(oscillator, dt.asarray([1, 2]), [0.0, 1.0])
    with pytest.raises(ValueError, match="a step needs a length above 0"):
        integrate.odeint_fixed(oscillator, START, [0.0, 1.0], dt=0.0)
