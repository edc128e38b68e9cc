"""Complex numbers: into arrays and out of them, what they promote to, which ops take them."""

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import COMPLEX, DTYPES
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative

BOTH = pytest.mark.parametrize("dtype", [dt.complex64, dt.complex128], ids=str)
VALUES = [1 + 2j, -0.5j, 3.0, complex(math.inf, -1)]


# ---- in and out ----------------------------------------------------------------------------------


def test_python_numbers_become_complex64_unless_asked() -> None:
    assert dt.asarray(1j).dtype is dt.asarray([1, 2.5, 3j]).dtype is dt.complex64
    assert dt.asarray([[1, 2], [3, 4]], dtype=dt.complex128).tolist() == [[1, 2], [3, 4]]
    assert dt.full((2,), 1 - 2j).dtype is dt.dtype(complex) is dt.complex64
    assert dt.full((), 1j, dtype="complex128").item() == 1j


@BOTH
def test_values_go_through_every_door(dtype: Any, tmp_path: Path) -> None:
    x = dt.asarray(VALUES, dtype=dtype)
    data = np.asarray(x)
    assert data.dtype == dtype.name
    assert x.tolist() == data.tolist() == VALUES
    assert dt.asarray(data).dtype is dtype
    assert dt.asarray(data[::-1], copy=True).tolist() == VALUES[::-1]
    assert memoryview(x).format == {dt.complex64: "Zf", dt.complex128: "Zd"}[dtype]
    for other in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), dt.from_dlpack(x)):
        assert other.dtype is dtype
        assert other.tolist() == VALUES
    program = dt.jit(lambda a: a * (2 - 1j))
    path = tmp_path / "complex.dvt"
    dt.save(path, program, [x])
    np.testing.assert_array_equal(np.asarray(dt.load(path)(x)), np.asarray(program(x)))


@BOTH
def test_a_saved_program_keeps_complex_constants(dtype: Any, tmp_path: Path) -> None:
    table = dt.asarray([[1j, 2], [3, -4j]], dtype=dtype)

    def f(x: Any) -> Any:
        return dt.pad(dt.matmul(x, table), low=(1, 0), high=(0, 1), value=0.5j) + dt.full(
            (3, 3), -1j, dtype
        )

    x = dt.asarray([[1 + 1j, 0], [0, 1]], dtype=dtype)
    path = tmp_path / "table.dvt"
    dt.save(path, dt.jit(f), [x])
    np.testing.assert_array_equal(np.asarray(dt.load(path)(x)), np.asarray(f(x)))


@BOTH
def test_one_element_becomes_a_python_number(dtype: Any) -> None:
    x = dt.asarray(1.5 - 2j, dtype=dtype)
    assert x.item() == complex(x) == 1.5 - 2j
    assert complex(dt.asarray(2)) == 2
    assert complex(dt.asarray(True)) == 1
    assert bool(x)
    for convert in (float, int):
        with pytest.raises(TypeError, match="imaginary part"):
            convert(x)
    with pytest.raises(OpError, match="one element"):
        complex(dt.asarray([1j, 2j]))
    with pytest.raises(TypeError, match="index"):
        [0][dt.asarray(0, dtype=dtype)]


def test_the_end_of_what_the_numbers_of_python_allow() -> None:
    with pytest.raises(TypeError, match="index"):
        range(3)[dt.asarray([1])]
    with pytest.raises(ValueError, match="NaN"):
        int(dt.asarray(math.nan))
    with pytest.raises(OverflowError):
        int(dt.asarray(math.inf))
    assert complex(dt.asarray(math.inf)) == math.inf


def test_complex_lines_are_numpys() -> None:
    for start, stop in ((0j, 1 - 2j), (1, 3j), (2 + 1j, 2)):
        x = dt.linspace(start, stop, 7)
        assert x.dtype is dt.complex64
        np.testing.assert_allclose(np.asarray(x), np.linspace(start, stop, 7), rtol=1e-6)
        assert x[-1].item() == stop
    assert dt.linspace(0j, 1, 4, dtype=dt.complex128, endpoint=False).tolist() == [
        0,
        0.25,
        0.5,
        0.75,
    ]
    with pytest.raises(OpError, match="complex"):
        dt.linspace(0j, 1, 4, dtype=dt.float32)


def test_a_complex_array_prints_as_numpys_does() -> None:
    assert repr(dt.asarray([1 + 2j, 3])) == "Array([1.+2.j, 3.+0.j], dtype=complex64)"


