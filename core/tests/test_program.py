"""Saving a function and loading it again, as a user does it."""

import functools
import os
import stat
import subprocess
import sys
import warnings
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail import backends
from dovetail.op import REGISTRY

Pair = namedtuple("Pair", ["left", "right"])


@dataclass
class State:
    mean: dt.Array
    count: dt.Array


def affine(path: Path) -> np.ndarray:
    """Save a small function to ``path``; gives its weights."""
    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    weights = dt.asarray(w)
    dt.save(path, lambda x: dt.nn.relu(x @ weights - 1.0), (dt.zeros((4, 3)),))
    return w


def test_a_loaded_program_gives_what_the_function_gave(tmp_path: Path) -> None:
    w = affine(tmp_path / "p.dt")
    program = dt.load(tmp_path / "p.dt")
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    expected = np.maximum(x @ w - 1, 0)
    np.testing.assert_allclose(np.asarray(program(dt.asarray(x))), expected, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(program(x)), expected, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(program(x.tolist())), expected, rtol=1e-6)
    np.testing.assert_allclose(program.reference(x), expected, rtol=1e-6)


def test_a_process_without_the_code_runs_it(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    code = (
        "import dovetail as dt, sys\n"
        "program = dt.load(sys.argv[1])\n"
        "print(program(dt.ones((4, 3))).tolist()[0])\n"
        "print('test_program' in sys.modules, 'pickle' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "p.dt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[5.0, 8.0]"


def test_inputs_and_outputs_are_described(tmp_path: Path) -> None:
    def move(x, state):
        return {"y": x + state["v"], "parts": [x, (state["v"], None)]}

    dt.save(tmp_path / "p.dt", move, (dt.zeros((2,)), {"v": dt.ones((2,))}))
    program = dt.load(tmp_path / "p.dt")
    assert [str(one) for one in program.inputs] == ["x: float32[2]", "state['v']: float32[2]"]
    result = program(dt.asarray([1.0, 2.0]), {"v": dt.asarray([10.0, 20.0])})
    assert result["y"].tolist() == [11.0, 22.0]
    x, (v, nothing) = result["parts"]
    assert (x.tolist(), v.tolist(), nothing) == ([1.0, 2.0], [10.0, 20.0], None)
    assert len(program.outputs) == 3


def test_named_tuples_and_data_classes_become_records(tmp_path: Path) -> None:
    def swap(pair, state):
        return Pair(pair.right, pair.left), State(mean=state.mean * 2.0, count=state.count)

    example = Pair(dt.zeros(()), dt.ones(())), State(mean=dt.ones(2), count=dt.zeros(2))
    dt.save(tmp_path / "p.dt", swap, example)
    program = dt.load(tmp_path / "p.dt")
    for state in (example[1], {"mean": dt.ones(2), "count": dt.zeros(2)}):
        pair, after = program(example[0], state)
        assert (pair.left.item(), pair["right"].item()) == (1.0, 0.0)
        assert after.mean.tolist() == [2.0, 2.0]
        assert repr(pair).startswith("Pair(left=")
    # What a program gives it takes again.
    pair, after = program(pair, after)
    assert (pair.left.item(), after.mean.tolist()) == (0.0, [4.0, 4.0])


def test_wrong_inputs_get_sentences(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    program = dt.load(tmp_path / "p.dt")
    cases = [
        ((), "takes 1 arguments"),
        ((dt.zeros((4, 2)),), r"x must be float32\[4, 3\], not float32\[4, 2\]; a program keeps"),
        ((np.zeros((4, 3)),), r"not float64\[4, 3\]; convert it with astype"),
    ]
    for inputs, words in cases:
        with pytest.raises(dt.ProgramError, match=words):
            program(*inputs)
        with pytest.raises(dt.ProgramError, match=words):
            program.reference(*inputs)


def test_wrong_containers_get_sentences(tmp_path: Path) -> None:
    example = ({"a": dt.zeros(1), "b": (dt.zeros(1), None)}, [dt.zeros(1)])
    dt.save(tmp_path / "p.dt", lambda d, s: d["a"] + d["b"][0] + s[0], example)
    program = dt.load(tmp_path / "p.dt")
    one = dt.zeros(1)
    for arguments, words in [
        (({"a": one}, [one]), r"d must be a dict with the keys \['a', 'b'\], not a dict with"),
        (({"a": one, "b": (one,)}, [one]), r"d\['b'\] must be a tuple of 2, not a tuple of 1"),
        (({"a": one, "b": (one, one)}, [one]), r"d\['b'\]\[1\] must be None"),
        (({"a": one, "b": (one, None)}, (one,)), r"s must be a list of 1, not a tuple of 1"),
    ]:
        with pytest.raises(dt.ProgramError, match=words):
            program(*arguments)


@pytest.mark.parametrize("name", [t.name for t in dt.dtypes.DTYPES])
def test_every_dtype_keeps_its_bits(tmp_path: Path, name: str) -> None:
    kind = dt.dtype(name)
    values = [0, 1, 1, 0] if kind.kind == "bool" else [0, 1, 2, 100]
    weights = dt.asarray(values, dtype=kind)
    dt.save(tmp_path / "p.dt", lambda x: (x, weights), (dt.asarray([1], dtype=kind),))
    _, found = dt.load(tmp_path / "p.dt", verify=True)(dt.asarray([0], dtype=kind))
    assert found.dtype is kind
    assert found.tolist() == weights.tolist()


def test_special_floats_keep_their_bits(tmp_path: Path) -> None:
    for name, carrier in [("float16", np.uint16), ("float32", np.uint32), ("float64", np.uint64)]:
        values = np.array([np.nan, -0.0, np.inf, -np.inf, 1e-40], name)
        weights = dt.asarray(values)
        dt.save(tmp_path / "p.dt", lambda: weights, ())  # noqa: B023
        found = np.asarray(dt.load(tmp_path / "p.dt")())
        assert found.view(carrier).tolist() == values.view(carrier).tolist()


def test_numbers_scalars_and_empty_arrays_are_inputs_and_weights(tmp_path: Path) -> None:
    empty = dt.zeros((0, 3))
    dt.save(tmp_path / "p.dt", lambda x, k: (x * k, empty, dt.sum(empty)), (dt.ones(()), 2.0))
    scaled, nothing, total = dt.load(tmp_path / "p.dt")(dt.asarray(3.0), 5.0)
    assert (scaled.item(), nothing.shape, total.item()) == (15.0, (0, 3), 0.0)


def test_what_no_program_can_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dt.ProgramError, match=r"mode is 'fast', and a program takes only arrays"):
        dt.save(tmp_path / "p.dt", lambda x, mode: x, (dt.ones(1), "fast"))
    assert not list(tmp_path.iterdir())


def test_weights_have_the_names_of_variables(tmp_path: Path) -> None:
    params = {"conv": {"w": dt.ones((2, 2)), "b": dt.zeros(2)}, "scale": [dt.asarray([3.0, 4.0])]}

    def forward(params, x):
        return (x @ params["conv"]["w"] + params["conv"]["b"]) * params["scale"][0]

    dt.save(tmp_path / "p.dt", functools.partial(forward, params), (dt.ones((1, 2)),))
    text = dt.load(tmp_path / "p.dt").text
    for name in ("argument0.conv.w", "argument0.conv.b", "argument0.scale.0"):
        assert f"constant '{name}'" in text
    dt.save(tmp_path / "q.dt", lambda x: forward(params, x), (dt.ones((1, 2)),))
    assert "constant 'params.conv.w'" in dt.load(tmp_path / "q.dt").text


def test_repeated_constants_are_stored_once(tmp_path: Path) -> None:
    row = dt.asarray([1.0, 2.0, 3.0, 4.0])

    def f(x):
        return x + dt.asarray(np.tile([1.0, 2.0, 3.0, 4.0], (1000, 1)).astype(np.float32)) * row

    dt.save(tmp_path / "p.dt", f, (dt.zeros((1000, 4)),))
    assert (tmp_path / "p.dt").stat().st_size < 4000
    assert "broadcast_to@1" in dt.load(tmp_path / "p.dt").text
    found = dt.load(tmp_path / "p.dt")(dt.zeros((1000, 4)))
    assert found[999].tolist() == [1.0, 4.0, 9.0, 16.0]


def test_weights_with_a_name_keep_their_shape(tmp_path: Path) -> None:
    bias = dt.zeros((5000,))
    dt.save(tmp_path / "p.dt", lambda x: x + bias, (dt.ones((5000,)),))
    assert "float32[5000] = constant 'bias'" in dt.load(tmp_path / "p.dt").text


def test_saving_what_was_loaded_gives_the_same_program(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    program = dt.load(tmp_path / "p.dt")
    dt.save(tmp_path / "q.dt", program, ())
    again = dt.load(tmp_path / "q.dt")
    assert again.text == program.text
    assert (tmp_path / "q.dt").read_bytes() == (tmp_path / "p.dt").read_bytes()


def test_a_jitted_function_can_be_saved(tmp_path: Path) -> None:
    double = dt.jit(lambda x: x + x)
    dt.save(tmp_path / "p.dt", double, (dt.ones(3),))
    assert dt.load(tmp_path / "p.dt")(dt.asarray([1.0, 2.0, 3.0])).tolist() == [2.0, 4.0, 6.0]


def test_a_gradient_can_be_saved(tmp_path: Path) -> None:
    dt.save(tmp_path / "p.dt", dt.grad(lambda x: dt.sum(x * x * x)), (dt.ones(3),))
    assert dt.load(tmp_path / "p.dt")(dt.asarray([1.0, 2.0, 3.0])).tolist() == [3.0, 12.0, 27.0]


def test_constants_are_views_of_the_file(tmp_path: Path) -> None:
    weights = dt.asarray(np.arange(1 << 20, dtype=np.float32))
    dt.save(tmp_path / "p.dt", lambda x: x + weights, (weights,))
    before = dt.load(tmp_path / "p.dt")
    constant = next(before.graph.constants()).constant
    assert constant._address % 64 == 0
    if sys.platform == "linux":
        maps = Path("/proc/self/maps").read_text()
        rows = [line for line in maps.splitlines() if line.endswith(str(tmp_path / "p.dt"))]
        spans = [[int(part, 16) for part in row.split()[0].split("-")] for row in rows]
        assert any(low <= constant._address < high for low, high in spans)
        assert all(row.split()[1].startswith("r--") for row in rows), "mapped read-only"
    # The array outlives the program, and the file may be replaced while it is mapped.
    del before
    affine(tmp_path / "p.dt")
    assert constant[12345].item() == 12345.0


def test_saving_is_all_or_nothing(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    before = (tmp_path / "p.dt").read_bytes()

    class Unstorable:
        pass

    def broken(x):
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        dt.save(tmp_path / "p.dt", broken, (dt.zeros(1),))
    assert (tmp_path / "p.dt").read_bytes() == before
    with pytest.raises(OSError):
        affine(tmp_path / "missing" / "p.dt")
    assert [one.name for one in tmp_path.iterdir()] == ["p.dt"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    affine(tmp_path / "p.dt")
    before = (tmp_path / "p.dt").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        affine(tmp_path / "p.dt")
    assert (tmp_path / "p.dt").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["p.dt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_umask_decides_who_may_read_the_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        affine(tmp_path / "p.dt")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "p.dt").stat().st_mode) == 0o640


def test_explain_tells_what_the_file_holds(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    text = str(dt.load(tmp_path / "p.dt").explain())
    for part in ("takes x: float32[4, 3]", "gives result: float32[4, 2]", "matmul(%", "plan:"):
        assert part in text
    assert "float32[4, 3]" in repr(dt.load(tmp_path / "p.dt"))


def test_a_program_runs_on_the_device_it_is_sent_to(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    program = dt.load(tmp_path / "p.dt")
    expected = program.reference(np.ones((4, 3), np.float32))
    # Those of distributions: what other tests load by path may be meant to fail.
    words = [n for n, one in backends.installed().items() if one.record.distribution]
    assert "cpu" in words
    for device in map(dt.device, words):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a device with few kernels says so
            found = program.to_device(device.name)(dt.ones((4, 3)))
        assert found.device is device
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5)
    with pytest.raises(dt.DovetailError, match="nowhere"):
        program.to_device("nowhere:0")(dt.ones((4, 3)))


def test_the_registry_is_the_only_place_ops_come_from(tmp_path: Path) -> None:
    affine(tmp_path / "p.dt")
    relu = REGISTRY.pop("relu")
    try:
        with pytest.raises(dt.ProgramError, match="no op named relu; install"):
            dt.load(tmp_path / "p.dt")
    finally:
        REGISTRY["relu"] = relu
