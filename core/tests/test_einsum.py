"""einsum and the products of arrays against numpy, in values, gradients, traces and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.errors import OpError
from dovetail.testing.gradient_check import check_derivative


def drawn(shape: tuple[int, ...], seed: int = 0, dtype: str = "float64") -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, shape)
    if dtype.startswith("complex"):
        x = x + 1j * random.uniform(-1, 1, shape)
    return x.astype(dtype)


def close(got: Any, want: Any) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    unit = 1e-6 if got.dtype in (np.float32, np.complex64) else 1e-13
    np.testing.assert_allclose(
        got, want, rtol=0, atol=10 * unit * (1 + np.abs(want).max(initial=0))
    )


CASES: list[tuple[str, list[tuple[int, ...]]]] = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ba", [(2, 3)]),
    ("i->", [(5,)]),
    ("->", [()]),
    (",->", [(), ()]),
    (",i", [(), (3,)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iij->ji", [(3, 3, 2)]),
    ("iii->i", [(3, 3, 3)]),
    ("iijj->ij", [(3, 3, 2, 2)]),
    ("i,i", [(4,), (4,)]),
    ("i,j", [(3,), (4,)]),
    ("i,j->ji", [(3,), (4,)]),
    ("ij,ij->ij", [(2, 3), (2, 3)]),
    ("ij,ij->i", [(2, 3), (2, 3)]),
    ("ij,ij", [(2, 3), (2, 3)]),
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
    ("bij,bjk->kib", [(2, 3, 4), (2, 4, 5)]),
    ("bqhd,bkhd->bhqk", [(2, 3, 4, 5), (2, 6, 4, 5)]),
    ("bhqk,bkhd->bqhd", [(2, 4, 3, 6), (2, 6, 4, 5)]),
    ("ij,kj->", [(2, 3), (4, 3)]),
    ("ij,k->j", [(2, 3), (4,)]),
    ("...", [(2, 3)]),
    ("...i->...", [(2, 3)]),
    ("i...->...i", [(2, 3, 4)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
    ("...ij,...jk", [(2, 1, 2, 3), (7, 3, 4)]),
    ("i...,i...->...", [(3, 2), (3, 4, 2)]),
    ("...i,...i->i...", [(4, 3), (2, 1, 3)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
    ("ij,jk,kl,lm->im", [(2, 3), (3, 4), (4, 5), (5, 2)]),
    ("ea,fb,abcd,gc,hd->efgh", [(3, 2), (3, 2), (2, 2, 2, 2), (3, 2), (3, 2)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("ij,ij,jk->k", [(2, 3), (2, 3), (3, 4)]),
    ("Aa,aB->BA", [(2, 3), (3, 4)]),
    ("ij,jk->ik", [(2, 1), (3, 4)]),  # an extent of 1 broadcasts
    ("ij,ij->ij", [(1, 3), (2, 1)]),
    ("ij,ij->j", [(1, 3), (2, 3)]),
    ("ij,jk->ik", [(0, 3), (3, 4)]),
    ("ij,jk->ik", [(2, 0), (0, 4)]),
    (" i j , j k -> i k ", [(2, 3), (3, 4)]),
]
every_case = pytest.mark.parametrize(("subscripts", "shapes"), CASES, ids=lambda v: str(v))


@every_case
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "int64"])
def test_sums_agree_with_numpy(subscripts: str, shapes: Any, dtype: str) -> None:
    arrays = [
        (drawn(s, i) * 9).astype(dtype) if dtype == "int64" else drawn(s, i, dtype)
        for i, s in enumerate(shapes)
    ]
    want = np.asarray(np.einsum(subscripts, *arrays))
    for how in (True, False, "greedy", "optimal"):
        close(dt.einsum(subscripts, *map(dt.asarray, arrays), optimize=how), want)
    compiled = dt.jit(lambda *xs: dt.einsum(subscripts, *xs))
    close(compiled(*map(dt.asarray, arrays)), want)


@every_case
def test_gradients_agree_with_differences(subscripts: str, shapes: Any) -> None:
    arrays = [dt.asarray(drawn(s, i)) for i, s in enumerate(shapes)]
    check_derivative(
        lambda *xs: dt.einsum(subscripts, *xs), arrays, tuple(range(len(arrays))), subscripts
    )


@every_case
def test_mapped_agrees_with_a_loop(subscripts: str, shapes: Any) -> None:
    arrays = [drawn((3, *s), i) for i, s in enumerate(shapes)]
    rows = [np.einsum(subscripts, *(a[i] for a in arrays)) for i in range(3)]
    found = dt.vmap(lambda *xs: dt.einsum(subscripts, *xs))(*map(dt.asarray, arrays))
    close(found, np.stack(rows))


EXTENTS = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2}


@st.composite
def contractions(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Random subscripts with repeats, broadcasts and ellipses, that numpy takes."""
    terms, shapes = [], []
    dots = draw(st.lists(st.integers(1, 3), max_size=2))
    for _ in range(draw(st.integers(1, 4))):
        letters = draw(st.lists(st.sampled_from("abcde"), max_size=3))
        ones = {s for s in set(letters) if draw(st.integers(0, 5)) == 0}
        term = list(letters)
        shape = [1 if s in ones else EXTENTS[s] for s in letters]
        if draw(st.booleans()):
            at = draw(st.integers(0, len(term)))
            rest = [
                n if draw(st.booleans()) else 1 for n in dots[draw(st.integers(0, len(dots))) :]
            ]
            term.insert(at, "...")
            shape[at:at] = rest
        terms.append("".join(term))
        shapes.append(tuple(shape))
    seen = sorted({c for t in terms for c in t if c.isalpha()})
    text = ",".join(terms)
    if draw(st.booleans()):
        out = draw(st.permutations(seen))[: draw(st.integers(0, len(seen)))]
        parts = list(out)
        if any("..." in t for t in terms):
            parts.insert(draw(st.integers(0, len(parts))), "...")
        text += "->" + "".join(parts)
    return text, shapes