def test_signs_of_zeros_stay_apart() -> None:
    for value in (complex(0.0, -0.0), complex(-0.0, 0.0), 0j, complex(-0.0, -0.0)):
        wanted = [math.copysign(1, p) < 0 for p in (value.real, value.imag)]
        operand = dt.where(dt.asarray([True]), value, 1j)  # Python's numbers come from a cache
        padded = dt.pad(dt.asarray([1j]), low=(1,), high=(0,), value=value)[:1]
        for x in (dt.asarray([value]), dt.full((1,), value), operand, padded):
            assert np.signbit(np.asarray(x).view(np.float32)).tolist() == wanted


# ---- promotion -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (dt.float32, dt.complex64, dt.complex64),
        (dt.float64, dt.complex64, dt.complex128),
        (dt.float32, dt.complex128, dt.complex128),
        (dt.float16, dt.complex64, dt.complex64),
        (dt.int64, dt.complex64, dt.complex64),
        (dt.bool, dt.complex128, dt.complex128),
    ],
)
def test_arrays_promote_by_the_table(a: Any, b: Any, expected: Any) -> None:
    x, y = dt.ones(2, dtype=a), dt.ones(2, dtype=b)
    assert dt.result_type(a, b) is (x + y).dtype is (y * x).dtype is expected
    assert dt.where(x == y, x, y).dtype is dt.concat([x, y]).dtype is expected
    assert dt.can_cast(a, expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_python_complex_keeps_the_precision_of_the_array(dtype: Any) -> None:
    wide = dtype in (dt.float64, dt.complex128)
    expected = dt.complex128 if wide else dt.complex64
    x = dt.ones(2, dtype=dtype)
    assert (x * 1j).dtype is (1j + x).dtype is dt.result_type(x, 1j) is expected
    assert dt.jit(lambda a: a * 1j)(x).dtype is expected
    assert dt.result_type(dtype, 2.5) is (x * 2.5).dtype


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_python_complex_is_a_number_to_compiled_functions(dtype: Any) -> None:
    f = dt.jit(lambda a, b: a * b + a)
    x = dt.asarray([1, 0], dtype=dtype)
    for number in (1j, 2 - 1j, 2.5):
        found, wanted = f(x, number), x * number + x
        assert found.dtype is wanted.dtype
        assert found.tolist() == wanted.tolist()
    assert f(2.0, 1j).item() == 2 + 2j
    assert f(2.0, 1j).dtype is dt.complex64


def test_complex_never_becomes_real_by_itself() -> None:
    z = dt.asarray([1j])
    with pytest.raises(OpError, match=r"real\(\), imag\(\) or abs\(\)"):
        dt.astype(z, dt.float32)
    with pytest.raises(OpError, match=r"floor.*complex64"):
        dt.floor(z)
    with pytest.raises(OpError, match=r"less.*complex64"):
        z < 1  # noqa: B015
    x = dt.zeros(2)
    with pytest.raises(OpError, match="without loss"):
        x[0] = 1j
    z[0] = 2
    assert z.tolist() == [2]
    assert dt.astype(dt.asarray([0j, 1e-30j]), dt.bool).tolist() == [False, True]
    with pytest.raises(OpError, match="complex"):
        dt.full((2,), 1j, dtype=dt.float32)


# ---- questions -----------------------------------------------------------------------------------


def test_questions_about_complex_dtypes() -> None:
    assert dt.isdtype(dt.complex64, "complex floating")
    assert dt.isdtype(dt.complex128, "numeric")
    assert not dt.isdtype(dt.complex128, ("real floating", "integral"))
    assert dt.finfo(dt.complex64) == dt.finfo(dt.float32)
    assert dt.finfo(dt.asarray(1j, dtype=dt.complex128)).dtype is dt.float64
    assert not dt.can_cast(dt.complex64, dt.float64)
    assert dt.can_cast(dt.complex64, dt.complex128)


def test_the_namespace_says_what_it_has() -> None:
    info = dt.__array_namespace_info__()
    assert info.dtypes(kind="complex floating") == {
        "complex64": dt.complex64,
        "complex128": dt.complex128,
    }
    assert set(info.dtypes(kind=("bool", "unsigned integer"))) == {
        *("bool", "uint8", "uint16", "uint32", "uint64")
    }
    assert len(info.dtypes(device="cpu")) == 13
    assert all(getattr(dt, name) is dtype for name, dtype in info.dtypes().items())
    kinds = {
        "real floating": dt.asarray(1.0),
        "complex floating": dt.asarray(1j),
        "integral": dt.asarray(1),
        "indexing": dt.argmax(dt.ones(2)),
    }
    assert info.default_dtypes() == {kind: x.dtype for kind, x in kinds.items()}
    assert info.default_device() in info.devices()
    assert dt.ones((1,) * info.capabilities()["max dimensions"]).ndim == 64
    with pytest.raises(dt.DovetailError, match="nowhere"):
        info.dtypes(device="nowhere:0")
    assert dt.__array_api_version__ == "2025.12"


# ---- ops -----------------------------------------------------------------------------------------


@BOTH
def test_parts_and_conjugate(dtype: Any) -> None:
    z = dt.asarray([[1 + 2j, -3j], [0, 4]], dtype=dtype)
    part = dt.float32 if dtype is dt.complex64 else dt.float64
    for name, found in (("real", dt.real(z)), ("imag", dt.imag(z)), ("abs", dt.abs(z))):
        assert found.dtype is part
        np.testing.assert_array_equal(np.asarray(found), getattr(np, name)(np.asarray(z)))
    assert dt.conj(z).tolist() == np.conj(np.asarray(z)).tolist()
    assert (dt.real(z) + 1j * dt.imag(z)).tolist() == z.tolist()
    assert dt.real(z.T).tolist() == np.asarray(z).T.real.tolist()


def test_parts_of_real_numbers() -> None:
    x = dt.asarray([1, -2], dtype=dt.int8)
    assert dt.real(x).tolist() == dt.conj(x).tolist() == [1, -2]
    assert dt.imag(x).tolist() == [0, 0]
    assert dt.imag(x).dtype is dt.real(x).dtype is dt.int8
    assert dt.imag(2.5).item() == 0


@BOTH
def test_indexing_and_layout(dtype: Any) -> None:
    data = (np.arange(24) * (1 - 2j)).reshape(2, 3, 4).astype(dtype.name)
    z = dt.asarray(data)
    np.testing.assert_array_equal(np.asarray(z[:, ::-1, 1]), data[:, ::-1, 1])
    np.testing.assert_array_equal(np.asarray(z[..., dt.asarray([3, 0])]), data[..., [3, 0]])
    np.testing.assert_array_equal(np.asarray(z[dt.real(z) > 3]), data[data.real > 3])
    np.testing.assert_array_equal(np.asarray(dt.roll(z, 1, axis=2)), np.roll(data, 1, axis=2))
    z[0, 1:] = 5j
    data[0, 1:] = 5j
    np.testing.assert_array_equal(np.asarray(z), data)
    assert dt.any(z, axis=(0, 1)).tolist() == data.any(axis=(0, 1)).tolist()


def test_compiled_chains_are_what_eager_ones_are() -> None:
    z = dt.asarray(np.linspace(-1, 1, 33) * (2 - 1j))

    def chain(a: Any) -> Any:
        return dt.abs(dt.exp(a * 1j) + dt.conj(a) / 3) ** 2 - dt.real(a)

    np.testing.assert_allclose(np.asarray(dt.jit(chain)(z)), np.asarray(chain(z)), rtol=1e-12)


# ---- derivatives ---------------------------------------------------------------------------------

Z = np.array([0.3 - 1.2j, 2 + 0.5j, -0.7 + 0.4j])


@pytest.mark.parametrize(
    "function",
    [
        lambda z: dt.abs(z) ** 2,
        lambda z: dt.real(z * z) * dt.imag(z),
        lambda z: dt.conj(z) / z,
        lambda z: dt.sign(z),
        lambda z: dt.where(dt.real(z) > 0, z**3, dt.conj(z)),
        lambda z: dt.astype(dt.abs(z), dt.complex128) * z,
        lambda z: dt.prod(z) + dt.mean(dt.exp(z)) + dt.sum(z * z),
        lambda z: dt.matmul(z[:, None], dt.conj(z)[None, :]),
        lambda z: dt.power(z, z),
        lambda z: dt.concat([z[1:], z * 2])[::-1],
        lambda z: dt.take(z, dt.asarray([2, 2, 0])) ** 2,
    ],
)
def test_gradients_through_complex_values_are_right(function: Any) -> None:
    check_derivative(function, [dt.asarray(Z)], [0], "eager")
    check_derivative(dt.jit(function), [dt.asarray(Z)], [0], "compiled")


def test_the_gradient_of_a_real_argument_through_complex_values() -> None:
    x = dt.asarray([0.3, -1.1, 2.0], dtype=dt.float64)

    def f(a: Any) -> Any:
        return dt.abs(dt.exp(1j * a) + a) ** 2

    check_derivative(f, [x], [0], "a phase")
    assert dt.grad(lambda a: dt.sum(f(a)))(x).dtype is dt.float64


def test_the_convention_is_the_one_that_is_written_down() -> None:
    gradient = dt.grad(lambda z: dt.real(z))(dt.asarray(1 + 1j))
    assert gradient.item() == 1
    gradient = dt.grad(lambda z: dt.imag(z))(dt.asarray(1 + 1j))
    assert gradient.item() == -1j  # df/dx - i df/dy
    value, pull = dt.vjp(lambda z: z * z, dt.asarray(1 + 1j))
    assert value.item() == 2j
    assert pull(dt.asarray(1 + 0j))[0].item() == 2 + 2j  # no conjugate


def test_transforms_of_complex_values_compose() -> None:
    z, t = dt.asarray(Z), dt.asarray(Z[::-1] * (0.2 - 1j))

    def f(a: Any) -> Any:
        return dt.conj(a) * a * a + dt.abs(a) + 1j * dt.real(a)

    step = 1e-6 * np.asarray(t)
    slope = (np.asarray(f(z + step)) - np.asarray(f(z - step))) / 2e-6
    np.testing.assert_allclose(np.asarray(dt.jvp(f, (z,), (t,))[1]), slope, atol=1e-8)

    def loss(a: Any) -> Any:
        return dt.sum(dt.abs(f(a)) ** 2)

    def scanned(a: Any) -> Any:
        last, rows = dt.scan(lambda c, x: (c * x + 1j, dt.conj(c)), a[0], a)
        return dt.abs(last) ** 2 + dt.real(dt.sum(rows * rows))

    def unrolled(a: Any) -> Any:
        c, rows = a[0], []
        for i in range(3):
            rows.append(dt.conj(c))
            c = c * a[i] + 1j
        return dt.abs(c) ** 2 + dt.real(dt.sum(dt.stack(rows) ** 2))

    pairs = [
        (dt.grad(dt.checkpoint(loss))(z), dt.grad(loss)(z)),
        (dt.vmap(dt.grad(dt.jit(loss)))(dt.stack([t, z]))[1], dt.grad(loss)(z)),
        (dt.grad(dt.jit(scanned))(z), dt.grad(unrolled)(z)),
    ]
    for found, wanted in pairs:
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-10)


