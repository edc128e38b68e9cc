"""Keys and draws: known answers, frozen values, distributions, and what must not change them.

The frozen values were computed by a scalar Philox in Python integers and `statistics.NormalDist`,
not by this package. They are part of the interface: if one fails, the code is wrong.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import dovetail as dt
from dovetail.errors import OpError
from dovetail.ops.philox import philox

R = dt.random
KEY = 42


def hexes(x: Any) -> list[str]:
    return [f"{word:08x}" for word in np.asarray(x).ravel().tolist()]


# ---- known answers -------------------------------------------------------------------------------

# Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result.
VECTORS = [
    ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_the_reference_gives_the_published_answers(counter: str, key: str, expected: str) -> None:
    block = np.array([[int(w, 16) for w in counter.split()]], dtype=np.uint32)
    low, high = (int(w, 16) for w in key.split())
    assert hexes(philox(block, (low, high))) == expected.split()


def test_the_public_function_gives_the_published_answer() -> None:
    assert hexes(R.bits(R.key(0), (4,))) == "6627e8d5 e169c58d bc57ac4c 9b00dbd8".split()


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1, 0x299F31D0A4093822])
def test_every_word_is_a_lane_of_its_block(seed: int) -> None:
    blocks = np.zeros((300, 4), np.uint32)
    blocks[:, 0] = np.arange(300)
    expected = philox(blocks, (seed & 0xFFFFFFFF, seed >> 32)).reshape(-1)[:1199]
    np.testing.assert_array_equal(np.asarray(R.bits(R.key(seed), (1199,))), expected)


# ---- frozen values -------------------------------------------------------------------------------


def test_bits_are_frozen() -> None:
    words = "9ceaf053 77f5493b 12bf50ad 5742b3d7 fcdb2127 53ba6cfd"
    assert hexes(R.bits(R.key(KEY), (2, 3))) == words.split()


def test_split_is_frozen() -> None:
    children = [hexes(child.data) for child in R.split(R.key(KEY), 3)]
    assert children == [
        ["4be51752", "8ce235ef"],
        ["eb817550", "47f32da9"],
        ["8a7fe0f1", "5a063ba0"],
    ]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (7, "48180c04 d0710c7f"),
        (-1, "68e93fb0 47acd6c2"),
        (2**64 - 1, "68e93fb0 47acd6c2"),
        (2**40, "d2657d51 fbd6a765"),
        ("weights", "5b7da076 6adabef0"),
    ],
)
def test_fold_in_is_frozen(what: Any, words: str) -> None:
    assert hexes(R.fold_in(R.key(KEY), what).data) == words.split()


def test_uniform_is_frozen() -> None:
    x = R.uniform(R.key(KEY), (5,))
    assert x.dtype is dt.float32
    assert x.tolist() == [
        0.6129598617553711,
        0.4685865044593811,
        0.07323169708251953,
        0.3408614993095398,
        0.9877186417579651,
    ]
    assert R.uniform(R.key(KEY), (5,), dt.float64).tolist() == [
        0.4685865183391049,
        0.34086154938517876,
        0.32706338120338474,
        0.4543156017348883,
        0.6583155272123093,
    ]


def test_normal_is_frozen() -> None:
    x = R.normal(R.key(KEY), (5,))
    assert x.dtype is dt.float32
    expected = [
        0.28704192751254654,
        -0.07882342881631403,
        -1.4521372229934515,
        -0.41011299807174045,
        2.2482122820847077,
    ]
    np.testing.assert_allclose(np.asarray(x), expected, rtol=6e-7)


def test_randint_is_frozen() -> None:
    assert R.randint(R.key(KEY), 10, shape=(5,)).tolist() == [4, 3, 3, 4, 6]
    assert R.randint(R.key(KEY), -3, 4, (5,)).tolist() == [0, -1, -1, 0, 1]
    assert R.randint(R.key(KEY), 3 * 2**61, shape=(3,)).tolist() == [
        2357919662278688321,
        3142741362711314921,
        5351294511959836953,
    ]


# ---- what must not change a draw -----------------------------------------------------------------

DRAWS = {
    "bits": lambda k, s: R.bits(k, s, dt.uint64),
    "uniform": R.uniform,
    "normal": R.normal,
    "randint": lambda k, s: R.randint(k, 100, shape=s),
    "bernoulli": lambda k, s: R.bernoulli(k, 0.3, s),
}


@pytest.mark.parametrize("name", DRAWS)
def test_an_element_depends_only_on_the_key_and_its_place(name: str) -> None:
    draw = DRAWS[name]
    long = np.asarray(draw(R.key(3), (1030,)))
    for shape in ((), (1,), (7,), (2, 5, 11), (0, 3)):
        short = np.asarray(draw(R.key(3), shape))
        np.testing.assert_array_equal(short.ravel(), long[: short.size])
        assert short.shape == shape


@pytest.mark.parametrize("name", DRAWS)
def test_compiled_draws_equal_eager_ones(name: str) -> None:
    draw = DRAWS[name]
    compiled = dt.jit(lambda key: draw(key, (33,)))(R.key(9))
    eager = np.asarray(draw(R.key(9), (33,)))
    # Compiled erfinv may be another kernel; bits, and all that is made of them exactly, are equal.
    np.testing.assert_allclose(np.asarray(compiled), eager, rtol=1e-6 if name == "normal" else 0)


def test_keys_travel_through_jit_and_containers() -> None:
    step = dt.jit(lambda state: {"key": R.fold_in(state["key"], state["step"]), "n": 1})
    for number in (0, 5):
        state = {"key": R.key(1), "step": dt.asarray(number)}
        new = step(state)
        assert isinstance(new["key"], R.Key)
        assert hexes(new["key"].data) == hexes(R.fold_in(R.key(1), number).data)


@pytest.mark.parametrize("dtype", [dt.int8, dt.int32, dt.int64])
def test_fold_in_of_an_array_equals_that_of_its_value(dtype: Any) -> None:
    for value in (-1, 0, 77):
        array = R.fold_in(R.key(1), dt.asarray(value, dtype=dtype))
        assert hexes(array.data) == hexes(R.fold_in(R.key(1), value).data)


def test_key_of_an_array_equals_that_of_its_value() -> None:
    for seed in (0, -5, 2**40):
        assert hexes(R.key(dt.asarray(seed)).data) == hexes(R.key(seed).data)


def test_child_keys_do_not_depend_on_how_many_there_are() -> None:
    few, many = R.split(R.key(8), 2), R.split(R.key(8), 50)
    assert [hexes(k.data) for k in few] == [hexes(k.data) for k in many[:2]]


def test_derived_keys_differ_from_each_other_and_from_what_the_key_draws() -> None:
    key = R.key(0)
    keys = [key, *R.split(key, 20)]
    keys += [R.fold_in(key, i) for i in range(20)] + [R.fold_in(key, str(i)) for i in range(20)]
    keys += [R.fold_in(R.key(1), 0)]  # not fold_in(key(0), 1)
    words = [tuple(hexes(k.data)) for k in keys]
    drawn = hexes(R.bits(key, (256,)))
    assert len(set(words)) == len(words)
    assert not {w for pair in words[1:] for w in pair} & set(drawn)


# ---- distributions -------------------------------------------------------------------------------


def kolmogorov_smirnov(sample: np.ndarray, cdf: Any) -> float:
    """sqrt(n) times the largest distance between the sample's distribution function and cdf."""
    x = np.sort(np.asarray(sample, dtype=np.float64))
    n = len(x)
    expected = np.array([cdf(v) for v in x])
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


