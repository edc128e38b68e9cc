"""What the array standard decides and numpy, Python or C decide otherwise."""

from typing import Any

import numpy as np
import pytest

import dovetail as dt

inf, nan = float("inf"), float("nan")


def same(found: Any, wanted: complex) -> None:
    """Equal with the signs of zeros; NaN equals NaN."""
    for ours, theirs in [(found.real, wanted.real), (found.imag, wanted.imag)]:
        np.testing.assert_equal(ours, theirs)
        assert np.isnan(theirs) or np.signbit(ours) == np.signbit(theirs)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        (inf, 2.0, inf),
        (inf, -2.0, -inf),
        (-inf, 2.0, -inf),
        (-inf, -2.0, inf),
        (3.0, -inf, -0.0),
        (-3.0, inf, -0.0),
        (3.0, inf, 0.0),
        (-0.0, inf, -0.0),
        (inf, inf, nan),
        (nan, inf, nan),
        (-7.0, 2.0, -4.0),
    ],
)
@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_floor_divide_is_the_floor_of_the_quotient(
    x: float, y: float, wanted: float, kind: dt.DType
) -> None:
    a, b = dt.full(17, x, dtype=kind), dt.full(17, y, dtype=kind)
    for found in (a // b, dt.jit(dt.floor_divide)(a, b)):
        for value in found.tolist():
            same(value, wanted)


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_the_sign_of_a_zero_is_zero(kind: dt.DType) -> None:
    for value in dt.sign(dt.full(17, -0.0, dtype=kind)).tolist():
        same(value, 0.0)


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        (complex(-0.0, 0.0), 0j),
        (complex(inf, 0.0), complex(inf, 0.0)),
        (complex(-inf, inf), complex(-1, 0)),
        (complex(-inf, nan), complex(-1, 0)),
        (complex(inf, inf), complex(inf, nan)),
        (complex(inf, nan), complex(inf, nan)),
        (complex(nan, 0.0), complex(nan, 0.0)),
        (complex(1.0, inf), complex(nan, nan)),
    ],
)
def test_complex_expm1_at_the_ends(x: complex, wanted: complex) -> None:
    same(dt.expm1(dt.asarray(x, dtype=dt.complex128)).item(), wanted)


def test_complex_expm1_is_exact_near_zero() -> None:
    x = complex(1e-12, -3e-13)
    assert dt.expm1(dt.asarray(x, dtype=dt.complex128)).item() == pytest.approx(x, rel=1e-11)
    z = np.asarray([0.5 + 2j, -3 + 0.1j, 2 - 1j])
    np.testing.assert_allclose(np.asarray(dt.expm1(dt.asarray(z))), np.exp(z) - 1, rtol=1e-13)


@pytest.mark.parametrize("x", [complex(inf, 1e10), complex(-inf, -2.0), complex(inf, 0.0)])
def test_complex_tanh_at_the_ends(x: complex) -> None:
    wanted = complex(np.sign(x.real), np.copysign(0.0, x.imag))
    same(dt.tanh(dt.asarray(x, dtype=dt.complex128)).item(), wanted)


def test_the_diagonal_of_eye_may_lie_anywhere() -> None:
    for k in (2**63, -(2**70), 3, -3):
        assert not dt.any(dt.eye(3, k=k)).item()
        x = dt.ones((2, 3, 3))
        assert dt.all(dt.tril(x, k=k)).item() is (k > 0)
        assert dt.all(dt.triu(x, k=k)).item() is (k < 0)