@settings(max_examples=300, deadline=None)
@given(contractions())
def test_any_sum_agrees_with_numpy(case: tuple[str, list[tuple[int, ...]]]) -> None:
    subscripts, shapes = case
    arrays = [drawn(s, i) for i, s in enumerate(shapes)]
    want = np.asarray(np.einsum(subscripts, *arrays))
    close(dt.einsum(subscripts, *map(dt.asarray, arrays)), want)
    close(dt.einsum(subscripts, *map(dt.asarray, arrays), optimize="optimal"), want)


def test_a_path_of_numpy_is_followed() -> None:
    arrays = [drawn(s, i) for i, s in enumerate([(2, 3), (3, 4), (4, 5)])]
    want = np.einsum("ij,jk,kl", *arrays)
    for path in (["einsum_path", (1, 2), (0, 1)], ["einsum_path", (0, 1, 2)], [(0, 2), (0, 1)]):
        close(dt.einsum("ij,jk,kl", *map(dt.asarray, arrays), optimize=path), want)


def test_operands_are_promoted() -> None:
    a, b = dt.asarray([1, 2]), dt.asarray([0.5, 0.25])
    assert dt.einsum("i,i", a, b).dtype is dt.float32
    assert dt.einsum("i,i->i", a, b).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3)], "names 2 operands, but 1 were given"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "axis 'j' has extent 3 in one operand and 4 in operand 1"),
        ("ij", [(2,)], "'ij' names 2 axes, but operand 0 has shape .2,. with 1"),
        ("i", [(2, 3)], "names 1 axes, .* with 2; '...' stands for axes without a letter"),
        ("...ij", [(2,)], "names 2 axes or more"),
        ("i->j", [(2,)], "'j' of the result is an axis of no operand"),
        ("i->ii", [(2,)], "the result names 'i' twice"),
        ("i->i->i", [(2,)], "more than one arrow"),
        ("i-i", [(2,)], "more than one arrow"),
        ("i1", [(2, 2)], "'1' in 'i1' is no letter"),
        ("i......", [(2, 2)], "is no letter"),
        ("i->i,i", [(2,)], "is no letter|one term"),
        ("...->", [(2,)], "has no '...' for the axes"),
        ("ii", [(2, 3)], "'i' means a diagonal of operand 0, of shape .2, 3., whose extents"),
        ("...,...", [(2,), (3,)], "an axis of '...' has extent 2 in one operand and 3"),
    ],
)
def test_bad_subscripts_are_refused_in_words(subscripts: str, shapes: Any, message: str) -> None:
    with pytest.raises(OpError, match=message) as error:
        dt.einsum(subscripts, *(dt.ones(s) for s in shapes))
    assert str(error.value).startswith(f"einsum: {subscripts!r}: ")


def test_bad_calls_are_refused_in_words() -> None:
    with pytest.raises(OpError, match="the first argument is the subscripts"):
        dt.einsum(dt.ones(2), "i")
    with pytest.raises(OpError, match="without operands"):
        dt.einsum("i")
    with pytest.raises(OpError, match="optimize='best' is not known"):
        dt.einsum("i", dt.ones(2), optimize="best")
    with pytest.raises(OpError, match="names no two operands left"):
        dt.einsum("i,i,i", *[dt.ones(2)] * 3, optimize=[(0, 5), (0, 1)])
    with pytest.raises(OpError, match="leave 2 operands"):
        dt.einsum("i,i,i", *[dt.ones(2)] * 3, optimize=[(0, 1)])
    with pytest.raises(OpError, match="an operand is a list"):
        dt.einsum("i", [1.0])