KS_LIMIT = 1.95  # exceeded with probability 2 exp(-2 * 1.95**2) = 0.001


def chi_square(counts: np.ndarray) -> float:
    """Pearson's statistic for equal chances, in standard deviations above its mean."""
    expected = counts.sum() / len(counts)
    statistic = ((counts - expected) ** 2 / expected).sum()
    freedom = len(counts) - 1
    return float((statistic - freedom) / math.sqrt(2 * freedom))


@pytest.mark.parametrize("dtype", [dt.float32, dt.float64])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_uniform_numbers_are_uniform(dtype: Any, seed: int) -> None:
    x = np.asarray(R.uniform(R.key(seed), (4000,), dtype))
    assert kolmogorov_smirnov(x, lambda v: v) < KS_LIMIT
    y = np.asarray(R.uniform(R.key(seed), (4000,), dtype, -3.0, 5.0))
    assert kolmogorov_smirnov(y, lambda v: (v + 3) / 8) < KS_LIMIT


def test_the_statistic_finds_what_is_not_uniform() -> None:
    x = np.asarray(R.uniform(R.key(0), (4000,)))
    assert kolmogorov_smirnov(x**1.2, lambda v: v) > KS_LIMIT


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_uniform_numbers_stay_below_one(dtype: Any) -> None:
    x = R.uniform(R.key(5), (20000,), dtype)
    assert x.dtype is dtype
    wide = np.asarray(dt.astype(x, dt.float64))
    bits = {dt.float16: 11, dt.bfloat16: 8, dt.float32: 24, dt.float64: 53}[dtype]
    assert wide.min() >= 0
    assert wide.max() <= 1 - 2.0**-bits
    if bits < 12:
        assert wide.max() == 1 - 2.0**-bits, "20000 draws meet the largest of so few"
    assert (wide * 2.0**bits == np.floor(wide * 2.0**bits)).all()


@pytest.mark.parametrize("dtype", [dt.float32, dt.float64])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_normal_numbers_are_normal(dtype: Any, seed: int) -> None:
    x = np.asarray(R.normal(R.key(seed), (4000,), dtype))
    assert kolmogorov_smirnov(x, NormalDist().cdf) < KS_LIMIT
    y = np.asarray(R.normal(R.key(seed), (4000,), dtype, 2.0, 0.5))
    assert kolmogorov_smirnov(y, NormalDist(2.0, 0.5).cdf) < KS_LIMIT


