"""Chains of element-wise ops on the CPU device: machine code, and the same bits as without it.

Random programs by the hundred thousand are in csrc/tests/cpu_jit_test.c; here is what a user sees.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast, plugins
from dovetail.errors import DovetailError

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-42, -1e-310, 88.8, -104.5, 1e9, 710.0]
WRITES_CODE = {"fma", "avx2", "f16c"} <= set(_fast.cpu_features())
needs_code = pytest.mark.skipif(
    not WRITES_CODE, reason="this processor lacks AVX2 with FMA, which the code is written for"
)


@pytest.fixture(autouse=True)
def _a_variant_with_code() -> None:
    dt.ones(1)
    [variant] = [r.variant for r in plugins.records() if r.name == "cpu"]
    if variant not in ("avx2", "avx512"):
        pytest.skip(f"the variant {variant} of the CPU device writes no code")


def numbers(dtype: Any, seed: int, n: int = 203) -> dt.Array:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.standard_normal(n - len(SPECIAL)) * 4, SPECIAL])
    with np.errstate(over="ignore"):
        return dt.asarray(rng.permutation(values)).astype(dtype)


def interpreted(f: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The same, compiled while ``DOVETAIL_JIT`` is 0."""

    def run(*arrays: dt.Array) -> Any:
        with monkeypatch.context() as inside:
            inside.setenv("DOVETAIL_JIT", "0")
            compiled = dt.jit(lambda *x: f(*x))
            said = [step.description for step in compiled.explain(*arrays).parts[0].steps]
            assert any(text.startswith("a tile program, interpreted") for text in said)
            return compiled(*arrays)

    return run


def same_bits(a: dt.Array, b: dt.Array) -> bool:
    x, y = (np.asarray(v.astype(dt.float64) if v.dtype.itemsize == 2 else v) for v in (a, b))
    nan = np.isnan(x) & np.isnan(y)
    kind = f"u{x.dtype.itemsize}"
    return bool(np.all(nan | (x.view(kind) == y.view(kind))))


UNARY = """abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor log log10 log1p log2
negative reciprocal round sign sin sinh sqrt square tan tanh trunc""".split()
BINARY = "add subtract multiply divide maximum minimum".split()


@needs_code
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_every_op_in_a_chain_has_the_bits_of_the_interpreter(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op, two = getattr(dt, name), name in BINARY
    x, y = numbers(dt.dtype(dtype), 1), numbers(dt.dtype(dtype), 2)

    def chain(x: dt.Array, y: dt.Array) -> dt.Array:
        found = op(x, y) if two else op(x)
        return dt.where(y > x, found * y, found)

    compiled = dt.jit(chain)
    [step] = compiled.explain(x, y).parts[0].steps
    assert step.description.startswith("a tile program in registers"), step.description
    assert same_bits(compiled(x, y), interpreted(chain, monkeypatch)(x, y))


@needs_code
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 31, 32, 33, 100, 5000])
def test_any_number_of_elements(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, scale = dt.asarray(np.linspace(-3, 3, n), dtype=dt.float32), dt.asarray(np.float32(1.3))
    chain = lambda x, scale: dt.tanh(x * scale) + scale  # noqa: E731
    assert same_bits(dt.jit(chain)(x, scale), interpreted(chain, monkeypatch)(x, scale))
    # What is transposed or broadcast goes through tiles.
    square = dt.asarray(np.random.default_rng(n).standard_normal((n % 70 + 1, 13)).astype("f4"))
    row = dt.asarray(np.linspace(1, 2, square.shape[0]), dtype=dt.float32)
    mixed = lambda a, row, scale: dt.exp(a.T) * row + scale  # noqa: E731
    given = (square, row, scale)
    assert same_bits(dt.jit(mixed)(*given), interpreted(mixed, monkeypatch)(*given))


@needs_code
def test_rare_arguments_go_through_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sines of huge numbers are the C library's; the code gives such vectors back."""
    x = dt.asarray(np.where(np.arange(1000) % 97 == 0, 1e8, np.arange(1000) / 7).astype("f4"))
    chain = lambda x: dt.sin(x) + dt.cos(x) * 2  # noqa: E731
    found = dt.jit(chain)(x)
    assert same_bits(found, interpreted(chain, monkeypatch)(x))
    wide = np.asarray(x).astype("f8")
    expected = np.sin(wide) + np.cos(wide) * 2
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=3e-7)


@needs_code
def test_explain_shows_the_code() -> None:
    found = dt.jit(lambda x: dt.exp(x) + 1.0).explain(dt.ones(100, dtype=dt.float32))
    [step] = found.parts[0].steps
    assert step.code in str(found.code).replace("\n  ", "\n") + "\n"
    assert found.code.startswith("step 0 on cpu:0, broadcast_to, exp, add\n  mov rcx, [rdi+0]\n")
    assert "vfmadd213ps" in step.code and step.code.endswith("exit:\n")
    assert "vfmadd" not in str(found) and "instructions" in str(found)


def test_what_has_no_code_says_why() -> None:
    x = dt.arange(10, dtype=dt.int32)
    [step] = dt.jit(lambda x: x * x + 1).explain(x).parts[0].steps
    assert "there is no code for" in step.description and "of these types" in step.description


def test_the_switch_takes_0_or_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_JIT", "off")
    with pytest.raises(DovetailError, match="DOVETAIL_JIT is 'off'; it must be"):
        dt.jit(lambda x: dt.exp(x) + 1)(dt.ones(3))


MAPS = """
import json, dovetail as dt
f = dt.jit(lambda x: dt.exp(x) + 1)
f(dt.ones(100))
pages = [line.split() for line in open("/proc/self/maps")]
print(json.dumps([[p[1], p[5] if len(p) > 5 else ""] for p in pages]))
"""


@needs_code
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the maps of a process")
def test_no_page_is_writable_and_executable() -> None:
    done = subprocess.run([sys.executable, "-c", MAPS], capture_output=True, text=True, check=True)
    maps = json.loads(done.stdout)
    assert not [p for p in maps if "w" in p[0] and "x" in p[0]]
    assert [p for p in maps if p[0] == "r-xp" and p[1] == ""], "code lies in memory of its own"


REFUSED = """
import ctypes, dovetail as dt
dt.ones(1) + 1  # libraries are loaded before the door is shut
libc = ctypes.CDLL(None)
if libc.prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: Linux 6.3
    raise SystemExit(77)
f = dt.jit(lambda x: dt.sqrt(x) + 1)
x = dt.asarray([4.0, 9.0])
print(f(x).tolist(), f.explain(x).parts[0].steps[0].description)
"""


@needs_code
@pytest.mark.skipif(sys.platform != "linux", reason="shuts the door with a call of Linux")
def test_where_executable_memory_is_refused_the_interpreter_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("this kernel cannot refuse executable memory")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[3.0, 4.0] a tile program, interpreted: this system refuses")