# ---- products ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((2, 3), (3, 4), 1),
        ((2, 3), (2, 3), 2),
        ((2, 3), (4,), 0),
        ((2, 3, 4), (4, 5, 2), ((0, -1), (-1, 0))),
        ((2, 3, 4), (5, 3), (1, 1)),
        ((2, 3), (3, 2), ([0, 1], [1, 0])),
        ((0, 3), (3, 2), 1),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "complex64", "int64"])
def test_tensordot_agrees_with_numpy(left: Any, right: Any, axes: Any, dtype: str) -> None:
    a, b = ((drawn(s, i, "float64") * 5).astype(dtype) for i, s in enumerate((left, right)))
    found = dt.tensordot(dt.asarray(a), dt.asarray(b), axes=axes)
    close(found, np.asarray(np.tensordot(a, b, axes=axes)))


@pytest.mark.parametrize(
    ("left", "right", "axis"),
    [((3,), (3,), -1), ((2, 3), (3,), -1), ((4, 1, 3), (2, 3), -1), ((3, 2), (3, 1), -2)],
)
@pytest.mark.parametrize("dtype", ["float32", "complex128", "int16"])
def test_vecdot_agrees_with_numpy(left: Any, right: Any, axis: int, dtype: str) -> None:
    a = drawn(left, 0, dtype) if dtype != "int16" else np.ones(left, dtype)
    b = drawn(right, 1, dtype) if dtype != "int16" else np.full(right, 7, dtype)
    close(dt.vecdot(dt.asarray(a), dt.asarray(b), axis=axis), np.linalg.vecdot(a, b, axis=axis))


@pytest.mark.parametrize(("left", "right"), [((3,), (2,)), ((2, 3), (4, 2)), ((2,), (2, 3, 2))])
def test_kron_and_inner_agree_with_numpy(left: Any, right: Any) -> None:
    a, b = drawn(left), drawn(right, 1)
    close(dt.kron(dt.asarray(a), dt.asarray(b)), np.kron(a, b))
    close(dt.kron(dt.asarray(a), dt.asarray(2.0)), np.kron(a, 2.0))
    c = drawn((5, left[-1]), 2)
    close(dt.inner(dt.asarray(a), dt.asarray(c)), np.inner(a, c))
    close(dt.inner(dt.asarray(a), dt.asarray(3.0, dtype=dt.float64)), np.inner(a, 3.0))


def test_outer_agrees_with_numpy() -> None:
    a, b = drawn((3,)), drawn((4,), 1)
    close(dt.linalg.outer(dt.asarray(a), dt.asarray(b)), np.outer(a, b))


PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "tensordot": lambda a, b: dt.tensordot(a, b, axes=((0,), (0,))),
    "vecdot": lambda a, b: dt.vecdot(a, b),
    "kron": dt.kron,
    "inner": dt.inner,
}


@pytest.mark.parametrize("function", PRODUCTS.values(), ids=PRODUCTS.keys())
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_of_products_agree_with_differences(
    function: Callable[[Any, Any], Any], dtype: str
) -> None:
    a, b = (dt.asarray(drawn((2, 3), i, dtype)) for i in range(2))
    check_derivative(function, [a, b], (0, 1), function)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dt.tensordot(dt.ones((2, 3)), dt.ones((4, 5)), axes=1), "axis 1 .* extent 3 .* 4"),
        (lambda: dt.tensordot(dt.ones(2), dt.ones(2), axes=2), "axes=2 .* between 0 and 1"),
        (
            lambda: dt.tensordot(dt.ones(2), dt.ones(2), axes="x"),
            "must be an integer or a pair",
        ),
        (lambda: dt.tensordot(dt.ones(2), dt.ones(2), axes=((0,), ())), "as many axes of one"),
        (lambda: dt.vecdot(dt.ones(2), dt.ones(3)), "have 2 and 3 elements"),
        (lambda: dt.vecdot(dt.ones(()), dt.ones(3)), "vecdot: axis -1 is out of range"),
        (lambda: dt.inner(dt.ones(2), dt.ones(3)), "have 2 and 3 elements"),
        (lambda: dt.kron([1], dt.ones(3)), "kron: an operand is a list"),
    ],
)
def test_bad_products_are_refused_in_words(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(OpError, match=message):
        call()