def test_normal_numbers_of_sixteen_bits_are_rounded_ones() -> None:
    for dtype in (dt.float16, dt.bfloat16):
        x = R.normal(R.key(4), (100,), dtype)
        assert x.dtype is dtype
        whole = dt.astype(R.normal(R.key(4), (100,)), dtype)
        np.testing.assert_array_equal(np.asarray(x), np.asarray(whole))


@pytest.mark.parametrize("span", [2, 7, 100])
def test_integers_are_equally_likely(span: int) -> None:
    x = np.asarray(R.randint(R.key(6), span, shape=(20000,)))
    counts = np.bincount(x, minlength=span)
    assert len(counts) == span
    assert abs(chi_square(counts)) < 4


def test_wide_spans_are_not_biased_towards_low_numbers() -> None:
    span = 3 * 2**61  # a remainder of 64 bits would fall below 2**62 twice as often
    x = np.asarray(R.randint(R.key(6), span, shape=(6000,)))
    counts = np.bincount((x // 2**61).astype(np.int64), minlength=3)
    assert abs(chi_square(counts)) < 4


@pytest.mark.parametrize("dtype", [dt.int8, dt.uint8, dt.int16, dt.uint32, dt.int64, dt.uint64])
def test_integers_reach_both_ends_of_their_dtype(dtype: Any) -> None:
    info = dt.iinfo(dtype)
    x = np.asarray(R.randint(R.key(2), info.min, info.max + 1, (3000,), dtype))
    quarter = (info.max - info.min) // 4
    assert int(x.min()) < info.min + quarter
    assert int(x.max()) > info.max - quarter
    if dtype.itemsize == 1:
        assert (x.min(), x.max()) == (info.min, info.max)


def test_bernoulli_follows_its_probability() -> None:
    p = dt.asarray([0.0, 0.2, 0.9, 1.0])
    x = np.asarray(R.bernoulli(R.key(1), p, (5000, 4)))
    assert x.dtype == bool
    mean = x.mean(axis=0)
    assert mean[0] == 0
    assert mean[3] == 1
    np.testing.assert_allclose(mean[1:3], [0.2, 0.9], atol=0.025)


def test_categories_follow_softmax() -> None:
    logits = dt.asarray([[0.0, 1.0, 2.0], [3.0, -50.0, 3.0]])
    x = np.asarray(R.categorical(R.key(1), logits, shape=(6000,)))
    assert x.shape == (6000, 2)
    for column, row in zip(x.T, np.asarray(logits), strict=True):
        expected = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        np.testing.assert_allclose(np.bincount(column, minlength=3) / 6000, expected, atol=0.025)


def test_a_permutation_holds_each_number_once_and_every_order_occurs() -> None:
    assert sorted(R.permutation(R.key(0), 1000).tolist()) == list(range(1000))
    orders = [tuple(R.permutation(R.fold_in(R.key(0), i), 3).tolist()) for i in range(600)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 6
    assert abs(chi_square(counts)) < 4
    x = dt.asarray([[1, 2], [3, 4], [5, 6]])
    assert sorted(R.permutation(R.key(1), x).tolist()) == x.tolist()


def test_choice_without_replacement_repeats_nothing() -> None:
    assert len(set(R.choice(R.key(0), 50, (50,), replace=False).tolist())) == 50
    with pytest.raises(OpError, match="do not exist"):
        R.choice(R.key(0), 3, (4,), replace=False)


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: R.key(1.5), "not an integer"),
        (lambda: R.key(2**64), "64 bits"),
        (lambda: R.uniform(7), r"random\.key"),
        (lambda: R.uniform(R.key(0), (-1,)), "negative extent"),
        (lambda: R.uniform(R.key(0), (2,), dt.int32), "not floating"),
        (lambda: R.uniform(R.key(0), (2,), None, 2.0, 1.0), "interval"),
        (lambda: R.bits(R.key(0), (2,), dt.int32), "uint"),
        (lambda: R.randint(R.key(0), 0), "no integer"),
        (lambda: R.randint(R.key(0), 300, dtype=dt.uint8), "fit"),
        (lambda: R.randint(R.key(0), 3, dtype=dt.float32), "integer dtype"),
        (lambda: R.split(R.key(0), 0), "at least 1"),
        (lambda: R.fold_in(R.key(0), 1.5), "not an integer"),
        (lambda: R.bernoulli(R.key(0), 1.5), "probability"),
        (lambda: R.categorical(R.key(0), dt.asarray([1, 2])), "floating"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()


def test_a_key_has_a_readable_form() -> None:
    assert repr(R.key(0x1234_0000_0001)) == "Key(0x0000123400000001)"