def test_a_complex_value_has_no_gradient() -> None:
    with pytest.raises(OpError, match=r"complex64.*scalar"):
        dt.grad(lambda z: z)(dt.asarray(1j))


@pytest.mark.parametrize("dtype", sorted(set(DTYPES) - COMPLEX - {dt.bool}, key=str), ids=str)
def test_abs_squared_of_a_real_number_is_its_square(dtype: Any) -> None:
    x = dt.asarray([1, 2, 3], dtype=dtype)
    assert (dt.abs(x) ** 2).tolist() == [1, 4, 9]


# ---- kernels -------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("n", [1, 7, 8, 255, 257, 5000, 70_001])
def test_sums_of_any_length_are_pairwise(dtype: Any, n: int) -> None:
    data = np.full((3, n), 0.1 - 0.3j).astype(dtype.name)
    data[:, ::2] *= -3
    wide = data.astype(np.clongdouble)
    unit = np.finfo(dtype.name).eps * np.abs(wide).sum()
    for axis in (None, 0, 1, (0, 1)):
        for name in ("sum", "mean"):
            found = np.asarray(getattr(dt, name)(dt.asarray(data), axis=axis))
            error = np.abs(found - getattr(wide, name)(axis=axis)).max()
            assert error <= 4 * unit, (name, axis)


