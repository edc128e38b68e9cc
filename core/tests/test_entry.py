"""A compiled function called from native code through dovetail_compiled.h."""

from __future__ import annotations

import cffi
import numpy as np
import pytest

import dovetail as dt
import dovetail_abi

COMPILED = """
struct compiled {
    uint32_t struct_size, flags;
    void *context;
    int32_t (*call)(void *, const void *const *, void *const *, dvt_error *);
    const dvt_tensor *inputs, *outputs;
    uint32_t n_inputs, n_outputs;
};
"""


def entry(function, *args):
    """The entry and its struct, read with a cffi that knows both headers."""
    text = (dovetail_abi.include_dir() / "dovetail.h").read_text()
    other = cffi.FFI()
    other.cdef(text.split("/* <cdef> */")[1].split("/* </cdef> */")[0])
    other.cdef(COMPILED)
    found = function.entry(*args)
    return other, found, other.cast("struct compiled *", found.address)


def call(other, compiled, inputs, outputs):
    error = other.new("dvt_error *")
    error.struct_size = other.sizeof("dvt_error")
    ins = other.new("const void *[]", [other.from_buffer(x) for x in inputs])
    outs = other.new("void *[]", [other.from_buffer(x, require_writable=True) for x in outputs])
    status = compiled.call(compiled.context, ins, outs, error)
    return status, other.string(error.message).decode()


def test_a_ten_op_graph_in_float64():
    def f(x, y):
        z = x * y + 1.0
        z = dt.exp(z) - x / (y * y + 2.0)
        return (z * z).sum(), z

    x, y = np.linspace(-1, 1, 4), np.linspace(1, 2, 4)
    other, keep, compiled = entry(dt.jit(f), dt.asarray(x), dt.asarray(y))
    assert (compiled.n_inputs, compiled.n_outputs) == (2, 2)
    assert compiled.inputs[0].shape[0] == 4
    assert compiled.outputs[0].ndim == 0
    total, z = np.zeros(()), np.zeros(4)
    for scale in (1.0, 0.5):
        status, text = call(other, compiled, [x * scale, y], [total, z])
        assert (status, text) == (0, "")
        a = x * scale
        expected = np.exp(a * y + 1) - a / (y * y + 2)
        np.testing.assert_allclose(z, expected, rtol=1e-12)
        np.testing.assert_allclose(total, (expected**2).sum(), rtol=1e-12)
    del keep


def test_results_that_are_inputs_or_appear_twice():
    c = dt.asarray([5.0, 6.0])
    f = dt.jit(lambda x: (x, x + 1.0, c, x + 1.0))
    other, keep, compiled = entry(f, dt.asarray([0.0, 0.0]))
    outs = [np.zeros(2, np.float32) for _ in range(4)]
    assert call(other, compiled, [np.asarray([1.0, 2.0], np.float32)], outs)[0] == 0
    for found, expected in zip(outs, ([1, 2], [2, 3], [5, 6], [2, 3]), strict=True):
        np.testing.assert_array_equal(found, expected)
    del keep


def test_a_failing_step_reports_its_text():
    f = dt.jit(lambda x, i: dt.take(x, i, axis=0) * 2.0)
    x, i = dt.asarray([1.0, 2.0]), dt.asarray([0, 1])
    other, keep, compiled = entry(f, x, i)
    out = np.zeros(2, np.float32)
    status, text = call(
        other, compiled, [np.ones(2, np.float32), np.asarray([0, 7], np.int64)], [out]
    )
    assert status < 0
    assert "out of range" in text
    assert (
        call(other, compiled, [np.ones(2, np.float32), np.asarray([0, 1], np.int64)], [out])[0] == 0
    )
    np.testing.assert_array_equal(out, [2.0, 2.0])
    with pytest.raises(dt.OpError, match="out of range"):
        f(x, dt.asarray([0, 7]))
    del keep
