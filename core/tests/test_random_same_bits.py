"""The same bits for the same key: eager and compiled, kernel and numpy, one key and many, every
instruction set that this machine has, one thread and two; and a table of frozen draws."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast, reference
from dovetail.op import REGISTRY

R = dt.random
TABLE = Path(__file__).parent / "random_answers.json"

FLOATS = (dt.float16, dt.bfloat16, dt.float32, dt.float64)
INTEGERS = (dt.int8, dt.int32, dt.int64, dt.uint8, dt.uint64)
LOGITS = (0.3, -1.0, 2.0, 0.0, 1.5)


def _logits(dtype: Any) -> Any:
    return dt.asarray(LOGITS, dtype=dtype)


# Name -> draw(key, shape, dtype) and the dtypes it has. The shape is that of the whole result
# without the axes that a draw adds itself.
DRAWS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "bits": (lambda k, s, t: R.bits(k, s, t), (dt.uint8, dt.uint16, dt.uint32, dt.uint64)),
    "uniform": (lambda k, s, t: R.uniform(k, s, t), FLOATS),
    "uniform -3 5": (lambda k, s, t: R.uniform(k, s, t, -3.0, 5.0), FLOATS),
    "normal": (lambda k, s, t: R.normal(k, s, t), FLOATS),
    "normal 2 0.5": (lambda k, s, t: R.normal(k, s, t, 2.0, 0.5), FLOATS),
    "truncated_normal": (lambda k, s, t: R.truncated_normal(k, -1.0, 2.5, s, t), FLOATS),
    "truncated_normal tail": (lambda k, s, t: R.truncated_normal(k, 4.0, dt.inf, s, t), FLOATS),
    "lognormal": (lambda k, s, t: R.lognormal(k, s, t, 0.5, 0.25), FLOATS),
    "rayleigh": (lambda k, s, t: R.rayleigh(k, s, t), FLOATS),
    "wald": (lambda k, s, t: R.wald(k, 1.5, s, t), FLOATS),
    "exponential": (lambda k, s, t: R.exponential(k, s, t), FLOATS),
    "gumbel": (lambda k, s, t: R.gumbel(k, s, t), FLOATS),
    "laplace": (lambda k, s, t: R.laplace(k, s, t), FLOATS),
    "logistic": (lambda k, s, t: R.logistic(k, s, t), FLOATS),
    "cauchy": (lambda k, s, t: R.cauchy(k, s, t), FLOATS),
    "pareto": (lambda k, s, t: R.pareto(k, 3.0, s, t), FLOATS),
    "weibull": (lambda k, s, t: R.weibull(k, 1.5, s, t), FLOATS),
    "triangular": (lambda k, s, t: R.triangular(k, -1.0, 0.5, 3.0, s, dtype=t), FLOATS),
    "vonmises": (lambda k, s, t: R.vonmises(k, 2.0, s, t), FLOATS),
    "gamma": (lambda k, s, t: R.gamma(k, 2.5, s, t), FLOATS),
    "gamma small": (lambda k, s, t: R.gamma(k, 0.25, s, t), FLOATS),
    "loggamma": (lambda k, s, t: R.loggamma(k, 0.125, s, t), FLOATS),
    "chi_square": (lambda k, s, t: R.chi_square(k, 3.0, s, t), FLOATS),
    "student_t": (lambda k, s, t: R.student_t(k, 3.0, s, t), FLOATS),
    "beta": (lambda k, s, t: R.beta(k, 0.5, 2.0, s, t), FLOATS),
    "dirichlet": (lambda k, s, t: R.dirichlet(k, dt.exp(_logits(t)) * 0 + 2, s, t), FLOATS),
    "ball": (lambda k, s, t: R.ball(k, 3, 2.0, s, t), FLOATS),
    "ball 1.5": (lambda k, s, t: R.ball(k, 3, 1.5, s, t), FLOATS),
    "randint": (lambda k, s, t: R.randint(k, 100, shape=s, dtype=t), INTEGERS),
    "randint 64": (lambda k, s, t: R.randint(k, -(2**62), 2**62, s, t), (dt.int64,)),
    "randint arrays": (
        lambda k, s, t: R.randint(k, dt.asarray(-5), dt.asarray(90), s, t),
        (dt.int8, dt.int64),
    ),
    "rademacher": (lambda k, s, t: R.rademacher(k, s, t), (dt.int8, dt.int64, dt.float32)),
    "bernoulli": (lambda k, s, t: R.bernoulli(k, 0.3, s), (dt.bool,)),
    "poisson 3": (lambda k, s, t: R.poisson(k, 3.0, s, t), (dt.int32, dt.int64)),
    "poisson 1000": (lambda k, s, t: R.poisson(k, 1000.0, s, t), (dt.int32, dt.int64)),
    "binomial 20": (lambda k, s, t: R.binomial(k, 20, 0.75, s, t), (dt.int64,)),
    "binomial 10000": (lambda k, s, t: R.binomial(k, 10000, 0.25, s, t), (dt.int64,)),
    "geometric": (lambda k, s, t: R.geometric(k, 0.125, s, t), (dt.int64,)),
    "negative_binomial": (lambda k, s, t: R.negative_binomial(k, 3, 0.25, s, t), (dt.int64,)),
    "multinomial": (
        lambda k, s, t: R.multinomial(k, 50, dt.asarray([1.0, 2.0, 5.0, 0.5]), s, t),
        (dt.int64,),
    ),
    "categorical": (
        lambda k, s, t: R.categorical(k, _logits(t), shape=s),
        (dt.float32, dt.float64, dt.bfloat16),
    ),
    "permutation": (lambda k, s, t: R.permutation(k, 12), (dt.int64,)),
    "choice": (lambda k, s, t: R.choice(k, 12, s), (dt.int64,)),
    "choice weighted": (
        lambda k, s, t: R.choice(k, 5, s, p=[0.1, 0.2, 0.0, 3.0, 1.0]),
        (dt.int64,),
    ),
    "choice different": (lambda k, s, t: R.choice(k, 12, (9,), replace=False), (dt.int64,)),
    "choice weighted different": (
        lambda k, s, t: R.choice(k, 5, (4,), False, [0.1, 0.2, 0.0, 3.0, 1.0]),
        (dt.int64,),
    ),
}
CASES = [(name, dtype) for name, (_, dtypes) in DRAWS.items() for dtype in dtypes]
every_draw = pytest.mark.parametrize(("name", "dtype"), CASES, ids=lambda v: str(v))


def raw(x: Any) -> np.ndarray:
    """The bits of an array as unsigned integers."""
    x = np.asarray(dt.astype(x, dt.float32) if x.dtype is dt.bfloat16 else x)
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").reshape(x.shape)


def same(a: Any, b: Any) -> None:
    assert a.dtype is b.dtype
    np.testing.assert_array_equal(raw(a), raw(b))


# ---- frozen draws --------------------------------------------------------------------------------


def answers() -> dict[str, list[str]]:
    """The first eight elements of every draw in every dtype, as the bits of the element in hex.

    ``python test_random_same_bits.py`` prints them; but a table that has been released stays."""
    found = {}
    for name, dtype in CASES:
        x = DRAWS[name][0](R.key(42), (8,), dtype)
        found[f"{name} {dtype}"] = [f"{v:x}" for v in raw(x).reshape(-1)[:8].tolist()]
    return found


@every_draw
def test_draws_are_frozen(name: str, dtype: Any) -> None:
    table = json.loads(TABLE.read_text())
    x = DRAWS[name][0](R.key(42), (8,), dtype)
    assert [f"{v:x}" for v in raw(x).reshape(-1)[:8].tolist()] == table[f"{name} {dtype}"]


def test_the_table_of_frozen_draws_is_complete() -> None:
    assert set(json.loads(TABLE.read_text())) == {f"{name} {dtype}" for name, dtype in CASES}


# ---- one draw, many ways -------------------------------------------------------------------------


@every_draw
def test_compiled_draws_are_eager_draws(name: str, dtype: Any) -> None:
    draw = DRAWS[name][0]
    for shape in ((), (1031,), (3, 0)):
        compiled = dt.jit(lambda key, shape=shape: draw(key, shape, dtype))(R.key(9))
        same(compiled, draw(R.key(9), shape, dtype))


@every_draw
def test_numpy_computes_the_same_draws(name: str, dtype: Any) -> None:
    from dovetail.trace import trace

    draw = DRAWS[name][0]
    key = R.key(2**63 + 5)
    graph = trace(lambda words: draw(R.Key(words), (517,), dtype), (key.data,)).graph
    (found,) = reference.run(graph, np.asarray(key.data))
    want = draw(key, (517,), dtype)
    same(dt.asarray(found, dtype=want.dtype), want)


@every_draw
def test_many_keys_draw_what_each_draws(name: str, dtype: Any) -> None:
    draw = DRAWS[name][0]
    keys = R.split(R.key(3), (5,))
    together = dt.vmap(lambda key: draw(key, (7,), dtype))(keys)
    for i in range(5):
        same(together[i], draw(keys[i], (7,), dtype))


PREFIX = [name for name in DRAWS if name not in ("permutation",) and "different" not in name]


@pytest.mark.parametrize("name", PREFIX)
def test_an_element_depends_only_on_the_key_and_its_place(name: str) -> None:
    draw, dtypes = DRAWS[name]
    long = raw(draw(R.key(3), (1030,), dtypes[-1]))
    for shape in ((), (1,), (7,), (2, 5, 11), (0, 3)):
        short = raw(draw(R.key(3), shape, dtypes[-1]))
        count = int(np.prod(shape, dtype=int))
        assert short.shape == shape + long.shape[1:]
        np.testing.assert_array_equal(short.reshape(count, *long.shape[1:]), long[:count])


# ---- decompositions: what a device without these kernels runs ------------------------------------


@pytest.mark.parametrize("name", ["random_uniform", "random_normal"])
@pytest.mark.parametrize("dtype", [dt.float32, dt.float64], ids=str)
def test_a_device_without_the_kernel_draws_the_same(name: str, dtype: Any) -> None:
    key = R.key(77).data
    kernel = getattr(dt.ops, name)(key, (20011,), dtype)
    given = REGISTRY[name].attributes | {"shape": (20011,), "dtype": dtype}
    same(REGISTRY[name].decomposition(key, **given), kernel)
    several = dt.reshape(R.bits(R.key(1), (12,)), (2, 3, 2))
    together = getattr(dt.ops, name)(several, (5,), dtype)
    same(REGISTRY[name].decomposition(several, **given | {"shape": (5,)}), together)
    same(together[1, 2], getattr(dt.ops, name)(several[1, 2], (5,), dtype))


@pytest.mark.parametrize("dtype", [dt.float32, dt.float64], ids=str)
def test_the_open_interval_is_symmetric_and_the_same_everywhere(dtype: Any) -> None:
    x = dt.ops.random_uniform(R.key(77).data, (20011,), dtype, open=True)
    in_ops = REGISTRY["random_uniform"].decomposition(R.key(77).data, (20011,), dtype, open=True)
    same(in_ops, x)
    odd = np.asarray(dt.astype(x, dt.float64)) * 2.0 ** (24 if dtype is dt.float32 else 53)
    assert (odd % 2 == 1).all()
    assert 0 < float(dt.min(x)) < float(dt.max(x)) < 1


@pytest.mark.parametrize("span", [1, 10, 2**31 + 1, 2**32])
def test_a_device_without_the_kernel_draws_the_same_integers(span: int) -> None:
    several = dt.reshape(R.bits(R.key(1), (12,)), (2, 3, 2))
    for keys in (R.key(77).data, several):
        kernel = dt.ops.random_below(keys, (1011,), span)
        same(REGISTRY["random_below"].decomposition(keys, (1011,), span), kernel)
        assert int(dt.max(kernel)) < span
    same(kernel[1, 2], dt.ops.random_below(several[1, 2], (1011,), span))


@pytest.mark.parametrize("dtype", [dt.uint8, dt.uint16, dt.uint32, dt.uint64], ids=str)
def test_bits_of_many_keys_are_the_bits_of_each(dtype: Any) -> None:
    keys = dt.reshape(R.bits(R.key(1), (12,)), (2, 3, 2))
    for shape in ((), (5,), (3, 1000), (2, 0)):
        together = dt.ops.random_bits_batch(keys, shape, dtype)
        same(REGISTRY["random_bits_batch"].decomposition(keys, shape, dtype), together)
        same(together[1, 0], dt.ops.random_bits(keys[1, 0], shape, dtype))
    many = R.split(R.key(1), (70,)).data
    one_by_one = REGISTRY["random_bits_batch"].decomposition(many, (3,), dtype)
    same(one_by_one, dt.ops.random_bits_batch(many, (3,), dtype))


@pytest.mark.parametrize("name", ["portable_log", "portable_exp"])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_portable_functions_agree_to_the_bit(name: str, kind: str) -> None:
    random = np.random.default_rng(0)
    word = np.dtype(f"u{np.dtype(kind).itemsize}")
    every = random.integers(0, np.iinfo(word).max, 50000, dtype=word, endpoint=True).view(kind)
    near = random.uniform(-760, 720, 20000).astype(kind)
    x = np.concatenate([every, near, np.array([0.0, -0.0, np.inf, -np.inf, np.nan], kind)])
    with np.errstate(all="ignore"):
        in_numpy = REGISTRY[name].reference(x)
    on_device = getattr(dt.ops, name)(dt.asarray(x))
    in_ops = REGISTRY[name].decomposition(dt.asarray(x))
    # NaNs may differ in their payload.
    np.testing.assert_array_equal(np.asarray(on_device), in_numpy)
    np.testing.assert_array_equal(np.asarray(in_ops), in_numpy)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("random_gamma", (-6, 12), None),
        ("random_poisson", (-6, 25), None),
        ("random_von_mises", (-20, 16), None),
        ("random_binomial", (0, 24), (0.0, 1.0)),
        ("random_truncated_normal", (-6, 4), (0.0, 9.0)),
    ],
)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_samplers_agree_with_numpy_to_the_bit(name: str, low: Any, high: Any, kind: str) -> None:
    random = np.random.default_rng(1)
    keys = random.integers(0, 2**32, (3, 2), dtype=np.uint32)
    first = np.exp(random.uniform(*low, (3, 3000))).astype(kind)
    operands = [first]
    if high is not None:
        operands.append(random.uniform(*high, first.shape).astype(kind))
    if name == "random_truncated_normal":
        operands = [-first, operands[1]] if kind == "float32" else [first, first + operands[1]]
    found = getattr(dt.ops, name)(dt.asarray(keys), *map(dt.asarray, operands))
    want = reference.call(REGISTRY[name], keys, *operands)
    assert not np.isnan(want.astype(float)).any()
    np.testing.assert_array_equal(np.asarray(found), want)
    one = getattr(dt.ops, name)(dt.asarray(keys[2]), *(dt.asarray(x[2]) for x in operands))
    np.testing.assert_array_equal(np.asarray(one), want[2])


# ---- instruction sets and threads ----------------------------------------------------------------


def digest() -> str:
    """A hash of long draws, long enough for several threads, and of odd length."""
    total = hashlib.sha256()
    for name, dtype in CASES:
        if name in PREFIX:
            total.update(raw(DRAWS[name][0](R.key(11), (30011,), dtype)).tobytes())
    return total.hexdigest()


def _elsewhere(variant: str, threads: str) -> str:
    code = (
        "import importlib.util, sys; "
        f"spec = importlib.util.spec_from_file_location('same_bits', {__file__!r}); "
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); "
        "print(module.digest())"
    )
    env = os.environ | {"DOVETAIL_CPU": variant, "DOVETAIL_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


NEEDS = {"baseline": (), "avx2": ("avx2", "fma", "f16c"), "avx512": ("avx512f", "avx512bw")}
VARIANTS = (
    ("neon",)
    if platform.machine() == "aarch64"
    else tuple(v for v, words in NEEDS.items() if set(words) <= set(_fast.cpu_features()))
)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_and_threads_draw_the_same_bits(variant: str) -> None:
    here = digest()
    assert _elsewhere(variant, "1") == here
    assert _elsewhere(variant, "2") == here


if __name__ == "__main__":
    print(json.dumps(answers(), indent=1))