@BOTH
def test_large_arrays_move_as_numpys_do(dtype: Any) -> None:
    data = (np.arange(120_000) * (1 - 0.5j)).reshape(300, 400).astype(dtype.name)
    z = dt.asarray(data)
    at = np.arange(0, 300, 7)[::-1].copy()
    rows = dt.asarray(at)
    pairs = [
        (dt.copy(z.T), data.T),
        (dt.copy(z[::-3, ::2]), data[::-3, ::2]),
        (dt.concat([z, z[:5]]), np.concatenate([data, data[:5]])),
        (
            dt.pad(z, low=(1, 0), high=(2, 3), value=2 - 1j),
            np.pad(data, ((1, 2), (0, 3)), constant_values=2 - 1j),
        ),
        (dt.pad(z, low=(0, 1), high=(0, 0)), np.pad(data, ((0, 0), (1, 0)))),
        (dt.take(z, rows, axis=0), data[at]),
        (dt.where(dt.real(z) > 50, z, 1j), np.where(data.real > 50, data, 1j)),
        (dt.where(dt.real(z) > 50, z.T[0, 0], z), np.where(data.real > 50, data[0, 0], data)),
        (dt.where(dt.real(z[:, :1]) > 50, z, -z), np.where(data.real[:, :1] > 50, data, -data)),
        (dt.full((7, 9), 1 - 2j, dtype), np.full((7, 9), 1 - 2j)),
    ]
    for found, wanted in pairs:
        assert found.dtype is dtype
        np.testing.assert_array_equal(np.asarray(found), wanted)
    for name in ("scatter", "scatter_add"):
        found = getattr(dt, name)(z, rows, z[: len(at)], axis=0)
        wanted = data.copy()
        wanted[at] = data[: len(at)] + (data[at] if name == "scatter_add" else 0)
        np.testing.assert_array_equal(np.asarray(found), wanted)
    other = dt.complex128 if dtype is dt.complex64 else dt.complex64
    np.testing.assert_array_equal(np.asarray(z.astype(other)), data.astype(other.name))


