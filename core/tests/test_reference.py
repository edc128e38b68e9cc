"""The reference: rounding, calls, graphs, and that a wrong record does not pass."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dovetail as dt
from dovetail.dtypes import DTYPES, bfloat16, bool_, float16, float32, float64, int8, int64
from dovetail.graph import Graph, Value
from dovetail.op import REGISTRY, Spec
from dovetail.reference import call, carrier, evaluate, rounded, run
from dovetail.trace import trace


def bfloat16_value(bits: int) -> float:
    return float(np.array([bits << 16], np.uint32).view(np.float32)[0])


def nearest_bfloat16(x: float) -> int:
    """Bits of the nearest bfloat16 by exact arithmetic over the neighbours, ties to even."""
    sign, magnitude = (0x8000, -x) if x < 0 else (0, x)
    low, high = 0, 0x7F80  # zero to infinity; the order of the bits is that of the values
    while high - low > 1:
        middle = (low + high) // 2
        if bfloat16_value(middle) <= magnitude:
            low = middle
        else:
            high = middle
    below = Fraction(bfloat16_value(low))
    # Beyond the largest number the next step counts as if the exponent went on.
    above = Fraction(2) ** 128 if high == 0x7F80 else Fraction(bfloat16_value(high))
    twice = 2 * Fraction(magnitude) - below - above
    if twice == 0:
        return sign | (low if low % 2 == 0 else high)
    return sign | (low if twice < 0 else high)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_bfloat16_is_the_nearest_to_a_double(x: float) -> None:
    got = rounded(np.float64(x), bfloat16)
    assert float(got) == bfloat16_value(nearest_bfloat16(x))


@given(st.integers(0, 0xFFFF), st.sampled_from([0.0, 1e-12, -1e-12, 1e-9, -1e-9]))
def test_bfloat16_decides_ties_by_what_was_lost(bits: int, nudge: float) -> None:
    low = bfloat16_value(bits & 0x7FFF)
    high = bfloat16_value((bits & 0x7FFF) + 1) if bits & 0x7FFF < 0x7F7F else np.inf
    if not np.isfinite(low) or not np.isfinite(high):
        return
    x = (low + high) / 2 * (1 + nudge)
    assert float(rounded(np.float64(x), bfloat16)) == bfloat16_value(nearest_bfloat16(x))


def test_bfloat16_keeps_every_value_it_has() -> None:
    bits = np.arange(1 << 16, dtype=np.uint32) << 16
    values = bits.view(np.float32)
    got = rounded(values, bfloat16)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(got.view(np.uint32)[number], bits[number])
    assert np.isnan(got[~number]).all()


def test_float16_is_the_nearest_to_a_double() -> None:
    # 2049 lies between 2048 and 2050; a hair above the tie goes up, also from double precision.
    assert rounded(np.float64(2049), float16) == 2048
    assert rounded(np.float64(2049 + 1e-9), float16) == 2050
    assert rounded(np.float64(65520), float16) == np.inf


@pytest.mark.parametrize("kind", DTYPES, ids=str)
def test_rounding_keeps_shape_and_gives_the_carrier(kind: object) -> None:
    for shape in ((), (0,), (2, 3)):
        got = rounded(np.ones(shape), kind)
        assert got.shape == shape
        assert got.dtype == carrier(kind)


def test_a_call_promotes_and_broadcasts() -> None:
    got = call(REGISTRY["add"], np.array([[1], [2]], np.int8), np.array([0.5, 1.5], np.float32))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[1.5, 2.5], [2.5, 3.5]])


def test_a_call_takes_bfloat16_by_its_name() -> None:
    x = rounded(np.float32([1.0, 3.0]), bfloat16)
    got = call(REGISTRY["divide"], x, np.float32(3), dtypes=(bfloat16, bfloat16))
    assert got[0] == np.float32(0.333984375)
    assert call(REGISTRY["divide"], x, np.float32(3))[0] == np.float32(1) / np.float32(3)


def test_precise_rounds_once() -> None:
    x = np.float32([3e38, 3e38, -3e38])
    assert call(REGISTRY["sum"], x) == np.inf
    assert call(REGISTRY["sum"], x, precise=True) == np.float32(3e38)


def test_a_call_raises_what_the_op_raises() -> None:
    with pytest.raises(dt.OpError, match="sum: axis 3 is out of range"):
        call(REGISTRY["sum"], np.ones(2), axis=3)
    with pytest.raises(dt.OpError, match="do not broadcast"):
        call(REGISTRY["add"], np.ones(2), np.ones(3))
    with pytest.raises(dt.OpError, match="no attribute colour"):
        call(REGISTRY["exp"], np.ones(2), colour=1)


def test_a_record_whose_rules_disagree_does_not_pass() -> None:
    exp = REGISTRY["exp"]
    x, spec = np.ones((2, 3)), Spec((2, 3), float64)
    assert evaluate(exp, [x], [spec], {})[0].shape == (2, 3)
    shape = replace(exp, infer=lambda x: Spec((3, 2), x.dtype))
    with pytest.raises(AssertionError, match=r"exp: infer says result 0 is float64\[3, 2\]"):
        evaluate(shape, [x], [spec], {})
    kind = replace(exp, infer=lambda x: Spec(x.shape, bool_))
    with pytest.raises(AssertionError, match="but numpy gives float64"):
        evaluate(kind, [x], [spec], {})
    count = replace(exp, infer=lambda x: (Spec(x.shape, x.dtype),) * 2)
    with pytest.raises(AssertionError, match="2 results inferred, 1 computed"):
        evaluate(count, [x], [spec], {})


def build() -> Graph:
    """(x * x, sum(x * x)) of three numbers."""
    graph = Graph(name="squares")
    x = Value(Spec((3,), float32))
    graph.inputs.append(x)
    (squares,) = graph.add(REGISTRY["multiply"], [x, x], {}, [x.spec])
    attributes = {"axis": (0,), "keepdims": False}
    (total,) = graph.add(REGISTRY["sum"], [squares], attributes, [Spec((), float32)])
    graph.outputs = [squares, total]
    return graph


def test_a_graph_runs_node_by_node() -> None:
    squares, total = run(build(), np.float32([1, 2, 3]))
    np.testing.assert_array_equal(squares, [1, 4, 9])
    assert total == 14
    assert total.dtype == np.float32


def test_a_graph_refuses_other_inputs_in_words() -> None:
    with pytest.raises(dt.OpError, match="squares has 1 inputs, not 2"):
        run(build(), np.float32([1]), np.float32([1]))
    with pytest.raises(dt.OpError, match=r"float32\[3\], not float32\[2\]"):
        run(build(), np.float32([1, 2]))
    with pytest.raises(dt.OpError, match="not float64"):
        run(build(), np.float64([1, 2, 3]))


def test_a_traced_function_runs_with_its_constants() -> None:
    weights = dt.asarray(np.float32([[1, 2], [3, 4], [5, 6]]))

    def model(x: dt.Array) -> dt.Array:
        return dt.tanh(x @ weights) + dt.max(x, axis=1, keepdims=True)

    x = np.float32([[0.1, -0.2, 0.05], [0, 0.3, -0.1]])
    graph = trace(model, (dt.asarray(x),)).graph
    (got,) = run(graph, x)
    np.testing.assert_allclose(got, np.asarray(model(dt.asarray(x))), rtol=1e-6)


def test_a_graph_of_bfloat16_rounds_after_every_op() -> None:
    def add_twice(x: dt.Array, y: dt.Array) -> dt.Array:
        return x + y + y

    one, small = np.float32(1), np.float32(2.0**-8)  # half a step of bfloat16 at 1
    arrays = [dt.asarray(v, dtype=dt.bfloat16) for v in (one, small)]
    (got,) = run(trace(add_twice, tuple(arrays)).graph, one, small)
    assert got == 1  # twice to even; in one step it would be 1 + 2 ** -7
    assert call(REGISTRY["add"], np.int8(100), np.int8(100)) == np.int8(-56)
    assert call(REGISTRY["sum"], np.int8([100, 100])).dtype == carrier(int8)
    assert call(REGISTRY["argmax"], np.ones(3)).dtype == carrier(int64)