@BOTH
def test_arithmetic_of_every_layout_agrees_with_numpys(dtype: Any) -> None:
    ends = [0.0, -0.0, 1.0, -2.5, math.inf, -math.inf, math.nan, 1e-3, 3e5]
    special = np.array([complex(a, b) for a in ends for b in ends])
    random = np.random.default_rng(5)
    drawn = random.normal(size=4000) + 1j * random.normal(size=4000)
    x = np.concatenate([np.repeat(special, len(special)), drawn]).astype(dtype.name)
    y = np.concatenate([np.tile(special, len(special)), drawn[::-1]]).astype(dtype.name)
    a, b = dt.asarray(x), dt.asarray(y)
    every_other = dt.stack([a, a], axis=1)[:, 0]
    with np.errstate(all="ignore"):
        for name in ("add", "subtract", "multiply", "divide", "equal", "not_equal"):
            op, numpys = getattr(dt, name), getattr(np, name)
            for left, right, wanted in (
                (a, b, numpys(x, y)),
                (every_other, b, numpys(x, y)),
                (a, 2 - 1j, numpys(x, x.dtype.type(2 - 1j))),
                (0.5, b, numpys(y.dtype.type(0.5), y)),
            ):
                _same(np.asarray(op(left, right)), wanted, name)
        for name in ("negative", "conj", "square", "real", "imag", "abs"):
            op, numpys = getattr(dt, name), getattr(np, name)
            for operand in (a, every_other):
                _same(np.asarray(op(operand)), numpys(x), name)


def _same(found: Any, wanted: Any, what: str) -> None:
    assert found.dtype == wanted.dtype, what
    if found.dtype == bool:
        np.testing.assert_array_equal(found, wanted, what)
        return
    parts = (found.real, wanted.real), (found.imag, wanted.imag)
    sizes = (np.nan_to_num(np.abs(theirs), posinf=0) for _, theirs in parts)
    unit = np.finfo(found.dtype).eps * np.maximum(*sizes)
    for ours, theirs in parts:
        finite = np.isfinite(theirs) & np.isfinite(ours)
        assert (np.abs(ours - theirs) <= 4 * unit)[finite].all(), what
        assert (np.isnan(ours) == np.isnan(theirs))[~finite].all(), what
        assert (np.sign(ours) == np.sign(theirs))[~finite & ~np.isnan(theirs)].all(), what


def test_an_index_out_of_range_is_an_error_for_complex_arrays_too() -> None:
    z = dt.asarray([1j, 2j], dtype=dt.complex128)
    with pytest.raises(OpError, match="index 2 is out of range"):
        dt.take(z, dt.asarray([2]))


def test_many_arrays_are_joined() -> None:
    parts = [dt.asarray([k * 1j], dtype=dt.complex128) for k in range(40)]
    assert dt.concat(parts).tolist() == [k * 1j for k in range(40)]
